"""A wall clock that jumps under processes that run, and a machine that was started again, its seconds from zero.

Who delivers stays, no retry is parked, nothing expires, and what is new is recorded and delivered all the while.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import law
from support.destination import Received, Recorder, Scripted
from support.driven import Agent, Serve, connect
from support.engine import open_store
from support.faulty import WallClock, may_move_monotonic, seeded, since_boot, tell
from support.program import kill
from support.worker import until
from turnout.delivery import verdict
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

HOUR, DAY = 3600, 86_400
JUMPS = {
    "two hours back": -2 * HOUR,
    "ten hours forward": 10 * HOUR,
    "forty days back": -40 * DAY,
    "three years forward": 3 * 365 * DAY,
}


@dataclass(slots=True)
class House:
    """Two processes under one clock."""

    data: Path
    vendor: Recorder
    serve: Serve
    agent: Agent
    clock: WallClock
    taken: set[str] = field(default_factory=set)
    """What was answered 200."""

    def busy(self) -> None:
        """Have the vendor answer 503."""
        self.vendor.script.decide = lambda _: Scripted(status=503)

    def well(self) -> None:
        """Have it take what comes."""
        self.vendor.script.decide = self._take

    def _take(self, received: Received) -> Scripted:
        self.taken.add(str(received.json()["messageId"]))
        return Scripted()

    def record(self, prefix: str, count: int = 10) -> set[str]:
        asked = [self.agent.track(f"{prefix}-{at}", f"u{at}") for at in range(count)]
        return {each.result(60).message_id for each in asked}

    def arrived(self) -> Counter[str]:
        """Give what was taken: requests that were answered 503 are none."""
        return Counter(str(each.json()["messageId"]) for each in list(self.vendor.received))

    def holder(self) -> str:
        return holder(self.data)


def holder(data: Path) -> str:
    lock = data / "delivery.lock"
    return lock.read_text().strip() if lock.exists() else ""


@contextmanager
def house(folder: Path) -> Iterator[House]:
    data = folder / "data"
    clock = WallClock(folder)
    with Recorder() as vendor:
        connect(data, vendor.url)
        with Serve(data, settings=clock.settings) as serve, Agent(data, settings=clock.settings) as agent:
            serve.delivers()
            yield House(data, vendor, serve, agent.opened(), clock)


def test_a_clock_that_jumps_parks_no_retry_expires_nothing_and_changes_not_who_delivers(tmp_path: Path) -> None:
    draw = seeded("clock jumps")
    jumps = draw.sample(sorted(JUMPS), len(JUMPS))
    took = []
    with house(tmp_path) as here:
        delivers = here.holder()
        every = here.record("first")
        until(lambda: every <= here.arrived().keys())
        for jump in jumps:
            here.busy()
            waiting = here.record(f"before {jump}")
            until(lambda waiting=waiting: waiting & here.arrived().keys())  # type: ignore[misc]

            here.clock.jump(JUMPS[jump])
            waiting |= here.record(f"after {jump}")
            here.well()
            began = time.monotonic()
            until(lambda waiting=waiting: waiting <= here.taken)  # type: ignore[misc]

            took.append(f"{jump} {time.monotonic() - began:.1f} s")
            assert here.holder() == delivers
            every |= waiting
        here.clock.jump(0)
        last = here.record("last")
        until(lambda: last <= here.arrived().keys())
        until(lambda: here.serve.ready()[0] == 200)
        assert (here.serve.stop(), here.agent.stop()) == (0, 0)
        assert all(here.arrived()[name] == 1 for name in last)
    store = open_store(tmp_path / "data")
    assert store.look(law.broken) == []
    assert store.look(verdicts) == {verdict.DELIVERED: len(every | last)}
    assert store.look(lambda view: view.log.bounds()) == (1, len(every | last)), "no event is gone"
    store.close()
    tell(f"{len(jumps)} jumps tried and survived; what waited was delivered after: {', '.join(took)}")


def verdicts(view: View) -> dict[int, int]:
    rows = view.session.rows("SELECT code, sum(last - seq + 1) FROM deliveries GROUP BY code")
    return {int(code): int(n) for code, n in rows}


def test_a_machine_that_comes_up_three_years_ahead_loses_nothing_to_its_age(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        here.busy()
        waiting = here.record("waiting")
        assert (here.serve.stop(), here.agent.stop()) == (0, 0)
        here.well()
        here.clock.jump(3 * 365 * DAY)
        with Serve(here.data, settings=here.clock.settings) as serve:
            serve.delivers()
            until(lambda: waiting <= here.taken)
            time.sleep(1)  # upkeep has had its first turn long since
            assert serve.stop() == 0
    store = open_store(tmp_path / "data")
    assert store.look(lambda view: view.log.bounds()) == (1, 10)
    assert store.look(verdicts) == {verdict.DELIVERED: 10}
    store.close()


def test_after_a_reboot_whose_seconds_begin_anew_everything_that_waited_goes_on(tmp_path: Path) -> None:
    before = since_boot(7) if may_move_monotonic() else ()
    with house(tmp_path) as here:
        here.busy()
        waiting = here.record("waiting")
        here.vendor.wait_for(3)
        for each in (here.serve, here.agent):
            kill(each.process)
        here.vendor.wait_until(lambda: not here.vendor.live)  # what they had sent is read
        here.well()
        with Serve(here.data, before=before) as serve:
            serve.delivers()
            began = time.monotonic()
            until(lambda: waiting <= here.taken)
            took = time.monotonic() - began
            assert serve.ready()[0] == 200
            assert serve.stop() == 0
    store = open_store(tmp_path / "data")
    assert store.look(law.broken) == []
    assert store.look(verdicts) == {verdict.DELIVERED: 10}
    store.close()
    tell(f"reboot ({'a monotonic clock of 7 s' if before else 'the same monotonic clock'}): survived in {took:.1f} s")
