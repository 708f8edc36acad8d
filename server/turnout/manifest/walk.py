"""The talk of an action in steps: one request after the other, each with what those before it found.

1. A step that fails ends the talk, and its outcome is the event's; `catch` makes an answer good.
2. What every step took is delivered. Where a step tells of single items, the first that fails an item decides.
3. A look-up that is known is not asked again: what it saved is kept by its key, for all events of the destination.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from turnout.clock import SECOND
from turnout.document import Document, Json, canonical
from turnout.exchange import Answer, Ask, Class, Exchange, Moment, Outcome, Reply, Request
from turnout.manifest.model import Catch
from turnout.manifest.plans import Call, Leg
from turnout.manifest.results import seen
from turnout.manifest.steps import Here
from turnout.manifest.values import entries, text_of

KEPT = 10_000
"""What one destination keeps of look-ups; beyond it, the oldest go."""

Told: TypeAlias = "Generator[Ask, Reply, _Told]"


class Asker(Protocol):
    """What the walk asks of a destination."""

    def ask(self, call: Call, here: Here, moment: Moment, instead: Mapping[str, Json]) -> Request | Outcome:
        """Make a request; `instead` are values in place of what the manifest says."""
        ...

    def judge(
        self, call: Call, here: Here, values: Sequence[Json], reply: Reply, moment: Moment
    ) -> tuple[Outcome, ...]:
        """Judge its answer for each item."""
        ...

    def compute(self, name: str, here: Here) -> Json:
        """Compute a value by its name; null where there is none."""
        ...


@dataclass(slots=True)
class _Told:
    """How a step ended, what it saved, and where it went; `again`: whose cache to forget, and then to begin anew."""

    outcomes: tuple[Outcome, ...]
    saved: Document = field(default_factory=dict)
    again: str = ""
    url: str = ""

    @property
    def failed(self) -> bool:
        return all(each.what is not Class.SUCCESS for each in self.outcomes)


class Known:
    """What look-ups found, by step and key, each until its time is over."""

    def __init__(self) -> None:
        """Know nothing."""
        self._found: dict[tuple[str, bytes], tuple[int, Document]] = {}

    def find(self, step: str, key: Json, now: int) -> Document | None:
        """Give what is known."""
        until, saved = self._found.get((step, canonical(key)), (0, {}))
        return saved if until > now else None

    def keep(self, step: str, key: Json, until: int, saved: Document) -> None:
        """Keep what was found, unless it is nothing: somebody may be about to make it."""
        if any(value is not None for name, value in saved.items() if name != "status"):
            while len(self._found) >= KEPT:
                del self._found[next(iter(self._found))]
            self._found[step, canonical(key)] = until, saved

    def forget(self, step: str, key: Json) -> None:
        """Forget it."""
        self._found.pop((step, canonical(key)), None)


def walk(
    asker: Asker, legs: tuple[Leg, ...], known: Known, here: Here, values: Sequence[Json], moment: Moment
) -> Exchange:  # fmt: skip
    """Hold the talk for one batch; `values` are its items."""
    found: Document = {}
    here.scope.steps = found
    ended: tuple[Outcome, ...] | None = None
    place, begun_anew = 0, False
    while place < len(legs):
        leg = legs[place]
        place += 1
        if not asker.compute(f"{leg.prefix}:when", here):
            found[leg.step.name] = None
            continue
        if leg.call is None:
            say = text_of(asker.compute(f"{leg.prefix}:drop", here))
            return (Outcome(Class.FINAL, "rejected", 0, say),) * len(values)
        key = asker.compute(f"{leg.prefix}:cache", here)
        kept = known.find(leg.step.name, key, moment.now) if key is not None else None
        if kept is not None:
            found[leg.step.name] = kept
            continue
        told = yield from _each(asker, leg, leg.call, here, values, moment)
        if told.again and not begun_anew:
            known.forget(told.again, _key_of(asker, legs, told.again, here))
            found.clear()
            place, begun_anew, ended = 0, True, None
            continue
        ended = told.outcomes if ended is None else _first_failures(ended, told.outcomes)
        if told.failed:
            return ended
        found[leg.step.name] = told.saved
        if key is not None and leg.step.cache:
            known.keep(leg.step.name, key, moment.now + int(leg.step.cache.ttl_s * SECOND), told.saved)
    return ended or (Outcome(Class.SUCCESS, "already"),) * len(values)


def _key_of(asker: Asker, legs: tuple[Leg, ...], name: str, here: Here) -> Json:
    leg = next(each for each in legs if each.step.name == name)
    return asker.compute(f"{leg.prefix}:cache", here)


def _first_failures(before: tuple[Outcome, ...], now: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    return tuple(
        one if one.what is not Class.SUCCESS or other.what is Class.SUCCESS else other
        for one, other in zip(before, now, strict=True)
    )


def _each(asker: Asker, leg: Leg, call: Call, here: Here, values: Sequence[Json], moment: Moment) -> Told:
    """Do a step once, or once for each element of its list."""
    if leg.step.each is None:
        return (yield from _paged(asker, leg, call, here, values, moment))
    told = _Told((Outcome(Class.SUCCESS, "already"),) * len(values))
    for index, it in enumerate(entries(asker.compute(f"{leg.prefix}:each", here))):
        inner = Here(here.document, here.settings, here.memory, here.scope, it, index)
        told = yield from _once(asker, leg, call, inner, values, moment, {})
        if told.failed or told.again:
            break
    return told


def _paged(asker: Asker, leg: Leg, call: Call, here: Here, values: Sequence[Json], moment: Moment) -> Told:
    """Do a step, page by page where it has some."""
    pages = leg.step.pages
    told = yield from _once(asker, leg, call, here, values, moment, {})
    if pages is None:
        return told
    items: list[Json] = []
    for count in range(1, pages.most + 1):
        if told.failed or told.again:
            return told
        items += entries(asker.compute(f"{leg.prefix}:items", here))
        following = asker.compute(f"{leg.prefix}:next", here)
        if following is None or following == "" or count == pages.most:
            break
        instead: Document = {"query": following}
        if not isinstance(following, dict):
            instead = {"url": _on_same_host(told.url, text_of(following)), "query": None}
        told = yield from _once(asker, leg, call, here, values, moment, instead)
    told.saved["items"] = items
    return told


def _once(
    asker: Asker, leg: Leg, call: Call, here: Here, values: Sequence[Json], moment: Moment, instead: Mapping[str, Json]
) -> Told:
    """Ask once, and read the answer."""
    asked = asker.ask(call, here, moment, instead)
    if isinstance(asked, Outcome):
        return _Told((asked,) * len(values))
    reply = yield asked
    outcomes = asker.judge(call, here, values, reply, moment)
    if not isinstance(reply, Answer):
        return _Told(outcomes)
    catch = next((each for each in leg.step.catches if reply.status in each.statuses), None)
    if catch is not None and all(each.what is not Class.SUCCESS for each in outcomes):
        return _caught(asker, leg, call, here, catch, outcomes, reply)
    saved = {name: asker.compute(f"{leg.prefix}:save.{name}", here) for name, _ in leg.step.save}
    return _Told(outcomes, {**saved, **_always(leg, call, reply)}, url=asked.url)


def _on_same_host(first: str, following: str) -> str:
    """Give the next page's URL, on the host that the first was on: an answer must not lead our keys elsewhere."""
    if not following.startswith(("https://", "http://")):
        return following
    was, now = urlsplit(first), urlsplit(following)
    return urlunsplit((was.scheme, was.netloc, now.path, now.query, ""))


def _caught(
    asker: Asker, leg: Leg, call: Call, here: Here, catch: Catch, outcomes: tuple[Outcome, ...], reply: Answer
) -> _Told:
    if catch.forget:
        return _Told(outcomes, again=catch.forget)
    word = f"catch.{min(catch.statuses)}"
    saved = {name: asker.compute(f"{leg.prefix}:{word}.{name}", here) for name, _ in catch.save}
    good = (Outcome(Class.SUCCESS, "delivered", reply.status),) * len(outcomes)
    return _Told(good, {**saved, **_always(leg, call, reply)})


def _always(leg: Leg, call: Call, reply: Answer) -> Document:
    found: Document = {"status": reply.status}
    if leg.reads_body:
        found["body"] = seen(reply, call.judging)["body"]
    return found
