"""Which events go where, under the configuration of today: real events of each name, routed and mapped as a lane does.

Nothing is stored or sent. A name of which no recent event is there is judged by its type and name alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from turnout.delivery import verdict
from turnout.delivery.eyes import Eyes, broke
from turnout.delivery.window import Part, Sight, Skip, owed
from turnout.document import Json
from turnout.errors import TurnoutError
from turnout.event.model import PersonId, Stored
from turnout.guard.namespace import is_test
from turnout.routing import Bound
from turnout.store.log import Named
from turnout.store.unit import View
from turnout.workspace import Destination

SAMPLES = 3
"""Events of a name that are routed."""
LOOKS = 12_000
"""Events routed in one call, of all names and destinations: 25 us each."""
NAMES = 10_000
"""Names read, those seen last first."""
_ERASED = "[erased "
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Flow:
    """Events of one type and name, over all sources: how many there are, when they came, and some of them."""

    kind: str
    name: str
    n: int
    last: int
    sources: tuple[int, ...]
    samples: tuple[Stored, ...] = ()

    @property
    def is_test(self) -> bool:
        """Tell whether its samples are test events: they are where no live one was found."""
        return bool(self.samples) and is_test(self.samples[0].namespace)


@dataclass(frozen=True, slots=True)
class Way:
    """What one destination would take of a flow: `sent` of `of` samples, by these actions; else why not, and how often.

    `sends` is what it would send of them, as mapped. Without samples `of` is 0: then `actions` are those for its type
    and name.
    """

    destination: Destination
    sent: int = 0
    of: int = 0
    actions: tuple[str, ...] = ()
    why: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sends: tuple[Json, ...] = ()

    @property
    def takes(self) -> bool:
        """Tell whether it takes any of it."""
        return self.sent > 0 if self.of else bool(self.actions)

    @property
    def reason(self) -> tuple[str, str]:
        """Give the reason that most samples have: the published word, and the rule."""
        return max(self.why, key=lambda each: self.why[each]) if self.why else ("", "")


def flows(view: View, event: str = "", source: int = 0) -> list[Flow]:
    """List what events there are, the most frequent first; of one name, or one source, where that is given."""
    merged: dict[tuple[str, str], list[Named]] = {}
    for each in view.log.names(NAMES):
        fits = (not event or each.name == event) and (not source or each.source == source)
        if fits and not each.name.startswith(_ERASED):
            merged.setdefault((each.kind, each.name), []).append(each)
    found = [
        Flow(kind, name, sum(each.n for each in rows), max(each.last for each in rows), _sources(rows))
        for (kind, name), rows in merged.items()
    ]
    return sorted(found, key=lambda each: (-each.n, each.kind, each.name))


def sampled(view: View, flows: Sequence[Flow], scan: int) -> list[Flow]:
    """Add the newest events of each flow, live ones where there are some, from so many events of the log."""
    found: dict[tuple[str, str, bool], list[Stored]] = {}
    wanted = {(each.kind, each.name) for each in flows}
    for event in _back(view, scan):
        if (str(event.kind), event.name) in wanted and not event.blank:
            kept = found.setdefault((str(event.kind), event.name, is_test(event.namespace)), [])
            if len(kept) < SAMPLES:
                kept.append(event)
    return [_with(each, found) for each in flows]


def ways(view: View, eyes: Eyes, flow: Flow, destinations: Iterable[Destination]) -> list[Way]:
    """Say what each destination would take of a flow."""
    outward = {event.seq: eyes.outward(event, view.people.survivor(event.person), view) for event in flow.samples}
    sight = Sight(lambda event: outward[event.seq], PersonId, lambda _: False, view.now, broke)
    return [_way(view, eyes, flow, each, sight) for each in destinations]


def _sources(rows: Iterable[Named]) -> tuple[int, ...]:
    return tuple(sorted({each.source for each in rows}))


def _back(view: View, scan: int) -> Iterator[Stored]:
    before = view.counter.seq
    while scan > 0 and (block := view.log.back(before, min(scan, _BLOCK))):
        yield from block
        before, scan = block[-1].seq, scan - len(block)


def _with(flow: Flow, found: Mapping[tuple[str, str, bool], list[Stored]]) -> Flow:
    live, test = (found.get((flow.kind, flow.name, is_it), []) for is_it in (False, True))
    return Flow(flow.kind, flow.name, flow.n, flow.last, flow.sources, tuple(live or test))


def _way(view: View, eyes: Eyes, flow: Flow, destination: Destination, sight: Sight) -> Way:
    bound = eyes.bound(view, destination, view.counter.revision)
    if isinstance(bound, TurnoutError):
        return Way(destination, of=len(flow.samples), why={("paused", bound.message): max(1, len(flow.samples))})
    if not flow.samples:
        return _by_name(flow, bound)
    actions: dict[str, None] = {}
    why: Counter[tuple[str, str]] = Counter()
    sends: tuple[Json, ...] = ()
    sent = 0
    for event in flow.samples:
        found = owed(event, destination.lane, 0, bound, sight)
        parts = [each for each in found if isinstance(each, Part)]
        actions |= dict.fromkeys(part.item.action for part in parts)
        sends += tuple(part.item.value for part in parts)
        sent += bool(parts)
        if not parts:
            why[_reason(next(each for each in found if isinstance(each, Skip)))] += 1
    return Way(destination, sent, len(flow.samples), tuple(actions), why, sends)


def _by_name(flow: Flow, bound: Bound) -> Way:
    destination = bound.destination
    if destination.sources and not set(flow.sources) & set(destination.sources):
        return Way(destination, why={(verdict.BY_NUMBER[verdict.OTHER_SOURCE].word, ""): 1})
    actions = bound.target.select(flow.kind, flow.name)
    why = {} if actions else {(verdict.BY_NUMBER[verdict.UNSUPPORTED].word, ""): 1}
    return Way(destination, actions=actions, why=why)


def _reason(skip: Skip) -> tuple[str, str]:
    return verdict.BY_NUMBER[skip.code].word, skip.reason
