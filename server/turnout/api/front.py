"""The paths of Segment's API before all others, as raw ASGI: a router would take as long as the event itself."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.api import answers, keys, pixels, settings
from turnout.api.answers import Answer
from turnout.api.tracking import PATHS, Path, Tracking, headers_of
from turnout.errors import Unavailable
from turnout.event.model import Kind
from turnout.store.store import Store

_PIXEL = re.compile(r"(?:/v1/pixel|/pixel/v1)/(" + "|".join(Kind) + r")/?")
_SETTINGS = re.compile(r"(?:/v1)?/projects/([^/]+)/settings/?")
_RUDDER = re.compile(r"/sourceConfig/?")
_METRICS = re.compile(r"/v1/m/?")
_OURS = ("/v1/", "/projects/", "/sourceConfig", "/api/s/", "/pixel/v1/")


def is_open(path: str) -> bool:
    """Tell a path that any page may call: it takes events, or says where to send them, and tells nothing else."""
    return path in PATHS or path.startswith(_OURS)


class Front:
    """Takes what is Segment's, and passes on the rest."""

    def __init__(self, store: Store, rest: ASGIApp) -> None:
        """Stand before an application."""
        self._store = store
        self._rest = rest
        self._tracking = Tracking(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the path."""
        path = scope.get("path", "")
        if (known := PATHS.get(path)) is not None:
            await self._tracking(known, scope, receive, send)
        elif path.startswith(_OURS):
            origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
            try:
                given = await self._other(path, scope)
            except Unavailable as error:
                given = answers.later(503, error.code, error.message, 1)
            await answers.give(send, given, origin)
        else:
            await self._rest(scope, receive, send)

    async def _other(self, path: str, scope: Scope) -> Answer:
        method = scope["method"]
        pixel, project = _PIXEL.fullmatch(path), _SETTINGS.fullmatch(path)
        takes = "POST" if _METRICS.fullmatch(path) else "GET" if pixel or project or _RUDDER.fullmatch(path) else ""
        if method == "OPTIONS":
            return answers.preflight(scope["headers"], takes or "GET, POST")
        if not takes:
            return answers.NOT_FOUND
        if method not in {takes, "HEAD"}:
            return answers.not_allowed(takes)
        if pixel:
            if method == "GET":  # HEAD asks what there is, as checkers of links do, and changes nothing
                await self._pixel(Kind(pixel[1]), scope)
            return pixels.IMAGE
        if project:
            return await self._settings(project[1], scope)
        return await self._rudder(scope) if takes == "GET" else answers.TAKEN

    async def _pixel(self, kind: Kind, scope: Scope) -> None:
        try:
            body = pixels.call(scope["query_string"])
        except ValueError:
            return
        client = scope.get("client")
        await self._tracking.safely(
            body, Path(kind, person=True), headers_of(scope), client[0] if client else "", person=True
        )

    async def _settings(self, write_key: str, scope: Scope) -> Answer:
        if await self._tracking.keys.owner([write_key]) is None:
            return settings.UNKNOWN
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        return settings.segment(write_key, host.decode("latin-1"), scope.get("scheme", "http"))

    async def _rudder(self, scope: Scope) -> Answer:
        given = [*keys.in_headers(dict(scope["headers"])), *keys.in_query(scope["query_string"])]
        owner = await self._tracking.keys.owner(given)
        if owner is None:
            return settings.UNKNOWN
        workspace = await self._store.read(lambda view: view.workspace)
        return settings.rudder(workspace.sources[owner.source], next(key for key in given if key))
