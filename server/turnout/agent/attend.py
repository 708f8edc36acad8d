"""A call while it is being answered: its rounds, and what the client hears meanwhile.

Whoever gave a token for it hears each second that we are at it, how long it may take where that is known, and nothing
more once the answer is there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias, TypeVar

import anyio
from msgspec.structs import replace

from turnout.agent import short
from turnout.agent.call import Offer
from turnout.agent.caller import Asking, Tell
from turnout.agent.fault import Fault
from turnout.agent.short import Asked
from turnout.document import Document, Json, encode

EVERY_S = 1.0
"""Seconds between two words of progress: seldom enough to cost nothing, often enough to see that nothing hangs."""

Say: TypeAlias = Callable[[Document], Awaitable[None]]
Put: TypeAlias = Callable[[Mapping[str, Json]], Awaitable[Mapping[str, Json]]]
"""Puts requests to a client in the midst of a call, and gives what it said, by name."""
T = TypeVar("T")


async def answer(offer: Offer, asked: Asked, say: Say | None = None, put: Put | None = None) -> tuple[int, bytes]:
    """Answer a call; give the message, and its status: an error of the protocol is one of HTTP since 2026-07-28.

    `say` is a way to the client while the call is on its way, `put` one to ask it, in the eras before.
    """
    tell = _teller(asked.token, say) if say is not None and asked.token is not None else None
    if tell is None:
        return await _answer(offer, asked, None, put)
    wait = asked.arguments.get("wait_seconds")
    total = wait if isinstance(wait, int) and wait > 0 else None
    return await _attended(lambda: _answer(offer, asked, tell, put), tell, total)


async def _answer(offer: Offer, asked: Asked, tell: Tell | None, put: Put | None) -> tuple[int, bytes]:
    caller = replace(asked.caller, tell=tell) if tell is not None else asked.caller
    try:
        told = await offer.call(asked.name, asked.arguments, caller)
        while isinstance(told, Asking) and put is not None and not asked.modern:
            caller = replace(caller, responses=await put(told.requests), state=told.state)
            told = await offer.call(asked.name, asked.arguments, caller)
    except Fault as fault:
        return 400 if asked.modern else 200, encode(fault.told(asked.id))
    return 200, short.result(asked, told)


def _teller(token: int | str, say: Say) -> Tell:
    async def tell(progress: float, total: float | None, words: str) -> None:
        params: Document = {"progressToken": token, "progress": progress}
        if total is not None:
            params["total"] = total
        if words:
            params["message"] = words
        await say({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    return tell


async def _attended(work: Callable[[], Awaitable[T]], tell: Tell, total: int | None) -> T:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tick, tell, total)
        made = await work()
        tasks.cancel_scope.cancel()
    return made


async def _tick(tell: Tell, total: int | None) -> None:
    words, passed = "at work" if total is None else "waiting for verdicts", 0
    while True:
        await anyio.sleep(EVERY_S)
        passed += 1
        await tell(passed, None if total is None else max(total, passed), words)
