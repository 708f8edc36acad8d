"""Agents over HTTP, in a server that may never see one: their door is imported when the first comes, the SDK later."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.agent import web
from turnout.app import App
from turnout.config import cache_directory
from turnout.desk import OwnDesk
from turnout.guard.principal import Principal


class _Door(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def close(self) -> None: ...


class Agents:
    """Their door, from the first one on; `paths` are those it answers."""

    def __init__(self, app: App, tasks: TaskGroup, *, sse: bool) -> None:
        """Wait for the first; `sse`: by the old transport too."""
        paths = (web.PATH, web.METADATA, web.METADATA + web.PATH, *((web.STREAM, web.MESSAGES) if sse else ()))
        self.paths: Mapping[str, ASGIApp] = dict.fromkeys(paths, self._answer)
        self._app = app
        self._tasks = tasks
        self._opening = anyio.Lock()
        self._door: _Door | None = None

    def close(self) -> None:
        """End what would never end by itself: the server stops."""
        if self._door is not None:
            self._door.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._door or await self._opened()
        await door(scope, receive, send)

    async def _opened(self) -> _Door:
        async with self._opening:
            if self._door is None:
                self._door = (await anyio.to_thread.run_sync(_door))(self._app, self._tasks)
            return self._door


@asynccontextmanager
async def agents(app: App, *, sse: bool) -> AsyncIterator[Agents]:
    """Answer agents within the block."""
    async with anyio.create_task_group() as tasks:
        yield Agents(app, tasks, sse=sse)
        tasks.cancel_scope.cancel()


def _door() -> Callable[[App, TaskGroup], _Door]:
    """Import the door: 0.15 s, and 9 MB."""
    from turnout.agent.bearer import Bearers
    from turnout.agent.http import Door
    from turnout.agent.toolsets import USUAL_TOOLSETS

    def make(app: App, tasks: TaskGroup) -> Door:
        def desk(principal: Principal) -> OwnDesk:
            return OwnDesk(app, principal)

        settings = app.settings
        bearers = Bearers(app.store, desk, USUAL_TOOLSETS, both_allowed=settings.both_allowed, rate=settings.mcp_rate)
        return Door(bearers, tasks, _sdk, cache_directory())

    return make


def _sdk() -> Callable[..., Coroutine[Any, Any, None]]:
    """Import the SDK: 0.6 s, and 30 MB."""
    from turnout.agent.sdk import serve

    return serve
