"""Whether events can be taken in: free disk, no loss that nobody accepted, and a commit that works."""

from __future__ import annotations

from turnout.operations.counted import counted
from turnout.store.space import LITTLE
from turnout.store.unit import Unit

PROBED = 905
"""Count under lane 0, beside those of `store.log`: commits that only asked whether commits work."""


def probe(unit: Unit) -> None:
    """Write something, so that the commit reaches the disk."""
    unit.counts.add(0, PROBED)


def missing(events: int) -> str:
    """Say that acknowledged events are not there."""
    return f"{counted(events, 'acknowledged event')} {'is' if events == 1 else 'are'} missing"


def hindrances(*, low: bool, lost: int, failed: str) -> tuple[str, ...]:
    """List what stands in the way: a disk nearly full, events that are lost, why the probe failed; none: ready."""
    found = [LITTLE] if low else []
    found += [f"{missing(lost)}; --accept-loss goes on without them"] if lost else []
    found += [failed] if failed else []
    return tuple(found)
