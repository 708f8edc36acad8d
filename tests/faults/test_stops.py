"""Every way to end a process that records and delivers, with calls and requests on their way.

TERM and the end of input leave in order: exit 0 within 5 s and what a busy machine adds, no call is answered half, what
was acknowledged is there and `unknown` is only what was on its way. KILL and QUIT leave it to the next one. `STOPS`
sets how often each of the two graceful ones is tried (5); the seed is printed, `SEED` replays it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import law
from support.destination import Recorder, Scripted
from support.driven import Agent, Driven, Serve, Told, connect
from support.engine import open_store
from support.faulty import seeded, tell
from support.worker import until
from turnout.delivery import verdict
from turnout.event.stored import message_id
from turnout.store.owed import OwedState
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

STOPS = int(os.environ.get("STOPS", "5"))
IN_TIME_S = 5 + 40
SLOW_S = 60.0
"""Longer than a stop waits for answers, and may take."""
SLOTS = 16
NARROW = {"TURNOUT_MAX_IN_FLIGHT": str(SLOTS)}
"""What may be on its way to one destination, here: a quarter of what is usual, so that the bound is a tight one."""


@dataclass(slots=True)
class House:
    """One directory and one vendor, lived in by many processes one after the other."""

    data: Path
    vendor: Recorder
    ids: set[str]
    asked: int = 0

    def arrived(self) -> Counter[str]:
        return Counter(str(each.json()["messageId"]) for each in list(self.vendor.received))

    def ask(self, agent: Agent, count: int) -> list[Future[Told]]:
        self.asked += count
        first = self.asked - count
        return [agent.track(f"k{at}", f"u{at % 40}") for at in range(first, self.asked)]

    def hear(self, answers: list[Future[Told]], limit_s: float = 60) -> int:
        """Take in what was answered; give how many calls were not, or were refused."""
        missed = 0
        for answer in answers:
            try:
                told = answer.result(limit_s)
            except EOFError:
                missed += 1
                continue
            if told.refused and "Connection closed" in told.text:
                missed += 1
                continue
            if told.refused:
                assert told.text.startswith("unavailable: "), told.text
                missed += 1
            else:
                self.ids.add(told.message_id)
        return missed

    def opened(self) -> Store:
        store = open_store(self.data)
        assert store.missing == 0
        assert store.look(law.broken) == []
        assert self.ids <= store.look(names), "acknowledged, and gone"
        return store

    def check_left(self, *, slow: bool) -> None:
        """Hold what an end left behind: where all answers came in time, nothing is on its way."""
        store = self.opened()
        sending = store.look(lambda view: view.owed.states()).get(1, {}).get(OwedState.SENDING, 0)
        windows = store.look(lambda view: view.lanes.windows())
        store.close()
        assert sending <= SLOTS if slow else (sending, windows) == (0, ()), (sending, windows)

    def finish(self) -> None:
        """Let a last one deliver what is left, and hold everything against what was acknowledged."""
        self.vendor.script.default = Scripted()
        with Serve(self.data, settings=NARROW) as serve:
            serve.listens()
            until(lambda: self.ids <= self.arrived().keys())
            assert serve.stop() == 0
        store = self.opened()
        assert store.look(undelivered) == 0
        store.close()


def names(view: View) -> set[str]:
    return {str(message_id(each.body, each.meta)) for each in view.log.after(0, 100_000)}


def not_read(view: View) -> int:
    """Count what waits in the log for the one lane: the last events may have come as it was told to leave."""
    run = view.lanes.run(1, 0)
    assert run is not None
    return view.counter.seq - 1 - run.cursor


def undelivered(view: View) -> int:
    sql = (
        "SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = e.seq AND d.code = ?)"
    )
    return int(view.session.rows(sql, (verdict.DELIVERED,))[0][0])


def in_time(process: Driven, code: int = 0) -> float:
    """Wait for its end, in order and in time; give after how many seconds."""
    began = time.monotonic()
    found = process.ended()
    took = time.monotonic() - began
    assert found == code, process.said
    assert took < IN_TIME_S, process.said
    return took


@pytest.mark.parametrize("end", ["TERM", "end of input"])
def test_an_agents_server_that_ends_under_load_loses_nothing_and_doubts_only_what_was_on_its_way(
    end: str, tmp_path: Path
) -> None:
    draw = seeded(f"stop of mcp by {end}")
    delays = [SLOW_S, *(draw.choice([0.1, 0.3, 1.0]) for _ in range(STOPS - 1))]
    draw.shuffle(delays)
    took, unanswered = [], 0
    with Recorder() as vendor:
        connect(tmp_path / "data", vendor.url)
        here = House(tmp_path / "data", vendor, set())
        for delay in delays:
            vendor.script.default = Scripted(delay_s=delay)
            with Agent(here.data, settings=NARROW) as agent:
                here.hear(here.ask(agent, 20))
                asked = here.ask(agent, 40)
                time.sleep(draw.uniform(0, 0.3))
                if end == "TERM":
                    agent.signal(signal.SIGTERM)
                else:
                    agent.end_input()
                took.append(in_time(agent))
                agent.heard()
                missed = here.hear(asked)
            assert agent.strays == [], "no line that is no whole answer"
            assert not missed or end == "TERM", "what was read before the end of input is answered"
            unanswered += missed
            here.check_left(slow=delay == SLOW_S)
        here.finish()
    twice = sum(n - 1 for n in here.arrived().values())
    assert twice <= SLOTS, "sent twice without having been on its way at the one stop that did not wait for answers"
    tell(
        f"{STOPS} ends of mcp by {end} survived, {len(here.ids)} events, {unanswered} calls unanswered, "
        f"{twice} doubles; at most {max(took):.1f} s"
    )


def test_a_server_that_is_stopped_under_load_loses_nothing_and_doubts_only_what_was_on_its_way(tmp_path: Path) -> None:
    draw = seeded("stop of serve")
    delays = [SLOW_S, *(draw.choice([0.1, 0.3, 1.0]) for _ in range(STOPS - 1))]
    draw.shuffle(delays)
    took = []
    with Recorder() as vendor:
        connect(tmp_path / "data", vendor.url)
        here = House(tmp_path / "data", vendor, set())
        with Agent(here.data, settings=NARROW) as agent:
            for delay in delays:
                vendor.script.default = Scripted(delay_s=delay)
                with Serve(here.data, settings=NARROW) as serve:
                    serve.delivers()
                    asked = here.ask(agent, 40)
                    time.sleep(draw.uniform(0, 0.5))
                    serve.signal(signal.SIGTERM)
                    took.append(in_time(serve))
                    assert here.hear(asked) == 0, "another process's end is none of theirs"
            assert agent.stop() == 0
        here.finish()
    twice = sum(n - 1 for n in here.arrived().values())
    assert twice <= 3 * SLOTS, (
        "on its way when the agent handed over after 5 s of 60, when serve left, and when the agent handed over again"
    )
    tell(f"{STOPS} stops of serve survived, {len(here.ids)} events, {twice} doubles; at most {max(took):.1f} s")


def holder(data: Path) -> int:
    lock = data / "delivery.lock"
    return int(lock.read_text().strip() or 0) if lock.exists() else 0


SIGNALS = {"TERM": 0, "INT": 0, "HUP": -signal.SIGHUP, "KILL": -signal.SIGKILL}


@pytest.fixture
def hears_of_hup() -> Iterator[None]:
    """Under `nohup` a suite ignores it, and so would whatever it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hears_of_hup")
def test_whatever_signal_ends_both_the_next_ones_find_everything(tmp_path: Path) -> None:
    draw = seeded("signals")
    order = draw.sample(sorted(SIGNALS), len(SIGNALS))
    with Recorder() as vendor:
        connect(tmp_path / "data", vendor.url)
        here = House(tmp_path / "data", vendor, set())
        vendor.script.default = Scripted(delay_s=0.3)
        for which in order:
            with Serve(here.data, settings=NARROW) as serve, Agent(here.data, settings=NARROW) as agent:
                serve.listens()
                here.hear(here.ask(agent, 10))
                asked = here.ask(agent, 30)
                vendor.wait_until(lambda: vendor.open >= 3)
                for each in (serve, agent):
                    each.signal(signal.Signals[f"SIG{which}"])
                for each in (serve, agent):
                    in_time(each, SIGNALS[which])
                here.hear(asked)
            here.check_left(slow=SIGNALS[which] != 0)
        here.finish()
    twice = sum(n - 1 for n in here.arrived().values())
    assert twice <= 2 * SLOTS, "only what was on its way when HUP or KILL came"
    tell(f"{', '.join(order)} at both: survived, {len(here.ids)} events, {twice} doubles")


@pytest.mark.parametrize("first", ["TERM", "end of input"])
def test_a_second_signal_is_not_kept_waiting_by_a_slow_vendor_and_what_had_not_left_is_in_no_doubt(
    first: str, tmp_path: Path
) -> None:
    took: list[float] = []
    while len(took) < 3 and (not took or took[-1] >= 4):  # a machine that is busy may be late once or twice
        took.append(second_signal(first, tmp_path / f"data-{len(took)}"))
    assert min(took) < 4, "well under the 5 s that answers are waited for"
    tell(f"{first}, then TERM: survived, left {took[-1]:.1f} s after the second")


def second_signal(first: str, data: Path) -> float:
    """Stop one that waits for answers, and stop it again; give after how many seconds it left."""
    with Recorder() as vendor:
        connect(data, vendor.url)
        here = House(data, vendor, set())
        vendor.script.default = Scripted(delay_s=SLOW_S)
        with Serve(here.data, settings=NARROW) if first == "TERM" else Agent(here.data, settings=NARROW) as leaves:
            if isinstance(leaves, Serve):
                leaves.delivers()
            else:
                until(lambda: holder(here.data) == leaves.pid)
            with Agent(here.data, settings=NARROW) as agent:
                here.hear(here.ask(agent, 100))
                vendor.wait_for(SLOTS)
            if isinstance(leaves, Agent):
                leaves.end_input()
            else:
                leaves.signal(signal.SIGTERM)
            time.sleep(1)  # it waits for answers by now
            leaves.signal(signal.SIGTERM)
            took = in_time(leaves)
        store = here.opened()
        states = store.look(lambda view: view.owed.states()).get(1, {})
        unread = store.look(not_read)
        store.close()
        here.finish()
    assert states[OwedState.RETRY] + states.get(OwedState.HELD, 0) + unread >= 100 - SLOTS
    assert OwedState.UNKNOWN not in states
    assert sum(n - 1 for n in here.arrived().values()) <= SLOTS
    return took
