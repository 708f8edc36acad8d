"""What a month cost: tracked users now and by its end, who and what counted, and what test traffic left out."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.clock import iso
from turnout.document import Document, Json
from turnout.event import stored
from turnout.event.model import LIVE
from turnout.identity.forecast import Method
from turnout.identity.meter import WORKSPACE, mtu
from turnout.operations.counted import counted
from turnout.operations.inflation import inflation
from turnout.operations.moments import month as read_month
from turnout.operations.moments import written
from turnout.operations.names import source_name
from turnout.operations.outlook import outlook
from turnout.operations.reader import Reader
from turnout.store.people import Metered, Tallied
from turnout.store.unit import View

NAMED = 10
"""How many of those who counted last are named."""


def usage(view: View, month: str, reader: Reader) -> Document:
    """Count a month (`YYYY-MM`, empty: the current one). Raises: InvalidInput."""
    number = read_month(month, view.now)
    meter = view.people.meter(number)
    people = _people(meter)
    events = {(namespace, source): n for namespace, source, n in view.log.volumes(number)}
    counted = people.get((LIVE, WORKSPACE), 0)
    tests = sorted({space for space, _ in (*people, *events) if space != LIVE})
    test_people = sum(people.get((space, WORKSPACE), 0) for space in tests)
    live = {source: n for (space, source), n in events.items() if space == LIVE}
    test_events = sum(n for (space, _), n in events.items() if space != LIVE)
    ends = outlook(view, number, counted)
    return {
        "summary": _summary(number, counted, test_people, ends),
        "month": written(number),
        "mtu": counted,
        **ends,
        "counts": _counts(meter),
        "events": sum(live.values()),
        "test_people": test_people,
        "test_events": test_events,
        "test_share": _share(test_people, counted),
        "sources": _sources(view, people, live),
        "test_namespaces": [_space(space, people, events) for space in tests] or None,
        **inflation(view, number),
        "counted_by": [_named(view, each, reader) for each in view.people.metered(number, LIVE, NAMED)],
    }


def _counts(meter: Sequence[Tallied]) -> Document:
    """Say what the count is made of, in Segment's words: identified and never identified add up to it."""
    tally = {(kind, linked): 0 for kind in "ua" for linked in (False, True)}
    for namespace, source, kind, linked, n in meter:
        if (namespace, source) == (LIVE, WORKSPACE):
            tally[kind, linked] += n
    return {
        "identified": tally["u", False] + tally["u", True],
        "never_identified": tally["a", False],
        "anonymous_identified": tally["a", True],
    }


def _people(meter: Sequence[Tallied]) -> dict[tuple[str, int], int]:
    """Count (namespace, source) by Segment's rule: user ids, and anonymous ids that came with none."""
    users: dict[tuple[str, int], int] = {}
    alone: dict[tuple[str, int], int] = {}
    for namespace, source, kind, linked, n in meter:
        if kind == "u":
            users[namespace, source] = users.get((namespace, source), 0) + n
        elif not linked:
            alone[namespace, source] = n
    return {key: mtu(users.get(key, 0), alone.get(key, 0)) for key in {*users, *alone}}


def _sources(view: View, people: dict[tuple[str, int], int], events: dict[int, int]) -> list[Json]:
    """Share out by source; the shares do not add up, for a person may come through several."""
    numbers = {*events, *(source for space, source in people if space == LIVE and source != WORKSPACE)}
    rows: list[Document] = [
        {"name": source_name(view, source), "mtu": people.get((LIVE, source), 0), "events": events.get(source, 0)}
        for source in sorted(numbers, key=lambda each: (-people.get((LIVE, each), 0), each))
    ]
    return list(rows)


def _space(space: str, people: dict[tuple[str, int], int], events: dict[tuple[str, int], int]) -> Document:
    n = sum(n for (name, _), n in events.items() if name == space)
    return {"namespace": space, "people": people.get((space, WORKSPACE), 0), "events": n}


def _named(view: View, each: Metered, reader: Reader) -> Document:
    """Name who counted, and the event that counted them."""
    kind = "user_id" if each.kind == "u" else "anonymous_id"
    event = view.log.get(each.seq)
    if event is None or event.blank:
        return {"counted": kind, "event": None}
    body = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
    value = body.get("userId" if each.kind == "u" else "anonymousId")
    return {
        "counted": kind,
        kind: reader.value(value) if isinstance(value, str) else None,
        "type": str(event.kind),
        "event": reader.text(event.name) if event.name else None,
        "message_id": reader.text(str(body["messageId"])),
        "source": source_name(view, event.source),
        "received_at": iso(event.received),
    }


def _share(test: int, live: int) -> float:
    return round(test / (test + live), 3) if test else 0.0


def _summary(month: int, users: int, test_people: int, ends: Document) -> str:
    low, high = ends["forecast_low"], ends["forecast_high"]
    between = f", {low} to {high} likely" if low != high else ""
    so_far = f"{counted(users, 'monthly tracked user')} in {written(month)}"
    is_over = str(ends["forecast_method"]).startswith(f"{Method.OVER}:")
    said = f"{so_far}; it is over." if is_over else f"{so_far}, {ends['forecast']} expected by its end{between}."
    return f"{said} {counted(test_people, 'test person was', 'test people were')} not counted." if test_people else said
