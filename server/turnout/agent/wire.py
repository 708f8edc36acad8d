"""The process's standard input and output, for the protocol alone.

A thread reads lines from the start of the process on. Until the real server is there it answers the opening
moves from the card; every line goes on to the real server too, whose second answers are dropped. Whatever else
in this process prints or reads, meets standard error and an empty file.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping
from contextlib import suppress

from turnout.agent import card as cards
from turnout.agent.card import Card
from turnout.document import Json, decode, encode

LINES = 256
"""Lines that wait for the real server; beyond them the client waits."""
LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of one message, as over HTTP (reliability-security.md 7.4)."""


class Wire:
    """Lines in, messages out; ends with the input."""

    def __init__(self, card: Card | None) -> None:
        """Take standard input and output away from everything else."""
        self._input = os.fdopen(os.dup(0), "rb")
        self._output = os.fdopen(os.dup(1), "wb")
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
        """Write a message, unless it answers what the card has answered. Raises: OSError when nobody reads."""
        with self._lock:
            if "method" not in message and (asked := encode(message.get("id"))) in self._answered:
                self._answered.discard(asked)
                return
            self._write(message)

    def release(self) -> None:
        """Wake whoever waits for a line."""
        with suppress(queue.Full):  # then nobody waits
            self._lines.put_nowait(None)

    def _write(self, message: Mapping[str, Json]) -> None:
        self._output.write(encode(message) + b"\n")
        self._output.flush()

    def _read(self) -> None:
        with suppress(OSError):
            while line := self._input.readline(LINE_LIMIT):
                if not line.endswith(b"\n") and len(line) == LINE_LIMIT:
                    self._skip()
                elif line.strip():
                    self._open_with(line)
                    self._lines.put(line)
        self._lines.put(None)

    def _skip(self) -> None:
        """Refuse a message that is too long: read on to its end, keep none of it."""
        while (rest := self._input.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
            pass
        error: Json = {"code": -32600, "message": f"The message is longer than {LINE_LIMIT} bytes; send less at once."}
        with self._lock:
            self._write({"jsonrpc": "2.0", "id": None, "error": error})

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
                self._write({"jsonrpc": "2.0", "id": request["id"], "result": result})
