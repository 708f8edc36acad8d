"""A destination 50 ms away, which takes each event alone: how many a second one lane sends there.

The receiver answers each request 50 ms after it has read it. The manifest is one of this folder: it states no limits,
so that ours decide (64 requests at once). Timed from opening the workspace to the last verdict.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import corpus, drain, fanout, peers, sink
from bench.ingest import commit_all, grouped
from bench.measure import Cost, cores, interleave, middle
from turnout.manifest.catalogue import Catalogue

AWAY_S = 0.05
EVENTS = 10_000


def run(rounds: int, folder: Path) -> None:
    """Run, and print."""
    with sink.receiving(cores()[1], delay_s=AWAY_S) as receiver:
        found = interleave({"ours": partial(sent, folder, receiver.url)}, rounds)["ours"]
    rates = [cost.rate for cost in found]
    spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
    print(
        f"\n{AWAY_S * 1000:.0f} ms away: {median(rates):,.0f} single sends a second, {spread}"
        f" ({middle(found, 'cpu_us'):.0f} us of CPU each); bound 1,000/s",
        flush=True,
    )


def sent(folder: Path, url: str) -> Cost:
    """Deliver a backlog there."""
    with TemporaryDirectory(dir=folder) as place:
        room = Path(place)
        fanout.connect_all(room, (("fields", None, {"endpoint": url}),), Catalogue(folder=peers.HERE))
        with fanout.opened(room) as store:
            commit_all(store, grouped(corpus.calls(EVENTS), 100))
        cost = drain.drained(room, EVENTS, manifests=peers.HERE)
        fanout.check(room, EVENTS, lanes=1)
        return cost
