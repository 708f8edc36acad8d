"""The journey of one event: what it is, and what became of it at every destination; or what came near it."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.clock import iso
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json
from turnout.event import stored
from turnout.event.model import CONFLICT, Ours, Refused, Stored
from turnout.event.wire import check
from turnout.manifest.catalogue import Catalogue
from turnout.operations import mend, whither
from turnout.operations.counted import counted
from turnout.operations.deliveries import SAID, full, in_short, name_of, verdicts
from turnout.operations.diff import diff
from turnout.operations.finds import Near
from turnout.operations.names import of_rule, source_name
from turnout.operations.near import by_shown, near
from turnout.operations.question import Trace, by_message, by_person, fitting, seqs, span
from turnout.operations.reader import Reader
from turnout.operations.standing import Standing, settled, standing
from turnout.operations.whither import Asked
from turnout.store.lanes import LaneRow
from turnout.store.session import NEWEST
from turnout.store.unit import View

__all__ = ["Trace", "is_settled", "journey", "settled", "source_name", "verdicts"]

_BLOCK = 500


def journey(view: View, eyes: Eyes, reader: Reader, request: Trace, catalogue: Catalogue | None = None) -> Document:
    """Tell an event's journey. Raises: InvalidInput; NotFound for the destination."""
    asked = whither.asked(view, request.destination, catalogue)
    span(request, view.now)  # what cannot be read is said even where nothing is there
    found = by_message(view, request.message_id) if request.message_id else by_person(view, request)
    hidden = not found and request.message_id and _refused(view, request.message_id) is None
    if hidden:
        found = by_shown(view, request.message_id)
    if found and request.message_id:
        found = fitting(view, request, found)
        if not found:
            return _another(request)
    if not found:
        return _missing(view, reader, request, asked)
    event = found[0]
    received = _received(event)
    rule = stored.rule(event.meta)
    stands = [each for lane in asked.lanes if (each := standing(view, lane, event, eyes)) is not None]
    shown = [_delivery(view, eyes, reader, request, each, event, received, catalogue) for each in stands]
    return {
        "summary": _summary(view, stands, event, found, request, asked) + (_HIDDEN if hidden else ""),
        "found": True,
        "message_id": reader.text(str(received.get("messageId") or request.message_id)),
        "namespace": event.namespace,
        "moved_by": of_rule(rule) if rule else None,
        "source": source_name(view, event.source),
        "received_at": iso(event.received),
        "event": None if event.blank else reader.document(received),
        "reason": "erased" if event.erased else "damaged" if event.damaged else None,
        "deliveries": [*shown, *asked.rows()],
        "next": [*asked.calls(), *(mend.calls(view, eyes, reader, request, stands, found) or [])] or None,
    }


def is_settled(view: View, eyes: Eyes, request: Trace, catalogue: Catalogue | None = None) -> bool:
    """Tell whether the event is there, or another has its id, and nothing of it waits where it was asked about."""
    found = by_message(view, request.message_id) if request.message_id else by_person(view, request)
    stands = (standing(view, lane, each, eyes) for each in found[:1] for lane in _lanes(view, request, catalogue))
    return bool(found) and all(each is None or each.worst.verdict is not Verdict.WAITING for each in stands)


def _lanes(view: View, request: Trace, catalogue: Catalogue | None) -> tuple[LaneRow, ...]:
    return whither.asked(view, request.destination, catalogue).lanes


def _another(request: Trace) -> Document:
    why = "The event of this message id is another's, or has another name; give `message_id` alone to see it."
    arguments: Document = {"message_id": request.message_id}
    call: Document = {"tool": "debug_event_delivery", "arguments": arguments, "why": "Tells what became of that one."}
    return {"summary": f"There is no such event. {why}", "found": False, "reason": why, "next": [call]}


def _received(event: Stored) -> Document:
    if event.blank:
        return {}
    return stored.document(event.body, event.meta, received=event.received, kind=event.kind)


def _delivery(
    view: View, eyes: Eyes, reader: Reader, request: Trace, stands: Standing, event: Stored, received: Document,
    catalogue: Catalogue | None,
) -> Document:  # fmt: skip
    told = full(view, eyes, stands, event, reader, received, answered=request.diff)
    if not request.diff or event.kind is Ours.DELETE:  # whom a deletion is about is not shown
        return told
    return {**told, **diff(view, eyes, reader, stands, event, received, catalogue)}


def _summary(
    view: View, stands: Sequence[Standing], event: Stored, found: Sequence[Stored], request: Trace, asked: Asked
) -> str:
    said = _came_to(view, stands) + asked.say() if stands else asked.say().lstrip() or "No destination is connected."
    if event.erased:
        said = f"The event was erased; what its destinations came to is left. {said}"
    if event.damaged:
        said = f"What is stored of the event is damaged, so it is not shown; who and what it was may be wrong. {said}"
    if rule := stored.rule(event.meta):
        said += f" It came as live; the workspace's {of_rule(rule)} moved it to {event.namespace}."
    if event.flags & CONFLICT:
        said += " The message id came again with another body; the first one stayed."
    if len(found) > 1:
        what = f"{len(found)} sources sent this message id" if request.message_id else "Others fit"
        said += f" {what}; the newest is shown."
    return said


def _came_to(view: View, stands: Sequence[Standing]) -> str:
    """Say of one destination how the event stands there and why; of many how many, and at which it is not delivered."""
    if len(stands) == 1:
        return f"{in_short(view, stands[0])}."
    each_of: list[str] = []
    for verdict in Verdict:
        if names := [name_of(view, each.lane) for each in stands if each.worst.verdict is verdict]:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            which = "" if verdict is Verdict.DELIVERED else f" ({', '.join(names[:_NAMED])}{more})"
            each_of.append(f"{len(names)} {SAID[verdict]}{which}")
    return f"Of {counted(len(stands), 'destination')}: {', '.join(each_of)}."


_HIDDEN = " Its message id holds characters that cannot be seen; it was found as it is shown."
_NAMED = 3
"""Destinations that a summary names of each verdict."""


def _missing(view: View, reader: Reader, request: Trace, asked: Asked) -> Document:
    """Say that there is no such event, and why: refused at the door, or never recorded."""
    refused = _refused(view, request.message_id) if request.message_id else None
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
    known = request.message_id and seqs(view, request.message_id)
    why = "It was recorded once; its retention is over." if known else _never(request)
    close = [] if known else near(view, reader, request)
    said = f"There is no such event. {why}{_closest(close)}{asked.say()}"
    calls: list[Json] = [each.call for each in close if each.call is not None] or [*asked.calls(), *_search(request)]
    rows: list[Json] = [each.row() for each in close]
    return {"summary": said, "found": False, "reason": why, "near": rows or None, "next": list(calls[: mend.CALLS])}


def _closest(close: Sequence[Near]) -> str:
    """Say how many came near it, and why most likely it was missed."""
    if not close:
        return " Nothing came near it."
    words = ", ".join(dict.fromkeys(str(each.why) for each in close))
    return f" {counted(len(close), 'row')} of `near` may say why: {words}."


def _never(request: Trace) -> str:
    if request.message_id:
        return "No event and no refused call has this message id."
    named = " of this name" if request.event else ""
    when = " received near this moment" if request.around else ""
    where = " in this namespace" if request.namespace else ", live or test"
    return f"No person with all of these identifiers has an event{named}{when}{where}."


def _search(request: Trace) -> list[Json]:
    arguments: Document = {
        name: value for name, value in (("user_id", request.user_id), ("anonymous_id", request.anonymous_id)) if value
    }
    return [{"tool": "find_events", "arguments": arguments, "why": "Lists what was recorded."}]


def _refused(view: View, message_id: str) -> Refused | None:
    before = NEWEST
    while rows := view.log.refused(before, _BLOCK):
        if (found := next((each for _, each in rows if each.message_id == message_id), None)) is not None:
            return found
        before = rows[-1][0]
    return None
