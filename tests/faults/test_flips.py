"""One bit of the database flips, many times, each on a copy: no event is ever read or sent as another one.

A flip is refused on opening with words that say what to do, or noticed where what it hit is read, or by the doctor; or
it is harmless: everything reads as before. What is read is what the public operations tell, and what leaves for a
destination. Outside of events, evidence and configuration no checksum is kept, so there a flip may alter what is told
(a count, a time of the ledger); how many did is said. `FLIPS` sets how many are tried (160); the seed is printed,
`SEED` replays it.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.carrier import BUSY, Carrier, carrier
from support.faulty import seeded, tell
from support.workspace import PERSON, Bench, StillClock
from turnout.cli import doctor
from turnout.config import load
from turnout.document import Document, canonical, decode
from turnout.errors import TurnoutError
from turnout.event.model import TEST
from turnout.exchange import Request
from turnout.manifest.catalogue import Catalogue
from turnout.operations import deletions, find, profile, routes, sources, trace, usage
from turnout.operations.checked import UNREAD
from turnout.operations.deletions import Deletion
from turnout.operations.find import Find
from turnout.operations.profile import Profile
from turnout.operations.reader import Reader
from turnout.operations.routes import Audit
from turnout.operations.trace import Trace
from turnout.sinks.files import JSONL
from turnout.store.store import Store

pytestmark = pytest.mark.timeout(max(240, 2 * int(os.environ.get("FLIPS", "0"))))

FLIPS = int(os.environ.get("FLIPS", "160"))
EVENTS = 16
CATALOGUE = Catalogue((JSONL,))
"""Compiled once."""
URL: Document = {"url": "https://hook.example.com/in"}
STORED = (
    "SELECT body FROM events WHERE body != x''", "SELECT body FROM events WHERE body != x''",
    "SELECT meta FROM events WHERE meta != x''", "SELECT frame FROM exchanges", "SELECT body FROM documents",
)  # fmt: skip
"""What has a checksum."""


class Drawn:
    """Chance that is always the same, so that a seed finds the same bits."""

    def __init__(self) -> None:
        self._draw = random.Random(1)  # noqa: S311 - chance that must replay

    def token(self, size: int) -> bytes:
        return self._draw.randbytes(size)

    def fraction(self) -> float:
        return self._draw.random()


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    """Open a workspace that is the same in every run."""
    clock = StillClock()
    store = Store(folder, clock, Drawn()).open()
    try:
        store.commit(sources.ensure_first)
        yield Bench(store, clock, CATALOGUE)
    finally:
        store.close()


def ids() -> list[str]:
    return [f"m{n}" for n in range(1, EVENTS + 1)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace with something in every table: events delivered, owed, erased, unread, refused, in test."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    with opened(folder) as here:
        hook = here.connect("webhook", URL, filter="$.properties.n != 7")
        here.connect("segment")
        lanes = carrier(here)
        for n, message_id in enumerate(ids(), 1):
            note = "x" * (6_000 if n % 10 == 0 else 50 * n)
            more: Document = {"event": f"E{n % 4}", "userId": f"u{n % 9}", "anonymousId": f"a{n}"}
            more |= {"context": {"ip": "1.2.3.4"}, "properties": {"n": n, "note": note}}
            here.record({"messageId": message_id, **more}, namespace=TEST if n % 8 == 5 else "live")  # type: ignore[arg-type]
            if n == EVENTS // 2:
                lanes.deliver(hook)
            if n == EVENTS * 3 // 4:
                lanes.deliver(hook, BUSY)
        here.record({"messageId": "m3", "event": "Another"})
        here.call(deletions.operation(here.eyes), Deletion(kind="suppress", namespace="live", user_id="u8"), sure=True)
    return folder


@dataclass(frozen=True, slots=True)
class Seen:
    """What a workspace says of itself, and what leaves it. `events`, or why one is not shown, by message id."""

    events: Mapping[str, object]
    sent: frozenset[bytes]
    rest: bytes


def look(folder: Path) -> Seen:
    """Read all of a workspace through its public operations, and deliver what it still owes."""
    with opened(folder) as here:
        reader, eyes = Reader(PERSON), here.eyes

        def asked(function: Callable[..., Document], *more: Any) -> Document:
            return here.look(lambda view: function(view, *more))

        events = {
            each: asked(trace.journey, eyes, reader, Trace(message_id=each, diff=n % 4 == 0))
            for n, each in enumerate(ids())
        }
        rest: list[object] = [asked(find.find_events, eyes, reader, Find(limit=100))["events"]]
        rest += [asked(profile.get_profile, eyes, reader, Profile(user_id=f"u{n}")) for n in (1, 4, 8)]
        rest += [asked(profile.get_profile, eyes, reader, Profile()), asked(usage.usage, "", reader)]
        rest += [asked(routes.audit_routing, eyes, reader, Audit())]
        rest += [each.get("deliveries") for each in events.values()]
        sent = delivered(here)
    return Seen(
        {
            key: told["reason"] if not told.get("event") else canonical([told[name] for name in _CONTENT])
            for key, told in events.items()
        },
        sent, canonical(_without_cursors(rest)),
    )  # fmt: skip


_CONTENT = ("event", "namespace", "received_at", "source")


def _without_cursors(told: object) -> object:
    if isinstance(told, dict):
        return {key: _without_cursors(below) for key, below in told.items() if key != "next_cursor"}
    return [_without_cursors(below) for below in told] if isinstance(told, list | tuple) else told


def delivered(here: Bench) -> frozenset[bytes]:
    """Deliver the rest, and give the events that left, as they left."""
    lanes: Carrier = carrier(here)
    for destination in here.look(lambda view: list(view.workspace.destinations.values())):
        lanes.deliver(destination)
        here.clock.pass_s(600)
        lanes.again(destination)
    bodies = [decode(bytes(each.body)) for each in lanes.sent if isinstance(each, Request)]
    batches = [body.get("batch", [body]) if isinstance(body, dict) else body for body in bodies]
    return frozenset(canonical(each) for batch in batches if isinstance(batch, list) for each in batch)


def flip(folder: Path, places: list[int], draw: random.Random) -> str:
    """Flip a bit: of what has a checksum, or of any byte that is not zero."""
    path = folder / "turnout.db"
    raw = bytearray(path.read_bytes())
    at = draw.choice(places) if draw.random() < 0.5 else draw.choice([at for at, byte in enumerate(raw) if byte])
    bit = draw.randrange(8)
    raw[at] ^= 1 << bit
    path.write_bytes(raw)
    return f"bit {bit} of byte {at} (page {at // 4096 + 1})"


def summed(folder: Path) -> list[int]:
    """Find where in the file lies what has a checksum; of what is longer than a page, its beginning."""
    raw = (folder / "turnout.db").read_bytes()
    with opened(folder) as here:
        kept = [bytes(row[0]) for sql in STORED for row in here.look(lambda view, sql=sql: view.session.rows(sql))]  # type: ignore[misc]
    spans = [(raw.find(each[:400]), min(400, len(each))) for each in kept]
    return [place for begin, size in spans if begin >= 0 for place in range(begin, begin + size)]


def outcome(folder: Path, before: Seen) -> str:
    """Tell what a flip came to."""
    sound = all(check.ok for check in doctor.workspace(load(folder), quick=False))
    try:
        after = look(folder)
    except TurnoutError:
        return "refused"
    except UNREAD as error:
        return f"failed: {error!r}" if sound else "noticed"
    if wrong := _otherwise(before, after):
        return f"{wrong}, and the doctor is content" if sound else wrong
    if not sound:
        return "noticed"
    return "harmless" if after == before else "told otherwise"


def _otherwise(before: Seen, after: Seen) -> str:
    """Say which event was read or sent as another."""
    if sent := after.sent - before.sent:
        return f"SENT otherwise: {min(sent)[:200]!r}"
    others = [told for key, told in after.events.items() if told != before.events[key]]
    if strange := {told for told in others if isinstance(told, bytes)}:
        return f"READ otherwise: {min(strange)[:200]!r}"
    return ""


def test_a_bit_that_flips_never_makes_another_event(whole: Path, tmp_path: Path) -> None:
    draw = seeded("flips")
    shutil.copytree(whole, tmp_path / "untouched")
    places = summed(tmp_path / "untouched")
    before = look(tmp_path / "untouched")
    assert all(isinstance(each, bytes) for each in before.events.values())
    assert len(before.sent) > EVENTS
    outcomes: Counter[str] = Counter()
    wrong = []

    for number in range(FLIPS):
        folder = tmp_path / f"flipped-{number}"
        shutil.copytree(whole, folder)
        done = flip(folder, places, draw)
        came_to = outcome(folder, before)
        word = came_to.partition(":")[0]
        outcomes[word] += 1
        if word not in {"refused", "noticed", "harmless"}:
            tell(f"{done}: {came_to}")
        if word not in {"refused", "noticed", "harmless", "told otherwise", "failed"}:
            wrong.append(f"{done}: {came_to}")
        shutil.rmtree(folder)

    tell(f"{FLIPS} flips tried: {dict(outcomes)}")
    assert not wrong, "\n".join(wrong)
    assert outcomes["noticed"] > FLIPS // 4
