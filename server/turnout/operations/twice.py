"""What may have gone out twice: sent again after an answer that left a doubt, or on purpose, by a replay.

A delivery that was confirmed is never sent again but by a replay. So what may be there twice is what was sent, left a
doubt (no answer, a crash), and was sent again under the same id: whether the destination drops it, its manifest says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from turnout.clock import HOUR, iso
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import ALREADY, BY_NUMBER, DELIVERED, Verdict
from turnout.document import Document, Json
from turnout.errors import TurnoutError
from turnout.event import stored
from turnout.event.model import Stored
from turnout.exchange import Dedupe
from turnout.operations.deliveries import MAYBE, attempts
from turnout.operations.names import of_run
from turnout.operations.reader import Reader
from turnout.operations.standing import Standing, standing
from turnout.store.lanes import LaneRow
from turnout.store.log import CONFLICTING, DUPLICATE
from turnout.store.unit import View
from turnout.workspace import Destination

REQUESTS = 20_000
"""Requests of a destination that are looked through, the newest first."""
EVENTS = 200
"""Events of a destination that were sent again, looked at one by one."""
EXAMPLES = 3
_REPEATS = {
    Dedupe.ITEM: "It drops a repeat of the same event id, which every try carries.",
    Dedupe.BATCH: "It drops a repeat of the same request id, which every try carries.",
    Dedupe.UPSERT: "A repeat writes the same again and changes nothing.",
    Dedupe.NONE: "It drops no repeats: what it took twice is there twice.",
}


def doubts(view: View, eyes: Eyes, reader: Reader, since: int) -> list[Json]:
    """Tell for each connected destination what it may have got twice since a moment; those without any are left out."""
    rows = [_told(view, eyes, reader, each, since) for each in view.workspace.destinations.values()]
    return [row for row in sorted(rows, key=lambda row: -int(str(row["maybe_twice"]))) if row["maybe_twice"]]


def replays(view: View, since: int) -> list[Json]:
    """Tell what replays delivered since a moment: sent again on purpose."""
    names = {lane: each.name for lane, each in view.workspace.by_lane().items()}
    return [
        {
            "run_id": of_run(run.run),
            "destination": names[lane.lane],
            "begun_at": iso(run.at),
            "delivered": _delivered(view, lane.lane, run.run),
        }
        for lane in view.lanes.all()
        if lane.lane in names
        for run in view.lanes.runs(lane.lane)
        if run.run and run.at >= since
    ]


def _delivered(view: View, lane: int, run: int) -> int:
    codes = view.deliveries.codes_of(lane, run)
    return codes.get(DELIVERED, 0) + codes.get(ALREADY, 0)


def _told(view: View, eyes: Eyes, reader: Reader, destination: Destination, since: int) -> Document:
    lane = view.lanes.of(destination.id)
    assert lane is not None, "every destination has a lane"
    found = [(event, at) for event, stands, at in _again(view, eyes, lane, since) if _doubted(view, stands, event)]
    return {
        "destination": destination.name,
        "maybe_twice": len(found),
        "repeats": _repeats(view, eyes, destination),
        "examples": [
            {"message_id": reader.text(stored.message_id(event.body, event.meta)), "sent_again_at": iso(at)}
            for event, at in found[:EXAMPLES]
            if not event.blank
        ],
    }


def _again(view: View, eyes: Eyes, lane: LaneRow, since: int) -> Iterator[tuple[Stored, Standing, int]]:
    """Give the events that were in a request after the first, or in one that left a doubt, each once."""
    rows = view.deliveries.again(lane.lane, since, REQUESTS, EVENTS)
    sent = {seq: row.sent for row in reversed(rows) for seq, _ in row.members or ()}
    for seq, at in islice(sorted(sent.items(), reverse=True), EVENTS):
        event = view.log.get(seq)
        stands = standing(view, lane, event, eyes) if event is not None else None
        if event is not None and stands is not None:
            yield event, stands, at


def _doubted(view: View, stands: Standing, event: Stored) -> bool:
    """Tell whether a part of an event may have been taken by a try that is not its last."""
    return any(_twice(attempts(view, stands, part, event)) for part in stands.parts)


def _twice(tries: list[Json]) -> bool:
    outcomes = [each["outcome"] for each in tries if isinstance(each, dict)]
    taken = {code.word for code in BY_NUMBER.values() if code.verdict is Verdict.DELIVERED}
    return MAYBE in outcomes[:-1] and (outcomes[-1] in taken or outcomes[-1] == MAYBE)


def _repeats(view: View, eyes: Eyes, destination: Destination) -> str:
    """Say what the destination does with repeats, the worst of its actions."""
    bound = eyes.bound(view, destination, view.counter.revision)
    if isinstance(bound, TurnoutError):
        return "Its settings do not fit, so that nobody can tell."
    kinds = {action.dedupe for action in bound.target.actions.values()}
    return next(_REPEATS[each] for each in (Dedupe.NONE, Dedupe.BATCH, Dedupe.ITEM, Dedupe.UPSERT) if each in kinds)


def repeats(view: View, since: int) -> int:
    """Count what came again under an id that was there, and went nowhere a second time."""
    rows = view.counts.by_hour(0, since // HOUR)
    return sum(n for _, code, n in rows if code in {DUPLICATE, CONFLICTING})
