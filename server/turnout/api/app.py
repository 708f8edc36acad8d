"""What answers over HTTP: Segment's paths, health, and what is handed in by its path, behind the checks of who asks."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.api.elsewhere import HANDLERS
from turnout.api.front import Front, is_open
from turnout.api.health import Health, Life
from turnout.api.known import KnownHosts, known
from turnout.api.pages import ForPages
from turnout.store.store import Store


def build(
    store: Store, names: AbstractSet[str], life: Life, *, origins: AbstractSet[str] = frozenset(),
    paths: Mapping[str, ASGIApp] | None = None,
) -> ASGIApp:  # fmt: skip
    """Make the application.

    `names` are those that `Host` may have, without port, and `origins` the pages that may call; `paths` are answered
    by what is handed in.
    """
    health = Health(store, life)
    routes = [
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
    ]
    rest = ByPath(paths or {}, Starlette(routes=routes, exception_handlers=HANDLERS))
    return KnownHosts(Front(store, rest), known(names, origins), is_open)


class ByPath:
    """Passes a request on by its path, with a slash at its end or without."""

    def __init__(self, paths: Mapping[str, ASGIApp], rest: ASGIApp) -> None:
        """Stand before what answers; `rest` has all other paths."""
        self._paths = {path: ForPages(inner) for path, inner in paths.items()}
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the path."""
        path = scope.get("path", "")
        inner = self._paths.get(path) if scope["type"] == "http" else self._rest
        if inner is None and (inner := self._paths.get(path.removesuffix("/"))) is not None:
            scope = {**scope, "path": path.removesuffix("/")}
        await (inner or self._rest)(scope, receive, send)
