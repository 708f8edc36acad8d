"""The door for a client that starts us: one client, from its first request to the end of its input.

What stands here needs the SDK. `stdio.begin` comes before it is imported, `serve` after.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import anyio
from mcp.server import Server
from mcp.shared._context_streams import ContextReceiveStream, ContextSendStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from turnout.agent.card import Card
from turnout.agent.lanes import dumped, record, serve_streams
from turnout.agent.server import MakeDesk, Opening, build
from turnout.agent.stdio import Stdio
from turnout.agent.wire import Wire
from turnout.entropy import Entropy


def serve(stdio: Stdio, make_desk: MakeDesk, entropy: Entropy) -> None:
    """Serve the client until its input ends or a signal comes; `make_desk` opens the store, in this loop."""
    anyio.run(_serve, stdio, make_desk, entropy)


async def _serve(stdio: Stdio, make_desk: MakeDesk, entropy: Entropy) -> None:
    opening = Opening(entropy)
    server = build(lambda: stdio.principal.scopes, opening.desk, stdio.toolsets, entropy)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(opening.hold, make_desk)
            await _until_signal(server, stdio.wire, stdio.keep)
            opening.close()
    finally:
        stdio.wire.release()


async def _until_signal(server: Server[None], wire: Wire, keep: Callable[[Card], None] | None) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_on_signal, tasks.cancel_scope)
        async with anyio.create_task_group() as talk:
            if keep is not None:
                talk.start_soon(_record, server, keep)
            await _talk(server, wire)
        tasks.cancel_scope.cancel()


async def _stop_on_signal(talk: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            talk.cancel()


async def _record(server: Server[None], keep: Callable[[Card], None]) -> None:
    await anyio.to_thread.run_sync(keep, await record(server))


async def _talk(server: Server[None], wire: Wire) -> None:
    inbox, read = create_context_streams[SessionMessage | Exception](0)
    write, outbox = create_context_streams[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_feed, wire, inbox)
        tasks.start_soon(_drain, wire, outbox, tasks.cancel_scope)
        wire.hand_over()
        await serve_streams(server, read, write)


async def _feed(wire: Wire, inbox: ContextSendStream[SessionMessage | Exception]) -> None:
    async with inbox:
        while (line := await anyio.to_thread.run_sync(wire.line, abandon_on_cancel=True)) is not None:
            try:
                await inbox.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))
            except ValueError as error:
                await inbox.send(error)


async def _drain(wire: Wire, outbox: ContextReceiveStream[SessionMessage], talk: anyio.CancelScope) -> None:
    async for item in outbox:
        try:
            await anyio.to_thread.run_sync(wire.say, dumped(item), abandon_on_cancel=True)
        except OSError:
            talk.cancel()  # nobody reads any more
