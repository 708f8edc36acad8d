"""How a request is written for libcurl, and how what comes back is read: the pure half of the sender.

1. Framing is ours: headers that say where a body ends or how the connection goes on are not taken from outside.
2. A head is complete at its empty line, unless it was an interim one (1xx). From then on there is an answer,
   however it ends; without a complete head there is none.
3. Head and body are capped: a callback that takes less than it was given ends the transfer.
4. A fault's text is ours alone: libcurl's own messages may quote the other side.

Source: libcurl-errors(3) for the numbers.
"""

from __future__ import annotations

import re
from enum import Enum
from errno import ECONNREFUSED
from functools import lru_cache

from turnout.exchange import Answer, Fault, FaultKind, Request

BODY_BYTES = 64 * 1024
HEAD_BYTES = 32 * 1024
NAMES_KEPT = 1024
LINES_KEPT = 256
"""Lines of heads, ours and theirs: most of them come again with every request."""

_OK = 0
_COULD_NOT_CONNECT = 7
_TIMED_OUT = 28
_TLS = frozenset({35, 51, 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91})
_LOST = frozenset({18, 42, 52, 55, 56, 65})
"""Partial file, stopped by us at a repetition, got nothing, send, receive, no rewind."""

_FINAL_STATUS = 200
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"connection", "content-length", "expect", "transfer-encoding", "upgrade"})

_TEXTS = {
    FaultKind.NAME: "the name has no address",
    FaultKind.REFUSED: "nothing listens at this address and port",
    FaultKind.UNREACHABLE: "no connection could be made",
    FaultKind.CONNECT_TIMEOUT: "no connection was made in time",
    FaultKind.TLS: "no trusted TLS connection could be made",
    FaultKind.FORBIDDEN: "the connection led to another address",
    FaultKind.PROXY: "the proxy opened no tunnel",
    FaultKind.TIMEOUT: "no answer came in time",
    FaultKind.RESET: "the connection was lost before an answer",
    FaultKind.GARBLED: "what came back is not a valid answer",
}


def fault(kind: FaultKind, took_ms: int = 0, code: int = 0) -> Fault:
    """Say in our words why there is no answer; `code` is libcurl's."""
    return Fault(kind, f"{_TEXTS[kind]} (curl {code})" if code else _TEXTS[kind], took_ms)


def header_lines(request: Request) -> list[bytes] | str:
    """Write the headers as libcurl wants them, or say why they may not be written.

    `Name;` is an empty value, `Expect:` no such header. A value from an event could end a line and begin another.
    """
    if not (request.method.isascii() and request.method.isalpha()):
        return "the method is not a word"
    lines = [b"Expect:"]
    for header in request.headers:
        line = _written(header)
        if line is None:
            return "a header has a name or value that may not be sent"
        if line:
            lines.append(line)
    return lines


class Name(Enum):
    """What becomes of a header by its name."""

    SENT = 1
    OURS = 2
    FORBIDDEN = 3


@lru_cache(NAMES_KEPT)
def _judged(name: str) -> Name:
    if not _TOKEN.fullmatch(name):
        return Name.FORBIDDEN
    return Name.OURS if name.lower() in _OURS else Name.SENT


@lru_cache(LINES_KEPT)
def _written(header: tuple[str, str]) -> bytes | None:
    """Write one header: empty where it is ours to write, None where it may not be sent."""
    name, value = header
    known = _judged(name)
    if known is Name.FORBIDDEN or _CONTROL.search(value):
        return None
    if known is Name.OURS:
        return b""
    text = value.strip(" \t")
    return f"{name}: {text}".encode("utf-8", "replace") if text else f"{name};".encode()


def kind_before(code: int, os_error: int) -> FaultKind:
    """Name what kept a request from leaving."""
    if code == _TIMED_OUT:
        return FaultKind.CONNECT_TIMEOUT
    if code in _TLS:
        return FaultKind.TLS
    refused = code == _COULD_NOT_CONNECT and os_error == ECONNREFUSED
    return FaultKind.REFUSED if refused else FaultKind.UNREACHABLE


def kind_after(code: int) -> FaultKind:
    """Name what came instead of an answer once a byte may have left."""
    if code == _TIMED_OUT:
        return FaultKind.TIMEOUT
    return FaultKind.RESET if code in _LOST else FaultKind.GARBLED


class Incoming:
    """What has come back of one answer so far; `take_line` and `take_body` are libcurl's callbacks."""

    __slots__ = ("_body", "_head_room", "_lines")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.begin()

    def begin(self) -> None:
        """Forget the answer before."""
        self._lines: list[bytes] = []
        self._head_room = HEAD_BYTES
        self._body = bytearray()

    def take_line(self, line: bytes) -> int | None:
        """Take one line of a head, or of the trailers."""
        self._head_room -= len(line)
        if self._head_room < 0:
            return 0
        self._lines.append(line)
        return None

    def take_body(self, data: bytes) -> int:
        """Take what fits."""
        fits = data[: BODY_BYTES - len(self._body)]
        self._body += fits
        return len(fits)

    def answer(self, code: int, took_ms: int) -> Answer | None:
        """Give the answer, if its head is complete; `code` says whether its body is whole.

        An interim head is passed over, and so are trailers.
        """
        status = 0
        headers: list[tuple[str, str]] = []
        for told in map(_read, self._lines):
            if isinstance(told, tuple):
                headers.append(told)
            elif told is not None:
                status, headers = told, []
            elif status >= _FINAL_STATUS:
                return Answer(status, tuple(headers), bytes(self._body), took_ms, code == _OK)
        return None


@lru_cache(LINES_KEPT)
def _read(line: bytes) -> tuple[str, str] | int | None:
    """Read one line: a header, the status of a head that begins, 0 where it has none; None for an empty one."""
    if line.startswith(b"HTTP/"):
        word = line.split(None, 2)[1:2]
        return int(word[0]) if word and word[0].isdigit() else 0
    if not line.strip():
        return None
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip(), value.strip()
