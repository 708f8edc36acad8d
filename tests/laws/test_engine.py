"""For any sequence of record, open, send, answer, settle, retry, crash, take-over, pause, replay, suppress, cancel
and merge over the real store, after every step: what is recorded has, at a lane that passed it, exactly one of a
ledger row, an owed row, a place in an open window; a ledger row never changes; counts are the ledger counted; a
confirmed part is not sent again; a person's events leave one by one, in the order of recording.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache, partial
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from support import law
from support.engine import Poster, connect, eyes, open_store, record, track
from support.workspace import StillClock
from turnout.delivery import commits, endings, reigns, verdict
from turnout.delivery.batch import Batch
from turnout.delivery.look import Looked, Wanted, look
from turnout.delivery.order import Line
from turnout.delivery.schedule import Schedule
from turnout.delivery.selection import Selection, ended, write_selection
from turnout.delivery.settlement import Answered, Back, Finished, Held, Settled, Unsent, settlement
from turnout.delivery.window import Part
from turnout.event.model import LIVE
from turnout.exchange import Class, Outcome
from turnout.identity.model import Identifier, IdType
from turnout.store.lanes import LaneState
from turnout.store.unit import Unit

PEOPLE = [("u1", ""), ("u2", ""), ("", "a1"), ("u1", "a1"), ("u3", "")]
ENDS = {
    Class.SUCCESS: Outcome(Class.SUCCESS, "delivered", 200),
    Class.FINAL: Outcome(Class.FINAL, "http_404", 404),
    Class.RETRY: Outcome(Class.RETRY, "http_503", 503),
    Class.UNKNOWN: Outcome(Class.UNKNOWN, "timeout"),
    Class.CREDENTIALS: Outcome(Class.CREDENTIALS, "http_401", 401),
    Class.SPLIT: Outcome(Class.SPLIT, "http_400", 400),
}
SCHEDULE = Schedule(0.5, 2)


@cache
def template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="turnout-law-")) / "template"
    store = open_store(folder, StillClock())
    store.commit(connect)
    store.close()
    return folder


class Engine(RuleBasedStateMachine):
    """One lane of one reign, its memory as `delivery.lane` keeps it, step by step."""

    @initialize(size=st.sampled_from([1, 3]), per=st.sampled_from([1, 1, 2]))
    def begin(self, size: int, per: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnout-law-")) / "data"
        shutil.copytree(template(), self.folder)
        self.clock = StillClock()
        self.store = open_store(self.folder, self.clock)
        self.eyes = eyes(Poster(max_items=size, per=per))
        self.ids = 0
        self.confirmed: set[tuple[int, int, int]] = set()
        self.ledger: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.epoch = 0
        self.crash()

    # -- the log ------------------------------------------------------------------------------------------

    @rule(who=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4), again=st.booleans())
    def record(self, who: list[tuple[str, str]], *, again: bool) -> None:
        """Record events of a few people, some of whom turn out to be one."""
        calls = []
        for user, anonymous in who:
            self.ids += 0 if again and self.ids else 1
            calls.append(track(f"m{self.ids}", user, anonymousId=anonymous))
        record(self.store, *calls)

    @rule(user=st.sampled_from(["u1", "u2"]), lift=st.booleans())
    def suppress(self, user: str, *, lift: bool) -> None:
        key = self.store.vault.identifier(Identifier(LIVE, IdType.USER, user))
        self.store.commit(lambda unit: unit.privacy.unsuppress([key]) if lift else unit.privacy.suppress([key], "r1"))

    @rule(back=st.integers(0, 5))
    def cancel(self, back: int) -> None:
        end = self.store.look(lambda view: view.counter.seq)
        self.store.commit(lambda unit: endings.cancel(unit, [max(1, end - 1 - back)], verdict.CANCELLED_ERASED))

    @rule(seconds=st.sampled_from([0.3, 2.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    # -- the lane -----------------------------------------------------------------------------------------

    @rule(n=st.integers(1, 5), turn=st.integers(0, 1))
    def open_window(self, n: int, turn: int) -> None:
        found = self.look(Wanted(batches=0, events=n, probe=False, turn=turn))
        if self.state is not LaneState.RUNNING or found.opening is None:
            return
        opening = found.opening
        free = self.store.commit(partial(commits.open_window, opening=opening, epoch=self.epoch))
        if free:
            home = (opening.run, opening.after + 1)
            self.windows[home] = len(free)
            self.home.update(dict.fromkeys((part.key for part in free), home))
            self.line.add(free, self.clock.monotonic())

    @rule()
    def send(self) -> None:
        if self.state is LaneState.RUNNING and (
            batch := self.again.pop(0) if self.again else self.line.take(self.clock.monotonic(), 0)
        ):
            self.leave(batch)

    @rule(batches=st.integers(1, 3))
    def retry(self, batches: int) -> None:
        found = self.look(Wanted(batches=batches, events=0, probe=False))
        if self.state is not LaneState.RUNNING or not (found.retries or found.ended):
            return
        mark = partial(
            commits.retry, lane=1, batches=found.retries, ended=found.ended, epoch=self.epoch, revision=found.revision
        )
        for batch in self.store.commit(mark):
            for part in batch.parts:
                self.line.occupy(part)
            self.leave(batch)

    @precondition(lambda self: self.in_flight)
    @rule(at=st.integers(0, 9), ends=st.lists(st.sampled_from(list(ENDS)), min_size=3, max_size=3))
    def answer(self, at: int, ends: list[Class]) -> None:
        batch = self.in_flight.pop(at % len(self.in_flight))
        outcomes = tuple(ENDS[ends[i % 3]] for i in range(len(batch.parts)))
        if ends[0] is Class.SPLIT:
            outcomes = (ENDS[Class.SPLIT],) * len(batch.parts)
        self.answered.append(Answered(batch, outcomes, self.clock.now(), 3, ()))

    @precondition(lambda self: self.answered)
    @rule(most=st.integers(1, 4))
    def settle(self, most: int) -> None:
        """Settle some of what was answered."""
        taken = self.answered[:most]
        done = settlement(taken, SCHEDULE, self.clock.now(), lambda: 0.5)
        held = [Held(part) for each in done.settled if isinstance(each, Back) for part in self.line.stalled(each.part)]
        self.write([*done.settled, *held], taken)
        self.again += done.again
        del self.answered[:most]
        for each in done.settled:
            if isinstance(each, Finished):
                self.line.done(each.part, self.clock.monotonic())
                if each.code == verdict.DELIVERED:
                    self.confirmed.add(each.part.key)

    @rule()
    def pause(self) -> None:
        self.store.commit(lambda unit: unit.lanes.set_state(1, LaneState.PAUSED, "tests"))
        self.look(Wanted(batches=0, events=0, probe=False))

    @rule()
    def resume(self) -> None:
        self.store.commit(lambda unit: unit.lanes.set_state(1, LaneState.RUNNING, ""))
        self.look(Wanted(batches=0, events=0, probe=False))

    @rule(word=st.sampled_from(["", "delivered"]))
    def replay(self, word: str) -> None:
        def begin(unit: Unit) -> None:
            if unit.counter.seq > 1 and len(unit.lanes.runs(1)) < 3:
                selection = write_selection(Selection(verdict=word, over=ended(unit, 1) if word else ()))
                unit.lanes.begin(1, unit.lanes.new_run(), 0, unit.counter.seq - 1, selection)

        self.store.commit(begin)

    @rule()
    def crash(self) -> None:
        """Forget everything, and let a new reign find out what was on its way."""
        self.epoch = self.store.commit(partial(reigns.take_over, look=self.eyes.at))
        self.line = Line()
        self.windows: dict[tuple[int, int], int] = {}
        self.home: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.in_flight: list[Batch] = []
        self.answered: list[Answered] = []
        self.again: list[Batch] = []
        self.state = LaneState.RUNNING
        self.look(Wanted(batches=0, events=0, probe=False))

    # -- what a lane does ---------------------------------------------------------------------------------

    def look(self, wanted: Wanted) -> Looked:
        found = self.store.look(partial(look, lane=1, eyes=self.eyes, wanted=wanted, epoch=self.epoch))
        self.state = found.state
        if found.state is LaneState.PAUSED:
            again = [part for batch in self.again for part in batch.parts]
            self.again.clear()
            behind = [each for part in again for each in self.line.stalled(part)]
            self.write([Unsent(part) for part in (*again, *behind, *self.line.drain())], [])
        return found

    def write(self, settled: list[Settled], answered: list[Answered]) -> None:
        done = settlement(answered, SCHEDULE, self.clock.now(), lambda: 0.5)
        done = type(done)(done.asked, tuple(settled), ())
        left: dict[tuple[int, int], int] = {}
        for each in settled:
            if (home := self.home.get(each.part.key)) is not None:
                left[home] = left.get(home, self.windows[home]) - 1
        closed = tuple(home for home, n in left.items() if n == 0)
        self.store.commit(
            lambda unit: commits.settle(unit, 1, done, self.epoch, closed=closed, keep_plain=False), len(settled)
        )
        for each in settled:
            self.home.pop(each.part.key, None)
        for home, n in left.items():
            self.windows[home] = n
            if not n:
                del self.windows[home]

    def leave(self, batch: Batch) -> None:
        for part in batch.parts:
            assert part.key not in self.confirmed, f"{part.key} was confirmed, and leaves again"
            assert not self.on_its_way(part), f"{part.key} leaves beside another event of its person"
        assert len({part.person for part in batch.parts}) == len({part.seq for part in batch.parts}), "one of a person"
        self.in_flight.append(batch)

    def on_its_way(self, part: Part) -> bool:
        """Tell whether another event of the same recorded person and run is on its way."""
        going = [*self.in_flight, *(each.batch for each in self.answered), *self.again]
        return any(
            other.run == part.run and other.person == part.person and other.seq != part.seq
            for batch in going
            for other in batch.parts
        )

    # -- the laws -----------------------------------------------------------------------------------------

    @invariant()
    def the_law_holds(self) -> None:
        found = self.store.look(law.broken)
        assert not found, "\n".join(found)

    @invariant()
    def a_ledger_row_never_changes(self) -> None:
        found = self.store.look(law.ledger)
        assert self.ledger.items() <= found.items()
        self.ledger = found

    @override
    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder.parent)


Engine.TestCase.settings = settings(
    max_examples=max(40, settings().max_examples), stateful_step_count=30, print_blob=True
)
TestEngine = Engine.TestCase
