"""Destinations of the catalogue as their own first sending test sets them up, and batches of their own events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from urllib.parse import urlsplit

from turnout.document import Document, Json, encode
from turnout.errors import InvalidSettings
from turnout.exchange import Answer, Drop, Item, Moment, Reply, Request, Target
from turnout.manifest import talk
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.model import ActionSpec, Manifest
from turnout.manifest.plans import Call, compiled
from turnout.manifest.read_tests import TestCase
from turnout.manifest.talk import Sent
from turnout.manifest.trial import NOW

CATALOGUE = Catalogue()
REQUEST_ID = "request-0001"
_LONGER = ('{}-Zq7/+x=&"%é {}', '{1}Zq7/+x=&"%é {0}', "{}Zq7abcdefgh", "Zq7abcdefgh{}")
"""How a secret is made a long and odd one, where its pattern takes that."""
_ORIGIN = re.compile(r"https?://([\w.-]+)")


@dataclass(frozen=True)
class Case:
    """One destination as one of its own tests sets it up; `only`: for these actions."""

    slug: str
    test: TestCase
    settings: Document
    only: frozenset[str] = frozenset()

    @cached_property
    def target(self) -> Target:
        return self.fresh()

    def fresh(self, **more: Json) -> Target:
        """Make the destination anew: it remembers what its look-ups found."""
        return CATALOGUE.bind(self.slug, {**self.settings, **more})

    @cached_property
    def moment(self) -> Moment:
        return Moment(NOW, REQUEST_ID, self.test.auth)

    @cached_property
    def manifest(self) -> Manifest:
        return CATALOGUE.manifest(self.slug)

    def spec(self, batch: tuple[Item, ...]) -> ActionSpec:
        """Give what the manifest says of the action of a batch."""
        return self.manifest.actions[batch[0].action]

    @cached_property
    def own(self) -> list[Document]:
        return [event for test in self.manifest.tests for event in test.events]

    @cached_property
    def happy(self) -> list[Reply]:
        """Give the answers of the manifest's tests in which all went well, those of this test first."""
        good = [test for test in self.manifest.tests if test.answers and set(test.outcomes) <= {"success"}]
        good.sort(key=lambda test: test.name != self.test.name)
        return [talk.reply(one) for test in good for one in test.answers] or [Answer(200)]

    def samples(self) -> dict[str, list[Item]]:
        """Map the manifest's own events: items by action, each made of one event and of the first index."""
        found: dict[str, list[Item]] = {}
        for one in mapped(self.target, self.own):
            if isinstance(one, Item):
                found.setdefault(one.action, []).append(one)
        return found

    @cached_property
    def batches(self) -> tuple[tuple[Item, ...], ...]:
        """Give for each action a batch of one, and a full one."""
        return tuple(self._batches())

    def _batches(self) -> Iterator[tuple[Item, ...]]:
        for action, items in self.samples().items():
            if self.only and action not in self.only:
                continue
            yield (items[0],)
            most = self.target.actions[action].max_items
            if most > 1:
                event = items[0].document
                copies = ({**event, "messageId": f"copy-{number}"} for number in range(most))
                again = [one for one in mapped(self.target, copies) if isinstance(one, Item) and one.action == action]
                yield max(talk.batches(self.target, again), key=len)

    def talk(self, batch: tuple[Item, ...], replies: Iterator[Reply], moment: Moment | None = None) -> Sent:
        """Hold one exchange with a destination that knows nothing yet."""
        return talk.talk(self.fresh(), batch, moment or self.moment, replies)

    @cached_property
    def calls(self) -> dict[str, tuple[Call, ...]]:
        """Give the requests of each action, and how their answers are judged."""
        return {name: plan.calls for name, plan in compiled(self.manifest).plans.items()}

    @cached_property
    def talks(self) -> tuple[Sent, ...]:
        """Hold the exchange of each batch, with answers that say that all is well."""
        return tuple(self.talk(batch, cycle(self.happy)) for batch in self.batches)

    @cached_property
    def hosts(self) -> set[str]:
        """Name the hosts that may be asked: those in the file, in the settings, in a token, and of its own tests."""
        given = [self.manifest.source.data, self.settings, self.test.auth]
        written = {host for each in given for host in _ORIGIN.findall(encode(each).decode())}
        asks = [ask for sent in self.talks for ask in sent.asks]
        return written | {urlsplit(ask.url).hostname or "" for ask in asks if isinstance(ask, Request)}


def mapped(target: Target, events: Iterable[Document], now: int = NOW) -> list[Item | Drop]:
    """Map events through the actions that they are for."""
    return [one for event in events for one in target.items(event, talk.selected(target, event), now)]


def hardened(slug: str, test: TestCase) -> Document:
    """Take a test's settings, and lengthen each secret that may be any text."""
    settings = dict(test.settings)
    for name in CATALOGUE.secret_names(slug):
        key = next((key for key in settings if key.replace("_", "").lower() == name.replace("_", "").lower()), "")
        if not isinstance(settings.get(key), str):
            continue
        longer = ({**settings, key: form.format(settings[key], name)} for form in _LONGER)
        settings = next((each for each in longer if sends(slug, each, test)), settings)
    return settings


def sends(slug: str, settings: Document, test: TestCase) -> bool:
    """Tell whether a test's events still cause a request."""
    try:
        target = CATALOGUE.bind(slug, settings)
    except InvalidSettings:
        return False
    found = [one for one in mapped(target, test.events) if isinstance(one, Item)]
    moment = Moment(NOW, REQUEST_ID, test.auth)
    return bool(found) and all(talk.talk(target, each, moment, iter(())).asks for each in talk.batches(target, found))


def cases_of(slug: str) -> tuple[Case, ...]:
    """Set a destination up as its first test that sends does, then as others do whose settings reach more actions."""
    found: list[Case] = []
    known: set[str] = set()
    for test in sorted(CATALOGUE.manifest(slug).tests, key=lambda test: not test.sends):
        case = Case(slug, test, hardened(slug, test))
        reached = case.samples().keys() - known if not found or sends(slug, test.settings, test) else set()
        if reached:
            found.append(Case(slug, test, case.settings, frozenset(reached)))
            known |= reached
    return tuple(found)
