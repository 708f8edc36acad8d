"""HTTP as bytes on a socket: what no client library would send, and every answer that comes back."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Said:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The `code` of a refusal."""
        return str(self.told["code"])


class Raw:
    """A connection; what came is kept until it is read."""

    def __init__(self, address: str, limit_s: float = LIMIT_S) -> None:
        where = urlsplit(address)
        assert where.hostname is not None
        assert where.port is not None
        self.socket = socket.create_connection((where.hostname, where.port), timeout=limit_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = f"{where.hostname}:{where.port}"
        self.came = b""
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def send(self, text: bytes, step: int = 0) -> None:
        """Send all, or as much as the other side takes; `step`: so many bytes at a time."""
        try:
            for at in range(0, len(text), step or len(text) or 1):
                self.socket.sendall(text[at : at + (step or len(text))])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before all was sent; its answer may still be here

    def more(self) -> bool:
        """Read what comes next; say whether something came."""
        try:
            text = self.socket.recv(1 << 16)
        except ConnectionResetError:
            text = b""
        self.ended = not text
        self.came += text
        return bool(text)

    def answer(self, method: str = "POST") -> Said | None:
        """Read one answer; None where the connection ended before one."""
        while b"\r\n\r\n" not in self.came:
            if not self.more():
                assert not self.came, self.came
                return None
        head, _, self.came = self.came.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split()[1])
        size = 0 if status == 100 or method == "HEAD" else int(headers.get("content-length", 0))
        while len(self.came) < size and self.more():
            pass
        body, self.came = self.came[:size], self.came[size:]
        assert len(body) == size, (first, body)
        return Said(status, headers, body)

    def answers(self) -> list[Said]:
        """Read all answers until the other side ends."""
        return list(iter(self.answer, None))


def ask(address: str, text: bytes, step: int = 0, *, ends: bool = False) -> list[Said]:
    """Send bytes on a connection of their own; give all answers until the other side ends. `ends`: we do first."""
    with Raw(address) as raw:
        raw.send(text, step)
        if ends:
            raw.socket.shutdown(socket.SHUT_WR)
        return raw.answers()


def request(
    target: str = "/healthz", *headers: str, method: str = "GET", host: str = "127.0.0.1", body: bytes = b""
) -> bytes:
    """Write a plain request; with a body its length is said."""
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *length, *headers, "", ""]).encode() + body


@contextmanager
def many(address: str, count: int) -> Iterator[list[Raw]]:
    """Open many connections, and close them at the end."""
    made = [Raw(address) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.socket.close()


def within(limit_s: float, began: float) -> bool:
    """Say whether not more time than that is over."""
    return time.monotonic() - began < limit_s
