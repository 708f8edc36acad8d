"""Reads steps: requests of one action that depend on one another."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from turnout.document import Json
from turnout.manifest.expression import Names
from turnout.manifest.model import Cache, Catch, Pages, Poll, Send, Step
from turnout.manifest.nodes import TRUE, Node
from turnout.manifest.part import Part
from turnout.manifest.read_requests import RequestReader, read_send

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = frozenset({
    *("event", "settings", "let", "it", "index", "item", "batch", "res", "now", "request_id", "integrations"),
    *("auth", "audience", "row", "nonce", "steps"),
})  # fmt: skip
"""What `$name` means already."""
OWN = ("when", "each", "save", "cache", "catch", "page", "poll", "limits")
DROP = ("drop", "when")
CACHE = ("key", "ttl")
CATCH = ("save", "forget", "then")
PAGE = ("next", "items", "max")
POLL = ("every", "for", "until")
_RESERVED = frozenset({"status", "items", "body"})
MAX_STEPS = 20
MAX_PAGES = 100
LEAST_POLL_S = 1.0
MOST_POLL_S = 3_600.0
"""How soon a step is asked again. What is due later than an hour counts as a clock's doing."""
MAX_POLLS = 1_000
"""How often one step is asked: each is a request with its evidence."""


@dataclass(frozen=True, slots=True)
class StepReader:
    """Reads the steps of one action, each with what those before it found."""

    reader: RequestReader
    http: Part

    def steps(self, action: Part, key: str = "steps") -> tuple[Step, ...]:
        """Read them all, in their order."""
        raw = action.raw[key]
        if not isinstance(raw, list) or not raw or len(raw) > MAX_STEPS:
            raise action.fail(key, f"expected a list of 1 to {MAX_STEPS} steps, each `- name: {{…}}`")
        found: list[Step] = []
        for place, one in enumerate(raw):
            name = next(iter(one)) if isinstance(one, dict) and len(one) == 1 else ""
            if not name or not isinstance(one, dict) or not isinstance(one[name], dict):
                raise action.source.fail((*action.path, key, place), "expected `name: {…}`")
            part = action.of(one[name], key, place, name)
            self._refuse_name(part, name, found)
            found.append(self._step(part, name, found))
        return tuple(found)

    def _refuse_name(self, part: Part, name: str, before: list[Step]) -> None:
        names = self.reader.names
        if not _NAME.fullmatch(name):
            raise part.fail("", "a step's name has small letters, digits and `_`")
        if name in _TAKEN or name in names.bare or name in names.roots:
            raise part.fail("", f"`${name}` means something else already: choose another name")
        if any(step.name == name for step in before):
            raise part.fail("", f"there is a step `{name}` already")

    def _step(self, part: Part, name: str, before: list[Step]) -> Step:
        names = self.reader.names.after(*(step.name for step in before))
        read = _At(self.reader, part, names)
        when = read.condition("when")
        if "drop" in part.raw:
            part.only(*DROP)
            return Step(name, when, drop=read.value("drop"))
        each = read.value("each")
        inner = names.plus("it", "index") if each else names
        reader = replace(self.reader, names=inner)
        answered = _At(reader, part, inner.plus("res"))
        send = read_send(reader, _request_only(part), self.http)
        for word in ("save", "cache", "page") if each else ():
            if word in part.raw:
                raise part.fail(word, "a step for each element saves nothing")
        return Step(
            name, when, send, None, each, answered.saved(part, "save"), self._cache(part, read),
            tuple(self._catches(part, answered, before)), self._pages(part, answered), reader.limits(part),
            self._poll(part, answered),
        )  # fmt: skip

    def _cache(self, part: Part, read: _At) -> Cache | None:
        if "cache" not in part.raw:
            return None
        given = part.part("cache")
        given.only(*CACHE)
        key = _At(self.reader, given, read.names).value("key")
        if key is None or not given.seconds("ttl"):
            raise given.fail("", "a cache has `key` and `ttl`, for example `{key: $.userId, ttl: 10m}`")
        if "save" not in part.raw:
            raise part.fail("cache", "nothing is saved that it could keep")
        return Cache(key, given.seconds("ttl"))

    def _catches(self, part: Part, answered: _At, before: list[Step]) -> list[Catch]:
        found = []
        given = part.part("catch")
        for status, raw in given.raw.items():
            if not str(status).isdigit() or not 300 <= int(str(status)) <= 599:  # noqa: PLR2004
                raise given.fail(str(status), "expected a status, for example `404`")
            code = frozenset({int(str(status))})
            if raw == "next":
                found.append(Catch(code))
                continue
            inner = given.part(str(status))
            inner.only(*CATCH)
            forget = inner.text("forget")
            if forget and (inner.text("then") != "again" or not _is_kept(forget, before)):
                raise inner.fail("forget", "expected `{forget: step, then: again}`, of a step before that has a cache")
            found.append(Catch(code, answered.saved(inner, "save"), forget))
        return found

    def _pages(self, part: Part, answered: _At) -> Pages | None:
        if "page" not in part.raw:
            return None
        given = part.part("page")
        given.only(*PAGE)
        read = _At(answered.reader, given, answered.names)
        following, items = read.value("next"), read.value("items")
        most = int(given.number("max") or 10)
        if following is None or items is None or not 1 <= most <= MAX_PAGES:
            raise given.fail("", f"`page` has `next`, `items` and at most {MAX_PAGES} pages as `max`")
        return Pages(following, items, most)

    def _poll(self, part: Part, answered: _At) -> Poll | None:
        if "poll" not in part.raw:
            return None
        given = part.part("poll")
        given.only(*POLL)
        for word in ("each", "page", "cache"):
            if word in part.raw:
                raise part.fail(word, f"a step with `poll` asks for one thing: it has no `{word}`")
        every_s, for_s = given.seconds("every"), given.seconds("for")
        if not LEAST_POLL_S <= every_s <= MOST_POLL_S or not every_s <= for_s <= every_s * MAX_POLLS:
            raise given.fail(
                "", f"`every` is 1s to 1h, and `for` as long at the least and {MAX_POLLS:,} times it at the most"
            )
        if "until" not in given.raw:
            raise given.fail("", "`until` is missing: what holds of the answer when it is done")
        return Poll(_At(answered.reader, given, answered.names).condition("until"), every_s, for_s)


@dataclass(frozen=True, slots=True)
class _At:
    """Values of one part."""

    reader: RequestReader
    part: Part
    names: Names

    def value(self, key: str) -> Node | None:
        part = self.part
        return self.reader.language.value(part.raw[key], (*part.path, key), self.names) if key in part.raw else None

    def condition(self, key: str) -> Node:
        part = self.part
        if key not in part.raw:
            return TRUE
        return self.reader.language.condition(part.raw[key], (*part.path, key), self.names)

    def saved(self, part: Part, key: str) -> tuple[tuple[str, Node], ...]:
        given = part.part(key)
        if taken := _RESERVED & given.raw.keys():
            raise given.fail(min(taken), "every step has that by itself: choose another name")
        return tuple(
            (name, self.reader.language.value(raw, (*given.path, name), self.names)) for name, raw in given.raw.items()
        )


def _is_kept(name: str, before: list[Step]) -> bool:
    return any(step.name == name and step.cache for step in before)


def _request_only(part: Part) -> Part:
    """Give the part without what belongs to the step, which is read beside."""
    raw: dict[str, Json] = {key: value for key, value in part.raw.items() if key not in OWN}
    return Part(part.source, part.path, raw)


def steps_send(part: Part, steps: tuple[Step, ...]) -> Send:
    """Give the first request of steps."""
    send = next((step.send for step in steps if step.send), None)
    if send is None:
        raise part.fail("steps", "no step sends anything")
    return send
