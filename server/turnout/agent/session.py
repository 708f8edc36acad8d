"""The door for a client that starts us: one client, from its first request to the end of its input.

What stands here needs the SDK. `stdio.begin` comes before it is imported, `serve` after.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial

import anyio
from anyio.abc import TaskStatus
from mcp.server import Server
from mcp.shared._context_streams import ContextReceiveStream, ContextSendStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage, JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

from turnout.agent import unread
from turnout.agent.card import Card
from turnout.agent.lanes import dumped, record, serve_streams
from turnout.agent.server import MakeDesk, Opening, build
from turnout.agent.stdio import Stdio
from turnout.agent.wire import LAST_S, Wire
from turnout.entropy import Entropy
from turnout.event.wire import HIGH, LOW


def serve(stdio: Stdio, make_desk: MakeDesk, entropy: Entropy) -> None:
    """Serve the client until its input ends or a signal comes; `make_desk` opens the store, in this loop."""
    anyio.run(_serve, stdio, make_desk, entropy)


async def _serve(stdio: Stdio, make_desk: MakeDesk, entropy: Entropy) -> None:
    opening = Opening(entropy)
    server = build(lambda: stdio.principal.scopes, opening.desk, stdio.toolsets, entropy)
    try:
        async with anyio.create_task_group() as tasks:
            await _until_signal(server, stdio, partial(tasks.start_soon, opening.hold, make_desk))
            opening.close()
    finally:
        stdio.wire.release()


async def _until_signal(server: Server[None], stdio: Stdio, begin: Callable[[], object]) -> None:
    """Talk until the input ends or a signal comes; `begin` opens the desk, when signals are heard already."""
    async with anyio.create_task_group() as tasks:
        await tasks.start(_stop_on_signal, tasks.cancel_scope)
        begin()
        async with anyio.create_task_group() as talk:
            if stdio.keep is not None:
                talk.start_soon(_record, server, stdio.keep)
            await _talk(server, stdio.wire)
        tasks.cancel_scope.cancel()


async def _stop_on_signal(talk: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
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
        tasks.cancel_scope.deadline = anyio.current_time() + LAST_S  # a client that reads no more is not waited for


async def _feed(wire: Wire, inbox: ContextSendStream[SessionMessage | Exception]) -> None:
    async with inbox:
        while (line := await anyio.to_thread.run_sync(wire.line, abandon_on_cancel=True)) is not None:
            read = _read(line)
            if not isinstance(read, bool):
                await inbox.send(SessionMessage(read))
            elif (said := await anyio.to_thread.run_sync(partial(unread.answer, line, is_json=read))) is not None:
                wire.tell(said)


def _read(line: bytes) -> JSONRPCMessage | bool:
    """Read a message; of what is none, say whether it is JSON at all."""
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        return all(fault["type"] != "json_invalid" for fault in error.errors(include_input=False, include_url=False))
    except (ValueError, RecursionError):
        return False
    if isinstance(message, JSONRPCRequest) and isinstance(message.id, int) and not LOW <= message.id <= HIGH:
        return True
    return message


async def _drain(wire: Wire, outbox: ContextReceiveStream[SessionMessage], talk: anyio.CancelScope) -> None:
    async for item in outbox:
        try:
            await anyio.to_thread.run_sync(wire.say, dumped(item), abandon_on_cancel=True)
        except OSError:
            talk.cancel()  # nobody reads any more
