"""Finding events, newest first, live and test; or the calls that were refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json, canonical
from turnout.errors import InvalidInput, listed
from turnout.event.model import Kind, Stored
from turnout.guard.namespace import namespace
from turnout.operations import page
from turnout.operations.counted import counted
from turnout.operations.deliveries import in_short
from turnout.operations.moments import SLACK, moment, require_order
from turnout.operations.reader import Reader
from turnout.operations.refusals import refusals
from turnout.operations.rows import event_row
from turnout.operations.sought import Sought
from turnout.operations.standing import Standing, standing
from turnout.operations.whose import Whose, events_of, people
from turnout.store.lanes import LaneRow
from turnout.store.session import NEWEST
from turnout.store.unit import View

SCAN = 20_000
"""Events that one call looks at."""
LOOKS = 10_000
"""Verdicts that one call reads: 40 us each."""
LIMIT = 100
NAMED = 2
"""Destinations that a row names."""
_BLOCK = 500
_FREE = frozenset({"cursor", "limit"})
"""Arguments that may change from page to page."""


@dataclass(frozen=True, slots=True)
class Find:
    """What to find; empty is no limit. `refused`: calls that were not accepted, instead of events.

    `verdict` is one at any destination, or at `destination`.
    """

    event: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    type: str = ""
    source: str = ""
    namespace: str = ""
    since: str = ""
    until: str = ""
    verdict: str = ""
    destination: str = ""
    refused: bool = False
    cursor: str = ""
    limit: int = 20


def find_events(view: View, eyes: Eyes, reader: Reader, request: Find) -> Document:
    """List events, newest first. Raises: InvalidInput; NotFound for the source or the destination."""
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
        "summary": _summary(view, rows, request, over=over),
        "events": rows,
        "next": _nearby(request) or None if over and not rows else None,
        "next_cursor": None if over else page.give(view, reader, listing, last),
    }


def _read(view: View, request: Find) -> Sought:
    if request.type and request.type not in set(Kind):
        raise InvalidInput(f"`type` is none of the calls: expected {', '.join(Kind)}.")
    if request.verdict and request.verdict not in set(Verdict):
        raise InvalidInput(f"`verdict` is none there is: expected {', '.join(Verdict)}.")
    if request.refused and request.destination:
        raise InvalidInput("`destination` does not go with refused calls: they are no events, and went nowhere.")
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
    lanes = _lanes(view, request)
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
        stands = _stands(view, eyes, lanes, event, request.verdict)
        if stands or not lanes:
            rows.append(event_row(view, reader, event) | _at(view, stands))
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


def _lanes(view: View, request: Find) -> Sequence[LaneRow]:
    """Give the lanes whose verdicts are asked about; none where none is."""
    if request.destination:
        row = view.lanes.of(view.workspace.destination(request.destination).id)
        return () if row is None else (row,)
    return view.lanes.all() if request.verdict else ()


def _stands(view: View, eyes: Eyes, lanes: Sequence[LaneRow], event: Stored, verdict: str) -> list[Standing]:
    """Tell where the event came to this verdict; without one, how it stands at each."""
    every = [each for lane in lanes if (each := standing(view, lane, event, eyes)) is not None]
    return [each for each in every if not verdict or each.worst.verdict == verdict]


def _at(view: View, stands: Sequence[Standing]) -> Document:
    if not stands:
        return {}
    more = [f"and {len(stands) - NAMED} more"] if len(stands) > NAMED else []
    return {"at": "; ".join([in_short(view, each) for each in stands[:NAMED]] + more)}


def _nearby(request: Find) -> list[Json]:
    """Where nothing was found, lead to what says what came near: a slip in an argument finds nothing."""
    names = ("user_id", "anonymous_id", "event", "destination", "namespace")
    given: Document = {name: value for name in names if (value := str(getattr(request, name)))}
    if request.user_id or request.anonymous_id:
        why = "Says what came near it: another spelling, person, namespace or time."
        return [{"tool": "debug_event_delivery", "arguments": given, "why": why}]
    if request.event:
        only: Document = {"event": request.event}
        return [{"tool": "audit_routing", "arguments": only, "why": "Lists the names that look like this one."}]
    return []


def _summary(view: View, rows: Sequence[Json], request: Find, *, over: bool) -> str:
    what = "refused call" if request.refused else "event"
    if over and not rows:
        return f"No {what} {'fits' if not request.cursor else 'is left'}.{_elsewhere(view, request)}"
    said = f"{counted(len(rows), what)}, newest first{_why(rows, request)}."
    if over:
        return said
    if len(rows) < request.limit:
        return f"{said} This is not the end: a call looks at {SCAN:,} rows at most. Go on with next_cursor."
    return f"{said} There may be more: go on with next_cursor."


def _elsewhere(view: View, request: Find) -> str:
    """Of a namespace without any event, name those that have some: a slip finds nothing."""
    there = [name for name, _ in view.log.namespaces()]
    return f" There are events of {listed(there)}." if there and request.namespace not in ["", *there] else ""


def _why(rows: Sequence[Json], request: Find) -> str:
    """Count refused calls by the word of their reason."""
    if not request.refused or not rows:
        return ""
    words = Counter(str(row["reason"]).partition(":")[0] for row in rows if isinstance(row, dict))
    return f": {', '.join(f'{n} {word}' for word, n in words.most_common())}"
