"""The rest of the protocol: the SDK's server for one client, on lines in and messages out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import ObjectReceiveStream
from mcp.server import Server
from mcp.shared._context_streams import ContextReceiveStream, ContextSendStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage, JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

from turnout.agent import unread
from turnout.agent.call import Offer
from turnout.agent.card import Card
from turnout.agent.lanes import dumped, record, serve_streams
from turnout.agent.server import build
from turnout.agent.wire import LAST_S
from turnout.document import Json
from turnout.event.wire import HIGH, LOW


async def serve(
    offer: Offer,
    lines: ObjectReceiveStream[bytes],
    say: Callable[[Mapping[str, Json]], Awaitable[None]],
    keep: Callable[[Card], None] | None,
) -> None:
    """Answer lines until they end; `keep` takes the server's card."""
    server = build(offer)
    inbox, read = create_context_streams[SessionMessage | Exception](0)
    write, outbox = create_context_streams[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        if keep is not None:
            tasks.start_soon(_record, server, keep)
        async with anyio.create_task_group() as talk:
            talk.start_soon(_feed, lines, inbox, say)
            talk.start_soon(_drain, outbox, say)
            await serve_streams(server, read, write)
            talk.cancel_scope.deadline = anyio.current_time() + LAST_S  # a client that reads no more is not waited for


async def _record(server: Server[None], keep: Callable[[Card], None]) -> None:
    await anyio.to_thread.run_sync(keep, await record(server))


async def _feed(
    lines: ObjectReceiveStream[bytes],
    inbox: ContextSendStream[SessionMessage | Exception],
    say: Callable[[Mapping[str, Json]], Awaitable[None]],
) -> None:
    async with inbox:
        async for line in lines:
            heard = read(line)
            if not isinstance(heard, bool):
                await inbox.send(SessionMessage(heard))
            elif (said := await anyio.to_thread.run_sync(partial(unread.answer, line, is_json=heard))) is not None:
                await say(said)


def read(line: bytes) -> JSONRPCMessage | bool:
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


async def _drain(
    outbox: ContextReceiveStream[SessionMessage], say: Callable[[Mapping[str, Json]], Awaitable[None]]
) -> None:
    async for item in outbox:
        await say(dumped(item))
