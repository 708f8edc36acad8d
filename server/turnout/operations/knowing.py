"""What each connected destination knows of a person: what it got last, what waits, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from turnout.clock import iso
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json
from turnout.event import stored
from turnout.event.model import Namespace, Stored
from turnout.operations.reader import Reader
from turnout.operations.standing import standing
from turnout.store.lanes import LaneRow
from turnout.store.unit import View

LOOKS = 4_000
"""Verdicts that one call reads: 40 us each."""
EVENTS = 50
"""Events of a person that a destination is asked of, at most."""


def known_there(
    view: View, eyes: Eyes, reader: Reader, space: Namespace, events: Iterable[Stored], people: int
) -> list[Json]:
    """Tell it for each connected destination, over the newest events; `people` share what may be read."""
    names = {lane: each.name for lane, each in view.workspace.by_lane().items()}
    lanes = [lane for lane in view.lanes.all() if lane.lane in names]
    looked = [each for each in islice(events, _share(len(lanes), people)) if not each.blank]
    return [_known(view, eyes, reader, space, names[lane.lane], lane, looked) for lane in lanes]


def passed_by(row: Json) -> bool:
    """Tell whether nothing of the person was for a destination: it does not receive their namespace."""
    return isinstance(row, dict) and row.get("reasons") == {"namespace": row.get("of_events")}


def _share(lanes: int, people: int) -> int:
    return max(1, min(EVENTS, LOOKS // max(1, lanes * people)))


def _known(
    view: View, eyes: Eyes, reader: Reader, space: Namespace, name: str, lane: LaneRow, events: Iterable[Stored]
) -> Document:
    found = [(each, stands.worst) for each in events if (stands := standing(view, lane, each, eyes)) is not None]
    tally = Counter(part.verdict for _, part in found)
    last = next((each for each, part in found if part.verdict is Verdict.DELIVERED), None)
    why = Counter(part.reason for _, part in found if part.verdict not in {Verdict.DELIVERED, Verdict.WAITING})
    return {
        "namespace": space,
        "destination": name,
        "of_events": len(found),
        **{str(verdict): tally[verdict] or None for verdict in Verdict},
        "reasons": dict(why.most_common(3)) or None,
        "last_delivered": None if last is None else _event(reader, last),
    }


def _event(reader: Reader, event: Stored) -> Document:
    return {"message_id": reader.text(stored.message_id(event.body, event.meta)), "received_at": iso(event.received)}
