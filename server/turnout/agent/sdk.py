"""The rest of the protocol over HTTP: the SDK's own transports, behind our door.

One server serves all principals: whose request it is stands in a context variable, which the SDK passes on to where
it calls us.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from typing import TypeAlias

import anyio
from anyio.abc import TaskStatus
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from turnout.agent import unread
from turnout.agent.bearer import Bearer
from turnout.agent.call import Offer
from turnout.agent.card import Card
from turnout.agent.catalogue import OURS, Catalogue
from turnout.agent.desk import Desk
from turnout.agent.lanes import record, serve_streams
from turnout.agent.rest import read
from turnout.agent.server import build
from turnout.agent.toolsets import Toolset
from turnout.agent.web import BODY, MESSAGES
from turnout.document import Document
from turnout.entropy import Entropy

Make: TypeAlias = Callable[[Offer], Server[None]]
_whose: ContextVar[Bearer] = ContextVar("whose")


class Sdk:
    """The SDK's transports, both of them."""

    def __init__(self, make: Make, server: Server[None], manager: StreamableHTTPSessionManager) -> None:
        """Serve through a manager that runs; `make` made the server."""
        self._make = make
        self._server = server
        self._manager = manager
        self._sse = SseServerTransport(MESSAGES, max_request_body_size=BODY)
        self._streams: set[anyio.CancelScope] = set()

    async def record(self, offer: Offer) -> Card:
        """Ask the opening moves for whoever is offered this."""
        return await record(self._make(offer))

    def refuse(self, body: bytes) -> Document | None:
        """Say what is wrong with a body that is no message, in our words; None where it is one."""
        heard = read(body)
        return unread.answer(body, is_json=heard) if isinstance(heard, bool) else None

    async def answer(self, bearer: Bearer, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a message."""
        _whose.set(bearer)
        await self._manager.handle_request(scope, receive, send)

    async def listen(self, bearer: Bearer, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream of the old transport, until the client goes away or the server stops."""
        _whose.set(bearer)
        with anyio.CancelScope() as stream:
            self._streams.add(stream)
            try:
                async with self._sse.connect_sse(_signed(bearer, scope), receive, send) as (read, write):
                    await serve_streams(self._server, read, write)
            finally:
                self._streams.discard(stream)
        if stream.cancelled_caught:
            await send({"type": "http.response.body", "body": b""})

    async def speak(self, bearer: Bearer, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a message for a stream of the old transport, from the token that opened it."""
        _whose.set(bearer)
        await self._sse.handle_post_message(_signed(bearer, scope), receive, send)

    def close(self) -> None:
        """End all streams."""
        for stream in self._streams:
            stream.cancel()


def _signed(bearer: Bearer, scope: Scope) -> Scope:
    """Say whose request it is in the SDK's way: a stream takes messages of its own token alone."""
    token = AccessToken(token="", client_id=bearer.token.id, scopes=[str(each) for each in bearer.token.scopes])
    return {**scope, "user": AuthenticatedUser(token)}


async def serve(
    toolsets: AbstractSet[Toolset], entropy: Entropy, catalogue: Catalogue = OURS, make: Make = build, *,
    task_status: TaskStatus[Sdk],
) -> None:  # fmt: skip
    """Serve until cancelled, everybody what their token is offered, by the server that `make` makes of it."""

    async def desk() -> Desk:
        return await _whose.get().offer.desk()

    server = make(Offer(lambda: _whose.get().principal.scopes, desk, toolsets, entropy, catalogue))
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    async with manager.run():
        task_status.started(Sdk(make, server, manager))
        await anyio.sleep_forever()
