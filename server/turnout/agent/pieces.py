"""The answer to a call over HTTP: in one piece, or in several where the client hears meanwhile how far it is."""

from __future__ import annotations

from starlette.types import Send

from turnout.agent import short, unread
from turnout.agent.call import Offer
from turnout.agent.short import Asked
from turnout.document import encode
from turnout.errors import NotFound


class Pieces:
    """An answer as a stream of events, begun with its first piece: what is told meanwhile, and the answer last."""

    def __init__(self, send: Send) -> None:
        """Begin nothing yet."""
        self._send = send
        self.begun = False

    async def tell(self, message: bytes, *, last: bool = False) -> None:
        """Send a message on its own line."""
        if not self.begun:
            self.begun = True
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        event = b"event: message\ndata: " + message + b"\n\n"
        await self._send({"type": "http.response.body", "body": event, "more_body": not last})


async def made(offer: Offer, asked: Asked, pieces: Pieces | None = None) -> tuple[int, bytes]:
    """Make the answer to a call, and its status: an error of the protocol is one of HTTP since 2026-07-28."""
    token = asked.token

    async def tell(passed: float, whole: float, what: str) -> None:
        if pieces is not None and token is not None:
            await pieces.tell(short.progress(token, passed, whole, what))

    try:
        return 200, short.result(asked, await offer.call(asked.name, asked.arguments, asked.client, tell))
    except NotFound as error:
        told = unread.error(asked.id, unread.INVALID_PARAMS, error.message)
        return 400 if asked.modern else 200, encode(told)
