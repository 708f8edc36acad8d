"""The audit of routing: which events go where and why not, what is stale, misspelt, idle, unrouted, or maybe twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from turnout.clock import DAY, iso
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import BY_NUMBER, CODES, Verdict
from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.event.spelling import pairs
from turnout.operations import sends
from turnout.operations.counted import counted
from turnout.operations.names import source_name
from turnout.operations.reader import Reader
from turnout.operations.silence import stale
from turnout.operations.spread import LOOKS, SAMPLES, Flow, Way, flows, sampled, ways
from turnout.operations.standing import standing
from turnout.operations.twice import doubts, repeats, replays
from turnout.store.lanes import LaneState
from turnout.store.unit import View
from turnout.workspace import Destination

SCAN, SCAN_ONE = 5_000, 20_000
"""Events looked through for samples: of all names, or of one."""
SPELT = 2_000
"""Names compared with each other, the most frequent first."""
LIMIT = 100
MOST_DAYS = 90
NAMED = 5
"""Destinations named in a row; the others are counted."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What to look at: all, or the events of one name or source. `days`: without events, until a source is stale."""

    event: str = ""
    source: str = ""
    days: int = 7
    limit: int = 10


@dataclass(frozen=True, slots=True)
class _Found:
    """A flow and what each destination takes of it."""

    flow: Flow
    ways: Sequence[Way]


def audit_routing(view: View, eyes: Eyes, reader: Reader, request: Audit) -> Document:
    """Tell where events go. Raises: InvalidInput; NotFound for the source."""
    if not 1 <= request.days <= MOST_DAYS or not 1 <= request.limit <= LIMIT:
        raise InvalidInput(f"`days` goes from 1 to {MOST_DAYS}, `limit` from 1 to {LIMIT}.")
    source = view.workspace.source(request.source).id if request.source else 0
    every = flows(view, "", source)
    if request.event:
        return _one(view, eyes, reader, request, every)
    return _all(view, eyes, reader, request, every)


def _one(view: View, eyes: Eyes, reader: Reader, request: Audit, every: Sequence[Flow]) -> Document:
    """Tell for one event name what each destination does with it."""
    wanted = [each for each in every if each.name == request.event] or [Flow("track", request.event, 0, 0, ())]
    chosen = _connected(view)
    found = [_Found(each, ways(view, eyes, each, chosen)) for each in sampled(view, wanted, SCAN_ONE)]
    rows: list[Json] = [
        _at(view, eyes, each.flow, way) | sent
        for each in found
        for way, sent in zip(each.ways, sends.told(reader, each.ways), strict=True)
    ]
    takes = sum(way.takes for each in found for way in each.ways)
    similar = _similar(reader, every, request.event)
    but = "" if not similar else f", but of {counted(len(similar), 'name')} like it (`similar_names`)"
    never = "" if found[0].flow.n else f" No event of this name was ever recorded{but}; it is judged by its name."
    would = f"{takes} of {counted(len(rows), 'destination')} would get it, as configured now."
    return {
        "summary": f"{would if chosen else 'No destination is connected, so none gets it.'}{never}",
        "events": [_event(view, reader, each) for each in found],
        "destinations": rows,
        "similar_names": similar or None,
    }


def _all(view: View, eyes: Eyes, reader: Reader, request: Audit, every: Sequence[Flow]) -> Document:
    since = view.now - request.days * DAY
    chosen = _connected(view)
    room = max(request.limit, LOOKS // max(1, SAMPLES * len(chosen)))
    found = [_Found(each, ways(view, eyes, each, chosen)) for each in sampled(view, every[:room], SCAN)]
    unrouted = [each for each in found if chosen and not any(way.takes for way in each.ways)]
    idle = _idle(view, request, found, chosen)
    silent, alike = stale(view, request.days), _similar(reader, every)
    again, replayed = doubts(view, eyes, reader, since), replays(view, since)
    limit = request.limit
    return {
        "summary": _summary(every, len(chosen), len(unrouted), len(idle), len(silent), len(alike), again),
        "events": [_event(view, reader, each) for each in found[:limit]],
        "unrouted_events": [_event(view, reader, each) for each in unrouted[:limit]] or None,
        "idle_destinations": idle[:limit] or None,
        "stale_sources": silent[:limit] or None,
        "similar_names": alike[:limit] or None,
        "maybe_twice": again[:limit] or None,
        "replayed": replayed[:limit] or None,
        "repeats_stopped": repeats(view, since),
        "next": _next(again, idle, silent) or None,
        "looked_at": {"names": len(found), "of": len(every), "days": request.days},
    }


def _connected(view: View) -> list[Destination]:
    return sorted(view.workspace.destinations.values(), key=lambda each: each.lane)


def _event(view: View, reader: Reader, each: _Found) -> Document:
    """Tell a flow in a line: who takes it, and why the others do not."""
    flow = each.flow
    takers = [way.destination.name for way in each.ways if way.takes]
    why = Counter(way.reason[0] for way in each.ways if not way.takes)
    return {
        "type": flow.kind,
        "event": reader.text(flow.name) if flow.name else None,
        "events": flow.n,
        "last_at": iso(flow.last) if flow.last else None,
        "sources": [source_name(view, source) for source in flow.sources[:NAMED]],
        "judged_by": _judged(flow),
        "to": list(takers[:NAMED]),
        "to_more": len(takers) - NAMED if len(takers) > NAMED else None,
        "not_to": dict(why) or None,
    }


def _judged(flow: Flow) -> str:
    if not flow.samples:
        return "name"
    return f"{counted(len(flow.samples), 'test event' if flow.is_test else 'live event')}"


def _at(view: View, eyes: Eyes, flow: Flow, way: Way) -> Document:
    """Tell what one destination does with a flow, and what became of the newest event there."""
    lane = view.lanes.of(way.destination.id)
    newest = flow.samples[0] if flow.samples else None
    stands = standing(view, lane, newest, eyes) if lane and newest else None
    word, rule = way.reason
    return {
        "destination": way.destination.name,
        "type": flow.kind,
        "takes": "yes" if way.takes and not way.why else "some" if way.takes else "no",
        "actions": list(way.actions) or None,
        "reason": word or None,
        "rule": rule or None,
        "says": _SAYS.get(word),
        "state": "paused" if lane and lane.state is LaneState.PAUSED else None,
        "newest": f"{stands.worst.verdict}: {stands.worst.reason}" if stands else None,
    }


_SAYS = {code.word: code.says for code in CODES if code.verdict in {Verdict.NOT_SENT, Verdict.DISCARDED}}


def _similar(reader: Reader, every: Sequence[Flow], only: str = "") -> list[Json]:
    """List names that look like others, of each type by itself; of one name, what it looks like."""
    rows: list[Json] = []
    for kind in sorted({each.kind for each in every} | ({"track"} if only else set())):
        tally = {each.name: each.n for each in every[:SPELT] if each.kind == kind and each.name}
        if only and kind == "track":
            tally.setdefault(only, 0)
        rows += [
            {
                "type": kind,
                "event": reader.text(pair.name),
                "events": tally[pair.name],
                "how": str(pair.how),
                "like": {"event": reader.text(pair.other), "events": tally[pair.other]},
            }
            for pair in pairs(tally)
            if not only or only in {pair.name, pair.other}
        ]
    return rows


def _idle(view: View, request: Audit, found: Sequence[_Found], chosen: Sequence[Destination]) -> list[Json]:
    """List destinations that got nothing in so many days, with what stands in the way."""
    counts = view.counts.since(view.now - request.days * DAY)
    rows: list[Json] = []
    for at, destination in enumerate(chosen):
        by_code = {BY_NUMBER[code]: n for code, n in counts.get(destination.lane, {}).items() if code in BY_NUMBER}
        if any(code.verdict is Verdict.DELIVERED and n for code, n in by_code.items()):
            continue
        lane = view.lanes.of(destination.id)
        takes = sum(each.ways[at].takes for each in found)
        rows.append(
            {
                "destination": destination.name,
                "state": "paused" if lane and lane.state is LaneState.PAUSED else "running",
                "receives": str(destination.receives),
                "reasons": {code.word: n for code, n in sorted(by_code.items(), key=lambda pair: -pair[1])[:3]} or None,
                "would_take": f"{takes} of {counted(len(found), 'event name')}",
                "connected_at": iso(destination.created),
            }
        )
    return rows


def _next(again: Sequence[Json], idle: Sequence[Json], silent: Sequence[Json]) -> list[Json]:
    """Give the calls that tell more of the first of each that is amiss."""
    calls: list[Json] = []
    for rows, field, tool, name, why in (
        (again, "message_id", "debug_event_delivery", "message_id", "Tells each of its tries."),
        (idle, "destination", "describe_destination", "destination", "Tells what it is set to take."),
        (silent, "source", "find_events", "source", "Lists what it sent last."),
    ):
        first = rows[0] if rows else None
        if isinstance(first, dict) and isinstance(value := _first(first, field), str):
            calls.append({"tool": tool, "arguments": {name: value}, "why": why})
    return calls


def _first(row: Document, field: str) -> Json:
    """Give a field of a row, or of its first example; a text that was cut or escaped is of no use in a call."""
    examples = row.get("examples")
    found = examples[0] if isinstance(examples, list) and examples else row
    value = found.get(field) if isinstance(found, dict) else None
    return None if isinstance(value, str) and ("\\u" in value or "…" in value) else value


def _summary(
    every: Sequence[Flow], destinations: int, unrouted: int, idle: int, silent: int, alike: int, again: Sequence[Json]
) -> str:
    twice = sum(int(str(row["maybe_twice"])) for row in again if isinstance(row, dict))
    where = (
        f"{unrouted} of them taken by no destination; "
        f"{counted(destinations, 'destination')}, {idle} of them without an event"
        if destinations
        else "taken by nobody, for no destination is connected"
    )
    said = (
        f"{counted(len(every), 'event name')}, {where}; "
        f"{counted(silent, 'source is', 'sources are')} stale; "
        f"{counted(alike, 'name looks', 'names look')} like another."
    )
    if not twice:
        return f"{said} Nothing went out twice but by replays."
    return f"{said} {counted(twice, 'event')} may have gone out twice."
