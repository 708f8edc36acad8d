"""The configuration in force: one frozen value, built from the newest leaf of each entity.

A window keeps the one it was opened under; the commit after a change builds the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from turnout import document
from turnout.document import Document, Json
from turnout.errors import NotFound, listed
from turnout.event import rules
from turnout.event.model import LIVE, Namespace, SourceId
from turnout.event.rules import By, Place, Rule
from turnout.guard.principal import Scope

SOURCE = "source"
DESTINATION = "destination"
RULE = "rule"
TOKEN = "token"  # noqa: S105 - the kind of an entity


class Receives(StrEnum):
    """Which events a destination takes: live ones only, unless it is told otherwise."""

    LIVE = "live"
    TEST = "test"
    ALL = "all"

    def takes(self, namespace: Namespace) -> bool:
        """Tell whether events of this namespace are for it."""
        return self is Receives.ALL or (namespace == LIVE) is (self is Receives.LIVE)


@dataclass(frozen=True, slots=True)
class Source:
    """Where events come from. Write keys are not secret (they ship in web pages) and can only append."""

    id: SourceId
    name: str
    write_key: str
    test_write_key: str
    created: int


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go: `settings` without the secret ones, whose names stand in `secrets`.

    `filter` is an expression of the manifest language, empty for none; `sources` limits by source id, empty
    for all. `lane` is its way through the log. `overrides` are what it changes of its manifest, as
    `manifest.overrides` reads them.
    """

    id: str
    name: str
    slug: str
    lane: int
    receives: Receives
    settings: Mapping[str, Json]
    secrets: tuple[str, ...]
    filter: str
    sources: tuple[int, ...]
    created: int
    overrides: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token over HTTP: what it may do, and the digest it is known by. `expires` is 0 for never."""

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: bytes
    created: int
    expires: int

    def is_over(self, now: int) -> bool:
        """Tell whether its time has come."""
        return 0 < self.expires <= now


@dataclass(frozen=True, slots=True)
class Workspace:
    """All of it, as of one revision. `rules` in the order in which they are asked, which `place` does."""

    revision: int
    sources: Mapping[int, Source] = field(default_factory=dict)
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    place: Place | None = field(default=None, compare=False)

    def destination(self, name: str) -> Destination:
        """Find a destination by name, id, or slug where only one has it. Raises: NotFound, with the names there are."""
        if found := self.destinations.get(name):
            return found
        every = self.destinations.values()
        named = [each for each in every if each.name.casefold() == name.casefold()]
        alike = named or [each for each in every if each.slug == name]
        if len(alike) == 1:
            return alike[0]
        if alike:
            some = listed([each.name for each in alike])
            raise NotFound(f"{len(alike)} destinations have the slug {name}: {some}", fix="Name one of them")
        if not every:
            raise NotFound(
                f"no destination has the name or id {name[:60]!r}: none is connected yet",
                fix="connect_destination connects one",
            )
        raise NotFound.named("destination", name, [each.name for each in every])

    def source(self, name: str) -> Source:
        """Find a source by its name or id. Raises: NotFound, with the names there are."""
        for each in self.sources.values():
            if each.name.casefold() == name.casefold() or str(each.id) == name:
                return each
        raise NotFound.named("source", name, [each.name for each in self.sources.values()])

    def token(self, name: str) -> Token:
        """Find a token by its name or id. Raises: NotFound, with the names there are."""
        for each in self.tokens.values():
            if each.name.casefold() == name.casefold() or each.id == name:
                return each
        raise NotFound.named("token", name, [each.name for each in self.tokens.values()])

    def by_lane(self) -> Mapping[int, Destination]:
        """Give the destinations by their lanes."""
        return {each.lane: each for each in self.destinations.values()}


def build(revision: int, leaves: Iterable[tuple[str, str, bytes]]) -> Workspace:
    """Build the value from (kind, id, body) of the newest leaves."""
    sources: dict[int, Source] = {}
    destinations: dict[str, Destination] = {}
    moving: list[Rule] = []
    tokens: dict[str, Token] = {}
    for kind, key, text in leaves:
        body = document.decode(text)
        assert isinstance(body, dict)
        if kind == SOURCE:
            sources[int(key)] = Source(
                SourceId(int(key)),
                str(body["name"]),
                str(body["write_key"]),
                str(body["test_write_key"]),
                _int(body["created"]),
            )
        elif kind == DESTINATION:
            destinations[key] = _destination(key, body)
        elif kind == RULE:
            moving.append(rule(int(key), body))
        elif kind == TOKEN:
            tokens[key] = _token(key, body)
    moving.sort(key=lambda each: each.number)
    return Workspace(revision, sources, destinations, tokens, tuple(moving), rules.place(moving))


def source_body(source: Source) -> Mapping[str, Json]:
    """Write a source as the body of its leaf."""
    return {
        "name": source.name,
        "write_key": source.write_key,
        "test_write_key": source.test_write_key,
        "created": source.created,
    }


def token_body(token: Token) -> Mapping[str, Json]:
    """Write a token as the body of its leaf."""
    return {
        "name": token.name,
        "scopes": [str(each) for each in Scope if each in token.scopes],
        "digest": token.digest.hex(),
        "created": token.created,
        "expires": token.expires,
    }


def destination_body(destination: Destination) -> Mapping[str, Json]:
    """Write a destination as the body of its leaf; one without overrides as it was before there were any."""
    more: Document = {"overrides": destination.overrides} if destination.overrides else {}
    return {
        "name": destination.name,
        "slug": destination.slug,
        "lane": destination.lane,
        "receives": str(destination.receives),
        "settings": destination.settings,
        "secrets": list(destination.secrets),
        "filter": destination.filter,
        "sources": list(destination.sources),
        "created": destination.created,
        **more,
    }


def rule(number: int, body: Mapping[str, Json]) -> Rule:
    """Read a rule from the body of its leaf."""
    to = Namespace(str(body["namespace"]))
    return Rule(number, By(str(body["by"])), str(body["pattern"]), to, _int(body["created"]))


def rule_body(each: Rule) -> Mapping[str, Json]:
    """Write a rule as the body of its leaf."""
    return {"by": str(each.by), "pattern": each.pattern, "namespace": each.to, "created": each.created}


def _destination(key: str, body: Mapping[str, Json]) -> Destination:
    settings, secrets, sources = body["settings"], body["secrets"], body["sources"]
    overrides = body.get("overrides", {})
    assert isinstance(settings, dict)
    assert isinstance(overrides, dict)
    assert isinstance(secrets, list)
    assert isinstance(sources, list)
    return Destination(
        key,
        str(body["name"]),
        str(body["slug"]),
        _int(body["lane"]),
        Receives(str(body["receives"])),
        settings,
        tuple(str(each) for each in secrets),
        str(body["filter"]),
        tuple(_int(each) for each in sources),
        _int(body["created"]),
        overrides,
    )


def _token(key: str, body: Mapping[str, Json]) -> Token:
    scopes = body["scopes"]
    assert isinstance(scopes, list)
    return Token(
        key,
        str(body["name"]),
        frozenset(each for each in Scope if each in scopes),  # what a newer program knows grants nothing here
        bytes.fromhex(str(body["digest"])),
        _int(body["created"]),
        _int(body["expires"]),
    )


def _int(value: Json) -> int:
    assert isinstance(value, int)
    return value
