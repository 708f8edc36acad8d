"""The tools over a real workspace, in this process: what a door calls, without a door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread

from turnout.agent.answers import Told
from turnout.agent.call import Offer
from turnout.agent.caller import Asking, Caller
from turnout.agent.desk import Desk
from turnout.agent.toolsets import Toolset
from turnout.app import App, assemble
from turnout.config import Settings
from turnout.delivery.sender import CurlSender
from turnout.desk import OwnDesk
from turnout.egress import Policy, parse_networks
from turnout.guard.principal import Principal, command_line
from turnout.opening import open_store
from turnout.operations import sources

PERSON = command_line()


@dataclass(frozen=True, slots=True)
class Offered:
    """Every tool, for one principal."""

    app: App
    offer: Offer

    async def call(self, tool: str, arguments: dict[str, Any]) -> Told:
        """Call a tool as a client would."""
        told = await self.offer.call(tool, arguments, Caller("tests 1"))
        assert not isinstance(told, Asking), "who declares nothing is not asked"
        return told

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that succeeds."""
        told = await self.call(tool, arguments)
        assert told.structured_content is not None, told.text
        return dict(told.structured_content)


@asynccontextmanager
async def offered(data: Path, principal: Principal = PERSON) -> AsyncIterator[Offered]:
    """Open a workspace; nothing of it is delivered."""
    settings = Settings(data, parse_networks("127.0.0.0/8"))
    store = await anyio.to_thread.run_sync(open_store, settings)
    async with store.awake(), CurlSender(Policy(settings.allow_addresses)) as sender:
        make = partial(assemble, settings, store, sender, delivers=False, serves=False)
        app = await anyio.to_thread.run_sync(make)
        await store.transact(sources.ensure_first)

        async def desk() -> Desk:
            return OwnDesk(app, principal)

        yield Offered(app, Offer(lambda: principal.scopes, desk, frozenset(Toolset), store.entropy))
    await anyio.to_thread.run_sync(store.close)
