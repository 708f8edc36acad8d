"""What each step of an erasure does: one unit of it a call. Each gives whether it could; else it waits for somebody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from turnout import erasure
from turnout.delivery import endings, notices, verdict
from turnout.delivery.selection import read_selection, write_selection
from turnout.erasure import Kind
from turnout.event.model import LIVE
from turnout.evidence import frame
from turnout.store import erasures
from turnout.store.session import NEWEST
from turnout.store.unit import Unit, View
from turnout.upkeep import needles
from turnout.upkeep.erasing import Did, Work
from turnout.upkeep.needles import Wanted

EVIDENCE_EVENTS = 1_000
REQUESTS = 5_000
REFUSED = 200
PEOPLE = 100

_Frame: TypeAlias = tuple[int, int, bytes]
_Said: TypeAlias = tuple[int, int, bytes]
"""Lane, run, and a selection as stored."""


def _file(work: Work) -> bool:
    path = work.reign.store.folder / "erasures"

    def write(unit: Unit) -> Did:
        erasures.write_down(unit, path, work.regulation)
        return Did()

    work.commit(write)
    return True


def _cancel(work: Work) -> bool:
    code = verdict.CANCELLED_ERASED if work.kind.erases else verdict.CANCELLED_SUPPRESSED
    work.walk("cancelled", lambda unit, seqs: endings.cancel(unit, seqs, code))
    return True


def _in_flight(work: Work) -> bool:
    """Wait until no open window and no retry on its way holds one of the events."""
    if work.reign.look(work.scope.in_flight):
        return False
    work.commit(lambda _: Did())
    return True


def _notices(work: Work) -> bool:
    """Tell the destinations, now that nothing of the person can come after it."""

    def post(unit: Unit) -> Did:
        first, many = notices.post(unit, work.regulation)
        return Did(first, {"notices": many})

    work.commit(post)
    return True


def _events(work: Work) -> bool:
    """Leave tombstones; what came back from its way is cancelled first."""

    def bury(unit: Unit, seqs: Sequence[int]) -> int:
        endings.cancel(unit, seqs, verdict.CANCELLED_ERASED)
        unit.privacy.raise_generation()
        return unit.log.bury(seqs)

    work.walk("erased", bury)
    return True


def _answers(work: Work) -> bool:
    work.walk("erased", lambda unit, seqs: unit.keys.erase(seqs))
    return True


def _evidence(work: Work) -> bool:
    """Rewrite the frames of the requests that the ledger names for the events."""

    def find(view: View) -> tuple[list[_Frame], int]:
        page, reached = work.scope.page(view, work.step.cursor, EVIDENCE_EVENTS)
        runs = [(lane.lane, run.run) for lane in view.lanes.all() for run in view.lanes.runs(lane.lane)]
        named = {each for seq in page for run in runs for each in view.deliveries.requests_of(*run, seq)}
        return _rewritten(view, named), reached

    found, reached = work.reign.look(find)
    work.commit(lambda unit: Did(reached, {"frames": _replace(unit, found)}, reached >= work.scope.until))
    return True


def _batches(work: Work) -> bool:
    """Rewrite the frames of the requests that list one of the events."""

    def find(view: View) -> tuple[list[_Frame], int, bool]:
        page = view.deliveries.members(work.step.cursor, REQUESTS)
        seqs = [seq for _, members in page for seq in members]
        mine = work.scope.among(view, min(seqs), max(seqs)) if seqs else frozenset()
        named = {request for request, members in page if not mine.isdisjoint(members)}
        return _rewritten(view, named), page[-1][0] if page else work.step.cursor, len(page) < REQUESTS

    found, reached, done = work.reign.look(find)
    work.commit(lambda unit: Did(reached, {"frames": _replace(unit, found)}, done))
    return True


def _rewritten(view: View, requests: set[int]) -> list[_Frame]:
    """Take these requests out of the frames that hold them; nobody else changes a frame in this reign."""
    gone = frozenset(requests)
    places = view.exchanges.holding(sorted(gone))
    found = ((kept, first, frame.without(view.exchanges.frame(kept, first), gone)) for kept, first in places)
    return [(kept, first, changed) for kept, first, changed in found if changed is not None]


def _replace(unit: Unit, frames: Sequence[_Frame]) -> int:
    return sum(unit.exchanges.replace(kept, first, changed) for kept, first, changed in frames)


def _names(work: Work) -> bool:
    """Take the names that no event has any more, and those in which an identifier stands; out of replays, too.

    They are looked for outside the turnstile. A name that was sent again meanwhile stays; where a replay began
    meanwhile, the next turn looks anew.
    """

    def find(view: View) -> tuple[list[int], list[int], list[_Said], int]:
        wanted = needles.unseal(view, work.regulation, work.steps)
        every = view.log.every_name()
        unused = [number for number, _, n in every if n <= 0]
        told = [number for number, name, n in every if n > 0 and wanted.within(name)]
        return unused, told, _selections(view, wanted), view.counter.lanes

    unused, told, said, lanes = work.reign.look(find)

    def write(unit: Unit) -> Did:
        if unit.counter.lanes != lanes:
            return Did(done=False)
        for lane, run, selection in said:
            unit.lanes.select(lane, run, selection)
        gone = [number for number in unused if unit.log.stored_with(number) <= 0]
        return Did(0, {"erased": unit.log.erase_names([*gone, *told])})

    work.commit(write)
    return True


def _selections(view: View, wanted: Wanted) -> list[_Said]:
    """Find the replays of such a name, each as it is to read: nothing has the name, so nothing else is selected."""
    found: list[_Said] = []
    for lane in view.lanes.all():
        for run in view.lanes.runs(lane.lane):
            chosen = read_selection(run.selection).selection if run.selection else None
            if chosen is not None and wanted.within(chosen.event):
                said = write_selection(msgspec.structs.replace(chosen, event="[erased]"))
                found.append((lane.lane, run.run, said))
    return found


def _refused(work: Work) -> bool:
    """Clear the refused calls in which an identifier stands, or all of a namespace."""
    space = work.regulation.namespace if work.kind is Kind.CLEAR else ""

    def find(view: View) -> tuple[list[int], int]:
        page = view.log.refused(work.step.cursor or NEWEST, REFUSED, space)
        wanted = needles.unseal(view, work.regulation, work.steps)
        mine = [n for n, each in page if space or wanted.within(each.body) or wanted.within(each.message_id)]
        return mine, page[-1][0] if len(page) == REFUSED else 0

    numbers, reached = work.reign.look(find)
    work.commit(lambda unit: Did(reached, {"erased": unit.log.forget_refused(numbers)}, not reached))
    return True


def _profile(work: Work) -> bool:
    def forget(unit: Unit) -> Did:
        if work.regulation.person:
            unit.people.forget(work.regulation.person)
        return Did()

    def forget_page(unit: Unit) -> Did:
        assert work.regulation.namespace != LIVE, "only a test namespace is cleared"
        page = unit.log.people_in(work.regulation.namespace, work.step.cursor, PEOPLE)
        for person in page:
            unit.people.forget(person)
        return Did(page[-1] if page else 0, {"people": len(page)}, len(page) < PEOPLE)

    work.commit(forget_page if work.kind is Kind.CLEAR else forget)
    return True


STEPS: Mapping[str, Callable[[Work], bool]] = {
    erasure.FILE: _file,
    erasure.CANCEL: _cancel,
    erasure.IN_FLIGHT: _in_flight,
    erasure.NOTICES: _notices,
    erasure.EVENTS: _events,
    erasure.ANSWERS: _answers,
    erasure.EVIDENCE: _evidence,
    erasure.BATCHES: _batches,
    erasure.NAMES: _names,
    erasure.REFUSED: _refused,
    erasure.PROFILE: _profile,
}
"""All but the last one, of the log file: that one is for all regulations at once."""
