"""What is answered to a line that is no message: a client that hears nothing waits for ever.

Whose it is stands in its `id`, which is sought in the bytes where no parser gets through: half a character, a
number of thousands of digits or a nesting without end elsewhere in the line do not hide it. Source: JSON-RPC 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from turnout.document import Document, Json, decode

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32700, -32600, -32602
NO_JSON = (
    "The message is not JSON that this server takes: it may be cut off, or hold half a surrogate pair (as \\ud83d "
    "alone), a number of thousands of digits, or nesting without end. Send whole characters, such numbers as strings."
)
NO_MESSAGE = "This is JSON, but no JSON-RPC 2.0 message: send jsonrpc, id (text or 64-bit number), method, params."
A_BATCH = "MCP has no batches: send one message at a time."

_ROOM = 1_024
"""Bytes of a piece that wait for the next one, so that an id is not cut in two."""
_ID_LIMIT = 512
_TOKEN = re.compile(rb'("(?:[^"\\]++|\\.)*+)("?)|([\[{]+)|[\]}]+', re.DOTALL)
_REST_OF_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_VALUE = re.compile(rb'\s*:\s*("(?:[^"\\]++|\\.)*+"|-?\d{1,18})(?=\s*[,}])', re.DOTALL)


class IdScan:
    """The `id` of the outermost object of a text that comes in pieces; the last one if there are several."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.found: str | int | None = None
        self._depth = 0
        self._in_text = self._begun = self._ended = False
        self._rest = b""

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Read on."""
        if self._ended:
            return
        text = self._rest + piece
        stop = len(text) if last else max(0, len(text) - _ROOM)
        at, before = 0, -1
        while before < at < stop and not self._ended:
            before, at = at, self._step(text, at, stop)
        self._rest = text[at:]

    def _step(self, text: bytes, at: int, stop: int) -> int:
        """Read one token; give where the next may be."""
        if self._in_text:
            rest = _REST_OF_TEXT.match(text, at)
            end = rest.end() if rest else at
            self._in_text = text[end : end + 1] != b'"'
            return end if self._in_text else end + 1
        token = _TOKEN.search(text, at)
        if token is None:
            return len(text)
        if token.start() >= stop:
            return token.start()
        if token[1] is None:
            self._depth += len(token[3]) if token[3] else -len(token[0])
            self._ended = self._depth <= 0 or (not self._begun and token[0].startswith(b"["))
            self._begun = True
        elif not token[2]:
            self._in_text = True
        elif self._depth == 1 and token[0] == b'"id"' and (value := _VALUE.match(text, token.end())):
            self.found = _id(value[1])
        return token.end()


def read_id(line: bytes) -> str | int | None:
    """Seek the id in a line that could not be read."""
    scan = IdScan()
    scan.feed(line, last=True)
    return scan.found


def answer(line: bytes, *, is_json: bool) -> Document | None:
    """Answer a line that is no message; None for what is itself an answer, to nothing that was asked."""
    if not is_json:
        return error(read_id(line), PARSE_ERROR, NO_JSON)
    said: Json = None
    with suppress(ValueError):
        said = decode(line)
    if not isinstance(said, Mapping):
        return error(None, INVALID_REQUEST, A_BATCH if line.lstrip().startswith(b"[") else NO_MESSAGE)
    if "method" not in said and ("result" in said or "error" in said):
        return None
    asked = said.get("id")
    own = isinstance(asked, str) or (isinstance(asked, int) and not isinstance(asked, bool))
    return error(asked if own else None, INVALID_REQUEST, NO_MESSAGE)


def error(asked: Json, code: int, message: str) -> Document:
    """Write an error as it goes over the wire; without a known id it has null."""
    return {"jsonrpc": "2.0", "id": asked, "error": {"code": code, "message": message}}


def _id(text: bytes) -> str | int | None:
    if len(text) > _ID_LIMIT:
        return None
    with suppress(ValueError):
        value = decode(text)
        return value if isinstance(value, str | int) else None
    return None
