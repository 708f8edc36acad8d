"""The process's standard input and output, for the protocol alone.

A thread reads lines from the start of the process on. Until the session is there it answers the opening moves
from the card; every line goes on to the session too, and says whether it was answered. Whatever else in this
process prints or reads, meets standard error and an empty file.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from turnout.agent import card as cards
from turnout.agent.card import Card
from turnout.agent.pen import Pen
from turnout.agent.unread import INVALID_REQUEST, IdScan, error
from turnout.document import decode, encode

LINES = 256
"""Lines that wait for the session; beyond them the client waits."""
LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of one message, as over HTTP (reliability-security.md 7.4)."""
GRACE_S = 4.0
"""Seconds that a client which closed its side may leave answers unread. Source: ENGINE 1, leaving: 5 s in all."""
LAST_S = 1.0
"""Seconds that the last answers have to leave, at the end."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the client said; `answered`: from the card, already."""

    text: bytes
    answered: bool = False


class Wire:
    """Lines in, messages out; ends with the input."""

    def __init__(self, card: Card | None) -> None:
        """Take standard input and output away from everything else."""
        self._input = os.fdopen(os.dup(0), "rb")
        self._pen = Pen(os.dup(1))
        empty = os.open(os.devnull, os.O_RDWR)
        os.dup2(empty, 0)
        try:
            os.dup2(2, 1)
        except OSError:
            os.dup2(empty, 1)
        os.close(empty)
        self._card = card
        self._lines: deque[Line | None] = deque()
        self._room = threading.Event()
        self._ring: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._greeted = False
        self._left = 0.0
        self._watch = select.poll()
        self._watch.register(self._input, 0)  # a hang-up is always told

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def hand_over(self, ring: Callable[[], None]) -> Card | None:
        """Leave the answers to the session from now on, and ring for each line; give the card."""
        with self._lock:
            self._ring = ring
            card, self._card = self._card, None
        ring()
        return card

    def waits(self) -> bool:
        """Tell whether a line came that was not taken."""
        return bool(self._lines)

    def line(self) -> Line | None:
        """Take the line that came first; None at the end."""
        line = self._lines.popleft()
        if not self._room.is_set():
            self._room.set()
        return line

    def tell(self, line: bytes) -> int:
        """Write a line, and wait for nothing; give its number, or 0 when it is written already."""
        return self._pen.put(line + b"\n")

    def settle(self, number: int) -> None:
        """Wait until a line is written.

        Raises: OSError when nobody reads any more: the pipe says so, or its other half was closed and nothing moves.
        """
        while not self._is_abandoned() and not self._pen.wait(number, LAST_S):
            pass
        if self._is_abandoned():
            raise BrokenPipeError

    def release(self) -> None:
        """Write the last answers, then let go whoever waits for a reader."""
        self._pen.finish(LAST_S)

    def _is_abandoned(self) -> bool:
        """Say whether the client has closed its side, although lines of it may be unread, and long reads no more."""
        stuck = self._pen.stuck_since()
        if stuck is None or not self._watch.poll(0):
            return False
        self._left = self._left or time.monotonic()
        return time.monotonic() - max(stuck, self._left) > GRACE_S

    def _read(self) -> None:
        with suppress(OSError):
            while line := self._input.readline(LINE_LIMIT):
                if not line.endswith(b"\n") and len(line) == LINE_LIMIT:
                    self._skip(line)
                elif line.strip():
                    self._pass(line)
        self._put(None)

    def _pass(self, line: bytes) -> None:
        self._put(Line(line, self._card is not None and self._is_answered(line)))

    def _put(self, line: Line | None) -> None:
        if len(self._lines) >= LINES:
            self._room.clear()
            if len(self._lines) >= LINES:  # nobody took one in between, so whoever takes one will set it
                self._room.wait()
        self._lines.append(line)
        if self._ring is not None:  # else the session takes what came before it was there
            self._ring()

    def _skip(self, piece: bytes) -> None:
        """Refuse a message that is too long: read on to its end for its id, keep none of it."""
        scan = IdScan()
        while piece and not piece.endswith(b"\n"):
            scan.feed(piece)
            piece = self._input.readline(LINE_LIMIT)
        scan.feed(piece, last=True)
        said = f"The message is longer than {LINE_LIMIT} bytes; send less at once."
        self.tell(encode(error(scan.found, INVALID_REQUEST, said)))

    def _is_answered(self, line: bytes) -> bool:
        with self._lock:  # the card is handed over between two answers
            return self._card is not None and self._open_with(line, self._card)

    def _open_with(self, line: bytes, card: Card) -> bool:
        """Answer an opening move from the card; say whether it was one."""
        try:
            request = decode(line)
        except ValueError:
            return False  # whoever reads it says so
        if not isinstance(request, Mapping) or request.get("id") is None:
            return False
        result = cards.answer(card, request, greeted=self._greeted)
        self._greeted = self._greeted or request.get("method") == "initialize"
        if result is None:
            return False
        self.tell(encode({"jsonrpc": "2.0", "id": request["id"], "result": result}))
        return True
