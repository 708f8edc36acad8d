"""What was changed, when and by whom: the audit, newest first, and what each change of a destination changed in it.

A secret leaves no trace in either: that a new one was given is told, what it is never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from turnout.clock import iso
from turnout.document import Document, Json, canonical
from turnout.errors import InvalidInput, NotFound
from turnout.guard.audit import Entry
from turnout.operations import page
from turnout.operations.counted import counted
from turnout.operations.moments import moment
from turnout.operations.reader import Reader
from turnout.store.session import NEWEST
from turnout.store.unit import View
from turnout.workspace import DESTINATION, SOURCE, TOKEN

LIMIT = 100
LOOKED = 10_000
"""Rows of the audit that one call looks at."""
_BLOCK = 500
_OWN = frozenset({"lane", "created", "slug", "settings", "secrets", "overrides"})
"""Fields of a destination that never change, or are told by their own fields."""
_READ = frozenset({"revision", "secrets"})
"""What the audit holds for the fields to be told from it."""
_KINDS = {"destination_id": DESTINATION, "source_id": SOURCE, "token_id": TOKEN}


@dataclass(frozen=True, slots=True)
class Changes:
    """Which changes; empty is no limit."""

    since: str = ""
    destination: str = ""
    cursor: str = ""
    limit: int = 20


def list_changes(view: View, reader: Reader, request: Changes) -> Document:
    """List what was changed, newest first. Raises: InvalidInput; NotFound for the destination."""
    if not 1 <= request.limit <= LIMIT:
        raise InvalidInput(f"`limit` is {request.limit}: expected 1 to {LIMIT}.")
    since = moment(request.since, view.now, name="since") if request.since else 0
    only = _destination(view, request.destination) if request.destination else ""
    listing = "changes " + canonical([request.since, request.destination]).decode()
    before = page.take(view, reader, listing, request.cursor) or NEWEST
    found, last, over = _found(view, since, only, before, request.limit)
    return {
        "summary": _summary(found, over=over),
        "changes": [_row(view, each) for each in found],
        "next_cursor": None if over else page.give(view, reader, listing, last),
    }


def _destination(view: View, name: str) -> str:
    """Give the id of a destination; of one that was removed the id itself is known still."""
    try:
        return view.workspace.destination(name).id
    except NotFound:
        if view.entities.last(DESTINATION, name):
            return name
        raise


def _found(view: View, since: int, only: str, before: int, limit: int) -> tuple[list[Entry], int, bool]:
    """Give the entries, the number before which to go on, and whether nothing is left."""
    found: list[Entry] = []
    for looked, (number, entry) in enumerate(_back(view, before)):
        if entry.at < since:
            break
        if len(found) == limit or looked == LOOKED:
            return found, before, False
        before = number
        if not only or entry.detail.get("destination_id") == only:
            found.append(entry)
    return found, 0, True


def _back(view: View, before: int) -> Iterator[tuple[int, Entry]]:
    while block := view.audit.back(before, _BLOCK):
        yield from block
        before = block[-1][0]


def _row(view: View, entry: Entry) -> Document:
    token = view.entities.last(TOKEN, entry.principal).get("name")  # one that was revoked since, too
    return {
        "at": iso(entry.at),
        "by": f"token {token!r}" if token else entry.principal,
        "client": entry.client or None,
        "change": entry.operation,
        "of": _name(view, entry),
        **{name: value for name, value in entry.detail.items() if name not in _READ},
        "changed": _changed(view, entry) or None,
    }


def _name(view: View, entry: Entry) -> str | None:
    """Name what was changed, as it is called now or was called last; of a deletion say which kind it was."""
    for field, kind in _KINDS.items():
        if isinstance(key := entry.detail.get(field), str):
            return str(view.entities.last(kind, key).get("name") or "") or None
    asked = view.privacy.get(str(entry.detail.get("deletion_id") or ""))
    return str(asked.kind) if asked else None


def _changed(view: View, entry: Entry) -> list[Json]:
    """Tell the fields of a destination that a change changed; of settings, and of secrets, their names alone."""
    key, revision, secrets = (entry.detail.get(name) for name in ("destination_id", "revision", "secrets"))
    if not isinstance(key, str) or not isinstance(revision, int) or not isinstance(secrets, list):
        return []
    old, new = (view.entities.body_at(DESTINATION, key, each) for each in (revision - 1, revision))
    rows: list[Json] = [
        {"field": name, "from": old[name], "to": new[name]}
        for name in new
        if name not in _OWN and old[name] != new[name]
    ]
    rows += [{"field": f"settings.{name}"} for name in sorted({*_differ(old, new, "settings"), *map(str, secrets)})]
    return rows + [{"field": f"overrides.{name}"} for name in sorted(_differ(old, new, "overrides"))]


def _differ(old: Mapping[str, Json], new: Mapping[str, Json], field: str) -> set[str]:
    one, other = (each.get(field, {}) for each in (old, new))
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    return {name for name in (*one, *other) if one.get(name) != other.get(name)}


def _summary(found: list[Entry], *, over: bool) -> str:
    kinds = ", ".join(f"{n} {name}" for name, n in Counter(each.operation for each in found).most_common())
    said = f"{counted(len(found), 'change')}, newest first{f': {kinds}' if kinds else ''}."
    return said if over else f"{said} There may be more: go on with next_cursor."
