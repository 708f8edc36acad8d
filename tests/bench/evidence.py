"""What keeping evidence costs: a backlog to five destinations, `trace_bytes` as shipped against 0."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import corpus, drain, fanout, sink
from bench.ingest import commit_all, grouped
from bench.measure import Cost, compare, cores, heading, interleave
from turnout.config import Settings


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    heading("shipped", "none")
    with sink.receiving(cores()[1]) as receiver:
        shipped = Settings(folder).trace_bytes
        sides = {"shipped": partial(delivered, folder, receiver.url, shipped)}
        sides |= {"none": partial(delivered, folder, receiver.url, 0)}
        found = interleave(sides, rounds)
    compare("to five destinations, evidence", found["shipped"], found["none"], "bound 1.15x")


def delivered(folder: Path, url: str, trace_bytes: int) -> Cost:
    """Deliver a backlog, and keep so much of it."""
    with TemporaryDirectory(dir=folder) as place:
        room = Path(place)
        fanout.prepare(room, url)
        with fanout.opened(room) as store:
            commit_all(store, grouped(corpus.calls(fanout.EVENTS), 100))
        cost = drain.drained(room, fanout.EVENTS, trace_bytes=trace_bytes)
        fanout.check(room, fanout.EVENTS)
        return cost
