"""The process's standard input and output, for the protocol alone.

A thread reads lines from the start of the process on. Until the real server is there it answers the opening
moves from the card; every line goes on to the real server too, whose second answers are dropped. Whatever else
in this process prints or reads, meets standard error and an empty file.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from turnout.agent import card as cards
from turnout.agent.card import Card
from turnout.agent.pen import Pen
from turnout.agent.unread import INVALID_REQUEST, IdScan, error
from turnout.document import Json, decode, encode

LINES = 256
"""Lines that wait for the real server; beyond them the client waits."""
LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of one message, as over HTTP (reliability-security.md 7.4)."""
GRACE_S = 4.0
"""Seconds that a client which closed its side may leave answers unread. Source: ENGINE 1, leaving: 5 s in all."""
LAST_S = 1.0
"""Seconds that the last answers have to leave, at the end."""


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
        self._lines: queue.Queue[bytes | None] = queue.Queue(LINES)
        self._lock = threading.Lock()
        self._answered: set[bytes] = set()
        self._greeted = False
        self._left = 0.0
        self._watch = select.poll()
        self._watch.register(self._input, 0)  # a hang-up is always told

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def hand_over(self) -> None:
        """Leave the answers to the real server from now on."""
        with self._lock:
            self._card = None

    def line(self) -> bytes | None:
        """Give the next line; None at the end. Waits."""
        return self._lines.get()

    def say(self, message: Mapping[str, Json]) -> None:
        """Write a message, unless it answers what the card has answered; wait until it is written.

        Raises: OSError when nobody reads any more: the pipe says so, or its other half was closed and nothing moves.
        """
        number = self._post(message)
        while not self._is_abandoned() and not self._pen.wait(number, LAST_S):
            pass
        if self._is_abandoned():
            raise BrokenPipeError

    def tell(self, message: Mapping[str, Json]) -> None:
        """Write a message, and wait for nothing: who reads lines must hear of the end of input."""
        self._post(message)

    def release(self) -> None:
        """Write the last answers, then let go whoever waits for a line or for a reader."""
        self._pen.finish(LAST_S)
        with suppress(queue.Full):  # then nobody waits
            self._lines.put_nowait(None)

    def _is_abandoned(self) -> bool:
        """Say whether the client has closed its side, although lines of it may be unread, and long reads no more."""
        stuck = self._pen.stuck_since()
        if stuck is None or not self._watch.poll(0):
            return False
        self._left = self._left or time.monotonic()
        return time.monotonic() - max(stuck, self._left) > GRACE_S

    def _post(self, message: Mapping[str, Json]) -> int:
        """Hand a message over to be written; give the number of the line to wait for."""
        with self._lock:
            if "method" not in message and (asked := encode(message.get("id"))) in self._answered:
                self._answered.discard(asked)
                return 0
            return self._pen.put(encode(message) + b"\n")

    def _read(self) -> None:
        with suppress(OSError):
            while line := self._input.readline(LINE_LIMIT):
                if not line.endswith(b"\n") and len(line) == LINE_LIMIT:
                    self._skip(line)
                elif line.strip():
                    self._open_with(line)
                    self._lines.put(line)
        self._lines.put(None)

    def _skip(self, piece: bytes) -> None:
        """Refuse a message that is too long: read on to its end for its id, keep none of it."""
        scan = IdScan()
        while piece and not piece.endswith(b"\n"):
            scan.feed(piece)
            piece = self._input.readline(LINE_LIMIT)
        scan.feed(piece, last=True)
        said = f"The message is longer than {LINE_LIMIT} bytes; send less at once."
        self.tell(error(scan.found, INVALID_REQUEST, said))

    def _open_with(self, line: bytes) -> None:
        """Answer an opening move from the card."""
        with self._lock:
            if self._card is None:
                return
            try:
                request = decode(line)
            except ValueError:
                return  # the real server will say so
            if not isinstance(request, Mapping) or request.get("id") is None:
                return
            result = cards.answer(self._card, request, greeted=self._greeted)
            self._greeted = self._greeted or request.get("method") == "initialize"
            if result is not None:
                self._answered.add(encode(request["id"]))
                self._pen.put(encode({"jsonrpc": "2.0", "id": request["id"], "result": result}) + b"\n")
