"""A disk that fails a write, a sync, a truncation or a read, once, for a while or for ever, beneath real processes.

`turnout serve` delivers and `turnout mcp` records on one directory; neither is restarted in a house, whatever fails.
What is refused is asked for again under its key once the disk is well. `FAULTS` sets how many faults are tried
(64); the seed is printed and `SEED` replays it.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import law
from support.destination import Recorder, Scripted
from support.driven import Agent, Serve, Told, connect, run
from support.engine import open_store
from support.faulty import FOR_EVER, READS, SYNCS, TRUNCATIONS, WRITES, Disk, seeded, tell
from support.worker import until
from turnout.delivery import verdict
from turnout.store import erasures
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

FAULTS = int(os.environ.get("FAULTS", "64"))
HOUSES = 4
STORED = "nothing was stored"


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault: whose disk, which calls, after how many, for how long."""

    who: str
    kinds: int
    skip: int
    count: int
    error: int
    torn: bool
    only: str
    calls: int


def plan(draw: random.Random) -> Plan:
    kinds = draw.choice([WRITES, SYNCS, SYNCS, WRITES | SYNCS, TRUNCATIONS | WRITES, READS, WRITES | SYNCS | READS])
    return Plan(
        draw.choice(["serve", "agent", "both"]),
        kinds,
        draw.choice([0, 0, 0, 0, 1, 1, 2, 3, 5, 8]),
        draw.choice([1, 1, 2, 6, FOR_EVER]),
        draw.choice([errno.EIO, errno.EIO, errno.ENOSPC]),
        draw.random() < 0.3,
        draw.choice(["", "", "", "", "-wal", "-wal", "-wal", "turnout.db", "-shm", "tail", ".lock"]),
        draw.randint(1, 8),
    )


@dataclass(slots=True)
class House:
    """Two processes on one directory, each on a disk of its own making."""

    data: Path
    vendor: Recorder
    serve: Serve
    agent: Agent
    disks: dict[str, Disk]
    failed: int = 0
    refused: int = 0
    ids: list[str] = field(default_factory=list)

    def live_through(self, number: int, fault: Plan) -> None:
        """Record while the disk fails; then, on a well disk, what was refused; nothing of it is lost or doubled."""
        mine = [disk for who, disk in self.disks.items() if fault.who in {who, "both"}]
        for disk in mine:
            disk.arm(
                fault.kinds, skip=fault.skip, count=fault.count, error=fault.error, torn=fault.torn, only=fault.only
            )
        keys = [f"{number}-{at}" for at in range(fault.calls)]
        asked = [self.agent.track(key, f"u{at % 3}") for at, key in enumerate(keys)]
        answers = [one.result(60) for one in asked]
        if fault.count == FOR_EVER:
            time.sleep(0.3)  # it goes on while the deliverer works
        self.failed += sum(disk.failed > 0 for disk in mine)
        for disk in mine:
            disk.heal()
        again = [self.once_more(key, told) if told.refused else told for key, told in zip(keys, answers, strict=True)]
        assert not [told for told in again if told.document["replayed"]], f"{fault}: refused, and stored all the same"
        self.ids += [told.message_id for told in again]
        until(lambda: set(self.ids) <= self.arrived().keys())

    def once_more(self, key: str, told: Told) -> Told:
        """Ask again what was refused, in words that say so, until it is recorded."""
        self.refused += 1
        assert told.text.startswith(("unavailable: ", "limit_exceeded: ")), told.text
        for _ in range(20):
            told = self.agent.track(key, f"u{int(key.split('-')[1]) % 3}").result(60)
            if not told.refused:
                return told
            time.sleep(0.1)
        raise AssertionError(f"it does not recover: {told.text}")

    def arrived(self) -> Counter[str]:
        return Counter(str(each.json()["messageId"]) for each in list(self.vendor.received))

    def leave(self) -> None:
        """Stop both, and look at what is on disk."""
        until(self._is_ready)
        assert self.serve.stop() == 0, self.serve.said
        self.agent.end_input()
        assert self.agent.ended() == 0, self.agent.said
        store = open_store(self.data)
        assert store.missing == 0
        assert store.look(law.broken) == []
        assert store.look(delivered) == len(self.ids) == len(set(self.ids))
        assert store.look(lambda view: view.session.rows("PRAGMA integrity_check")) == [("ok",)]
        store.close()
        twice = {name: n for name, n in self.arrived().items() if n > 1}
        assert not twice, "nobody died and every answer came: nothing may be sent twice"

    def _is_ready(self) -> bool:
        return self.serve.ready()[0] == 200


def delivered(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM deliveries WHERE code = ?", (verdict.DELIVERED,))[0][0])


@contextmanager
def house(folder: Path) -> Iterator[House]:
    folder.mkdir()
    data = folder / "data"
    with Recorder() as vendor:
        connect(data, vendor.url)
        disks = {who: Disk(folder, data) for who in ("serve", "agent")}
        with (
            Serve(data, settings=disks["serve"].settings) as serve,
            Agent(data, settings=disks["agent"].settings) as agent,
        ):
            serve.delivers()
            agent.opened()
            yield House(data, vendor, serve, agent, disks)


def live(folder: Path, seed: int, faults: int) -> tuple[int, int, int]:
    """Live through so many faults; give how many took hold, how many calls were refused and how many recorded."""
    draw = random.Random(seed)  # noqa: S311 - chance that must replay
    with house(folder) as here:
        for number in range(faults):
            fault = plan(draw)
            try:
                here.live_through(number, fault)
            except Exception as error:
                error.add_note(f"house {folder.name}, fault {number}: {fault}")
                error.add_note(f"{here.serve.said[-3000:]}\n{here.agent.said[-3000:]}")
                raise
        here.leave()
        return here.failed, here.refused, len(here.ids)


def test_whatever_fails_nothing_acknowledged_is_lost_nothing_is_sent_twice_and_nobody_is_restarted(
    tmp_path: Path,
) -> None:
    draw = seeded("failing disk")
    began = time.monotonic()
    seeds = [draw.getrandbits(32) for _ in range(HOUSES)]

    with ThreadPoolExecutor(HOUSES) as threads:
        lives = [
            threads.submit(live, tmp_path / f"house-{at}", seed, FAULTS // HOUSES) for at, seed in enumerate(seeds)
        ]
        told = [life.result() for life in lives]

    failed, refused, recorded = (sum(each) for each in zip(*told, strict=True))
    tell(
        f"{FAULTS} faults tried and survived, {failed} disks failed; {recorded} events recorded, {refused} of them "
        f"first refused; {time.monotonic() - began:.1f} s"
    )
    assert failed >= FAULTS // 3
    assert refused


def test_on_a_disk_that_fails_for_ever_it_is_not_ready_sends_nothing_and_goes_on_when_the_disk_is_well(
    tmp_path: Path,
) -> None:
    with house(tmp_path / "house") as here:
        here.ids.append(here.agent.track("before").result(60).message_id)
        here.vendor.wait_for(1)
        here.disks["serve"].arm(WRITES | SYNCS, count=FOR_EVER, only="turnout.db")

        here.ids += [here.agent.track(f"during-{at}", f"u{at}").result(60).message_id for at in range(30)]
        until(lambda: here.serve.ready()[0] == 503)
        code, why = here.serve.ready()
        until(lambda: here.disks["serve"].failed >= 6)

        assert (code, why["ok"]) == (503, False)
        assert STORED in why["reasons"][0]
        assert len(here.vendor.received) == 1, "what cannot be written down first is not sent"
        here.disks["serve"].heal()
        until(lambda: set(here.ids) <= here.arrived().keys())
        here.leave()


def test_answers_that_cannot_be_written_down_are_kept_and_nothing_more_is_sent(tmp_path: Path) -> None:
    with house(tmp_path / "house") as here:
        here.vendor.script.default = Scripted(delay_s=0.5)
        here.ids += [here.agent.track(f"k{at}", f"u{at}").result(60).message_id for at in range(40)]
        here.vendor.wait_for(4)
        here.disks["serve"].arm(WRITES | SYNCS, count=FOR_EVER, only="turnout.db")

        until(lambda: here.disks["serve"].failed >= 3)
        until(lambda: here.vendor.open == 0)
        sent = len(here.vendor.received)
        until(lambda: here.disks["serve"].failed >= 8)

        assert len(here.vendor.received) == sent <= 16, "a slot is free only when its settle is committed"
        here.disks["serve"].heal()
        until(lambda: set(here.ids) <= here.arrived().keys())
        here.leave()


def test_a_stop_on_a_disk_that_fails_ends_in_time_and_the_next_one_makes_it_whole(tmp_path: Path) -> None:
    with house(tmp_path / "house") as here:
        here.vendor.script.default = Scripted(delay_s=0.3)
        here.ids += [here.agent.track(f"k{at}", f"u{at}").result(60).message_id for at in range(20)]
        here.vendor.wait_for(3)
        for disk in here.disks.values():
            disk.arm(WRITES | SYNCS, count=FOR_EVER)

        began = time.monotonic()
        here.serve.stop()
        here.agent.end_input()
        here.agent.ended()

        assert time.monotonic() - began < 30
        with Serve(here.data) as serve:
            serve.listens()
            until(lambda: set(here.ids) <= here.arrived().keys())
            assert serve.stop() == 0
        store = open_store(here.data)
        assert store.look(law.broken) == []
        store.close()


LONG = """
import sys, time
from functools import partial
from pathlib import Path
from support.engine import open_store, record, track
from support.worker import until
from turnout.store.privacy import Regulation

def put(unit, number):
    unit.privacy.put(Regulation(f"r{number}", 1, "erase", "live", "", 0, b"", 0, b"x" * 4_000_000, 1))

store = open_store(Path(sys.argv[1]))
for stored in range(30):  # over 96 MB, which is looked at once a second
    store.commit(partial(put, number=stored))
time.sleep(1.1)
store.commit(partial(put, number=30))
print(31, store.look(lambda view: view.session.rows("SELECT count(*) FROM regulations"))[0][0])
"""


def test_a_checkpoint_that_fails_fails_no_caller_whose_commit_stands(tmp_path: Path) -> None:
    disk = Disk(tmp_path, tmp_path / "data")
    disk.arm(TRUNCATIONS, count=FOR_EVER, only="-wal")

    ended = preloaded(disk, LONG, tmp_path / "data")

    assert disk.failed
    assert ended.returncode == 0, ended.stderr
    told, found = ended.stdout.split()
    assert told == found


NOTES = """
import sys
from pathlib import Path
from turnout.store.privacy import Regulation
from turnout.store import erasures

path = Path(sys.argv[1]) / "erasures"
for number in range(2):
    regulation = Regulation(f"r{number}", 1, "erase", "live", "", 0, b"k" * 16, 0, b"", 1)
    erasures.append(path, regulation)
print([each.id for each in erasures.read(path).entries])
"""


@pytest.mark.parametrize("skip", [0, 1])
def test_a_line_of_who_was_erased_is_written_whole_or_not_at_all(skip: int, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    erasures.write(tmp_path / "data" / "erasures", erasures.Book())
    disk = Disk(tmp_path, tmp_path / "data")
    disk.arm(WRITES, skip=skip, torn=True, only="data/erasures")

    ended = preloaded(disk, NOTES, tmp_path / "data")

    assert disk.failed == 1
    assert ended.stdout.strip() == "['r0', 'r1']", ended.stderr


def test_keys_are_written_whole_or_the_next_one_makes_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for torn, count in ((True, 1), (True, 2), (False, 1)):
        disk = Disk(tmp_path, data)
        disk.arm(WRITES, torn=torn, count=count, error=errno.ENOSPC, only="data/keys")
        preloaded(disk, "import sys; from turnout import Turnout; Turnout(sys.argv[1]).track('u', 'E')", data)

        assert disk.failed == count
        code, told = run(data, "doctor")
        assert code == 0, told
        shutil.rmtree(data)


def preloaded(disk: Disk, script: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(data)], capture_output=True, text=True, check=False,
        timeout=120, cwd=Path(__file__).parents[1], env={**os.environ, **disk.settings},
    )  # fmt: skip
