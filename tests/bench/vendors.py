"""Six vendors: events in, encoded requests out, for one second of CPU, beside what open engines do.

A shop's events, `track` and `page`, each of which every one of the six takes. Ours is what a lane does, without its
order: the stored body to a document, the actions that are for it, their items, and requests of the vendor's own size
with their bodies encoded (Mixpanel's packed as well). The open engines' figures leave the object unencoded; where a
checkout of rudder-transformer is named, it runs beside ours on the same events, event to object.
Each side is a process: `python -m bench.vendors WHAT FOLDER`.
"""

from __future__ import annotations

import gc
import gzip
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import corpus, peers
from bench.mapping import MOMENT, RECEIVED, begun
from bench.measure import Cost, Mark, interleave, side
from turnout.app import SELDOM
from turnout.document import Json, decode
from turnout.event.model import Kind
from turnout.event.stored import document
from turnout.exchange import Item, Request, Target
from turnout.manifest.catalogue import Catalogue

EVENTS = 10_000
OPEN: Mapping[str, int] = {
    "amplitude": 18_000,
    "mixpanel": 16_000,
    "facebook-conversions-api": 3_700,
    "braze": 69_000,
    "customer-io": 64_000,
    "webhook": 23_000,
}
"""Events a CPU second of open engines in large batches, measured on a machine of this kind; Segment's runtime does
2,500 to 5,900."""
_PAGE = b'{"type":"page"'
SETTINGS: Mapping[str, Mapping[str, Json]] = {
    "amplitude": {"api_key": "k"},
    "mixpanel": {"token": "t"},
    "facebook-conversions-api": {"pixel_id": "1", "access_token": "t"},
    "braze": {"api_key": "k", "app_id": "a"},
    "customer-io": {"site_id": "s", "api_key": "k"},
    "webhook": {"url": "https://hooks.example.com/in"},
}


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    with TemporaryDirectory(dir=folder) as room:
        path = Path(room) / "events.jsonl"
        path.write_bytes(b"".join(body + b"\n" for body in corpus.visits(EVENTS)))
        print(f"\n{'events a CPU second':<26} {'ours':>7}  lowest, highest  fields  a request   open engines")
        for name, known in OPEN.items():
            sides = {"ours": partial(side, "vendors", name, path)}
            words = ("vendors.cjs", peers.rudder(), path, name)
            here = peers.node() and peers.rudder()
            if here:
                sides["theirs"] = partial(peers.cost, *words, "cost")
            found = interleave(sides, rounds)
            theirs = f"; here {rates(found['theirs'])}, {peers.said(*words, 'fields')[-1]} fields" if here else ""
            fields, requests = told(name, path)
            shown = f"{rates(found['ours'])}  {fields:6.1f}  {EVENTS / requests:9,.0f}"
            print(f"{name:<26} {shown}   {known:,}{theirs}", flush=True)


def rates(costs: Sequence[Cost]) -> str:
    """Say how many events a CPU second: the median of the rounds, lowest and highest."""
    found = [1e6 / cost.cpu_us for cost in costs]
    return f"{median(found):7,.0f}  {min(found):,.0f} to {max(found):,.0f}"


def requests_of(target: Target, bodies: Sequence[bytes]) -> Iterator[Request]:
    """Map stored bodies, and make a request of each batch that is full."""
    waiting: dict[str, list[Item]] = {name: [] for name in target.actions}
    sizes = dict.fromkeys(waiting, 0)
    bounds = {name: (action.max_items, action.max_bytes) for name, action in target.actions.items()}
    for body in bodies:
        kind = Kind.PAGE if body.startswith(_PAGE) else Kind.TRACK  # a column of its own
        event = document(body, b"", received=RECEIVED, kind=kind)
        for made in target.items(event, target.select(kind, str(event.get("event", ""))), MOMENT.now):
            if type(made) is not Item:
                continue
            name = made.action
            batch, (most, room) = waiting[name], bounds[name]
            if batch and (len(batch) >= most or sizes[name] + made.size > room):
                yield begun(target, tuple(batch))
                batch.clear()
                sizes[name] = 0
            batch.append(made)
            sizes[name] += made.size
    for batch in waiting.values():
        if batch:
            yield begun(target, tuple(batch))


def told(name: str, path: Path) -> tuple[float, int]:
    """Count what goes out: fields for an event, and requests."""
    made = list(requests_of(target_of(name), path.read_bytes().splitlines()))
    bodies = (decode(gzip.decompress(one.body) if one.body[:2] == b"\x1f\x8b" else one.body) for one in made)
    return sum(map(fields_in, bodies)) / EVENTS, len(made)


def fields_in(value: Json) -> int:
    """Count the values that are no list or object."""
    if isinstance(value, dict | list):
        return sum(map(fields_in, value.values() if isinstance(value, dict) else value))
    return 1


def target_of(name: str) -> Target:
    """Fill a shipped manifest in."""
    return Catalogue().bind(name, SETTINGS[name])


def measured(name: str, path: Path) -> Cost:
    """Go through all events twice, and count the second time."""
    target = target_of(name)
    bodies = path.read_bytes().splitlines()
    gc.freeze()
    gc.set_threshold(*SELDOM)  # as a process that delivers
    for _ in requests_of(target, bodies):
        pass
    begin = Mark.here()
    for _ in requests_of(target, bodies):
        pass
    return begin.cost(len(bodies), Mark.here())


if __name__ == "__main__":
    measured(sys.argv[1], Path(sys.argv[2])).tell()
