"""The loop of a connection that may change its mind about the era, and the record of its opening moves.

The SDK decides the era of a connection by its first request, and some clients send `server/discover` and then,
when no answer came in time, `initialize`: the probe would decide, and the handshake be refused. So a probe goes
into a lane of its own, and the first other request decides. Source: mcp.md 2.9, measured with real clients.

Drop this when the SDK tolerates it; the four openings in tests/unit/agent say when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from anyio.abc import TaskGroup
from mcp.server import Server
from mcp.server.runner import serve_dual_era_loop

# Private; the only ones the loop can be driven with: pinned by mcp<3, and tested.
from mcp.shared._context_streams import ContextReceiveStream, ContextSendStream, create_context_streams
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, jsonrpc_message_adapter

from turnout.agent.card import ERA, LEGACY, LISTS, MODERN, Card
from turnout.document import Document, Json

Incoming: TypeAlias = ContextReceiveStream[SessionMessage | Exception]
Outgoing: TypeAlias = ContextSendStream[SessionMessage]

GRACE_S = 5.0
"""Seconds that calls on their way have after the end of input. Source: ENGINE 1, leaving."""
LAST_S = 0.5
"""Seconds that a conversation has to end, after that."""

_Streams: TypeAlias = "tuple[ContextSendStream[SessionMessage | Exception], Incoming]"


async def serve_streams(server: Server[None], read: Incoming, write: Outgoing) -> None:
    """Serve one client until its input ends."""
    async with write, anyio.create_task_group() as tasks:
        probe: _Lane | None = None
        main: _Lane | None = None
        async with read:
            async for item in read:
                if main is None:
                    request = item.message if isinstance(item, SessionMessage) else None
                    if not isinstance(request, JSONRPCRequest):
                        continue  # nothing can be meant by what comes before the first request
                    if request.method == "server/discover":
                        probe = probe or _open(server, write, tasks)
                        await probe.take(item)
                        continue
                    main = _open(server, write, tasks)
                await main.take(item)
        lanes = [lane for lane in (probe, main) if lane is not None]
        with anyio.move_on_after(GRACE_S):
            for lane in lanes:
                await lane.settle()
        for lane in lanes:
            await lane.inbox.aclose()
        tasks.cancel_scope.deadline = anyio.current_time() + LAST_S  # whose answers nobody takes any more


@dataclass(slots=True)
class _Lane:
    """One conversation in one era, and the requests of it that have no answer yet."""

    inbox: ContextSendStream[SessionMessage | Exception]
    pending: set[int | str] = field(default_factory=set)
    idle: anyio.Event = field(default_factory=anyio.Event)

    async def take(self, item: SessionMessage | Exception) -> None:
        """Pass on what the client sent."""
        if isinstance(item, SessionMessage):
            match item.message:
                case JSONRPCRequest(id=asked):
                    self.pending.add(asked)
                case JSONRPCNotification(method="notifications/cancelled", params={"requestId": int() | str() as gone}):
                    self._settle(gone)
                case _:
                    pass
        await self.inbox.send(item)

    async def forward(self, outbox: ContextReceiveStream[SessionMessage], write: Outgoing) -> None:
        """Pass on what the server says."""
        async with outbox:
            async for item in outbox:
                await write.send(item)
                match item.message:
                    case JSONRPCResponse(id=answered) | JSONRPCError(id=int() | str() as answered):
                        self._settle(answered)
                    case _:
                        pass

    async def settle(self) -> None:
        """Wait until every request is answered."""
        if self.pending:
            self.idle = anyio.Event()
            await self.idle.wait()

    def _settle(self, request: int | str) -> None:
        self.pending.discard(request)
        if not self.pending:
            self.idle.set()


def _open(server: Server[None], write: Outgoing, tasks: TaskGroup) -> _Lane:
    inbox, to_server = _incoming()
    from_server, outbox = create_context_streams[SessionMessage](0)
    lane = _Lane(inbox)

    async def serve() -> None:
        options = server.create_initialization_options()
        await serve_dual_era_loop(server, to_server, from_server, lifespan_state=None, init_options=options)

    tasks.start_soon(lane.forward, outbox, write)
    tasks.start_soon(serve)
    return lane


def _incoming() -> _Streams:
    return create_context_streams[SessionMessage | Exception](0)


async def record(server: Server[None]) -> Card:
    """Ask a server the opening moves in both eras, over the loop that clients meet."""
    modern: Document = {
        "_meta": {
            ERA: MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "turnout", "version": "0"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    }
    hello: Document = {
        "protocolVersion": LEGACY[-1],
        "capabilities": {},
        "clientInfo": {"name": "turnout", "version": "0"},
    }
    discover, *now = await ask(server, ("server/discover", modern), *((method, modern) for method in LISTS))
    initialize, *before = await ask(server, ("initialize", hello), *((method, {}) for method in LISTS))
    return Card(initialize, discover, dict(zip(LISTS, now, strict=True)), dict(zip(LISTS, before, strict=True)))


async def ask(server: Server[None], *requests: tuple[str, Document]) -> list[Document]:
    """Make requests one after the other on a connection of their own; give the results."""
    inbox, read = _incoming()
    write, outbox = create_context_streams[SessionMessage](0)
    results: list[Document] = []
    async with anyio.create_task_group() as tasks, outbox:
        tasks.start_soon(serve_streams, server, read, write)
        for number, (method, params) in enumerate(requests):
            await inbox.send(_message({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
            said = dumped(await outbox.receive())
            result = said["result"]
            assert isinstance(result, dict), "the opening moves cannot fail"
            results.append(result)
            if method == "initialize":
                await inbox.send(_message({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        await inbox.aclose()
    return results


def _message(content: Json) -> SessionMessage:
    return SessionMessage(jsonrpc_message_adapter.validate_python(content))


def dumped(item: SessionMessage) -> Document:
    """Write a message as it goes over the wire."""
    said: Document = item.message.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return said
