"""A delivery in words, as CONTRACT.md has it: verdict, reason, rule, attempts, evidence, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from turnout.clock import iso
from turnout.delivery import verdict
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json, encode
from turnout.errors import TurnoutError
from turnout.event.model import Stored
from turnout.event.stored import message_id
from turnout.exchange import Class, Fault, FaultKind, part_of
from turnout.guard.masking import untrusted
from turnout.manifest.audiences import WAITS
from turnout.manifest.walk import GOES_ON, POLLING
from turnout.operations.asked import body_of, talk
from turnout.operations.names import of_run
from turnout.operations.reader import Reader
from turnout.operations.standing import PartStanding, Standing, standings
from turnout.outcome import classify, judge
from turnout.store.deliveries import TRIES, RequestRow
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.owed import OwedState
from turnout.store.session import NEWEST
from turnout.store.unit import View
from turnout.workspace import DESTINATION

MAYBE = "maybe sent"
"""Outcome of an attempt that the destination may have taken."""
PARTS_SHOWN = 20
SAID = {
    Verdict.DELIVERED: "delivered",
    Verdict.WAITING: "waiting",
    Verdict.PAUSED: "paused before it",
    Verdict.DISCARDED: "discarded",
    Verdict.NOT_SENT: "not sent",
    Verdict.CANCELLED: "cancelled",
}
_WHY = 200
"""Characters of a rule in a line: a filter may be long."""

_DOUBTFUL = frozenset(
    {str(kind) for kind in FaultKind if judge(Fault(kind)).what is Class.UNKNOWN} | {"answer_incomplete"}
)
_ENDED_BY_ANSWER = frozenset(
    {
        *(verdict.REFUSED, verdict.EXPIRED, verdict.REDIRECT, verdict.BLOCKED, verdict.BLOCKED_PATH),
        verdict.BAD_CREDENTIALS,
    }
)
"""Codes whose rule says how the last request ended."""
_AT_WORK = frozenset({GOES_ON, POLLING, WAITS})
"""Why it is owed though nothing failed: further steps follow."""
_NOT_AN_ATTEMPT = "not_sent"
"""Outcome of a request that was marked and given back."""


def verdicts(view: View, eyes: Eyes, seqs: Iterable[int]) -> list[Json]:
    """Give the deliveries of events in short, without attempts; of several events each names its `message_id`."""
    events = [event for seq in seqs if (event := view.log.get(seq)) is not None]
    many = len(events) > 1
    found: list[Json] = []
    for event in events:
        named: Document = {"message_id": message_id(event.body, event.meta)[:256]} if many and not event.blank else {}
        found += [{**named, **told(view, each)} for each in standings(view, event, eyes)]
    return found


def told(view: View, standing: Standing) -> Document:
    """Put a standing in words, without its attempts."""
    worst = standing.worst
    return {
        "destination": name_of(view, standing.lane),
        "verdict": str(worst.verdict),
        "state": worst.state or None,
        "reason": worst.reason,
        "rule": worst.rule or None,
        "says": worst.code.says if worst.code and worst.verdict is not Verdict.DELIVERED else None,
        "next": advice(standing.lane, worst, view.now) or None,
        "run_id": of_run(standing.run) if standing.run else None,
    }


def full(
    view: View, eyes: Eyes, standing: Standing, event: Stored, reader: Reader, received: Document, *,
    answered: bool = False,
) -> Document:  # fmt: skip
    """Put a standing in words, with attempts, evidence, each part, and what the destination answered.

    Of a success that is told only where `answered` is asked for.
    """
    worst = standing.worst
    short = told(view, standing)
    tried = attempts(view, standing, worst, event)
    found = talk(view, worst.request)
    kept = found.turns
    many = len(standing.parts) > 1
    return {
        **{name: short[name] for name in ("destination", "verdict", "state", "reason", "rule", "says")},
        "attempts": tried,
        "evidence": ("recorded" if kept else "damaged" if found.damaged else "not_kept") if tried else None,
        "next": short["next"],
        "untrusted": _answer(kept, reader, received) if answered or worst.verdict is not Verdict.DELIVERED else None,
        "run_id": short["run_id"],
        "parts": [_part(view, eyes, standing, part, event) for part in standing.parts[:PARTS_SHOWN]] if many else None,
    }


def name_of(view: View, lane: LaneRow) -> str:
    """Give the name of a lane's destination; of one that was removed the name it had last, and that it was."""
    destination = view.workspace.by_lane().get(lane.lane)
    if destination is not None:
        return destination.name
    last = view.entities.last(DESTINATION, lane.destination)
    return f"{last['name']} (removed)" if last else lane.destination


def in_short(view: View, standing: Standing) -> str:
    """Say in a line how an event stands at a destination, and why: our words, and those of the settings."""
    worst = standing.worst
    why = worst.rule or worst.reason
    because = f" ({why[:_WHY]})" if why != str(worst.verdict) else ""
    return f"{name_of(view, standing.lane)}: {SAID[worst.verdict]}{because}"


def attempts(view: View, standing: Standing, part: PartStanding, event: Stored) -> list[Json]:
    """List the requests that a part was in, the oldest first; one that a crash swallowed reads `maybe sent`."""
    rows = requests(view, standing, part, event)
    doubted = part.row is not None and part.row.state is OwedState.UNKNOWN and part.row.request == 0
    swallowed = 1 < rows[0].n <= TRIES if rows else doubted
    told: list[Document] = [{"outcome": MAYBE, "why": "crash"}] if swallowed else []
    told += [_attempt(row, part) for row in rows]
    return [{"n": n, **each} for n, each in enumerate(told, 1)]


def requests(view: View, standing: Standing, part: PartStanding, event: Stored) -> tuple[RequestRow, ...]:
    """Give the requests that a part was in, the oldest first."""
    if not part.request and part.row is None:
        return ()
    member = event.seq, part.part
    tries = view.deliveries.tries(standing.lane.lane, standing.run, member, event.received, part.request or NEWEST)
    found = {row.id: row for row in tries}
    if part.request not in found and (last := view.deliveries.request(part.request)) is not None:
        found[last.id] = last
    return tuple(found[number] for number in sorted(found) if found[number].outcome != _NOT_AN_ATTEMPT)


def advice(lane: LaneRow, part: PartStanding, now: int) -> str:
    """Say what to do now, or what happens next."""
    if part.code is not None:
        return part.code.next
    if part.verdict is Verdict.PAUSED and "turnout destination authorize" in part.rule:
        return "A person gives the consent, at the command line; what came meanwhile is sent then."
    if part.verdict is Verdict.PAUSED:
        return "Resume the destination, or mend its settings; what came meanwhile is sent then."
    said = _waits(part, now)
    if lane.state is LaneState.PAUSED:
        return f"{said} The destination is paused: resume it first."
    return f"{said} {_NOTES[lane.reason]}" if lane.reason in _NOTES else said


_NOTES = {
    "trouble": "The destination fails at the moment; it is probed until it answers.",
    "credentials": "The destination refuses the credentials: correct its settings.",
    "gone": "The receiver says that it wants no more.",
}


def _waits(part: PartStanding, now: int) -> str:
    due = part.row.due if part.row else None
    when = "as soon as there is room" if due is None or due <= now else f"at {iso(due)}"
    match part.state:
        case "queued":
            return "The destination has not read it yet."
        case "sending":
            return "It is on its way."
        case "held":
            return "It waits for an earlier event of the same person."
        case "unknown":
            return f"It may have been taken; it is sent again {when}, under the same id."
        case _ if part.rule in _AT_WORK:
            return f"The destination is at work on it; it is asked for more {when}."
        case _:
            return f"It is tried again {when}."


def _attempt(row: RequestRow, part: PartStanding) -> Document:
    """Tell one request: of the last one, how it ended for this part; of earlier ones, as a whole."""
    outcome, status = row.outcome, row.status or None
    if outcome is None:
        return {"outcome": "sending", "status": None, "at": iso(row.sent), "took_ms": None}
    if row.id == part.request:
        outcome = _own(part) or outcome
    doubtful = outcome in _DOUBTFUL or (outcome == f"http_{status}" and classify(status or 0) is Class.UNKNOWN)
    told: Document = {
        "outcome": MAYBE if doubtful else outcome,
        "status": status,
        "at": iso(row.sent),
        "took_ms": row.took,
    }
    return {**told, "why": outcome} if doubtful else told


def _own(part: PartStanding) -> str:
    """Give how the last request ended for this part, where its own row says so."""
    if part.code is None or part.final is None:
        return part.rule if part.row is not None and part.row.state is not OwedState.SENDING else ""
    if part.code.verdict is Verdict.DELIVERED:
        return part.code.word
    return part.rule if part.code.number in _ENDED_BY_ANSWER else ""


def _part(view: View, eyes: Eyes, standing: Standing, part: PartStanding, event: Stored) -> Document:
    action = _action(view, eyes, standing.lane, part.part)
    return {
        "part": action,
        "verdict": str(part.verdict),
        "state": part.state or None,
        "reason": part.reason,
        "rule": part.rule or None,
        "attempts": attempts(view, standing, part, event),
    }


def _action(view: View, eyes: Eyes, lane: LaneRow, number: int) -> str:
    """Name a part: its action, and which of its items where it makes several."""
    destination = view.workspace.by_lane().get(lane.lane)
    bound = eyes.bound(view, destination, view.counter.revision) if destination else None
    names = () if bound is None or isinstance(bound, TurnoutError) else tuple(bound.target.actions)
    place = number & 0xFFFF
    name = next((name for name in names if part_of(name, place) == number), "an action that is gone")
    return name if place in {0, 0xFFFF} else f"{name}, item {place + 1}"


def _answer(kept: Sequence[Document], reader: Reader, received: Document) -> Json:
    """Show what the destination answered last: data, masked together with the event."""
    answered = kept[-1].get("answered") if kept else None
    if not isinstance(answered, dict):
        return None
    if "fault" in answered:
        return {"answer": None, "fault": answered["fault"]}
    body = body_of(answered)
    shown = reader.beside(received, body)
    text = shown if isinstance(shown, str) or shown is None else encode(shown).decode()
    return {"answer": None if text is None else str(untrusted(text)), "status": answered.get("status")}
