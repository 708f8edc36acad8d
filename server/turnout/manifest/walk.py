"""The talk of an action in steps: one request after the other, each with what those before it found.

1. A step that fails ends the talk, and its outcome is the event's; `catch` makes an answer good.
2. What every step took is delivered. Where a step tells of single items, the first that fails an item decides.
3. A look-up that is known is not asked again: what it saved is kept by its key, for all events of the destination.
4. A talk that must wait leaves off: it ends as `LATER`, and the next one goes on from its place. So does one that
   resumes, before each further request, so that what a step did is on disk before the next one leaves.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from msgspec import structs

from turnout.clock import SECOND
from turnout.document import Document, Json, canonical
from turnout.exchange import Answer, Ask, Class, Exchange, Moment, Outcome, Reply, Request
from turnout.manifest import bookmark
from turnout.manifest.audiences import CREATE
from turnout.manifest.bookmark import Place
from turnout.manifest.model import Cache, Catch, Poll
from turnout.manifest.plans import Call, Leg, Plan
from turnout.manifest.results import seen
from turnout.manifest.steps import Here
from turnout.manifest.values import at, entries, text_of

KEPT = 10_000
"""What one destination keeps of look-ups; beyond it, the oldest go."""

GOES_ON = "goes_on"
"""How a request ended whose step was taken, and behind which others wait."""
POLLING = "polling"
POLLED_OUT = "poll_timeout"
_AGAIN = frozenset({Class.RETRY, Class.UNKNOWN, Class.CREDENTIALS, Class.PAUSE})

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


@dataclass(frozen=True, slots=True)
class _At:
    """Where a talk is: its action, the step with its request, and the place that it goes on from."""

    plan: Plan
    leg: Leg
    call: Call
    place: Place


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


def walk(asker: Asker, plan: Plan, known: Known, here: Here, values: Sequence[Json], moment: Moment) -> Exchange:
    """Hold the talk for one batch, from where an earlier one left off; `values` are its items."""
    legs = plan.legs
    place = bookmark.read(moment.place, legs)
    here.scope.steps = found = dict(place.found)
    ended: tuple[Outcome, ...] = ()
    ahead = next(at for at, leg in enumerate(legs) if leg.step.name == place.step)
    while ahead < len(legs):
        leg = legs[ahead]
        ahead += 1
        place = place if place.step == leg.step.name else Place(leg.step.name, anew=place.anew, found=found)
        if _passed(asker, leg, known, here, found, moment.now):
            continue
        if leg.call is None:
            say = text_of(asker.compute(f"{leg.prefix}:drop", here))
            return (Outcome(Class.FINAL, "rejected", 0, say),) * len(values)
        if ended and _stops(plan, leg, here):
            return _later(ended, place, GOES_ON, 0.0)
        told = yield from _each(asker, _At(plan, leg, leg.call, place), here, values, moment)
        if told.again and not place.anew:
            _forget(asker, legs, told.again, known, here)
            found.clear()
            ahead, ended, place = 0, (), Place("", anew=True)
            continue
        ended = _first_failures(ended, told.outcomes)
        if told.failed:
            return ended
        found[leg.step.name] = told.saved
        if leg.step.cache:
            _keep(asker, leg, leg.step.cache, known, here, moment.now, told.saved)
    return ended or (Outcome(Class.SUCCESS, "delivered" if moment.place else "already"),) * len(values)


def _stops(plan: Plan, leg: Leg, here: Here) -> bool:
    """Tell whether to leave off before a further request: what was done is on disk then.

    Of an audience that is its list's id; between the look for one and the making of it nobody else may come.
    """
    if plan.spec.lists:
        return leg.step.name != CREATE and at(here.scope.audience, "id") is None
    return plan.spec.resume


def _passed(asker: Asker, leg: Leg, known: Known, here: Here, found: Document, now: int) -> bool:
    """Pass a step by that is not wanted, or of which it is known what it finds."""
    name = leg.step.name
    if not asker.compute(f"{leg.prefix}:when", here):
        found[name] = None
        return True
    key = asker.compute(f"{leg.prefix}:cache", here)
    kept = known.find(name, key, now) if key is not None else None
    if kept is not None:
        found[name] = kept
    return kept is not None


def _keep(asker: Asker, leg: Leg, cache: Cache, known: Known, here: Here, now: int, saved: Document) -> None:
    key = asker.compute(f"{leg.prefix}:cache", here)
    if key is not None:
        known.keep(leg.step.name, key, now + int(cache.ttl_s * SECOND), saved)


def _forget(asker: Asker, legs: tuple[Leg, ...], name: str, known: Known, here: Here) -> None:
    leg = next(each for each in legs if each.step.name == name)
    known.forget(name, asker.compute(f"{leg.prefix}:cache", here))


def _first_failures(before: tuple[Outcome, ...], now: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Put outcomes over those of the steps before, where there were any."""
    return (
        now
        if not before
        else tuple(
            one if one.what is not Class.SUCCESS or other.what is Class.SUCCESS else other
            for one, other in zip(before, now, strict=True)
        )
    )


def _each(asker: Asker, at: _At, here: Here, values: Sequence[Json], moment: Moment) -> Told:
    """Do a step once, or once for each element of its list that is left."""
    leg, place = at.leg, at.place
    if leg.step.each is None:
        told = yield from _paged(asker, at, here, values, moment)
        return _placed(told, at)
    told = _Told((Outcome(Class.SUCCESS, "already"),) * len(values))
    listed = entries(asker.compute(f"{leg.prefix}:each", here))
    for index, it in tuple(enumerate(listed))[place.element :]:
        at = replace(at, place=replace(place, element=index))
        if index > place.element and at.plan.spec.resume:
            return replace(told, outcomes=_later(told.outcomes, at.place, GOES_ON, 0.0))
        inner = Here(here.document, here.settings, here.memory, here.scope, it, index)
        once = _placed((yield from _once(asker, at, inner, values, moment, {})), at)
        told = once if index == place.element else replace(once, outcomes=_first_failures(told.outcomes, once.outcomes))
        if told.failed or told.again:
            break
    return told


def _later(outcomes: tuple[Outcome, ...], place: Place, code: str, after_s: float) -> tuple[Outcome, ...]:
    """Leave off: those that did not fail go on from there, after a while."""
    kept = bookmark.write(place)
    if not kept:
        return (Outcome(Class.FINAL, "rejected", 0, "what the steps saved is too much to keep"),) * len(outcomes)
    return tuple(
        structs.replace(each, what=Class.LATER, code=code, after_s=after_s, place=kept)
        if each.what is Class.SUCCESS
        else each
        for each in outcomes
    )


def _placed(told: _Told, at: _At) -> _Told:
    """Let what failed and is tried again go on with this step: where the action resumes, and where it only polls."""
    began = at.place.element or at.place.since or any(at.place.found.values())
    if not began or not (at.plan.spec.resume or at.leg.step.poll):
        return told
    kept = bookmark.write(at.place)
    again = tuple(
        structs.replace(each, place=kept) if each.what in _AGAIN and each.code != POLLED_OUT else each
        for each in told.outcomes
    )
    return replace(told, outcomes=again)


def _paged(asker: Asker, at: _At, here: Here, values: Sequence[Json], moment: Moment) -> Told:
    """Do a step, page by page where it has some."""
    leg, pages = at.leg, at.leg.step.pages
    told = yield from _once(asker, at, here, values, moment, {})
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
        told = yield from _once(asker, at, here, values, moment, instead)
    told.saved["items"] = items
    return told


def _once(
    asker: Asker, at: _At, here: Here, values: Sequence[Json], moment: Moment, instead: Mapping[str, Json]
) -> Told:
    """Ask once, and read the answer."""
    leg, call = at.leg, at.call
    asked = asker.ask(call, here, moment, instead)
    if isinstance(asked, Outcome):
        return _Told((asked,) * len(values))
    reply = yield asked
    outcomes = asker.judge(call, here, values, reply, moment)
    if not isinstance(reply, Answer):
        return _Told(outcomes)
    failed = all(each.what is not Class.SUCCESS for each in outcomes)
    catch = next((each for each in leg.step.catches if reply.status in each.statuses), None)
    if catch is not None and failed:
        return _caught(asker, leg, call, here, catch, outcomes, reply)
    if leg.step.poll and not failed and not asker.compute(f"{leg.prefix}:until", here):
        return _Told(_polled(outcomes, at, leg.step.poll, moment.now))
    saved = {name: asker.compute(f"{leg.prefix}:save.{name}", here) for name, _ in leg.step.save}
    return _Told(outcomes, {**saved, **_always(leg, call, reply)}, url=asked.url)


def _polled(outcomes: tuple[Outcome, ...], at: _At, poll: Poll, now: int) -> tuple[Outcome, ...]:
    """Ask again after a while; when that has gone on for too long, the try has failed.

    The next one begins with the first step, unless the action resumes: then it goes on asking.
    """
    since = at.place.since or now
    if now - since < poll.for_s * SECOND:
        return _later(outcomes, replace(at.place, since=since), POLLING, poll.every_s)
    kept = bookmark.write(replace(at.place, since=0)) if at.plan.spec.resume else b""
    return tuple(structs.replace(each, what=Class.UNKNOWN, code=POLLED_OUT, place=kept) for each in outcomes)


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
