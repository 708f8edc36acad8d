"""What tests of the engine share: a destination that posts message ids, and a workspace with one such lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from turnout import document, outcome
from turnout.clock import Clock, SystemClock
from turnout.delivery.eyes import Eyes
from turnout.delivery.window import Part
from turnout.document import Document, Json
from turnout.entropy import SystemEntropy
from turnout.event.model import LIVE, Call, Caller, MessageId, Namespace, PersonId, Seq, SourceId, Stored
from turnout.event.model import Kind as EventKind
from turnout.exchange import (
    Action,
    Append,
    Dedupe,
    Drop,
    Exchange,
    Flows,
    Grant,
    Item,
    Moment,
    Order,
    Pace,
    Reply,
    Request,
    SetUp,
    Target,
)
from turnout.ingest import Receipt, ingest
from turnout.routing import Bound
from turnout.store.store import Store
from turnout.store.unit import Unit
from turnout.workspace import Destination, Receives, destination_body

NAME = "dst_1"


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts the message ids of its items to `url`, the batch's id in a header. `per`: items it makes of an event."""

    url: str = "http://destination.test/"
    order: Order = Order.PERSON
    dedupe: Dedupe = Dedupe.ITEM
    max_items: int = 1
    per: int = 1
    profile: str = "api"
    timeout_s: float = 15.0
    pace: Pace = field(default_factory=Pace)
    secrets: Mapping[str, str] = field(default_factory=dict)
    grant: Grant | None = None

    @property
    def actions(self) -> Mapping[str, Action]:
        return {"post": Action("post", self.order, self.dedupe, self.max_items, 0)}

    def select(self, kind: str, name: str) -> tuple[str, ...]:
        return ("post",) if kind == "track" and name != "Ignored" else ()

    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
        assert now
        return tuple(Item(name, at, document, 100, (), document) for name in actions for at in range(self.per))

    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:
        assert action == "post"
        ids: Json = [str(item.document["messageId"]) for item in items]
        reply: Reply = yield Request(
            "POST", self.url, (("webhook-id", moment.request_id),), document.encode(ids), self.timeout_s
        )
        return tuple(outcome.judge(reply, now=moment.now) for _ in items)

    def check(self, moment: Moment) -> Exchange | None:
        assert moment.now
        return None

    def learn(self, ids: Document) -> None:
        raise AssertionError(f"it has no lists, and is told of {ids}")

    def setup(self, moment: Moment) -> SetUp | None:
        assert moment.now
        return None


@dataclass(frozen=True, slots=True)
class OneBinder:
    """Binds every slug to one target."""

    target: Target

    def bind(self, slug: str, settings: Mapping[str, Json], overrides: Mapping[str, Json] | None = None) -> Target:
        assert settings is not None
        assert not overrides
        assert slug
        return self.target

    def names(self, slug: str) -> frozenset[str]:
        return frozenset({slug})

    def filter(self, text: str) -> Callable[[Document], bool]:
        return lambda document: document.get("event") == text

    def by_hand(self, slug: str) -> str:
        return f"Delete it at {slug}."

    def flows(self, slug: str) -> Mapping[str, Flows]:
        assert slug
        return {}


def eyes(target: Target) -> Eyes:
    return Eyes(OneBinder(target), 10)


USUAL = Destination(NAME, "Poster", "poster", 1, Receives.LIVE, {}, (), "", (), 0)


def destination(lane: int = 1, **changed: Any) -> Destination:
    """Make a destination, for live events only where a test does not say otherwise."""
    return replace(USUAL, lane=lane, **changed)


def bound(target: Poster | None = None, keep: Callable[[Document], bool] | None = None, **changed: Any) -> Bound:
    return Bound(destination(**changed), target or Poster(), keep, frozenset({"poster"}), b"m")


def connect(unit: Unit, name: str = NAME) -> int:
    """Connect the destination, or another like it, from the log's beginning; give its lane."""
    unit.entities.revise("tests", "connect")
    lane = unit.lanes.create(name, 0)
    unit.entities.put("destination", name, destination_body(destination(lane, id=name)))
    return lane


def open_store(folder: Path, clock: Clock | None = None) -> Store:
    return Store(folder, clock or SystemClock(), SystemEntropy()).open()


def track(message_id: str, user_id: str = "u1", **more: Json) -> Call:
    return Call(
        document.encode({"type": "track", "event": "Signed Up", "userId": user_id, "messageId": message_id, **more})
    )


def caller(now: int, source: int = 1, namespace: Namespace = LIVE) -> Caller:
    return Caller(SourceId(source), namespace, now)


def record(store: Store, *calls: Call, source: int = 1, namespace: Namespace = LIVE) -> Receipt:
    """Record calls in a commit of their own."""
    who = caller(store.clock.now(), source, namespace)
    return store.commit(lambda unit: ingest(unit, calls, who), len(calls))


def stored(seq: int = 1, person: int = 1, *, flags: int = 0, namespace: Namespace = LIVE, source: int = 1) -> Stored:
    """Make an event of the log."""
    body = document.encode({"type": "track", "event": "Signed Up", "userId": f"u{person}", "messageId": f"m{seq}"})
    return Stored(
        Seq(seq), 1, SourceId(source), EventKind.TRACK, "Signed Up", namespace, PersonId(person), flags, b"", body
    )


def no_files(append: Append) -> Reply:
    """Stand where file sinks are called: none of these tests has one."""
    raise AssertionError(f"nothing appends here, but {append.path} was asked for")


def part(seq: int, person: int = 1, *, run: int = 0, target: Poster | None = None, **more: Any) -> Part:
    """Make a part of event `seq`, whose message id is `m` and its seq."""
    owner = _bound(target or Poster())
    document: Document = {"messageId": f"m{seq}", "type": "track", "event": "Bought"}
    item = Item("post", 0, document, 100, (), document)
    ordered = owner.target.actions["post"].order is Order.PERSON
    return Part(1, run, seq, 7, person if ordered else 0, person, MessageId(f"m{seq}"), owner, item, **more)


_kept: dict[int, Bound] = {}


def _bound(target: Poster) -> Bound:
    """Give one bound destination for each target: parts of one share a request."""
    return _kept.setdefault(hash((target.order, target.dedupe, target.max_items)), bound(target))
