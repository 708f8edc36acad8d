"""The process's standard input and output, for the protocol alone.

A thread reads lines from the start of the process on. Until the session is there it answers the opening moves
from the card; every line goes on to the session too, and says whether it was answered. Then the loop reads by itself,
where it can wait for such an input: a line that is read here and not in a thread is heard at half the price. Whatever
else in this process prints or reads, meets standard error and an empty file.

The files are not ours alone: standard output may be the same socket, and who started us may read or write on. So
whether they wait (O_NONBLOCK, which uvloop sets for what it watches) stays as it is.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from turnout.agent import card as cards
from turnout.agent.card import Card
from turnout.agent.lines import LINE_LIMIT, Lines
from turnout.agent.pen import Pen
from turnout.agent.unread import INVALID_REQUEST, error
from turnout.document import decode, encode

LINES = 256
"""Lines that wait for the session; beyond them the client waits."""
PIECE = 1 << 16
"""Bytes that are read at once: as many as a pipe holds."""
GRACE_S = 4.0
"""Seconds that a client which closed its side may leave answers unread. Source: ENGINE 1, leaving: 5 s in all."""
LAST_S = 1.0
"""Seconds that the last answers have to leave, at the end."""


class Loop(Protocol):
    """What is asked of an event loop. Source: asyncio."""

    def add_reader(self, file: int, heard: Callable[[], None]) -> object:
        """Call this whenever a file has something to read, or has ended."""
        ...

    def remove_reader(self, file: int) -> object:
        """Do so no more."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """What the client said; `answered`: from the card, already."""

    text: bytes
    answered: bool = False


class Wire:
    """Lines in, messages out; ends with the input."""

    def __init__(self, card: Card | None) -> None:
        """Take standard input and output away from everything else."""
        self._input = os.dup(0)
        self._at_once = _at_once(self._input)
        self._piece = self._at_once or partial(os.read, self._input, PIECE)
        self._pen = Pen(os.dup(1))
        empty = os.open(os.devnull, os.O_RDWR)
        os.dup2(empty, 0)
        try:
            os.dup2(2, 1)
        except OSError:
            os.dup2(empty, 1)
        os.close(empty)
        self._card = card
        self._cut = Lines(self._pass, self._refuse)
        self._lines: deque[Line | None] = deque()
        self._room = threading.Event()
        self._ring: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._greeted = False
        self._left = 0.0
        self._watch = select.poll()
        self._watch.register(self._input, 0)  # a hang-up is always told
        self._leave, self._leaves = os.pipe()
        self._loop: Loop | None = None
        self._moved: Callable[[], None] | None = None
        self._paused = False

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

    def move(self, moved: Callable[[], None]) -> None:
        """Stop to read in a thread where a loop can: `moved` is called there when it has."""
        if self._at_once is not None and sys.platform == "linux":
            self._moved = moved
            os.write(self._leaves, b".")

    def read_in(self, loop: Loop, hear: Callable[[], None]) -> None:
        """Read in this loop from now on, the thread does no more; `hear` hears of each line."""
        if sys.platform == "linux":
            self._ready = select.epoll()
            self._ready.register(self._input, select.EPOLLIN)
            self._loop, self._ring = loop, hear
            loop.add_reader(self._ready.fileno(), self._come)

    def waits(self) -> bool:
        """Tell whether a line came that was not taken."""
        return bool(self._lines)

    def line(self) -> Line | None:
        """Take the line that came first; None at the end."""
        line = self._lines.popleft()
        if not self._room.is_set():
            self._room.set()
        if self._paused and self._loop is not None and len(self._lines) <= LINES // 2:
            self._paused = False
            self._loop.add_reader(self._ready.fileno(), self._come)
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
        """Read in a thread, until the end or until the loop does."""
        either = select.poll()
        either.register(self._input, select.POLLIN)
        either.register(self._leave, select.POLLIN)
        while (self._leave, select.POLLIN) not in either.poll():
            if not self._read_on():
                return
        if self._moved is not None:
            self._moved()

    def _come(self) -> None:
        """Read what is there, in the loop."""
        assert self._loop is not None
        self._paused = len(self._lines) >= LINES
        if self._paused or not self._read_on():
            self._loop.remove_reader(self._ready.fileno())

    def _read_on(self) -> bool:
        """Read what is there, which waits for nothing; False at the end."""
        try:
            piece = self._piece()
        except BlockingIOError:
            return True  # somebody else who has this file read it
        except OSError:
            piece = b""
        if piece:
            self._cut.feed(piece)
        else:
            self._cut.end()
            self._put(None)
        return bool(piece)

    def _pass(self, line: bytes) -> None:
        self._put(Line(line, self._card is not None and self._is_answered(line)))

    def _put(self, line: Line | None) -> None:
        if self._loop is None and len(self._lines) >= LINES:
            self._room.clear()
            if len(self._lines) >= LINES:  # nobody took one in between, so whoever takes one will set it
                self._room.wait()
        self._lines.append(line)
        if self._ring is not None:  # else the session takes what came before it was there
            self._ring()

    def _refuse(self, asked: str | int | None) -> None:
        said = f"The message is longer than {LINE_LIMIT} bytes; send less at once."
        self.tell(encode(error(asked, INVALID_REQUEST, said)))

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


def _at_once(file: int) -> Callable[[], bytes] | None:
    """Give what reads a piece and never waits for one; None where that would change the file for others.

    A file is always ready, and of a terminal or another user's pipe there is no second hand.
    """
    kind = os.fstat(file).st_mode
    if stat.S_ISSOCK(kind):
        return partial(socket.socket(fileno=os.dup(file)).recv, PIECE, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(kind):
        with suppress(OSError):
            own = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            return partial(os.read, own, PIECE)
    return None
