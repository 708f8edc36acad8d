"""What a full workspace costs: ingest, and one delivery an event, with 1,000,000 events stored and with 50,000.

Both are made once, by the real program: recorded, delivered to one destination, each of ten events a person. Then each
round records 10,000 more in each, and delivers them: by people drawn from all that there are, whom a process that has
just begun has mostly not met where they are 100,000; and, of what grew the events alone, by the same 5,000 in both.
`--events` is the larger number.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import corpus, drain, fanout, sink
from bench.ingest import commit_all, grouped
from bench.measure import Cost, Mark, compare, cores, heading, interleave, side
from turnout.manifest.catalogue import Catalogue

FEW = 50_000
MANY = 1_000_000
ROUND = 10_000
CHUNK = 50_000
WARMING = 1_000
GROUP = 100
APART = 10_000_000
"""Between the seeds of what is counted and of what warms up: no message id comes twice."""


def run(rounds: int, folder: Path, events: int = MANY) -> None:
    """Make both, compare, and print."""
    seeds = count(1_000)
    with TemporaryDirectory(dir=folder) as place, sink.receiving(cores()[1]) as receiver:
        rooms = {"many": Path(place) / "many", "few": Path(place) / "few"}
        rooms["few"].mkdir()
        destination = ("segment", None, {"write_key": "w", "endpoint": receiver.url})
        fanout.connect_all(rooms["few"], (destination,), Catalogue())
        fill(rooms["few"], 0, FEW)
        shutil.copytree(rooms["few"], rooms["many"])
        fill(rooms["many"], FEW, events)
        people = {"many": events // corpus.REGULARS, "few": FEW // corpus.REGULARS}
        heading(f"{events:,}", f"{FEW:,}")
        sides = {name: partial(again, recorded, rooms[name], seeds, people[name]) for name in rooms}
        same = partial(again, recorded, rooms["many"], seeds, people["few"])
        taken = interleave({**sides, "same": same}, rounds)
        compare("ingest, 100 a commit, of all people", taken["many"], taken["few"], "bound 1.4x")
        compare("ingest, of the same 5,000", taken["same"], taken["few"], "bound 1.4x")
        for each in rooms.values():
            drain.drained(each, ROUND * rounds)
        sent = interleave({name: partial(again, delivered, rooms[name], seeds, people[name]) for name in rooms}, rounds)
        compare("one delivery an event, batched", sent["many"], sent["few"], "bound 1.4x")


def fill(room: Path, start: int, end: int) -> None:
    """Record and deliver, a part at a time, by ever more people."""
    for at in range(start, end, CHUNK):
        recorded(room, at, (at + CHUNK) // corpus.REGULARS, CHUNK)
        drain.drained(room, CHUNK)


def recorded(room: Path, seed: int, people: int, events: int = ROUND) -> Cost:
    """Record events of one seed."""
    return side("growth", room, seed, events, people)


def again(what: Callable[[Path, int, int], Cost], room: Path, seeds: Iterator[int], people: int) -> Cost:
    """Do it with events that were not there before."""
    return what(room, next(seeds), people)


def delivered(room: Path, seed: int, people: int) -> Cost:
    """Deliver a round's events, recorded just now."""
    recorded(room, seed, people)
    return drain.drained(room, ROUND + WARMING)


def record(room: Path, seed: int, events: int, people: int) -> Cost:
    """Record, after some to warm up."""
    with fanout.opened(room) as store:
        commit_all(store, grouped(corpus.calls(WARMING, seed=seed + APART, people=people), GROUP))
        commits = grouped(corpus.calls(events, seed=seed, people=people), GROUP)
        begin = Mark.here()
        commit_all(store, commits)
        return begin.cost(events, Mark.here())


if __name__ == "__main__":
    record(Path(sys.argv[1]), *map(int, sys.argv[2:])).tell()
