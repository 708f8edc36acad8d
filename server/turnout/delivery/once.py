"""What an action does once for a key: claimed before it leaves, kept for its time once it was taken.

The claim is written with the window and the end of it with the settlement. While its holder is owed or on its way, and
for `ttl` after it was delivered, other events of the key are left out. One that ends in any other way holds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from turnout.clock import DAY, SECOND
from turnout.delivery import verdict
from turnout.delivery.settlement import Finished
from turnout.delivery.window import Part, Skip
from turnout.store.once import Claim
from turnout.store.unit import Unit

SAID: Final = "another event of the same key was sent, or is about to be"
"""Reason of what an action leaves out because it was done."""
CLAIMED: Final = 120 * DAY
"""For how long a claim without an end lies there: longer than anything is owed."""
_TAKEN = frozenset({verdict.DELIVERED, verdict.ALREADY})


def claim(unit: Unit, parts: Sequence[Part]) -> tuple[tuple[Part, ...], tuple[Skip, ...]]:
    """Claim the keys of parts that are to leave; give those that may, and those that are left out."""
    if not any(part.item.once for part in parts):
        return tuple(parts), ()
    free: list[Part] = []
    skips: list[Skip] = []
    claimed: set[bytes] = set()
    for part in parts:
        if part.item.once and not _claim(unit, part, claimed):
            skips.append(Skip(part.seq, part.seq, part.part, verdict.DROPS["skipped"], SAID))
        else:
            free.append(part)
    return tuple(free), tuple(skips)


def settle(unit: Unit, finished: Sequence[Finished]) -> None:
    """Keep the keys of what was taken, and give back those of what was not."""
    for each in finished:
        part = each.part
        if each.code in _TAKEN:
            ttl_s = part.bound.target.actions[part.item.action].once_s
            unit.once.put(_of(unit, part, unit.now + int(ttl_s * SECOND), done=True))
        else:
            unit.once.give_back(_of(unit, part, 0, done=False))


def _claim(unit: Unit, part: Part, claimed: set[bytes]) -> bool:
    """Claim a part's key, unless another holds it; `claimed` are those of the window that is about to open."""
    mine = _of(unit, part, unit.now + CLAIMED, done=False)
    held = unit.once.get(mine.lane, mine.key)
    if mine.key in claimed or (held is not None and held.until > unit.now and _lives(unit, held)):
        return False
    claimed.add(mine.key)
    unit.once.put(mine)
    return True


def _lives(unit: Unit, held: Claim) -> bool:
    """Tell whether a claim holds: it was taken, or its holder is owed or on its way."""
    if held.done or unit.owed.get(held.lane, *held.holder):
        return True
    run, seq, _ = held.holder
    windows = unit.lanes.windows()
    return any(each.lane == held.lane and each.run == run and each.first <= seq <= each.last for each in windows)


def _of(unit: Unit, part: Part, until: int, *, done: bool) -> Claim:
    key = unit.vault.mac("once", part.item.action, part.item.once)
    return Claim(part.lane, key, (part.run, part.seq, part.part), until, done)
