"""The keepers of a workspace, each named for what it keeps true. Only the process that delivers runs them.

Each is called by hand in the same way: a unit of work that gives how many seconds it wants to rest. What fails
is logged, counted and tried again; a newer reign ends all of them quietly.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread

from turnout.errors import Superseded
from turnout.store.store import Store
from turnout.upkeep import cancel, expire
from turnout.upkeep.checkpoint import Checkpointer
from turnout.upkeep.erase import Eraser
from turnout.upkeep.prune import Pruner
from turnout.upkeep.reign import Reign
from turnout.upkeep.steady import Steady

_log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""How long a keeper that failed waits."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the operator may set: how long events are kept, and how much evidence of plain successes."""

    retention_days: int = 90
    trace_bytes: int = 2_000_000_000


async def run(store: Store, keeping: Keeping, epoch: int, failures: Counter[str] | None = None) -> None:
    """Keep, until cancelled or superseded; `failures` counts, by keeper, what went wrong."""
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
    }
    counted: Counter[str] = Counter() if failures is None else failures
    try:
        async with anyio.create_task_group() as tasks:
            for name, turn in keepers.items():
                tasks.start_soon(_keep, name, turn, counted)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(checkpointer.close)


async def _keep(name: str, turn: Callable[[], float], failures: Counter[str]) -> None:
    while True:
        try:
            rest = await anyio.to_thread.run_sync(turn)
        except Superseded:
            return
        except Exception:  # one keeper's fault must not end the others, nor the lanes beside them
            _log.exception("upkeep failed (%s); it is tried again in %s s", name, AGAIN_S)
            failures[name] += 1
            rest = AGAIN_S
        await anyio.sleep(rest)
