"""A call while it is being answered: its rounds, and what the client hears meanwhile.

Whoever gave a token for it hears each second that we are at it, how long it may take where that is known, and nothing
more once the answer is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias, TypeVar

import anyio
from msgspec.structs import replace

from turnout.agent import short, unread
from turnout.agent.call import Offer
from turnout.agent.caller import Asking, Caller, Say, Tell
from turnout.agent.fault import Fault
from turnout.agent.short import Asked
from turnout.document import Document, Json, encode

CANCELLED = -32000
"""What the protocol leaves to servers: its client has stopped listening for this answer."""
EVERY_S = 1.0
"""Seconds between two words of progress: seldom enough to cost nothing, often enough to see that nothing hangs."""

Put: TypeAlias = Callable[[Mapping[str, Json]], Awaitable[Mapping[str, Json]]]
"""Puts requests to a client in the midst of a call, and gives what it said, by name."""
T = TypeVar("T")


async def answer(offer: Offer, asked: Asked, say: Say | None = None, put: Put | None = None) -> tuple[int, bytes]:
    """Answer a call; give the message, and its status: an error of the protocol is one of HTTP since 2026-07-28.

    `say` is a way to the client while the call is on its way, `put` one to ask it, in the eras before.
    """
    caller = asked.caller if say is None else replace(asked.caller, say=say)
    if say is None or asked.token is None:
        return await _answer(offer, asked, caller, put)
    tell = _teller(asked.token, say)
    heard = replace(caller, tell=tell)
    return await attended(lambda: _answer(offer, asked, heard, put), tell, asked.arguments)


async def _answer(offer: Offer, asked: Asked, caller: Caller, put: Put | None) -> tuple[int, bytes]:
    try:
        told = await offer.call(asked.name, asked.arguments, caller)
        while isinstance(told, Asking) and put is not None and not asked.modern:
            caller = replace(caller, responses=await put(told.requests), state=told.state)
            told = await offer.call(asked.name, asked.arguments, caller)
    except Fault as fault:
        return 400 if asked.modern else 200, encode(fault.told(asked.id))
    return 200, short.result(asked, told)


class Underway:
    """The calls over HTTP that their client may cancel by another request, in the eras before 2026-07-28."""

    def __init__(self) -> None:
        """Have none yet."""
        self._open: dict[tuple[bytes, int | str], anyio.CancelScope] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._open)

    async def answer(
        self, session: bytes, asked: Asked, work: Callable[[], Awaitable[tuple[int, bytes]]]
    ) -> tuple[int, bytes]:
        """Answer a call of a session, unless it is cancelled."""
        with anyio.CancelScope() as scope:
            self._open[session, asked.id] = scope
            try:
                return await work()
            finally:
                if self._open.get((session, asked.id)) is scope:
                    del self._open[session, asked.id]
        return 200, encode(unread.error(asked.id, CANCELLED, "Cancelled. What was recorded stays."))

    def cancel(self, session: bytes, params: Json) -> None:
        """Cancel a call of a session, if it is on its way."""
        gone = params.get("requestId") if isinstance(params, Mapping) else None
        if short.is_id(gone) and (scope := self._open.get((session, gone))) is not None:
            scope.cancel()


def _teller(token: int | str, say: Say) -> Tell:
    async def tell(progress: float, total: float | None, words: str) -> None:
        params: Document = {"progressToken": token, "progress": progress}
        if total is not None:
            params["total"] = total
        if words:
            params["message"] = words
        await say({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    return tell


async def attended(work: Callable[[], Awaitable[T]], tell: Tell, arguments: Mapping[str, Json]) -> T:
    """Do the work of a call, and tell each second that it goes on. Raises: Fault."""
    wait = arguments.get("wait_seconds")
    total = wait if isinstance(wait, int) and wait > 0 else None
    made: T | Fault
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tick, tell, total)
        try:
            made = await work()
        except Fault as fault:  # not out of a group: it would be a group of faults
            made = fault
        tasks.cancel_scope.cancel()
    if isinstance(made, Fault):
        raise made
    return made


async def _tick(tell: Tell, total: int | None) -> None:
    words, passed = "at work" if total is None else "waiting for verdicts", 0
    while True:
        await anyio.sleep(EVERY_S)
        passed += 1
        await tell(passed, None if total is None else max(total, passed), words)
