"""What connected destinations cost ingest: with 50, delivered by another process meanwhile, against 1.

The process that records is on one core; the one that delivers and the receiver are on the other.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import corpus, fanout, growth, sink
from bench.measure import Cost, compare, cores, heading, interleave
from turnout.manifest.catalogue import Catalogue

MANY, ONE = 50, 1
EVENTS = 10_000


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    heading(f"{MANY} of them", f"{ONE}")
    with sink.receiving(cores()[1]) as receiver:
        sides = {count: partial(recorded, folder, receiver.url, count) for count in (MANY, ONE)}
        found = interleave({str(count): each for count, each in sides.items()}, rounds)
    compare("ingest, 100 a commit, delivered", found[str(MANY)], found[str(ONE)], "bound 1.05x")


def recorded(folder: Path, url: str, count: int) -> Cost:
    """Record in a new workspace with so many destinations, while another process delivers."""
    with TemporaryDirectory(dir=folder) as place:
        room = Path(place)
        settings = {"write_key": "w", "endpoint": url}
        wanted = [("segment", f"Segment {number}", settings) for number in range(count)]
        fanout.connect_all(room, wanted, Catalogue())
        with fanout.delivering(room, cores()[1]):
            return growth.recorded(room, corpus.SEED, EVENTS // corpus.REGULARS, EVENTS)
