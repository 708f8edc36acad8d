"""Finding events, newest first, live and test; or the calls that were refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json, canonical
from turnout.errors import InvalidInput
from turnout.event.model import Kind, Stored
from turnout.guard.namespace import namespace
from turnout.operations import page
from turnout.operations.moments import SLACK, moment, require_order
from turnout.operations.reader import Reader
from turnout.operations.refusals import refusals
from turnout.operations.rows import event_row
from turnout.operations.sought import Sought
from turnout.operations.standing import standing
from turnout.operations.whose import Whose, events_of, people
from turnout.store.lanes import LaneRow
from turnout.store.session import NEWEST
from turnout.store.unit import View

SCAN = 20_000
"""Events that one call looks at."""
LOOKS = 10_000
"""Verdicts that one call reads: 40 us each."""
LIMIT = 100
_BLOCK = 500
_FREE = frozenset({"cursor", "limit"})
"""Arguments that may change from page to page."""


@dataclass(frozen=True, slots=True)
class Find:
    """What to find; empty is no limit. `refused`: calls that were not accepted, instead of events."""

    event: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    type: str = ""
    source: str = ""
    namespace: str = ""
    since: str = ""
    until: str = ""
    verdict: str = ""
    refused: bool = False
    cursor: str = ""
    limit: int = 20


def find_events(view: View, eyes: Eyes, reader: Reader, request: Find) -> Document:
    """List events, newest first. Raises: InvalidInput; NotFound for the source."""
    if not 1 <= request.limit <= LIMIT:
        raise InvalidInput(f"`limit` is {request.limit}: expected 1 to {LIMIT}.")
    sought = _read(view, request)
    listing = "find " + canonical({k: v for k, v in asdict(request).items() if k not in _FREE}).decode()
    before = page.take(view, reader, listing, request.cursor) or NEWEST
    if request.refused:
        rows, last, over = refusals(view, reader, sought, before, request.limit)
    else:
        rows, last, over = _events(view, eyes, reader, request, sought, before)
    return {
        "summary": _summary(len(rows), request, over=over),
        "events": rows,
        "next_cursor": None if over else page.give(view, reader, listing, last),
    }


def _read(view: View, request: Find) -> Sought:
    if request.type and request.type not in set(Kind):
        raise InvalidInput(f"`type` is none of the calls: expected {', '.join(Kind)}.")
    if request.verdict and request.verdict not in set(Verdict):
        raise InvalidInput(f"`verdict` is none there is: expected {', '.join(Verdict)}.")
    since = moment(request.since, view.now, name="since") if request.since else 0
    until = moment(request.until, view.now, name="until") if request.until else NEWEST
    require_order(since, until)
    return Sought(
        request.event,
        request.type,
        request.user_id,
        request.anonymous_id,
        view.workspace.source(request.source).id if request.source else 0,
        namespace(request.namespace) if request.namespace else "",
        since,
        until,
    )


def _events(
    view: View, eyes: Eyes, reader: Reader, request: Find, sought: Sought, before: int
) -> tuple[list[Json], int, bool]:
    """Give the rows, the seq before which to go on, and whether nothing is left."""
    lanes = view.lanes.all() if request.verdict else ()
    rows: list[Json] = []
    last = looks = 0
    for looked, event in enumerate(_candidates(view, sought, before)):
        if event.received < sought.since - SLACK:
            break
        if looked >= SCAN or looks >= LOOKS or len(rows) == request.limit:
            return rows, last, False
        last = event.seq
        if not sought.event_fits(event):
            continue
        looks += len(lanes)
        if not request.verdict or _came_to(view, eyes, lanes, event, request.verdict):
            rows.append(event_row(view, reader, event))
    return rows, 0, True


def _candidates(view: View, sought: Sought, before: int) -> Iterator[Stored]:
    if sought.until != NEWEST and (later := view.log.first_since(sought.until + SLACK + 1)) is not None:
        before = min(before, later)
    whose = Whose(sought.user_id, sought.anonymous_id)
    if whose.given():
        yield from events_of(view, people(view, whose, sought.namespace), before)
        return
    while block := view.log.back(before, _BLOCK):
        yield from block
        before = block[-1].seq


def _came_to(view: View, eyes: Eyes, lanes: tuple[LaneRow, ...], event: Stored, verdict: str) -> bool:
    stands = (standing(view, lane, event, eyes) for lane in lanes)
    return any(each is not None and each.worst.verdict == verdict for each in stands)


def _summary(count: int, request: Find, *, over: bool) -> str:
    what = "refused call" if request.refused else "event"
    said = f"{count} {what}{'' if count == 1 else 's'}, newest first."
    if over:
        return said
    if count < request.limit:
        return f"{said} This is not the end: a call looks at {SCAN:,} rows at most. Go on with next_cursor."
    return f"{said} There may be more: go on with next_cursor."
