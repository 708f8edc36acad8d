"""A destination of a Segment workspace as a connection of ours: each line is taken, so already, or left.

It reads what the Public API answers: a destination, its subscriptions, its filters, in one object or in a list of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from turnout.document import Document, Json
from turnout.errors import InvalidInput, NotFound
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.compile import compile_predicate
from turnout.manifest.expression import nearest
from turnout.manifest.heads import Entry
from turnout.manifest.values import text_of
from turnout.operations.mappings import ALREADY, LEFT, TAKEN, MappingReader, Plan, plain, title

_MASKED = re.compile(r"[•*]{3,}")
_KNOWN_KEYS = frozenset(
    {"destination", "destinations", "subscriptions", "subscription", "filters", "filter", "pagination"}
)


def plan(catalogue: Catalogue, given: Json, settings: Mapping[str, Json], slug: str | None = None) -> Plan:
    """Read a file; `settings` are given beside it, as secrets come masked. Raises: InvalidInput, NotFound."""
    destinations, subscriptions, filters, stray = _parts(given)
    destination, *others = destinations or [{}]
    named = slug or _slug(destination)
    entry = _entry(catalogue, named)
    found = Plan(entry.slug, text_of(destination.get("name")))
    for key in stray:
        found.say(f"`{key[:40]}`", LEFT, why="this part of the file is not read")
    _settings(found, entry, destination, settings)
    _beside(found, destination, others)
    own = destination.get("id")
    subscriptions, filters = ([one for one in each if _is_of(found, one, own)] for each in (subscriptions, filters))
    for one in filters:
        _filter(found, one)
    if entry.native:
        for one in subscriptions:
            found.say(title(one), LEFT, why=f"{entry.name} writes events as they are")
        return found
    MappingReader(catalogue, entry, catalogue.manifest(entry.slug), found).read(subscriptions)
    return found


def _parts(given: Json) -> tuple[list[Document], list[Document], list[Document], list[str]]:
    """Find destinations, subscriptions and filters in what the API answers, wrapped or not."""
    destinations: list[Document] = []
    subscriptions: list[Document] = []
    filters: list[Document] = []
    stray: list[str] = []
    for one in given if isinstance(given, list) else [given]:
        whole = one.get("data", one) if isinstance(one, dict) else None
        if not isinstance(whole, dict):
            raise InvalidInput("expected JSON of Segment's Public API, with `destination` and `subscriptions`")
        if "metadata" in whole and "destination" not in whole:
            whole = {"destination": whole, **{key: whole[key] for key in ("subscriptions", "filters") if key in whole}}
        stray += [key for key in whole if key not in _KNOWN_KEYS]
        destinations += [*_objects(whole.get("destination")), *_objects(whole.get("destinations"))]
        subscriptions += [*_objects(whole.get("subscriptions")), *_objects(whole.get("subscription"))]
        filters += [*_objects(whole.get("filters")), *_objects(whole.get("filter"))]
    return destinations, subscriptions, filters, stray


def _beside(found: Plan, destination: Document, others: list[Document]) -> None:
    """Say what a destination there is that one here is not, and which destinations were not read."""
    if destination.get("enabled") is False:
        found.say("destination", LEFT, why="it is disabled there and would run here: pause it once it is connected")
    if destination.get("sourceId"):
        found.say(
            "source",
            LEFT,
            why="there it is of one source; here it gets all: narrow it by `destination update --source`",
        )
    for one in others:
        found.say(f"destination {text_of(one.get('name'))[:60]!r}", LEFT, why="one destination at a time is imported")


def _is_of(found: Plan, one: Document, own: Json) -> bool:
    """Tell whether a mapping or a filter is of the destination; one of another has a line."""
    other = one.get("destinationId")
    if own is None or other is None or other == own:
        return True
    named = text_of(one.get("name") or one.get("title"))[:60]
    found.say(f"mapping or filter {named!r}", LEFT, why="it is of another destination")
    return False


def _objects(value: Json) -> list[Document]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]


def _slug(destination: Document) -> str:
    metadata = destination.get("metadata")
    named = [text_of(metadata.get(key)) for key in ("slug", "name")] if isinstance(metadata, dict) else []
    found = next((one for one in named if one), "")
    if not found:
        raise InvalidInput("the file names no destination (`destination.metadata.slug`); say which with --slug")
    return found


def _entry(catalogue: Catalogue, name: str) -> Entry:
    try:
        return catalogue.find(name)
    except NotFound as error:
        raise NotFound(f"{name[:60]}: {error.message}; if it has another name here, say it with --slug") from None


def _settings(found: Plan, entry: Entry, destination: Document, beside: Mapping[str, Json]) -> None:
    """Take the settings that the destination has here too."""
    ours = {plain(alias): name for name, setting in entry.settings.items() for alias in (*setting.aka, name)}
    found.settings = dict(beside)
    told = {ours.get(plain(name), name) for name in beside}
    given = destination.get("settings")
    for key, value in given.items() if isinstance(given, dict) else ():
        name = ours.get(plain(key))
        what = f"setting `{key[:60]}`"
        if name is None:
            near = nearest(plain(key), frozenset(ours))
            found.say(what, LEFT, why=f"{entry.name} has no such setting here{near}")
        elif name in told:
            found.say(what, ALREADY, to=name, why="it is given beside the file")
        elif value is None or value == "":
            found.say(what, ALREADY, to=name, why="it is empty")
        elif _MASKED.search(text_of(value)):
            found.say(what, LEFT, to=name, why=f"its value is masked; give it with --set {name}=…")
        else:
            found.settings[name] = value
            found.say(what, TAKEN, to=name)


def _filter(found: Plan, given: Document) -> None:
    """Take a filter that drops events; what changes them is no filter here."""
    what = f"filter {text_of(given.get('title') or given.get('if'))[:60]!r}"
    actions = [text_of(one.get("type")).upper() for one in _objects(given.get("actions"))]
    if given.get("enabled") is False:
        return found.say(what, LEFT, why="it is disabled there")
    if other := [one for one in actions if one not in {"DROP", "DROP_EVENT"}]:
        return found.say(what, LEFT, why=f"{other[0]} changes or samples events; a filter here only lets pass or not")
    condition = text_of(given.get("if")).strip() or "all"
    try:
        compile_predicate(condition)
    except InvalidInput as error:
        return found.say(what, LEFT, why=error.message)
    against = "false" if condition == "all" else f"!({condition})"
    found.filter = f"{found.filter} and {against}" if found.filter else against
    return found.say(what, TAKEN, to="filter", value=against)
