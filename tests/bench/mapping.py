"""An event to the request that it causes, in one process, warmed, against Segment's mapping-kit and rudder-transformer.

Ours is what a lane does: the stored body to a document, the compiled manifest's item, the exchange's first request with
its encoded body. Theirs is less: the parsed event through `transform`, or through the webhook's workflow, and the body
as JSON text; no address, headers or signature. `decoded`: the event was decoded before, as for all lanes but the first.
Each side is a process: `python -m bench.mapping WHAT bytes|decoded FOLDER`.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from bench import corpus, peers
from bench.measure import Cost, Mark, compare, heading, interleave, middle, side
from turnout.app import SELDOM
from turnout.document import Document, Json, decode
from turnout.event.model import Kind
from turnout.event.stored import document
from turnout.exchange import Drop, Item, Moment, Request, Target
from turnout.manifest.catalogue import Catalogue

EVENTS = 10_000
RECEIVED = 1_764_000_060_000_000
MOMENT = Moment(RECEIVED, "msg_bench")
BATCH = 100
"""Items a request, where the vendor takes that many."""
SETTINGS: Mapping[str, Mapping[str, Json]] = {
    "fields": {},
    "webhook": {"url": "https://hooks.example.com/in"},
    "signed": {"url": "https://hooks.example.com/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    "amplitude": {"api_key": "k"},
    "mixpanel": {"token": "t"},
    "segment": {"write_key": "w"},
}
ALONE = ("webhook", "signed", "amplitude", "mixpanel", "segment")
MANNERS = ("bytes", "decoded")


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    with TemporaryDirectory(dir=folder) as room:
        path = Path(room) / "events.jsonl"
        path.write_bytes(b"".join(call.body + b"\n" for call in corpus.calls(EVENTS)))
        heading("ours", "Node")
        if peers.node():
            against_segment(rounds, path)
        else:
            print("there is no Node on this machine: nothing to compare with")
        if peers.node() and peers.rudder():
            against_rudder(rounds, path)
        else:
            print(f"rudder-transformer: {peers.CHECKOUT} names no checkout (README.md says how to make one)")
        for name in ALONE:
            found = {how: [ours(name, how, path) for _ in range(rounds)] for how in MANNERS}
            shown = ", ".join(f"{middle(costs, 'cpu_us'):.1f} {how}" for how, costs in found.items())
            print(f"{name:<12} us an event: {shown}", flush=True)


def against_segment(rounds: int, path: Path) -> None:
    """Map thirty fields on both sides, into the same body."""
    packages, mapping = peers.packages(), peers.HERE / "fields.json"
    for how, bound in zip(MANNERS, ("bound 1/8 = 0.125x", "the same, decoded before"), strict=True):
        words = ("mapping.cjs", packages, path, mapping, how)
        theirs = json.loads(peers.told(*words)[1])
        mine = first_body("fields", path)
        assert mine == theirs, (mine, theirs)
        found = interleave({"ours": partial(ours, "fields", how, path), "theirs": partial(peers.cost, *words)}, rounds)
        compare(f"30 fields, mapping-kit, {how}", found["ours"], found["theirs"], bound)


def against_rudder(rounds: int, path: Path) -> None:
    """Forward the event on both sides."""
    for how, bound in zip(MANNERS, ("bound 1/5 = 0.2x", "the same, decoded before"), strict=True):
        words = ("webhook.cjs", peers.rudder(), path, how)
        found = interleave({"ours": partial(ours, "webhook", how, path), "theirs": partial(peers.cost, *words)}, rounds)
        compare(f"webhook, rudder-transformer, {how}", found["ours"], found["theirs"], bound)


def ours(name: str, how: str, path: Path) -> Cost:
    """Map, in a process of its own."""
    return side("mapping", name, how, path)


def target_of(name: str) -> Target:
    """Fill a manifest in: the one of this folder, or one that is shipped."""
    catalogue = Catalogue(folder=peers.HERE) if name == "fields" else Catalogue()
    return catalogue.bind("webhook" if name == "signed" else name, SETTINGS[name])


def first_body(name: str, path: Path) -> Json:
    """Map the first event, and read the body of its request."""
    target = target_of(name)
    with path.open("rb") as file:
        event = read(file.readline().rstrip())
    made = target.items(event, target.select("track", corpus.NAMES[0]), MOMENT.now)
    return decode(begun(target, kept(made)).body)


def read(body: bytes) -> Document:
    """Make an event's document as a lane does."""
    return document(body, b"", received=RECEIVED, kind=Kind.TRACK)


def begun(target: Target, items: tuple[Item, ...]) -> Request:
    """Begin the talk for one batch, as far as its request."""
    talk = target.exchange(items[0].action, items, MOMENT)
    asked = next(talk)
    talk.close()
    return cast("Request", asked)


def kept(made: Sequence[Item | Drop]) -> tuple[Item, ...]:
    """Leave out what other actions did not want."""
    return tuple([each for each in made if type(each) is Item])


def measured(name: str, how: str, path: Path) -> Cost:
    """Go through all events twice, and count the second time."""
    target = target_of(name)
    actions = target.select("track", corpus.NAMES[0])
    size = min(BATCH, *(target.actions[action].max_items for action in actions), BATCH)
    bodies = path.read_bytes().splitlines()
    once: Callable[[], None]
    once = partial(from_bytes, target, bodies, size)
    if how == "decoded":
        once = partial(from_documents, target, [read(body) for body in bodies], size)
    gc.freeze()
    gc.set_threshold(*SELDOM)  # as a process that delivers
    once()
    begin = Mark.here()
    once()
    return begin.cost(len(bodies), Mark.here())


def from_bytes(target: Target, bodies: Sequence[bytes], size: int) -> None:
    """Map stored bodies, so many items a request."""
    pending: list[Item | Drop] = []
    for body in bodies:
        event = read(body)
        pending += target.items(event, target.select("track", cast("str", event["event"])), MOMENT.now)
        if len(pending) >= size:
            begun(target, kept(pending))
            pending.clear()


def from_documents(target: Target, events: Sequence[Document], size: int) -> None:
    """Map documents, so many items a request."""
    pending: list[Item | Drop] = []
    for event in events:
        pending += target.items(event, target.select("track", cast("str", event["event"])), MOMENT.now)
        if len(pending) >= size:
            begun(target, kept(pending))
            pending.clear()


if __name__ == "__main__":
    measured(sys.argv[1], sys.argv[2], Path(sys.argv[3])).tell()
