from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.carrier import BUSY, Carrier, carrier
from support.told import Heard, heard
from support.workspace import Bench
from turnout.clock import DAY, SECOND
from turnout.operations.health import Rounds
from turnout.store import space
from turnout.store.lanes import LaneState
from turnout.store.pins import pins
from turnout.store.unit import View
from turnout.upkeep import expire
from turnout.upkeep.prune import Pruner
from turnout.upkeep.reign import Reign
from turnout.upkeep.watch import AGAIN_S, PINNED_S, Signs, Watch
from turnout.workspace import Destination

RETENTION = 90
READS = """
import sys
from pathlib import Path
from turnout.store.connect import connect_reader
reader = connect_reader(Path(sys.argv[1]))
reader.execute("BEGIN").close()
print(reader.execute("SELECT seq FROM counter").fetchone()[0], flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


@pytest.fixture
def hook(here: Bench) -> Destination:
    return here.connect("webhook", {"url": "https://hook.example.com/in"}, name="Hook")


@pytest.fixture
def told() -> Iterator[Heard]:
    with heard() as found:
        yield found


@contextmanager
def reading(database: Path) -> Iterator[int]:
    """Have a process of its own stay at the state of now; give its number."""
    command = [sys.executable, "-c", READS, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_what_a_lane_comes_to_is_told_once(here: Bench, hook: Destination, told: Heard) -> None:
    watch = Watch(here.store, RETENTION, Signs())
    names = []

    def change(state: LaneState | None, reason: str) -> None:
        here.store.commit(
            lambda unit: (
                unit.lanes.note_running(hook.lane, reason)
                if state is None
                else unit.lanes.set_state(hook.lane, state, reason)
            )
        )
        for _ in range(2):
            watch.advance()
        names.append([name for name, fields in told.events if fields.get("destination") == hook.id])
        told.events.clear()

    watch.advance()
    for state, reason in (
        (None, "trouble"), (None, "credentials"), (None, ""), (LaneState.PAUSED, "paused"), (LaneState.RUNNING, ""),
        (LaneState.REMOVED, "removed"),
    ):  # fmt: skip
        change(state, reason)

    assert names == [
        ["breaker_opened"], ["breaker_opened"], ["breaker_closed"], ["lane_paused"], ["lane_runs"], ["lane_removed"],
    ]  # fmt: skip


def test_a_lane_that_was_in_trouble_before_is_told_by_a_new_reign(here: Bench, hook: Destination, told: Heard) -> None:
    here.store.commit(lambda unit: unit.lanes.note_running(hook.lane, "credentials"))

    Watch(here.store, RETENTION, Signs()).advance()

    assert told.of("breaker_opened") == [{"destination": hook.id, "reason": "credentials"}]


@pytest.mark.parametrize(("days", "warned"), [(71, False), (73, True)])
def test_a_lane_is_warned_of_from_eighty_percent_of_retention_on(
    here: Bench, hook: Destination, told: Heard, days: int, *, warned: bool
) -> None:
    here.record({})
    here.clock.pass_s(days * DAY / SECOND)
    watch = Watch(here.store, RETENTION, Signs())

    watch.advance()
    watch.advance()
    words = here.look(lambda view: Rounds(view, here.catalogue, RETENTION).health(hook).words)

    expected = [{"destination": hook.id, "days": float(days), "retention_days": RETENTION}]
    assert told.of("retention_near") == (expected if warned else [])
    says = "behind: its oldest unread event is given up in 17.0 days, when it is 90 days old"
    assert words == (says if warned else "ok")


def test_it_is_told_again_every_hour_and_no_more_once_the_lane_has_read_on(
    here: Bench, hook: Destination, told: Heard
) -> None:
    here.record({})
    here.clock.pass_s(80 * DAY / SECOND)
    watch = Watch(here.store, RETENTION, Signs())

    watch.advance()
    here.clock.pass_s(AGAIN_S)
    watch.advance()
    twice = len(told.of("retention_near"))
    here.store.commit(lambda unit: unit.lanes.move(hook.lane, 0, 1))
    here.clock.pass_s(AGAIN_S)
    watch.advance()

    assert (twice, len(told.of("retention_near"))) == (2, 2)


def test_a_paused_lane_that_is_late_says_both(here: Bench, hook: Destination) -> None:
    here.record({})
    here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.PAUSED, "paused"))
    here.clock.pass_s(85 * DAY / SECOND)

    words = here.look(lambda view: Rounds(view, here.catalogue, RETENTION).health(hook).words)

    assert words == "paused: its oldest unread event is given up in 5.0 days, when it is 90 days old"


def test_a_disk_that_fills_up_is_told_and_told_when_it_has_room_again(
    here: Bench, told: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(here.store, RETENTION, Signs())
    with monkeypatch.context() as patch:
        patch.setattr(space, "FLOOR", 1 << 60)
        patch.setattr(space, "SHARE", 2.0)
        watch.advance()
    here.clock.pass_s(2)
    watch.advance()

    assert [name for name, _ in told.events] == ["disk_low", "disk_enough"]


def test_the_process_that_keeps_the_log_from_beginning_anew_is_named_and_forgotten_when_it_goes_on(
    here: Bench, told: Heard
) -> None:
    signs = Signs()
    watch = Watch(here.store, RETENTION, signs, pages=1)
    here.record({})
    with reading(here.store.path) as process:
        here.record({})
        watch.advance()
        early = signs.reader
        here.clock.pass_s(PINNED_S)
        for _ in range(2):
            here.record({})
            watch.advance()
        late = signs.reader
    watch.advance()

    assert (early, late, signs.reader) == (0, process, 0)
    (said,) = told.of("wal_pinned")
    assert (said["reader"], said["seconds"]) == (process, PINNED_S)
    assert said["pages"] > 0


def test_a_reader_of_the_newest_state_and_short_looks_pin_nothing(here: Bench, told: Heard) -> None:
    signs = Signs()
    watch = Watch(here.store, RETENTION, signs, pages=1)
    here.record({})
    with reading(here.store.path):
        for _ in range(3):
            watch.advance()
            here.clock.pass_s(PINNED_S)
    for _ in range(3):
        here.record({})
        watch.advance()
        here.clock.pass_s(PINNED_S)

    assert signs.reader == 0
    assert told.of("wal_pinned") == []


def test_nobody_is_named_while_the_log_is_short(here: Bench) -> None:
    signs = Signs()
    watch = Watch(here.store, RETENTION, signs)
    with reading(here.store.path):
        here.record({})
        watch.advance()
        here.clock.pass_s(PINNED_S)
        watch.advance()

    assert signs.reader == 0


def test_who_reads_is_known_with_what_they_see(here: Bench) -> None:
    here.record({})
    with reading(here.store.path) as process:
        here.record({})
        found, frames = pins(here.store.path)

    (mark,) = {pin.mark for pin in found if pin.process == process}
    assert 0 < mark < frames


def test_looking_drops_no_lock_of_our_own(here: Bench) -> None:
    """Closing any descriptor of the shared memory would: SQLite's locks on it are this process's."""

    def look(_: View) -> list[bool]:
        return [os.getpid() in {pin.process for pin in pins(here.store.path)[0]} for _ in range(3)]

    here.record({})
    before = here.look(look)
    here.store.close()  # the file is made anew
    here.record({})

    assert before == here.look(look) == [True] * 3


def test_what_was_pruned_and_what_expired_is_told(here: Bench, lanes: Carrier, hook: Destination, told: Heard) -> None:
    here.record({}, {}, {})
    lanes.deliver(hook, BUSY)
    here.record({})
    here.clock.pass_s(100 * DAY / SECOND)
    here.record({})
    reign = Reign(here.store, lanes.epoch)

    expire.advance(reign, RETENTION)
    pruner = Pruner(reign, RETENTION, 1 << 30)
    while not pruner.advance():
        pass

    assert told.of("expired") == [{"destination": hook.id, "events": 4}]
    assert told.of("pruned") == [{"events": 4, "seq": 4}]
