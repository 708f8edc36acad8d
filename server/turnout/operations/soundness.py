"""What is in the database: whether it is whole, is ours, holds its laws, and keeps what it promised."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from turnout.clock import HOUR, MINUTE, iso
from turnout.erasure import Kind
from turnout.guard.audit import verify
from turnout.operations.checked import BACK, Check, ill, well
from turnout.operations.counted import counted
from turnout.store import erasures, laws, patience, tail
from turnout.store.backup import Tell
from turnout.store.erasures import Entry
from turnout.store.lanes import LaneState
from turnout.store.unit import View
from turnout.workspace import Destination

SKEW = 5 * MINUTE
"""So far the clock may be behind the newest entry: another machine's, or one that was set a little back."""
OWN = {"trouble": "fails, and is probed", "credentials": "refuses its credentials", "gone": "wants no more"}
"""Reasons of a lane that a person should look at."""


def whole(view: View, promised: int, *, torn: bool) -> Check:
    """Look whether the database has every event that was acknowledged; `promised` was read before it."""
    if torn:
        said = "the file `tail` is torn or damaged, so that nobody can tell whether the newest events are there"
        return ill("tail", said, "It is written again with the next event; compare with what you sent before that")
    missing = promised - view.counter.seq
    if missing > 0:
        return ill("tail", tail.lost(missing), f"{BACK}; or go on without them: turnout doctor --accept-loss")
    if not promised and view.counter.seq > 1:
        said = "the file `tail` is missing or damaged, so that nothing tells whether events are missing"
        return ill("tail", said, "Start `turnout serve`: it writes the file again")
    return well("tail", f"every event is there, the next is number {view.counter.seq}")


def secrets(view: View) -> Check:
    """Look whether the keys are those of the database, and open its secrets."""
    if view.counter.keys != view.vault.check():
        return ill("secrets", "the file `keys` belongs to another workspace", "Put back the one of this workspace")
    view.entities.require_keys()
    return well("secrets", "the keys open every secret")


def clock(view: View) -> Check:
    """Compare the clock with the newest entries."""
    _, high = view.log.bounds()
    last = view.log.get(high)
    newest = max([last.received if last else 0, *(row.at for row in view.lanes.all())])
    if view.now < newest - SKEW:
        said = f"it says {iso(view.now)}, and the newest entry is of {iso(newest)}"
        return ill("clock", said, "Set the machine's clock, and let NTP keep it")
    return well("clock", f"{iso(view.now)}, not behind the newest entry")


def integrity(view: View, tell: Tell, *, quick: bool) -> Check:
    """Let SQLite read its pages; quick: without comparing the indexes."""
    how = "quick_check" if quick else "integrity_check"

    def say(seconds: float) -> None:
        tell(f"Checking every page, {seconds:,.0f} s so far …")

    found = [str(row[0]) for row in patience.rows(view.session.connection, f"PRAGMA {how}(5)", (), say)]
    if found == ["ok"]:
        return well("integrity", f"{how} is ok")
    return ill("integrity", "; ".join(found), f"Stop every process and keep a copy of the directory. {BACK}")


def audit(view: View) -> Check:
    """Follow the chain of audit rows."""
    chain = view.audit.all()
    count, broken = len(chain), verify(chain)
    if broken is None:
        return well("audit", f"{counted(count, 'row')}, the chain holds")
    return ill(
        "audit",
        f"the chain is broken at row {broken + 1} of {count}",
        "Somebody changed the database by hand: compare with a backup, and ask who could",
    )


def erased(view: View, folder: Path) -> Check:
    """Look whether everyone who was erased or suppressed still is, by the file that says so."""
    entries = erasures.read(folder / "erasures").entries
    known = {each.id for each in view.privacy.all()}
    noted = {each.id for each in entries}
    if unknown := [each for each in entries if each.id not in known]:
        return ill(
            "erased",
            f"the database does not know of {counted(len(unknown), 'request')} in the file `erasures`",
            "It is an old copy that was put back by hand: use `turnout restore`, which erases again",
        )
    if back := _still_there(view, entries):
        said = f"{counted(back, 'identifier')} of people who were erased or suppressed came back"
        return ill("erased", said, "Erase them again: turnout erase USER_ID")
    if missing := len([each for each in view.privacy.all() if each.finished and each.id not in noted]):
        return ill(
            "erased",
            f"the file `erasures` lacks {counted(missing, 'request')} that the database knows",
            "Start `turnout serve`: it writes them again",
        )
    return well("erased", f"{counted(len(entries), 'request')}, and everyone stays erased")


def _still_there(view: View, entries: tuple[Entry, ...]) -> int:
    """Count identifiers that should be gone, or barred, and are not."""
    barred: dict[bytes, bool] = {}
    over: dict[bytes, int] = {}
    ended = {each.id: each.until for each in view.privacy.all() if each.finished}
    for each in entries:
        kind = Kind(each.kind)
        for key in each.keys:
            if kind.suppresses or kind is Kind.UNSUPPRESS:
                barred[key] = kind.suppresses
            if kind.erases and each.id in ended:
                over[key] = ended[each.id]
    suppressed = view.privacy.suppressions()
    free = sum(wanted and key not in suppressed for key, wanted in barred.items())
    owners = ((view.people.keyed(key), until) for key, until in over.items())
    return free + sum(owner is not None and owner[1] <= until for owner, until in owners)


def engine(view: View) -> Check:
    """Hold the laws of the engine against the newest events and the first rows of the queue."""
    if astray := laws.astray(view.session):
        said = f"{counted(len(astray), 'event')} of which the history of their person does not know ({astray[0]})"
        return ill("laws", said, "This is a fault of Turnout: keep a copy of the directory and report it")
    found = list(laws.broken(view.session))
    if not found:
        return well("laws", f"every event is in one place, of the last {laws.BOUND:,} of each destination")
    lane, seq, words = found[0]
    return ill(
        "laws",
        f"{counted(len(found), 'event')} in no place or in two: the destination of lane {lane} {words} (event {seq})",
        "This is a fault of Turnout: keep a copy of the directory and report it; replay the events",
    )


def waiting(view: View, *, delivers: bool) -> Check:
    """Look for what should have left long ago."""
    if not delivers:
        return well("waiting", "nobody delivers, so what is owed waits")
    named = view.workspace.by_lane()
    running = {row.lane for row in view.lanes.all() if row.state is LaneState.RUNNING and not row.reason}
    late = [(lane, n) for lane, _, n in laws.overdue(view.session, view.now - HOUR) if lane in running]
    late += [(window.lane, 1) for window in view.lanes.windows() if window.opened < view.now - HOUR]
    if not late:
        return well("waiting", "nothing has waited for longer than it should")
    lane = late[0][0]
    return ill(
        "waiting",
        f"what {_name(named, lane)} is owed has not left for more than an hour",
        "Look at its settings with `turnout destination show`; if they are right, end who delivers, and report it",
    )


def destinations(view: View) -> Check:
    """Look which destinations stand still, and which fail."""
    named = view.workspace.by_lane()
    rows = [row for row in view.lanes.all() if row.state is not LaneState.REMOVED]
    if astray := {each.id for each in named.values()} ^ {row.destination for row in rows}:
        said = f"what is stored of {', '.join(sorted(astray))} is damaged: a destination without a lane, or the reverse"
        return ill("destinations", said, BACK)
    failing = [row for row in rows if row.state is LaneState.RUNNING and row.reason in OWN]
    if failing:
        said = "; ".join(f"{_name(named, row.lane)} {OWN[row.reason]}" for row in failing)
        return ill("destinations", said, "Read what they answer with `turnout destination show NAME`, and mend it")
    paused = [_name(named, row.lane) for row in rows if row.state is LaneState.PAUSED]
    if paused:
        return well("destinations", f"{len(rows)}, of which {', '.join(paused)} paused: `turnout destination resume`")
    return well("destinations", f"{len(rows)}, none stands still")


def _name(named: Mapping[int, Destination], lane: int) -> str:
    return named[lane].name if lane in named else f"the destination of lane {lane}"
