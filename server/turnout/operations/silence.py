"""Sources that are stale: they sent nothing for days, or far less than at the same hours a week before."""

from __future__ import annotations

from turnout.clock import DAY, iso
from turnout.document import Document, Json
from turnout.operations.names import source_name
from turnout.operations.sources import NAMES_READ
from turnout.store.session import NEWEST
from turnout.store.unit import View

WINDOW = 50_000
"""Events of each of the two stretches that are counted."""
USUAL = 50
"""Events of a week before from which on fewer say something."""
FAR = 0.2
"""The share of them below which a source is far below its usual."""
_WEEK = 7 * DAY


def stale(view: View, days: int) -> list[Json]:
    """List stale sources, the longest silent first; one that is younger than the days is none."""
    last: dict[int, int] = {}
    for each in view.log.names(NAMES_READ):
        last[each.source] = max(each.last, last.get(each.source, 0))
    usual, now, hours = _rates(view)
    rows: list[tuple[int, Document]] = []
    for source in view.workspace.sources.values():
        seen = last.get(source.id, 0)
        silent = view.now - (seen or source.created)
        told: Document = {"source": source_name(view, source.id), "last_event_at": iso(seen) if seen else None}
        before, count = usual.get(source.id, 0), now.get(source.id, 0)
        if silent >= days * DAY:
            told |= {"reason": "silent" if seen else "no_events", "silent_days": silent // DAY}
        elif before >= USUAL and count < FAR * before:
            told |= {"reason": "far_below_usual", "events": count, "usual": before, "hours": hours}
        else:
            continue
        rows.append((silent, told))
    rows.sort(key=lambda row: -row[0])
    return [row for _, row in rows]


def _rates(view: View) -> tuple[dict[int, int], dict[int, int], float]:
    """Count events by source in the last hours, and in the same of a week before: of a day, or less of many."""
    width = DAY
    while width > DAY // 64:
        then = _stretch(view, view.now - _WEEK - width, view.now - _WEEK)
        now = _stretch(view, view.now - width, NEWEST)
        if max(then[1] - then[0], now[1] - now[0]) <= WINDOW:
            return view.log.by_source(*then), view.log.by_source(*now), width / DAY * 24
        width //= 2
    return {}, {}, 0.0


def _stretch(view: View, since: int, until: int) -> tuple[int, int]:
    """Give the seqs between which the events of a time lie."""
    end = view.counter.seq
    first = view.log.first_since(since)
    last = view.log.first_since(until) if until != NEWEST else None
    return (end if first is None else first) - 1, (end if last is None else last) - 1
