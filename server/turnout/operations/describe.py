"""Destinations for reading: what is connected and how it fares, what can be connected, and all about one."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.document import Document, Json
from turnout.errors import NotFound, TurnoutError
from turnout.guard.principal import Scope
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.heads import Entry
from turnout.manifest.index import Hits
from turnout.operations import check, page, shown
from turnout.operations.counted import counted
from turnout.operations.health import Rounds
from turnout.operations.reader import Reader
from turnout.store.unit import View
from turnout.workspace import Destination, Receives

VERIFIED = "verified"
_NAMED = 5
"""Destinations that a summary names."""


def list_destinations(
    view: View,
    reader: Reader,
    catalogue: Catalogue,
    search: str | None,
    *,
    catalog: bool,
    cursor: str | None,
    limit: int,
    retention_days: int,
) -> Document:
    """List what is connected, the oldest first; or, with `catalog`, the catalogue, the best match first."""
    words, rows = search or "", max(1, limit)
    if catalog:
        return _catalogue(view, reader, catalogue, words, cursor, rows)
    return _connected(view, reader, catalogue, words, cursor, rows, retention_days)


def describe_destination(view: View, catalogue: Catalogue, name: str, retention_days: int) -> Document:
    """Describe a connected destination by name, id or slug, or one of the catalogue. Raises: NotFound."""
    alike = [each for each in view.workspace.destinations.values() if each.slug == name]
    try:
        found = view.workspace.destination(name)
    except NotFound as error:
        return _described_entry(_entry(catalogue, name, error), catalogue, alike)
    return _described(view, catalogue, found, retention_days)


def _connected(
    view: View, reader: Reader, catalogue: Catalogue, search: str, cursor: str | None, limit: int, retention_days: int
) -> Document:
    listing = f"destinations {search}"
    after = page.take(view, reader, listing, cursor)
    rounds = Rounds(view, catalogue, retention_days)
    found = [each for each in view.workspace.destinations.values() if _matches(catalogue, each, search)]
    found.sort(key=lambda each: each.lane)
    left = [each for each in found if each.lane > after]
    fares = {each.lane: rounds.health(each) for each in found}
    unwell = [each for each in found if fares[each.lane].is_unwell]
    rows: list[Json] = []
    for each in left[:limit]:
        health = fares[each.lane]
        rows.append(
            {
                "slug": each.slug,
                "name": each.name,
                "destination_id": each.id,
                "state": health.state,
                "status": _status(catalogue, each.slug),
                "receives": str(each.receives),
                "health": health.words,
                "lag_seconds": health.lag_seconds,
                "waiting": health.waiting,
                "counts": health.counts,
            }
        )
    told: Document = {"summary": _summary(len(found), unwell, search), "destinations": rows}
    if len(left) > limit:
        told["next_cursor"] = page.give(view, reader, listing, left[limit - 1].lane)
    return told | _next(catalogue, reader, found, unwell)


def _catalogue(
    view: View, reader: Reader, catalogue: Catalogue, search: str, cursor: str | None, limit: int
) -> Document:
    listing = f"catalogue {search}"
    start = page.take(view, reader, listing, cursor)
    hits = catalogue.search(search)
    rows: list[Json] = [
        {"slug": each.slug, "name": each.name, "status": each.status}
        | ({"hatch": list(each.hatch)} if each.hatch else {})
        for each in hits.rows[start : start + limit]
    ]
    told: Document = {"summary": _there(hits, search), "destinations": rows}
    if len(hits.rows) > start + limit:
        told["next_cursor"] = page.give(view, reader, listing, start + limit)
    return told


def _there(hits: Hits, search: str) -> str:
    """Say how many there are, and how far each can be relied on."""
    built = [each for each in hits.rows if each.built]
    verified = sum(each.status == VERIFIED for each in built)
    if not search:
        can = f"{counted(len(built), 'destination')} can be connected, {verified} of them verified, the others previews"
        return f"{can}. A search finds those that are only known, too."
    said = f"{counted(len(hits.rows), 'match', 'matches')}: {len(built)} can be connected, {verified} of them verified"
    known = len(hits.rows) - len(built)
    only = f"; {known} only known, which `turnout destination new` begins a manifest for" if known else ""
    return f"{said}{only}." + (f" Nothing has all of these words; these have {hits.near!r}." if hits.near else "")


def _summary(count: int, unwell: list[Destination], search: str) -> str:
    """Say how many need attention, of all pages, and which."""
    if not count and not search:
        return "No destination is connected yet."
    matches = f" match{'es' if count == 1 else ''}" if search else ""
    more = f" and {len(unwell) - _NAMED} more" if len(unwell) > _NAMED else ""
    which = f": {', '.join(each.name for each in unwell[:_NAMED])}{more}" if unwell else ""
    return f"{counted(count, 'connected destination')}{matches}; in need of attention: {len(unwell)}{which}."


def _next(catalogue: Catalogue, reader: Reader, found: list[Destination], unwell: list[Destination]) -> Document:
    """Lead to what is wrong with the first that is unwell: by a test, or by the events that it does not have."""
    if unwell:
        first = unwell[0]
        tests = _tests(catalogue, first.slug) and _may_test(reader, first)
        return {"next": [check.asking(first.id) if tests else check.looking(first.id)]}
    if not found:
        why = "lists what can be connected"
        return {"next": [{"tool": "list_destinations", "arguments": {"catalog": True}, "why": why}]}
    return {}


def _may_test(reader: Reader, destination: Destination) -> bool:
    reached = {Scope.OPERATE} if destination.receives is Receives.TEST else {Scope.OPERATE, Scope.LIVE}
    return reached <= reader.principal.scopes


def _tests(catalogue: Catalogue, slug: str) -> bool:
    """Tell whether its credentials can be tested."""
    entry = _known(catalogue, slug)
    return entry is not None and (entry.native or catalogue.manifest(entry.slug).check is not None)


def _matches(catalogue: Catalogue, destination: Destination, search: str) -> bool:
    words = search.casefold().split()
    if not words:
        return True
    entry = _known(catalogue, destination.slug)
    more = (entry.name, entry.category, *entry.aliases) if entry else ()
    text = " ".join((destination.name, destination.slug, *more)).casefold()
    return all(word in text for word in words)


def _known(catalogue: Catalogue, slug: str) -> Entry | None:
    """Find a connected destination's entry; None where the catalogue has lost it."""
    try:
        return catalogue.find(slug)
    except TurnoutError:
        return None


def _status(catalogue: Catalogue, slug: str) -> str | None:
    entry = _known(catalogue, slug)
    return entry.status if entry else None


def _entry(catalogue: Catalogue, name: str, missing: NotFound) -> Entry:
    try:
        return catalogue.find(name)
    except NotFound as error:
        raise NotFound(f"{missing.message}; in the catalogue {error.message}") from None


def _described(view: View, catalogue: Catalogue, destination: Destination, retention_days: int) -> Document:
    entry = catalogue.find(destination.slug)
    values: Mapping[str, Json] = {**destination.settings, **view.entities.secrets(destination.id)}
    try:
        values = catalogue.check_settings(entry.slug, values)
    except TurnoutError:
        values = destination.settings
    health = Rounds(view, catalogue, retention_days).health(destination)
    known = view.workspace.sources
    told: Document = {
        "summary": f"{entry.name}, connected as {destination.name!r}: {health.words}.",
        "slug": entry.slug,
        "name": destination.name,
        "status": entry.status,
        "connected": True,
        "destination_id": destination.id,
        "state": health.state,
        "receives": str(destination.receives),
    }
    if destination.filter:
        told["filter"] = destination.filter
    if destination.overrides:
        told["overrides"] = destination.overrides
    if destination.sources:
        told["sources"] = [known[each].name if each in known else str(each) for each in destination.sources]
    return told | _about(entry, catalogue, values)


def _described_entry(entry: Entry, catalogue: Catalogue, alike: list[Destination]) -> Document:
    also = f" {len(alike)} of them are connected; describe one by its name." if alike else ""
    needed = [each.name for each in entry.settings.values() if each.required]
    said = f"{entry.name} ({entry.category}) can be connected; it needs {', '.join(needed) or 'no settings'}.{also}"
    told: Document = {
        "summary": said,
        "slug": entry.slug,
        "name": entry.name,
        "status": entry.status,
        "connected": False,
    }
    return told | _about(entry, catalogue, {})


def _about(entry: Entry, catalogue: Catalogue, values: Mapping[str, Json]) -> Document:
    told: Document = {"settings": shown.settings(entry, values)}
    if not entry.native:
        manifest = catalogue.manifest(entry.slug)
        told["actions"] = shown.actions(manifest)
        told |= {"limits": limits} if (limits := shown.limits(manifest)) else {}
        told |= {"preview": manifest.status.preview} if manifest.status.preview else {}
    told |= {"hatch": list(entry.hatch)} if entry.hatch else {}
    told |= {"leaves_out": shown.left_out(entry.left_out)} if entry.left_out else {}
    return told | {"documentation": entry.docs}
