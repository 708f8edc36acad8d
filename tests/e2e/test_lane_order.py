"""Fifty people with forty events each, and for each event a list of answers that somebody drew: what order they
arrive in, and what arrives twice.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from support import law
from support.delivering import delivering, until_seen
from support.destination import Recorder
from support.engine import Poster, caller, track
from support.lanes import became
from support.script import Received, Script, Scripted
from turnout.delivery.schedule import BLOCK_EVENTS
from turnout.delivery.settlement import OVERTOOK
from turnout.event.model import LIVE
from turnout.ingest import ingest
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

PEOPLE, EACH = 50, 40
OK = Scripted()
TAKEN = Scripted(act="close", status=299)
"""It takes the events, and the answer is lost."""
TROUBLES = (
    Scripted(500),
    Scripted(503),
    Scripted(503, (("retry-after", "0.02"),)),
    Scripted(429, (("retry-after", "0.02"),)),
    Scripted(429, (("retry-after", "Thu, 01 Jan 2026 00:00:00 GMT"),)),
    Scripted(502),
    Scripted(act="reset"),
    Scripted(act="close"),
    Scripted(act="garbage", body=b"no\r\n"),
    TAKEN,
)
TIMEOUT = Scripted(act="hang")
REFUSED = Scripted(400)


DOUBTS = frozenset({"timeout", "connection_lost", "no_valid_answer", "http_502"})


def drawn(chance: random.Random) -> list[Scripted]:
    """Draw the answers of one event before it is taken: most none, some up to three, a few a time-out or refusal."""
    lot = chance.random()
    if lot < 0.88:
        return []
    if lot < 0.985:
        return chance.choices(TROUBLES, k=chance.randint(1, 3))
    return [TIMEOUT] if lot < 0.99 else [REFUSED]  # for ever


class Receiver:
    """Answers by the lists of a request's events, and writes down what it took, in order."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test's lots
        self.lists = {f"{who}-{n}": drawn(chance) for who in range(PEOPLE) for n in range(EACH)}
        self.refused = {each for each, answers in self.lists.items() if REFUSED in answers}
        self.taken: dict[int, list[int]] = defaultdict(list)

    def decide(self, got: Received) -> Scripted:
        ids = json.loads(got.body)
        if self.refused & set(ids):
            return REFUSED
        answer = next((answers.pop(0) for each in ids if (answers := self.lists[each])), OK)
        if answer in {OK, TAKEN}:
            for who, n in (map(int, each.split("-")) for each in ids):
                self.taken[who].append(n)
        return answer


async def record(store: Store) -> None:
    """Record all, the people by turns."""
    calls = [track(f"{who}-{n}", f"u{who}") for n in range(EACH) for who in range(PEOPLE)]
    for start in range(0, len(calls), 100):
        some = tuple(calls[start : start + 100])
        await store.transact(lambda unit, some=some: ingest(unit, some, caller(store.clock.now(), namespace=LIVE)))  # type: ignore[misc]


def all_final(view: View, count: int) -> bool:
    return len(view.session.rows("SELECT 1 FROM deliveries")) == count


def said_in_doubt(view: View) -> set[str]:
    """Name the events of which the trace says that a request may have taken them."""
    asked = [view.deliveries.request(each[0]) for each in view.session.rows("SELECT id FROM requests")]
    doubted = [each for each in asked if each and each.outcome in DOUBTS]
    seqs = {seq for each in doubted for seq, _ in each.members or ()}
    return {f"{(seq - 1) % PEOPLE}-{(seq - 1) // PEOPLE}" for seq in seqs}


@pytest.mark.parametrize("items", [1, 7], ids=["single", "batched"])
async def test_each_persons_events_arrive_in_order_and_twice_only_in_doubt(data_dir: Path, items: int) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311
    sys.stdout.write(f"seed {seed}\n")
    receiver = Receiver(seed)
    with Recorder(Script(decide=receiver.decide)) as vendor:
        target = Poster(url=vendor.url, max_items=items, timeout_s=0.3)
        async with delivering(data_dir, target) as store:
            await record(store)
            await until_seen(store, lambda view: all_final(view, PEOPLE * EACH))
            found = await store.read(became)
            broken = await store.read(law.broken)
            doubted = await store.read(said_in_doubt)

    refused = {each.seq for each in found if each.word == "refused"}
    once = {who: list(dict.fromkeys(ns)) for who, ns in receiver.taken.items()}
    twice = {f"{who}-{n}" for who, ns in receiver.taken.items() for n in ns if ns.count(n) > 1}
    assert broken == []
    assert len(refused) == len(receiver.refused)
    assert {each.word for each in found} <= {"delivered", "refused"}
    assert {who: sorted(ns) for who, ns in once.items()} == once
    assert sum(map(len, once.values())) == PEOPLE * EACH - len(refused)
    assert len(twice) > 0
    assert twice <= doubted


async def test_a_head_that_blocks_for_long_is_passed_and_those_that_pass_it_say_so(data_dir: Path) -> None:
    stuck = Scripted(500)
    with Recorder(Script(decide=lambda got: stuck if b'"0-0"' in got.body else OK)) as vendor:
        async with delivering(data_dir, Poster(url=vendor.url)) as store:
            calls = tuple(track(f"0-{n}", "u0") for n in range(BLOCK_EVENTS + 50))
            await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))
            await until_seen(store, lambda view: all_final(view, BLOCK_EVENTS + 49))
            found = await store.read(became)

    assert [each.seq for each in found if each.word != "delivered"] == [1]
    assert {each.reason for each in found if each.word == "delivered"} == {OVERTOOK}
