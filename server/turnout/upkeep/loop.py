"""The keepers of a workspace, each named for what it keeps true. Only the process that delivers runs them.

Each is called by hand in the same way: a unit of work that gives how many seconds it wants to rest. What fails
is told, counted and tried again; a newer reign ends all of them quietly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread

from turnout import telemetry
from turnout.errors import Superseded
from turnout.store.store import Store
from turnout.upkeep import cancel, expire
from turnout.upkeep.checkpoint import Checkpointer
from turnout.upkeep.erase import Eraser
from turnout.upkeep.prune import Pruner
from turnout.upkeep.reign import Reign
from turnout.upkeep.steady import Steady
from turnout.upkeep.watch import Signs, Watch

AGAIN_S = 1.0
"""How long a keeper that failed waits."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the operator may set: how long events are kept, and how much evidence of plain successes."""

    retention_days: int = 90
    trace_bytes: int = 2_000_000_000


async def run(store: Store, keeping: Keeping, epoch: int, signs: Signs) -> None:
    """Keep, until cancelled or superseded; `signs` is where it leaves what it noticed."""
    reign = Reign(store, epoch)
    checkpointer = Checkpointer(store)
    pruner = Pruner(reign, keeping.retention_days, keeping.trace_bytes)
    for_expiry, for_pruning = Steady(reign, keeping.retention_days), Steady(reign, keeping.retention_days)
    keepers: dict[str, Callable[[], float]] = {
        "the WAL is short": checkpointer.advance,
        "who is erased is gone": Eraser(reign, checkpointer.truncate).advance,
        "what a removed lane owes is cancelled": partial(cancel.advance, reign),
        "no lane holds the log longer than events are kept": lambda: (
            expire.advance(reign, keeping.retention_days) if for_expiry.trusts() else expire.EVERY_S
        ),
        "what is old is gone": lambda: pruner.advance() if for_pruning.trusts() else pruner.trim(),
        "the operator is told": Watch(store, keeping.retention_days, signs).advance,
    }
    try:
        async with anyio.create_task_group() as tasks:
            for name, turn in keepers.items():
                tasks.start_soon(_keep, name, turn, signs.faults)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(checkpointer.close)


async def _keep(name: str, turn: Callable[[], float], faults: Counter[str]) -> None:
    while True:
        try:
            rest = await anyio.to_thread.run_sync(turn)
        except Superseded:
            return
        except Exception as error:  # one keeper's fault must not end the others, nor the lanes beside them
            telemetry.emit("upkeep_failed", error, keeps=name)
            faults[name] += 1
            rest = AGAIN_S
        await anyio.sleep(rest)
