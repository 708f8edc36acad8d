"""The journey of one event: what it is, and what became of it at every destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from turnout.clock import iso
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.event import stored
from turnout.event.model import CONFLICT, Ours, Refused, Stored
from turnout.event.wire import check
from turnout.operations.counted import counted
from turnout.operations.deliveries import full, verdicts
from turnout.operations.diff import diff
from turnout.operations.names import of_rule
from turnout.operations.reader import Reader
from turnout.operations.standing import Standing, settled, standing
from turnout.operations.whose import Whose, events_of, people
from turnout.store.lanes import LaneState
from turnout.store.session import NEWEST
from turnout.store.unit import View

__all__ = ["Trace", "journey", "settled", "verdicts"]

SCAN = 20_000
"""Events of a person that are looked at for a name."""
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Trace:
    """Which event: by `message_id`, or the newest of a person, of this name where one is given."""

    message_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    email: str = ""
    event: str = ""
    destination: str = ""
    diff: bool = False


def journey(view: View, eyes: Eyes, reader: Reader, request: Trace) -> Document:
    """Tell an event's journey. Raises: InvalidInput; NotFound for the destination."""
    only = view.workspace.destination(request.destination).lane if request.destination else 0
    found = _by_message(view, request.message_id) if request.message_id else _by_person(view, request)
    if found and request.message_id:
        found = _fitting(view, request, found)
        if not found:
            return _another()
    if not found:
        return _missing(view, reader, request)
    event = found[0]
    received = _received(event)
    rule = stored.rule(event.meta)
    lanes = [lane for lane in view.lanes.all() if only in {0, lane.lane}]
    stands = [each for lane in lanes if (each := standing(view, lane, event, eyes)) is not None]
    shown = [_delivery(view, eyes, reader, request, each, event, received) for each in stands]
    return {
        "summary": _summary(stands, event, len(found)),
        "found": True,
        "message_id": reader.text(str(received.get("messageId") or request.message_id)),
        "namespace": event.namespace,
        "moved_by": of_rule(rule) if rule else None,
        "source": source_name(view, event.source),
        "received_at": iso(event.received),
        "event": None if event.erased else reader.document(received),
        "reason": "erased" if event.erased else None,
        "deliveries": shown,
        "next": _next(view, reader, stands, received),
    }


def source_name(view: View, source: int) -> str:
    """Name a source; 0 stands for calls whose write key is of none."""
    known = view.workspace.sources.get(source)
    return known.name if known else f"source {source}" if source else "none"


def _by_message(view: View, message_id: str) -> list[Stored]:
    """Find the events of a message id, over all sources, the newest first."""
    return [event for seq in _seqs(view, message_id) if (event := view.log.get(seq)) is not None]


def _fitting(view: View, request: Trace, events: list[Stored]) -> list[Stored]:
    """Keep those that are what else is said of the event; of an erased one nobody can say."""
    whose = Whose(request.user_id, request.anonymous_id, request.email)
    persons = people(view, whose) if whose.given() else None
    return [
        each
        for each in events
        if each.erased
        or ((persons is None or each.person in persons) and (not request.event or each.name == request.event))
    ]


def _another() -> Document:
    why = "The event of this message id is another's, or has another name; give `message_id` alone to see it."
    return {"summary": f"There is no such event. {why}", "found": False, "reason": why}


def _seqs(view: View, message_id: str) -> list[int]:
    numbers = {0, 1, *range(1, view.counter.source), *view.workspace.sources}  # 0: what we wrote, by a deletion_id
    return sorted((seq for each in numbers if (seq := view.log.find(each, message_id))), reverse=True)


def _by_person(view: View, request: Trace) -> list[Stored]:
    whose = Whose(request.user_id, request.anonymous_id, request.email)
    if not whose.given():
        raise InvalidInput(
            "Nothing says which event is meant: give `message_id`, or `user_id`, `anonymous_id` or `email`."
        )
    events = islice(events_of(view, people(view, whose)), SCAN)
    found = (each for each in events if not each.erased and (not request.event or each.name == request.event))
    return list(islice(found, 1))


def _received(event: Stored) -> Document:
    if event.erased:
        return {}
    return stored.document(event.body, event.meta, received=event.received, kind=event.kind)


def _delivery(
    view: View, eyes: Eyes, reader: Reader, request: Trace, stands: Standing, event: Stored, received: Document
) -> Document:
    told = full(view, eyes, stands, event, reader, received)
    if not request.diff or event.kind is Ours.DELETE:  # whom a deletion is about is not shown
        return told
    return {**told, **diff(view, eyes, reader, stands, event, received)}


def _summary(stands: Sequence[Standing], event: Stored, sources: int) -> str:
    words = Counter(each.worst.verdict for each in stands)
    each_of = [f"{words[verdict]} {_SAID[verdict]}" for verdict in Verdict if words[verdict]]
    said = "No destination is connected."
    if stands:
        said = f"Of {counted(len(stands), 'destination')}: {', '.join(each_of)}."
    if event.erased:
        said = f"The event was erased; what its destinations came to is left. {said}"
    if rule := stored.rule(event.meta):
        said += f" It came as live; the workspace's {of_rule(rule)} moved it to {event.namespace}."
    if event.flags & CONFLICT:
        said += " The message id came again with another body; the first one stayed."
    return f"{said} {sources} sources sent this message id; the newest is shown." if sources > 1 else said


_SAID = {
    Verdict.DELIVERED: "delivered",
    Verdict.WAITING: "waiting",
    Verdict.PAUSED: "paused before it",
    Verdict.DISCARDED: "discarded",
    Verdict.NOT_SENT: "not sent",
    Verdict.CANCELLED: "cancelled",
}


def _next(view: View, reader: Reader, stands: Sequence[Standing], received: Document) -> list[Json] | None:
    """Give the calls that mend it: resume what stands still, replay what was discarded."""
    message_id = received.get("messageId")
    destinations = view.workspace.by_lane()
    calls: list[Json] = []
    for each in stands:
        destination = destinations.get(each.lane.lane)
        if destination is None:
            continue
        if each.worst.verdict is Verdict.PAUSED and each.lane.state is LaneState.PAUSED:
            arguments: Document = {"destination": destination.id, "action": "resume"}
            calls.append(
                {"tool": "update_destination", "arguments": arguments, "why": "It reads on from where it stopped."}
            )
        elif (
            each.worst.verdict is Verdict.DISCARDED
            and isinstance(message_id, str)
            and reader.text(message_id) == message_id
        ):
            arguments = {"destination": destination.id, "message_ids": [message_id]}
            calls.append(
                {"tool": "replay_events", "arguments": arguments, "why": "Sends it again, once the cause is mended."}
            )
    return calls[:3] or None


def _missing(view: View, reader: Reader, request: Trace) -> Document:
    """Say that there is no such event, and why: refused at the door, or never recorded."""
    refused = next(_refused(view, request.message_id), None) if request.message_id else None
    if refused is not None:
        body = check(refused.body)
        return {
            "summary": f"The call was refused, so it is no event and went nowhere: {refused.say}",
            "found": False,
            "message_id": reader.text(refused.message_id),
            "namespace": refused.namespace,
            "source": source_name(view, refused.source),
            "received_at": iso(refused.received),
            "event": reader.document(body) if isinstance(body, dict) else None,
            "reason": f"{refused.reason}: {refused.say}",
        }
    known = request.message_id and _seqs(view, request.message_id)
    why = "It was recorded once; its retention is over." if known else _never(request)
    return {"summary": f"There is no such event. {why}", "found": False, "reason": why, "next": _search(request)}


def _never(request: Trace) -> str:
    if request.message_id:
        return "No event and no refused call has this message id."
    named = " of this name" if request.event else ""
    return f"No person with all of these identifiers has an event{named}, live or test."


def _search(request: Trace) -> list[Json]:
    arguments: Document = {
        name: value for name, value in (("user_id", request.user_id), ("anonymous_id", request.anonymous_id)) if value
    }
    return [{"tool": "find_events", "arguments": arguments, "why": "Lists what was recorded."}]


def _refused(view: View, message_id: str) -> Iterator[Refused]:
    before = NEWEST
    while rows := view.log.refused(before, _BLOCK):
        yield from (each for _, each in rows if each.message_id == message_id)
        before = rows[-1][0]
