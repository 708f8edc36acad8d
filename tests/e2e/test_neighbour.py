"""One destination that is dead beside one that is well: what the second one gets, and what the first one costs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from support.destination import Recorder
from support.engine import caller, track
from support.program import Program
from support.script import Rule, Script, Scripted
from support.worker import until
from turnout.clock import SystemClock
from turnout.delivery.window import WINDOW_EVENTS
from turnout.entropy import SystemEntropy
from turnout.event.model import LIVE
from turnout.ingest import ingest
from turnout.store.store import Store

pytestmark = pytest.mark.timeout(480)

SETTINGS = (("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"), ("TURNOUT_RETRY_BASE_S", "0.2"), ("TURNOUT_RETRY_CAP_S", "1"))
HANG = Scripted(act="hang")
FAIL = Scripted(status=503)
PROMPT_S = 10.0
"""Behind one hanging request it would take 15 s."""
FEW, MANY = 2_000, 12_000
COSTS_MB = 20


def dead(answer: Scripted) -> Recorder:
    """Make a receiver that gives every request this answer, or none."""
    return Recorder(Script(rules=[Rule([answer], repeat=True)]))


def connect(program: Program, name: str, receiver: Recorder) -> None:
    url = f"url={receiver.url}/hook"
    program.tell("destination", "connect", "webhook", "--name", name, "--set", url, "--receives", "all", "--yes")


def record(store: Store, first: int, count: int) -> None:
    """Record events of a thousand people, five hundred in a commit."""
    for start in range(first, first + count, 500):
        calls = tuple(track(f"m{n}", f"u{n % 1000}") for n in range(start, min(start + 500, first + count)))
        store.commit(partial(ingest, calls=calls, caller=caller(store.clock.now(), namespace=LIVE)))


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    store = Store(folder, SystemClock(), SystemEntropy()).open()
    try:
        yield store
    finally:
        store.close()


def resident_mb(process: int) -> float:
    """Give what a process holds in memory now."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


@pytest.mark.parametrize("answer", [HANG, FAIL], ids=["hangs", "fails"])
def test_a_dead_destination_holds_up_no_other_one(answer: Scripted, data_dir: Path) -> None:
    program = Program(data_dir, SETTINGS)
    with dead(answer) as lost, Recorder() as well:
        connect(program, "Lost", lost)
        connect(program, "Well", well)
        with program.serving(), opened(data_dir) as store:
            record(store, 0, 300)
            until(lambda: len(well.received) == 300)
            took = []
            for n in range(10):
                began = time.monotonic()
                record(store, 1000 + n, 1)
                until(lambda n=n: any(f'"m{1000 + n}"'.encode() in each.body for each in well.received))  # type: ignore[misc]
                took.append(time.monotonic() - began)

    assert max(took) < PROMPT_S
    assert lost.received
    assert len(well.received) == 310


def test_what_waits_for_a_dead_destination_takes_no_memory(data_dir: Path) -> None:
    program = Program(data_dir, SETTINGS)
    with dead(FAIL) as lost, Recorder() as well:
        connect(program, "Lost", lost)
        connect(program, "Well", well)
        with program.serving(), opened(data_dir) as store:
            record(store, 0, FEW)
            until(lambda: len(well.received) == FEW, 120)
            process = int((data_dir / "delivery.lock").read_text())
            with_few = resident_mb(process)
            record(store, FEW, MANY - FEW)
            until(lambda: len(well.received) == MANY, 180)
            with_many = resident_mb(process)
            waiting = program.tell("destination", "list")["destinations"]

    owed = {each["name"]: each["waiting"] for each in waiting}
    assert owed["Lost"] >= MANY - WINDOW_EVENTS  # what is in hand is counted neither as unread nor as owed
    assert owed["Well"] == 0
    assert with_many - with_few <= COSTS_MB
