"""The deliverer, its lane and its sender in this process, over a real store: one destination of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from support.engine import connect, eyes, no_files
from turnout.clock import SystemClock
from turnout.delivery.deliverer import Deliverer
from turnout.delivery.lane import Options
from turnout.delivery.schedule import Schedule
from turnout.delivery.sender import CurlSender
from turnout.egress import Policy, parse_networks
from turnout.entropy import SystemEntropy
from turnout.exchange import Target
from turnout.store.store import Store
from turnout.store.unit import View

SWIFT = Options(Schedule(0.02, 0.1), batch_wait_s=0.005)
"""Waits of some hundredths of a second, where a program has seconds and minutes."""
LIMIT_S = 120


@asynccontextmanager
async def delivering(folder: Path, target: Target, options: Options = SWIFT) -> AsyncIterator[Store]:
    """Deliver what the block records; at its end, settle and stop."""
    clock, entropy = SystemClock(), SystemEntropy()
    store = await anyio.to_thread.run_sync(Store(folder, clock, entropy).open)
    try:
        await anyio.to_thread.run_sync(store.commit, connect)
        async with store.awake(), CurlSender(Policy(parse_networks("127.0.0.0/8"))) as sender:
            deliverer = Deliverer(
                store, eyes(target), sender, no_files, clock, entropy, options, _no_upkeep, serves=False
            )
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliverer.run)
                try:
                    yield store
                finally:
                    deliverer.stop()
    finally:
        await anyio.to_thread.run_sync(store.close)


async def until_seen(store: Store, holds: Callable[[View], bool], limit_s: float = LIMIT_S) -> None:
    """Look again after each commit until something holds."""
    with anyio.fail_after(limit_s):
        while True:
            changed = store.mark()
            if await store.read(holds):
                return
            with anyio.move_on_after(0.5):
                await changed.wait()


async def _no_upkeep(epoch: int) -> None:
    assert epoch
    await anyio.sleep_forever()
