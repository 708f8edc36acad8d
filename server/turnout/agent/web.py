"""HTTP as the door for agents needs it: its paths, a body with a bound, an answer in one piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from starlette.types import Receive, Scope, Send

from turnout.document import Json, encode

PATH = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
STREAM, MESSAGES = "/sse", "/messages/"
"""The old transport: a stream to listen to, and where to speak."""

BODY = 4 * 1024 * 1024
"""Bytes of one message (reliability-security.md 7.4)."""
T = TypeVar("T")


class GoneError(Exception):
    """The client went away before it had said everything."""


async def read(found: dict[bytes, bytes], receive: Receive) -> bytes | None:
    """Read the body; None where it is too long. Raises: GoneError."""
    told = found.get(b"content-length", b"")
    if told.isdigit() and int(told[:20]) > BODY:
        return None
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise GoneError
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > BODY:
            return None
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def say(send: Send, status: int, body: bytes = b"", *more: tuple[bytes, bytes]) -> None:
    """Answer with JSON, or with nothing."""
    headers = [(b"content-length", b"%d" % len(body)), *more]
    if body:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Stream:
    """An answer that is a stream of events once something is to be said before it; else it is one piece."""

    def __init__(self, send: Send) -> None:
        """Say nothing yet."""
        self._send = send
        self._begun = False

    async def tell(self, message: Json) -> None:
        """Say something before the answer."""
        if not self._begun:
            self._begun = True
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": _event(encode(message)), "more_body": True})

    async def end(self, status: int, body: bytes, *more: tuple[bytes, bytes]) -> None:
        """Answer."""
        if self._begun:
            await self._send({"type": "http.response.body", "body": _event(body)})
        else:
            await say(self._send, status, body, *more)


def _event(message: bytes) -> bytes:
    return b"event: message\r\ndata: " + message + b"\r\n\r\n"


async def fail(send: Send, status: int, error: Json, *more: tuple[bytes, bytes]) -> None:
    """Answer with an error."""
    await say(send, status, encode(error), *more)


async def only(send: Send, methods: str) -> None:
    """Say that a path takes other methods: people open it, too."""
    said = f"This path takes {methods} alone. It is for agents, with a bearer token (turnout token create)."
    told: Json = {"error": "method_not_allowed", "error_description": said}
    await fail(send, 405, told, (b"allow", methods.encode()))


def base(scope: Scope, found: dict[bytes, bytes]) -> str:
    """Give where the client found us; the name in `Host` is one of ours, or it would not have come so far."""
    return f"{scope.get('scheme', 'http')}://{found.get(b'host', b'').decode('latin-1')}"


async def while_there(receive: Receive, work: Callable[[], Awaitable[T]]) -> T | None:
    """Work for a client whose request is read, until it goes away; None if it did."""
    made: T | None = None
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        made = await work()
        tasks.cancel_scope.cancel()
    return made
