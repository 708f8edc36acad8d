"""What a page may read of what agents are answered: one of this machine, or an allowed one.

Which page may call at all is `known`'s to say, before this. Its token travels in a header, so a browser asks first, and
gives a page nothing of an answer that does not name it.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from turnout.api import answers

METHODS = "GET, POST"
READABLE = b"mcp-session-id, www-authenticate, retry-after"


class ForPages:
    """Lets the page that calls read what it is answered, and answers a browser that asks before."""

    def __init__(self, inner: ASGIApp) -> None:
        """Stand before an application that no strange page reaches."""
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look whether a page asks."""
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        if not origin:
            await self._inner(scope, receive, send)
            return
        named = [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", READABLE),
            (b"vary", b"Origin"),
        ]

        async def shown(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *named]}
            await send(message)

        if scope["method"] == "OPTIONS":
            allowed = answers.preflight(scope["headers"], METHODS)
            await shown({"type": "http.response.start", "status": allowed.status, "headers": allowed.headers})
            await send({"type": "http.response.body", "body": allowed.body})
        else:
            await self._inner(scope, receive, shown)
