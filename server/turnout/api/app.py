"""What answers over HTTP: Segment's paths and health, behind the one check of who is asked for.

A web page can point a name of its own at this machine and then read what answers; so the name in `Host` must be
one that we are known by.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.api.elsewhere import HANDLERS
from turnout.api.front import Front
from turnout.api.health import Health, Life
from turnout.store.store import Store

MISDIRECTED = 421


def build(store: Store, names: AbstractSet[str], life: Life) -> ASGIApp:
    """Make the application; `names` are those that `Host` may have, without port."""
    health = Health(store, life)
    routes = [
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
    ]
    return KnownHosts(Front(store, Starlette(routes=routes, exception_handlers=HANDLERS)), names)


class KnownHosts:
    """Passes on what asks for us by a name of ours."""

    def __init__(self, inner: ASGIApp, names: AbstractSet[str]) -> None:
        """Stand before an application."""
        self._inner = inner
        self._names = frozenset(name.casefold().strip("[]") for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at `Host`."""
        given = next((value for name, value in scope.get("headers", ()) if name == b"host"), b"")
        if scope["type"] != "http" or name_of(given) in self._names:
            await self._inner(scope, receive, send)
            return
        words = "This name is not ours. Ask for 127.0.0.1 or localhost, or start with --allow-host NAME.\n"
        await PlainTextResponse(words, MISDIRECTED)(scope, receive, send)


def name_of(host: bytes) -> str:
    """Read the name out of a `Host` header, the whole of it; empty where it is none.

    >>> name_of(b"[::1]:8733"), name_of(b"LocalHost:80"), name_of(b"localhost"), name_of(b"localhost:1@evil.example")
    ('::1', 'localhost', 'localhost', '')
    """
    found = _AUTHORITY.fullmatch(host.decode("latin-1").casefold())
    return (found[1] or found[2]) if found else ""


_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?")
