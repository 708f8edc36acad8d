"""One event to five destinations on loopback: three that batch (Amplitude, Mixpanel, Segment), two that do not.

This process records, ten events a commit, never further ahead of the slowest lane than a bound; another one,
`python -m bench.fanout FOLDER`, delivers; a third receives. Timed from the first commit until every event has its
five final verdicts. The other side is walkerOS on Node, one process that stores nothing: the same load, ten events at
a time, five HTTP destinations of the same receiver, three of which batch by its collector's own means (and, beside it,
all five single, as its own API destination does). Compared is the CPU an event of recording and delivering together.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeAlias

import anyio

from bench import corpus, peers, sink
from bench.ingest import commit_all, grouped, record
from bench.measure import LIMIT_S, Cost, Mark, cores, environment, middle, pinned
from bench.profile import Threads, table
from turnout.app import running
from turnout.binder import Binder
from turnout.config import Settings
from turnout.delivery.verdict import DELIVERED
from turnout.document import Json
from turnout.event.model import Call
from turnout.guard import run as guard
from turnout.guard.principal import command_line
from turnout.manifest.catalogue import Catalogue
from turnout.opening import open_store
from turnout.operations import connect
from turnout.operations.model import Intent
from turnout.store.connect import connect_reader
from turnout.store.store import Store

Wanted: TypeAlias = tuple[str, str | None, Mapping[str, Json]]
EVENTS = 10_000
WARMING = 1_000
GROUP = 10
AHEAD = 4_000
"""Events that may wait for the slowest lane."""
LANES = 5
NAMED = {"best": ", bound 4x", "single": ""}
LOOK_S = 0.03
AS_SERVED = {"use_uvloop": True}
"""As `turnout serve` runs its loop."""
LOOPBACK = ip_network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Round:
    """One run: what each process took."""

    recording: Cost
    delivering: Cost
    receiving: Cost


def run(rounds: int, folder: Path) -> None:
    """Run, compare, and print."""
    print(f"\n1 event to {LANES} destinations, {GROUP} events a commit, traced, on two cores")
    found: list[Round] = []
    others: dict[str, list[Cost]] = {"best": [], "single": []} if peers.node() else {}
    for _ in range(rounds):
        with TemporaryDirectory(dir=folder) as room:
            found.append(one(Path(room)))
        print(f"  {found[-1].delivering.rate:8,.0f} events/s", flush=True)
        for manner, costs in others.items():
            with TemporaryDirectory(dir=folder) as room:
                costs.append(walkeros(Path(room), manner))
    rates = [each.delivering.rate for each in found]
    print(
        f"median {median(rates):,.0f} events/s (bound 5,000); us of CPU an event: "
        f"recording {middle([each.recording for each in found], 'cpu_us'):.0f}, "
        f"delivering {middle([each.delivering for each in found], 'cpu_us'):.0f}, "
        f"receiving {middle([each.receiving for each in found], 'cpu_us'):.0f}",
        flush=True,
    )
    ours = [round_.recording.cpu_us + round_.delivering.cpu_us for round_ in found]
    for manner, costs in others.items():
        ratios = [theirs.cpu_us / mine for mine, theirs in zip(ours, costs, strict=True)]
        print(
            f"events a CPU second against walkerOS, {manner}: {median(ratios):.2f}x, {min(ratios):.2f} to "
            f"{max(ratios):.2f} ({median(ours):.0f} and {middle(costs, 'cpu_us'):.0f} us){NAMED[manner]}",
            flush=True,
        )


def walkeros(room: Path, manner: str) -> Cost:
    """Let walkerOS send the same load."""
    path = room / "events.jsonl"
    path.write_bytes(b"".join(call.body + b"\n" for call in corpus.calls(EVENTS)))
    with sink.receiving(cores()[1]) as receiver:
        return peers.cost("walkeros.cjs", peers.packages(), path, f"{receiver.url}/in", GROUP, manner)


def one(room: Path) -> Round:
    """Record, deliver and receive, once."""
    under_test, load = cores()
    with sink.receiving(load) as receiver:
        prepare(room, receiver.url)
        with delivering(room, under_test) as deliverer, pinned(load), opened(room) as store:
            feed(store, corpus.calls(WARMING, seed=1))
            calls = corpus.calls(EVENTS)
            mine, theirs, last = Mark.here(), Mark.of(deliverer), Mark.of(receiver.process)
            feed(store, calls)
            costs = (
                mine.cost(EVENTS, Mark.here()), theirs.cost(EVENTS, Mark.of(deliverer)),
                last.cost(EVENTS, Mark.of(receiver.process)),
            )  # fmt: skip
            check(room, WARMING + EVENTS)
    return Round(*costs)


def settings(room: Path) -> Settings:
    """Give the settings as shipped, but that loopback is allowed."""
    return Settings(room / "data", allow_addresses=(LOOPBACK,))


def prepare(room: Path, url: str) -> None:
    """Make a workspace with its five destinations."""
    wanted: Sequence[Wanted] = (
        ("amplitude", None, {"api_key": "k", "endpoint": url}),
        ("mixpanel", None, {"token": "t", "endpoint": url}),
        ("segment", None, {"write_key": "w", "endpoint": url}),
        ("webhook", "One", {"url": f"{url}/one"}),
        ("webhook", "Two", {"url": f"{url}/two"}),
    )
    connect_all(room, wanted, Catalogue(()))


def connect_all(room: Path, wanted: Sequence[Wanted], catalogue: Catalogue) -> None:
    """Connect destinations: each by its slug, under a name, with settings."""
    operation = connect.operation(catalogue, Binder(catalogue))
    intent = Intent(command_line(), "", sure=True)
    with opened(room) as store:
        for slug, name, given in wanted:
            request = connect.Connect(slug, name, given)
            store.commit(partial(guard.run, operation=operation, request=request, intent=intent))


@contextmanager
def opened(room: Path) -> Iterator[Store]:
    """Open the workspace."""
    store = open_store(settings(room))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def delivering(room: Path, core: int) -> Iterator[int]:
    """Run the process that delivers; give its number."""
    with pinned(core):
        started = subprocess.Popen(
            (sys.executable, "-m", "bench.fanout", str(room)), env=environment(), stdin=subprocess.PIPE
        )
    with started as process:
        try:
            yield process.pid
        finally:
            assert process.stdin is not None
            process.stdin.close()


def feed(store: Store, calls: Sequence[Call]) -> None:
    """Record, not too far ahead of the lanes, and wait until all of it has its verdicts."""
    with following(store.path) as behind:
        for number, each in enumerate(grouped(calls, GROUP)):
            store.commit(partial(record, calls=each), weight=len(each))
            if number % 50 == 0:
                wait(behind, AHEAD)
        wait(behind, 0)


class Behind:
    """How many events have not got all their verdicts yet, at the most."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_reader(path)

    def now(self) -> int:
        """Look; what is on its way counts as one."""
        cursor = self._connection.execute(
            "SELECT (SELECT seq - 1 FROM counter) - (SELECT min(cursor) FROM runs WHERE run = 0), "
            "EXISTS (SELECT 1 FROM windows) OR EXISTS (SELECT 1 FROM owed)"
        )
        unread, underway = cursor.fetchone()
        cursor.close()
        return max(int(unread), int(underway))

    def close(self) -> None:
        """Look no more."""
        self._connection.close()


@contextmanager
def following(path: Path) -> Iterator[Behind]:
    """Look at a workspace from beside it."""
    behind = Behind(path)
    try:
        yield behind
    finally:
        behind.close()


def wait(behind: Behind, most: int) -> None:
    """Wait until no more than so many are left."""
    until = time.monotonic() + LIMIT_S
    while behind.now() > most:
        if time.monotonic() > until:
            raise TimeoutError("the lanes do not come to an end")
        time.sleep(LOOK_S)


def check(room: Path, events: int, lanes: int = LANES) -> None:
    """Hold the ledger to what it must say now."""
    connection = connect_reader(room / "data" / "turnout.db")
    found = connection.execute("SELECT lane, code, sum(last - seq + 1) FROM deliveries GROUP BY lane, code").fetchall()
    connection.close()
    wrong = [row for row in found if row[1:] != (DELIVERED, events)]
    assert len(found) == lanes, found
    assert not wrong, wrong


async def deliver(room: Path) -> None:
    """Deliver until standard input ends."""
    async with running(settings(room), delivers=True):
        await anyio.to_thread.run_sync(sys.stdin.read)


def profiled(folder: Path) -> None:
    """Deliver a backlog without the profiler and with it, and print where the time goes."""
    with TemporaryDirectory(dir=folder) as plain, TemporaryDirectory(dir=folder) as slow:
        cost = backlog(Path(plain))
        threads = Threads()
        with threads.on():
            backlog(Path(slow))
    print(f"\ndelivery of a backlog to {LANES} destinations")
    table(threads, EVENTS, cost.cpu_us)


def backlog(room: Path) -> Cost:
    """Deliver in this process what was recorded by another, before."""
    under_test, load = cores()
    with sink.receiving(load) as receiver:
        subprocess.run(
            (sys.executable, "-m", "bench.fanout", str(room), receiver.url), env=environment(), check=True,
            timeout=LIMIT_S,
        )  # fmt: skip
        with pinned(under_test):
            cost = anyio.run(_until_delivered, room, backend_options=AS_SERVED)
    check(room, EVENTS)
    return cost


async def _until_delivered(room: Path) -> Cost:
    begin = Mark.here()
    async with running(settings(room), delivers=True) as app:
        with following(app.store.path) as behind:
            await anyio.to_thread.run_sync(wait, behind, 0)
    return begin.cost(EVENTS, Mark.here())


def lay_up(room: Path, url: str) -> None:
    """Make a workspace with a backlog."""
    prepare(room, url)
    with opened(room) as store:
        commit_all(store, grouped(corpus.calls(EVENTS), 100))


if __name__ == "__main__":
    ROOM = Path(sys.argv[1])
    if len(sys.argv) > 2:  # the folder, and where they are received
        lay_up(ROOM, sys.argv[2])
    else:
        anyio.run(deliver, ROOM, backend_options=AS_SERVED)
