"""The bar: kill -9 of whoever delivers, again and again, while three processes record and the destination is rude.

Acknowledged events lost: 0. Parts whose confirmation was committed, sent again: 0. Doubles: only of what was on
its way, or just answered, at a kill. `KILLS` sets how often (30); the seed is printed and `SEED` replays it.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import law
from support.destination import Received, Recorder, Script, Scripted
from support.engine import connect, open_store
from support.worker import Worker, start, until
from turnout.delivery import verdict
from turnout.store.locks import FileLock
from turnout.store.store import Store
from turnout.store.unit import View

KILLS = int(os.environ.get("KILLS", "30"))
EVENTS = 1000
WRITERS = ("a", "b", "c")
ITEMS = 3
SLOTS = 64


@dataclass(slots=True)
class Rude:
    """A tenth 503, some slow, some resets; the rest is taken, and written down in order."""

    draw: random.Random
    taken: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def decide(self, request: Received) -> Scripted:
        ids = [str(each) for each in json.loads(request.body)]
        self.seen.update(ids)
        fate = self.draw.random()
        if fate < 0.10:
            return Scripted(status=503)
        if fate < 0.12:
            return Scripted(act="reset")
        self.taken += ids
        return Scripted(delay_s=0.15 if fate > 0.9 else 0.005)


@dataclass(slots=True)
class Loop:
    """The two processes that deliver or stand by, and what each kill found."""

    store: Store
    vendor: Recorder
    rude: Rude
    workers: list[Worker] = field(default_factory=list)
    in_doubt: set[str] = field(default_factory=set)
    most_in_doubt: int = 0
    again: list[str] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    looked_at: int = 0

    def spawn(self) -> None:
        out = self.store.folder.parent / f"deliver-{time.monotonic_ns()}"
        self.workers.append(
            start(out, "deliver", str(self.store.folder), "--url", self.vendor.url, "--items", str(ITEMS))
        )

    def kill(self) -> None:
        """Kill the one that delivers; note what was confirmed on disk, and what was in doubt."""
        lock = FileLock(self.store.folder / "delivery.lock")
        until(lambda: any(worker.pid == lock.holder() for worker in self.workers))
        victim = next(worker for worker in self.workers if worker.pid == lock.holder())
        lock.close()
        victim.process.send_signal(signal.SIGSTOP)
        os.waitpid(victim.pid, os.WUNTRACED)
        self.vendor.catch_up()  # what it has sent and the vendor not read yet is in doubt, too
        seen = set(self.rude.seen)
        victim.kill()
        self.workers.remove(victim)
        self.check()
        doubt = seen - self.confirmed
        self.in_doubt |= doubt
        self.most_in_doubt = max(self.most_in_doubt, len(doubt))
        self.spawn()

    def check(self) -> None:
        """Note what has been sent since it was confirmed."""
        taken = self.rude.taken
        self.again += [each for each in taken[self.looked_at :] if each in self.confirmed]
        self.looked_at = len(taken)
        self.confirmed = self.store.look(confirmed)


def confirmed(view: View) -> set[str]:
    rows = view.session.rows(
        "SELECT e.body FROM deliveries d JOIN events e ON e.seq = d.seq WHERE d.code = ?", (verdict.DELIVERED,)
    )
    return {str(json.loads(row[0])["messageId"]) for row in rows}


def at_rest(view: View) -> bool:
    run = view.lanes.run(1, 0)
    assert run is not None
    return not view.owed.any(1) and not view.lanes.windows() and run.cursor == view.counter.seq - 1


def in_order(taken: list[str]) -> bool:
    """Tell whether each person's events were first taken in the order of recording."""
    people: dict[tuple[str, int], list[int]] = {}
    for each in dict.fromkeys(taken):
        writer, _, number = each.partition("-")
        people.setdefault((writer, int(number) % 20), []).append(int(number))
    return all(numbers == sorted(numbers) for numbers in people.values())


def record_all(store: Store, out: Path) -> list[Worker]:
    """Start the three processes that record, each about as long as the kills take."""
    words = ("record", str(store.folder), "--count", str(EVENTS), "--pause-ms", str(KILLS * 600 / EVENTS), "--prefix")
    return [start(out / prefix, *words, prefix) for prefix in WRITERS]


def run(loop: Loop, draw: random.Random) -> list[str]:
    """Kill, wait until all is said and done, stop; give what was acknowledged."""
    loop.spawn()
    loop.spawn()
    writers = record_all(loop.store, loop.store.folder.parent)
    try:
        for _ in range(KILLS):
            time.sleep(draw.uniform(0.05, 0.9))
            loop.kill()
        assert [writer.process.wait(240) for writer in writers] == [0, 0, 0]
        until(lambda: loop.store.look(at_rest), 120)
        loop.check()
        for worker in loop.workers:
            worker.await_ready()
            assert worker.stop() == 0
    finally:
        for worker in (*writers, *loop.workers):
            worker.kill()
    return [line for writer in writers for line in writer.lines() if line != "ready"]


@pytest.mark.timeout(600)
def test_no_kill_loses_an_event_or_sends_a_confirmed_one_again(data_dir: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or secrets.randbits(32)
    rude = Rude(random.Random(seed + 1))  # noqa: S311 - chance that must replay
    store = open_store(data_dir)
    store.commit(connect)
    began = time.monotonic()

    with Recorder(Script(decide=rude.decide)) as vendor:
        loop = Loop(store, vendor, rude)
        acknowledged = run(loop, random.Random(seed))  # noqa: S311

    doubles = Counter(rude.taken) - Counter(set(rude.taken))
    sys.stdout.write(
        f"SEED={seed} KILLS={KILLS}: {len(acknowledged)} acknowledged, {doubles.total()} doubles, at most "
        f"{loop.most_in_doubt} in doubt at a kill, {time.monotonic() - began:.1f} s\n"
    )
    assert loop.confirmed == set(acknowledged) == set(rude.taken), "acknowledged, and not delivered"
    assert loop.again == [], "confirmed, and sent again"
    assert set(doubles) <= loop.in_doubt, "sent twice without a kill to excuse it"
    assert doubles.total() <= KILLS * SLOTS * ITEMS
    assert in_order(rude.taken)
    assert store.look(law.broken) == []
    store.close()
