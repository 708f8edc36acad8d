"""A client's talk with us: calls of tools and opening moves are answered here, the rest of the protocol by the SDK.

The SDK takes 0.6 s to import and a third of a millisecond a message. So it is loaded when a line comes that only it
can answer, and is then told how the talk began. Calls run side by side; each is answered once, when its work is
committed, unless the client cancels it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias, cast

import anyio
import anyio.to_thread
from anyio.abc import ObjectReceiveStream, TaskGroup
from anyio.lowlevel import current_token
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from turnout.agent import attend, short, unread
from turnout.agent import card as cards
from turnout.agent.asks import Asks
from turnout.agent.call import Offer
from turnout.agent.caller import Caller
from turnout.agent.card import Card
from turnout.agent.hands import Hands
from turnout.agent.short import Asked
from turnout.agent.stdio import Stdio
from turnout.agent.wire import LINES, Line, Loop
from turnout.document import Document, Json, encode
from turnout.store.wake import Bell

GRACE_S = 5.0
"""Seconds that calls on their way have after the end of input. Source: ENGINE 1, leaving."""
CALLS = 256
"""Answers on their way, to calls and opening moves; beyond them the client waits."""
CLOSED = -32000
"""What the SDK says to a request that a server leaves behind."""

Say: TypeAlias = Callable[[Mapping[str, Json]], Awaitable[None]]
Rest: TypeAlias = Callable[[Offer, ObjectReceiveStream[bytes], Say, Callable[[Card], None] | None], Awaitable[None]]
"""The SDK, for the rest of the protocol: `rest.serve`."""


class Talk:
    """What is said between one client and us. `tasks`: where answers are made, and what ends the talk."""

    def __init__(self, stdio: Stdio, offer: Offer, load: Callable[[], Rest], tasks: TaskGroup) -> None:
        self._wire = stdio.wire
        self._keep = stdio.keep
        self._offer = offer
        self._load = load
        self._tasks = tasks
        self._card: Card | None = None
        self._greeted: Caller | None = None
        self._hello: list[bytes] = []
        self._muted: set[bytes] = set()
        self._rest: MemoryObjectSendStream[bytes] | None = None
        self._rested = anyio.Event()
        self._calls: dict[str, anyio.CancelScope] = {}
        self._asks = Asks(offer.entropy)
        self._busy = 0
        self._eased = anyio.Event()
        self._turn = anyio.Lock()

    async def until_over(self) -> None:
        """Answer until the input ends, and then what is on its way."""
        hands = Hands(self._wire, self._tasks, self._take, self._call)
        self._card = self._wire.hand_over(Bell(hands.hear).ring)
        loop = current_token().native_token
        if hasattr(loop, "add_reader"):
            self._wire.move(Bell(partial(self._wire.read_in, cast("Loop", loop), hands.hear)).ring)
        if self._card is None:
            await self._wake()
        await hands.over.wait()
        if self._rest is not None:
            self._rest.close()
        with anyio.move_on_after(GRACE_S):
            await self._until_busy_with(0)
        if self._rest is not None:
            await self._rested.wait()  # it has as long, since the same moment
        self._tasks.cancel_scope.cancel()

    async def _until_busy_with(self, answers: int) -> None:
        while self._busy > answers:
            self._eased = anyio.Event()
            await self._eased.wait()

    async def _take(self, line: Line) -> Asked | None:
        """Hear a line, in its turn; give the call that it is."""
        await self._until_busy_with(CALLS - 1)
        said = short.message(line.text)
        if said is None:
            await self._leave(line.text)
            return None
        match said.get("method"):
            case "tools/call" if (asked := short.call(said, self._greeted)) is not None:
                return asked
            case "notifications/cancelled" | None if self._concerns(said):
                pass
            case "initialize":
                await self._greet(line, said)
            case "notifications/initialized" if self._rest is None:
                self._hello[1:] = [line.text]
            case method if not line.answered and not self._answer(said):
                speaks = isinstance(method, str) if "id" not in said else "result" in said or "error" in said
                if self._rest is not None or not speaks:  # who expects no answer need not wake anybody
                    await self._leave(line.text)
            case _:
                pass
        return None

    # -- answered here ------------------------------------------------------------------------------------

    async def _call(self, asked: Asked, scope: anyio.CancelScope) -> None:
        """Answer a call, unless the client cancels it; when we leave before, say so."""
        number = str(asked.id)
        self._calls[number] = scope
        self._busy += 1
        written = False
        try:
            _, answer = await attend.answer(self._offer, asked, self._tell, partial(self._asks.put, self._tell))
            written = True
            await self._write(answer)
        finally:
            self._busy -= 1
            self._eased.set()
            if self._calls.get(number) is scope:
                del self._calls[number]
            if not written and not scope.cancel_called:
                self._wire.tell(encode(unread.error(asked.id, CLOSED, "Connection closed")))

    async def _tell(self, message: Mapping[str, Json]) -> None:
        await self._write(encode(message))

    def _concerns(self, said: Document) -> bool:
        """Hear what ends a call of ours, or answers something asked here; say whether it was that."""
        return self._cancel(said.get("params")) if "method" in said else self._asks.hear(said)

    def _cancel(self, params: Json) -> bool:
        """Cancel a call that was begun here; say whether it was one."""
        gone = params.get("requestId") if isinstance(params, Mapping) else None
        scope = self._calls.get(str(gone)) if short.is_id(gone) else None
        if scope is not None:
            scope.cancel()
        return scope is not None

    async def _greet(self, line: Line, said: Document) -> None:
        """Hear who the client is. The SDK hears it too, once it is there, but what the card has said stays said."""
        if not line.answered and not self._answer(said):
            await self._leave(line.text)
        elif self._rest is not None:
            self._muted.add(encode(said["id"]))
            await self._leave(line.text)
        else:
            self._hello = [line.text]
            self._muted = {encode(said["id"])}
        self._greeted = short.client(said)

    def _answer(self, said: Document) -> bool:
        """Answer a ping, or an opening move from the card; say whether it was one."""
        asked = said.get("id")
        if not short.is_id(asked):
            return False
        result: Document | None = None
        if self._greeted is not None and short.is_ping(said):
            result = {}
        elif self._card is not None:
            result = cards.answer(self._card, said, greeted=self._greeted is not None)
        if result is not None:
            self._start(partial(self._write, encode({"jsonrpc": "2.0", "id": asked, "result": result})))
        return result is not None

    def _start(self, answer: Callable[[], Awaitable[None]]) -> None:
        async def counted() -> None:
            try:
                await answer()
            finally:
                self._busy -= 1
                self._eased.set()

        self._busy += 1
        self._tasks.start_soon(counted)

    async def _write(self, line: bytes) -> None:
        """Write an answer, and wait until it is written; where nobody reads any more the talk is over."""
        if not (number := self._wire.tell(line)):
            return
        async with self._turn:  # one thread for all that wait
            try:
                await anyio.to_thread.run_sync(self._wire.settle, number, abandon_on_cancel=True)
            except OSError:
                self._tasks.cancel_scope.cancel()

    # -- left to the SDK ----------------------------------------------------------------------------------

    async def _leave(self, line: bytes) -> None:
        """Let the SDK answer a line."""
        rest = self._rest or await self._wake()
        await rest.send(line)

    async def _wake(self) -> MemoryObjectSendStream[bytes]:
        """Load the SDK, and tell it how the talk began."""
        self._rest, lines = anyio.create_memory_object_stream[bytes](LINES)
        self._tasks.start_soon(self._serve_rest, lines)
        for line in self._hello:
            await self._rest.send(line)
        return self._rest

    async def _serve_rest(self, lines: MemoryObjectReceiveStream[bytes]) -> None:
        async with lines:
            rest = await anyio.to_thread.run_sync(self._load)
            await rest(self._offer, lines, self._say, self._keep)
        self._rested.set()

    async def _say(self, message: Mapping[str, Json]) -> None:
        """Pass on what the SDK says, unless it was said."""
        if "method" not in message and (asked := encode(message.get("id"))) in self._muted:
            self._muted.discard(asked)
        else:
            await self._write(encode(message))
