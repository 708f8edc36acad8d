"""The hand that writes to standard output: a thread of its own, which nobody waits for at the end.

A client that reads no more keeps whoever writes to it in write(2) for ever. So that is neither the loop nor a
thread that the interpreter joins, and no buffered file either, whose lock the interpreter would want.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import suppress


class Pen:
    """Lines to a file, in their order."""

    def __init__(self, file: int) -> None:
        """Begin to write to this descriptor."""
        self._file = file
        self._lines: deque[bytes] = deque()
        self._taken = self._written = 0
        self._over = False
        self._since: float | None = None
        self._turn = threading.Condition()
        threading.Thread(target=self._run, name="stdout", daemon=True).start()

    def put(self, line: bytes) -> int:
        """Take a line to write; give its number."""
        with self._turn:
            if not self._over:
                self._lines.append(line)
            self._taken += 1
            self._turn.notify_all()
            return self._taken

    def wait(self, number: int, seconds: float) -> bool:
        """Wait for so long until a line is written; say whether it is. Raises: OSError when it will not be."""
        with self._turn:
            self._turn.wait_for(lambda: self._over or self._written >= number, seconds)
            if self._over and self._written < number:
                raise BrokenPipeError
            return self._written >= number

    def stuck_since(self) -> float | None:
        """Give since when, by the monotonic clock, it has been writing one line; None: it writes none."""
        return self._since

    def finish(self, seconds: float) -> None:
        """Write what was taken, for so long at most; then let go whoever waits."""
        with suppress(OSError):
            self.wait(self._taken, seconds)
        self._end()

    def _end(self) -> None:
        with self._turn:
            self._over = True
            self._turn.notify_all()

    def _run(self) -> None:
        while (line := self._next()) is not None:
            self._since = time.monotonic()
            try:
                while line:
                    line = line[os.write(self._file, line) :]
            except OSError:
                self._end()
                return
            with self._turn:
                self._since = None
                self._written += 1
                self._turn.notify_all()

    def _next(self) -> bytes | None:
        with self._turn:
            self._turn.wait_for(lambda: self._lines or self._over)
            return None if self._over else self._lines.popleft()
