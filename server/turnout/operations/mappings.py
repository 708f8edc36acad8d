"""Mappings of a Segment destination as overrides: which action each is, when it is done, which fields differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import chain
from typing import TypeAlias

from turnout.document import Document, Json
from turnout.errors import InvalidInput, TurnoutError
from turnout.exchange import Item, Target
from turnout.manifest import mapping_kit
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.compile import compile_predicate
from turnout.manifest.expression import nearest
from turnout.manifest.fields import written
from turnout.manifest.heads import Entry
from turnout.manifest.mapping_kit import Untaken
from turnout.manifest.model import KINDS, ActionSpec, Manifest
from turnout.manifest.overrides import keys_of
from turnout.manifest.trial import NOW
from turnout.manifest.values import dig, text_of

TAKEN, ALREADY, LEFT = "taken", "already", "not_taken"
_BATCHES = frozenset({"enable_batching", "batch_size", "batch_bytes", "batch_keys"})
_ROOT = "__segment_internal_directive"
_KIND = re.compile(r"type\s*=\s*[\"'](\w+)[\"']")
_ANY = re.compile(r"\s*\(?\s*type\s*=\s*[\"']\w+[\"'](?:\s+or\s+type\s*=\s*[\"']\w+[\"'])*\s*\)?\s*")


@dataclass(slots=True)
class Plan:
    """What comes of a file: a connection to make, and a line for everything that was in it."""

    slug: str
    name: str = ""
    settings: Document = field(default_factory=dict)
    filter: str = ""
    overrides: Document = field(default_factory=dict)
    lines: list[Document] = field(default_factory=list)

    def say(self, what: str, result: str, **more: str) -> None:
        """Add a line."""
        self.lines.append({"what": what, "result": result, **more})


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A mapping (subscription) of Segment's, and the action of ours that it is."""

    title: str
    trigger: str
    kinds: frozenset[str]
    spec: ActionSpec
    fields: Mapping[str, Json]


_Wanted: TypeAlias = "tuple[_Mapping, Json, str]"
_Fields: TypeAlias = "dict[str, list[_Wanted]]"
"""By the key of `map`: the mapping, the value in our language, and how the line begins."""


def title(subscription: Document) -> str:
    """Begin the lines of a mapping."""
    return f"mapping {text_of(subscription.get('name') or subscription.get('actionSlug') or '?')[:60]!r}"


def plain(name: str) -> str:
    """Compare names whatever their style."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


class MappingReader:
    """Reads subscriptions: which action of ours each is, when it is done, and what of its fields differs."""

    def __init__(self, catalogue: Catalogue, entry: Entry, manifest: Manifest, found: Plan) -> None:
        self.catalogue, self.entry, self.manifest, self.found = catalogue, entry, manifest, found
        self.actions = {name: spec for name, spec in manifest.actions.items() if set(spec.triggers) & set(KINDS)}
        self.map: Document = {}
        self.when: Document = {}

    def read(self, subscriptions: Iterable[Document]) -> None:
        """Read all of them."""
        listed = [one for one in map(self.mapping, subscriptions) if one]
        if listed:
            self.conditions(listed)
        by_field: _Fields = {}
        for one in listed:
            self.fields(one, one.fields, "", by_field)
        for key, wanted in by_field.items():
            self.field(key, wanted, [one for one in listed if one.spec.name == key.partition(":")[0]])
        parts: Document = {"map": self.map, "when": self.when}
        self.found.overrides = {name: part for name, part in parts.items() if part}

    def mapping(self, given: Document) -> _Mapping | None:
        """Find the action of ours that is for the same calls and has the most of its fields."""
        said, trigger = title(given), text_of(given.get("trigger")).strip()
        if given.get("enabled") is False:
            self.found.say(said, LEFT, why="it is disabled there")
            return None
        try:
            compile_predicate(trigger or "all")
        except InvalidInput as error:
            self.found.say(said, LEFT, why=f"its trigger: {error.message}")
            return None
        kinds = frozenset(_KIND.findall(trigger)) & set(KINDS) or frozenset(KINDS)
        fields = given.get("settings")
        wanted = fields if isinstance(fields, dict) else {}
        slug = plain(text_of(given.get("actionSlug")))
        ranked = sorted(
            (one for one in self.actions.values() if kinds & set(one.triggers)),
            key=lambda spec: (
                -self.likeness(spec, wanted, kinds, slug),
                -SequenceMatcher(None, slug, spec.name).ratio(),
            ),
        )
        if not ranked:
            self.found.say(said, LEFT, why=f"{self.entry.name} does nothing here with {', '.join(sorted(kinds))}")
            return None
        self.found.say(said, TAKEN, to=ranked[0].name)
        return _Mapping(said, trigger or "all", kinds, ranked[0], wanted)

    def likeness(self, spec: ActionSpec, wanted: Mapping[str, Json], kinds: frozenset[str], slug: str) -> int:
        """Count the fields that an action has too; its name, and being for any event of these calls, count more."""
        for_any = all(not spec.triggers[kind] for kind in kinds & set(spec.triggers))
        return sum(bool(self.places(spec, name)) for name in wanted) + 2 * for_any + 3 * (plain(spec.name) in slug)

    def places(self, spec: ActionSpec, name: str) -> list[str]:
        """Find the fields of an action that a name of Segment's means: by the path, else by the last name."""
        paths = written(spec.item, self.manifest.lets) if spec.item else ()
        if name in paths:
            return [name]
        last = plain(name.rpartition(".")[2])
        return [one for one in paths if plain(one) == plain(name) or plain(one.rpartition(".")[2]) == last]

    def conditions(self, listed: list[_Mapping]) -> None:
        """Say when each action of ours is done: when one of its mappings, or one for the same calls, would be."""
        for name, spec in self.actions.items():
            calls = set(spec.triggers) & set(KINDS)
            own = [one for one in listed if one.spec is spec] or [one for one in listed if one.kinds & calls]
            triggers = list(dict.fromkeys(one.trigger for one in own))
            what = f"trigger of `{name}`"
            if not own:
                self.when[name] = "false"
                self.found.say(what, TAKEN, to=f"when {name}", value="false", why="no mapping there is for these calls")
                continue
            whole = all(one == "all" or _ANY.fullmatch(one) for one in triggers)
            if whole and calls <= {kind for one in own for kind in one.kinds}:
                self.found.say(what, ALREADY, to=name)
                continue
            condition = triggers[0] if len(triggers) == 1 else " or ".join(f"({one})" for one in triggers)
            self.when[name] = condition
            self.found.say(what, TAKEN, to=f"when {name}", value=condition)
        for one in listed:
            if one.kinds != frozenset(KINDS) and (
                beyond := one.kinds - {k for a in self.actions.values() for k in a.triggers}
            ):
                self.found.say(f"{one.title} trigger", LEFT, why=f"nothing here is for {', '.join(sorted(beyond))}")

    def fields(self, one: _Mapping, given: Mapping[str, Json], above: str, into: _Fields) -> None:
        """Find where each field goes, and write it in our language."""
        every = written(one.spec.item, self.manifest.lets) if one.spec.item else ()
        for name, value in given.items():
            key = f"{above}{name}"
            what = f"{one.title} field `{key[:60]}`"
            paths = self.places(one.spec, key)
            if name in _BATCHES and not above:
                self.found.say(what, ALREADY, why="batches go as the manifest says")
            elif value is None or value == "":
                self.found.say(what, LEFT, why="it is empty there; the manifest's own value stays")
            elif name == _ROOT:
                self.found.say(what, LEFT, why="it reshapes the whole event before the mapping")
            elif _is_shape(value) and (not paths or any(each.startswith(f"{paths[0]}.") for each in every)):
                assert isinstance(value, dict)
                self.fields(one, value, f"{key}.", into)
            elif not paths:
                near = nearest(key, frozenset(every))
                self.found.say(what, LEFT, why=f"`{one.spec.name}` sends no such field{near}")
            elif len(paths) > 1:
                self.found.say(what, LEFT, why=f"it could be any of {', '.join(paths[:4])}")
            else:
                self.take(one, what, f"{one.spec.name}:{_key(paths[0])}", value, into)

    def take(self, one: _Mapping, what: str, key: str, value: Json, into: _Fields) -> None:
        """Write a field in our language, where that can be."""
        try:
            written_so = mapping_kit.translated(value)
        except Untaken as error:
            self.found.say(what, LEFT, to=key, why=str(error))
        else:
            into.setdefault(key, []).append((one, written_so, what))

    def field(self, key: str, wanted: list[_Wanted], own: list[_Mapping]) -> None:
        """Take a field, unless the manifest makes the same; where mappings differ, it asks for their triggers."""
        values = [value for _, value, _ in wanted]
        value = values[0]
        if any(one != value for one in values) or len({id(one) for one, _, _ in wanted}) < len(own):
            value = "$was"
            for one, each, _ in reversed(wanted):
                value = {"$if": f"fql({mapping_kit.quoted(one.trigger)})", "$then": each, "$else": value}
        if isinstance(value, dict) and set(value) == {"$const"} and value["$const"] is None:
            value = "= null"
        try:
            alike = self.is_alike(key, value)
        except TurnoutError as error:
            for _, _, what in wanted:
                self.found.say(what, LEFT, to=key, why=error.message)
            return
        if not alike:
            self.map[key] = value
        for _, each, what in wanted:
            more = {} if alike else {"value": text_of(each)}
            self.found.say(what, ALREADY if alike else TAKEN, to=key, **more)

    def is_alike(self, key: str, value: Json) -> bool:
        """Tell whether the field comes out the same for every event of the manifest's own tests, and of some at all."""
        usual = next((test.settings for test in self.manifest.tests if test.sends), {})
        settings = {**self.catalogue.check_settings(self.entry.slug, usual), **self.found.settings}
        action, _, path = key.partition(":")
        before = self.values(self.catalogue.bind(self.entry.slug, settings), action, path)
        after = self.values(
            self.catalogue.bind(self.entry.slug, settings, {"map": {**self.map, key: value}}), action, path
        )
        return before == after and any(one is not None for one in before)

    def values(self, target: Target, action: str, path: str) -> list[Json]:
        """Map the events of the manifest's own tests: what each item has at a path."""
        events = [event for test in self.manifest.tests for event in test.events]
        wanted = [one for one in events if action in target.select(text_of(one.get("type")), text_of(one.get("event")))]
        made = chain.from_iterable(target.items(event, (action,), NOW) for event in wanted)
        return [dig(one.value, keys_of(path)) for one in made if isinstance(one, Item)]


def _is_shape(value: Json) -> bool:
    """Tell an object of fields from one that is a directive."""
    return isinstance(value, dict) and bool(value) and not any(key.startswith("@") for key in value)


def _key(path: str) -> str:
    """Write a path as `map` has it: an odd name in quotes."""
    return ".".join(one if re.fullmatch(r'[^\s.":]+', one) else f'"{one}"' for one in path.split("."))
