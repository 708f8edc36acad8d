"""The hand that writes to standard output: at once where there is room, else in a thread that nobody waits for.

A client that reads no more keeps whoever writes to it in write(2) for ever. So that is neither the loop nor a
thread that the interpreter joins, and no buffered file either, whose lock the interpreter would want. What a pipe
or a socket has room for cannot keep anybody, and needs no thread to be woken.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
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
        self._at_once = _way(file)
        threading.Thread(target=self._run, name="stdout", daemon=True).start()

    def put(self, line: bytes) -> int:
        """Take a line to write; give its number, or 0 when it is written already."""
        with self._turn:
            if not self._over:
                if self._taken == self._written and not (line := self._at_once(line)):
                    return 0
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
                    line = self._write(line)
            except OSError:
                self._end()
                return
            with self._turn:
                self._since = None
                self._written += 1
                self._turn.notify_all()

    def _write(self, line: bytes) -> bytes:
        """Write what there is room for, once there is; give the rest. Whoever has the file too may forbid to wait."""
        try:
            return line[os.write(self._file, line) :]
        except BlockingIOError:
            room = select.poll()
            room.register(self._file, select.POLLOUT)
            room.poll()
            return line

    def _next(self) -> bytes | None:
        with self._turn:
            self._turn.wait_for(lambda: self._lines or self._over)
            return None if self._over else self._lines.popleft()


def _way(file: int) -> Callable[[bytes], bytes]:
    """Give what writes as much of a line as there is room for, and gives back the rest."""
    kind = os.fstat(file).st_mode
    if stat.S_ISFIFO(kind):
        return _Pipe(file).write
    return _Socket(file).write if stat.S_ISSOCK(kind) else lambda line: line


class _Pipe:
    """A pipe that is told to be ready takes so many bytes without keeping the writer. Source: POSIX, PIPE_BUF."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._room = select.poll()
        self._room.register(file, select.POLLOUT)

    def write(self, line: bytes) -> bytes:
        with suppress(OSError):  # the thread meets it again, and tells
            while line and self._room.poll(0) == [(self._file, select.POLLOUT)]:
                line = line[os.write(self._file, line[: select.PIPE_BUF]) :]
        return line


class _Socket:
    """A socket is asked not to wait: Node starts its children on those."""

    def __init__(self, file: int) -> None:
        self._socket = socket.socket(fileno=os.dup(file))

    def write(self, line: bytes) -> bytes:
        with suppress(OSError):
            while line:
                line = line[self._socket.send(line, socket.MSG_DONTWAIT) :]
        return line
