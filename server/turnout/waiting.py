"""Waiting for what lanes do, as a desk does between two looks: until it is over, or the time is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import anyio

from turnout.app import App
from turnout.document import Document
from turnout.operations import trace

POLL_S = 1.0
"""How long a wait sleeps at the most between two looks."""


async def until(app: App, is_over: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Look now and after each change until it is over, for so long at most."""
    begun = app.clock.monotonic()
    while True:
        changed = app.store.mark()
        over = await is_over()
        passed = app.clock.monotonic() - begun
        if over or passed >= seconds:
            return
        with anyio.move_on_after(min(seconds - passed, POLL_S)):
            await changed.wait()


async def verdicts(app: App, seqs: Sequence[int], seconds: float) -> list[Document]:
    """Wait until nothing of these events is on its way, or the time is over; give their verdicts."""
    settled = partial(trace.settled, seqs=seqs, eyes=app.eyes)

    async def is_settled() -> bool:
        return await app.store.read(settled)

    await until(app, is_settled, seconds)
    found = await app.store.read(partial(trace.verdicts, eyes=app.eyes, seqs=seqs))
    return [each for each in found if isinstance(each, dict)]
