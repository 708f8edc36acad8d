"""The door for agents as `turnout serve` has it, with everything that the conformance suite looks for besides.

As a program (`python -m support.conforming DATA`) it listens on a free port until it is killed. The suite cannot send a
token, so a request comes with that of the one principal here.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import anyio
import uvicorn
from mcp import types as t
from mcp.server import Server as McpServer
from starlette.types import ASGIApp, Receive, Scope, Send

from support.everything import EVERYTHING
from turnout.agent.bearer import Bearers
from turnout.agent.call import Offer
from turnout.agent.http import Door
from turnout.agent.sdk import serve
from turnout.agent.server import build as build_server
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.api.app import build
from turnout.api.connection import bounded
from turnout.api.health import Life
from turnout.api.known import LOCAL
from turnout.app import running
from turnout.cli.serve import Server, address, listen
from turnout.config import load
from turnout.desk import OwnDesk
from turnout.guard.principal import MODES, command_line
from turnout.guard.token import mint
from turnout.operations import tokens

RATE = 100_000


async def _taken(*_: object) -> t.EmptyResult:
    return t.EmptyResult()


def make(offer: Offer) -> McpServer[None]:
    """Make our server, and have it answer what it does not offer itself: a level of logs, and subscriptions."""
    server = build_server(offer)
    server.add_request_handler("logging/setLevel", t.SetLevelRequestParams, _taken)
    server.add_request_handler("resources/subscribe", t.SubscribeRequestParams, _taken)
    server.add_request_handler("resources/unsubscribe", t.UnsubscribeRequestParams, _taken)
    return server


def with_token(door: ASGIApp, token: str) -> ASGIApp:
    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*scope["headers"], (b"authorization", f"Bearer {token}".encode())]
        await door({**scope, "headers": headers}, receive, send)

    return ask


async def main(data: Path) -> None:
    async with running(load(data), delivers=True) as app, anyio.create_task_group() as tasks:
        minted = mint(app.entropy)
        request = tokens.CreateToken(tuple(map(str, MODES["write"])), None, None, minted)
        await OwnDesk(app, command_line(), sure=True).change(tokens.create(both_allowed=False), request)
        bearers = Bearers(
            app.store, lambda who: OwnDesk(app, who), USUAL_TOOLSETS, both_allowed=False, rate=RATE,
            catalogue=EVERYTHING,
        )  # fmt: skip
        door = Door(bearers, tasks, lambda: partial(serve, make=make), None)
        paths = {path: with_token(each, minted.text) for path, each in door.paths.items()}
        asgi = build(app.store, LOCAL, Life("0", 90, lambda: True), paths=paths)
        with listen("127.0.0.1", 0) as socket:
            sys.stderr.write(f"listens on {address(socket)};\n")
            sys.stderr.flush()
            options = uvicorn.Config(asgi, http=bounded(), ws="none", lifespan="off", log_config=None)
            await Server(options).serve([socket])


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
