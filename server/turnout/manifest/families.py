"""Families: one file, many destinations, each a row of it.

A value `$row.name` is what the row says under that name, whatever it is, and its key is left out where neither the row
nor `defaults` says it; `{{ $row.name }}` is its text inside another. Head and tests of a row are those of its
destination. What comes out is a manifest like any other, whose values stand where they are written in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnout.document import Document, Json
from turnout.errors import NotFound
from turnout.manifest.load import Source, Steps
from turnout.manifest.part import Part

KEYS = ("family", "defaults", "rows")
"""What a family has beside the keys of a manifest."""
HEAD = ("slug", "name", "category", "aliases", "status", "order", "dedupe", "leaves_out")
"""What a row says of its destination by itself, over what the family says of all; and `tests`, after the family's."""
MAX_ROWS = 500
_ALONE = re.compile(r"\$row\.([a-z][a-z0-9_]*)")
_INSIDE = re.compile(r"\{\{\s*\$row\.([a-z][a-z0-9_]*)\s*\}\}")


def sources(source: Source) -> tuple[Source, ...]:
    """Give the manifest of each row. Raises: InvalidManifest."""
    return tuple(_expanded(source, place) for place in range(len(_rows(source))))


def source(source: Source, slug: str) -> Source:
    """Give the manifest of one row. Raises: NotFound, InvalidManifest."""
    found = next((place for place, row in enumerate(_rows(source)) if row.raw["slug"] == slug), None)
    if found is None:
        raise NotFound(f"there is no row `{slug}` in the family {source.file}")
    return _expanded(source, found)


def slugs(source: Source) -> tuple[str, ...]:
    """Name the rows. Raises: InvalidManifest."""
    return tuple(str(row.raw["slug"]) for row in _rows(source))


def is_family(source: Source) -> bool:
    """Tell whether a file holds many destinations."""
    return isinstance(source.data, dict) and "family" in source.data


def _rows(source: Source) -> tuple[Part, ...]:
    if not isinstance(source.data, dict):
        raise source.fail((), "a family is a mapping")
    top = Part(source, (), source.data)
    top.needed("family")
    rows = tuple(top.parts("rows"))
    if not 0 < len(rows) <= MAX_ROWS:
        raise top.fail("rows", f"expected a list of 1 to {MAX_ROWS} rows")
    seen: set[str] = set()
    for row in rows:
        if row.needed("slug") in seen:
            raise row.fail("slug", f"there is a row `{row.raw['slug']}` already")
        seen.add(row.needed("slug"))
    return rows


def _expanded(source: Source, place: int) -> Source:
    assert isinstance(source.data, dict)
    top = Part(source, (), source.data)
    row, defaults = tuple(top.parts("rows"))[place], top.part("defaults")
    one = _Row(source, row, defaults)
    body: Document = {key: value for key, value in source.data.items() if key not in {*KEYS, *HEAD, "tests"}}
    told = one.mapping(body, (), ())
    for key in HEAD:
        part, write = (row, one.copied) if key in row.raw else (top, one.value)
        if key in part.raw:
            told[key] = write(part.raw[key], (*part.path, key), (key,))
    told["tests"] = one.tests(top)
    one.refuse_unread()
    return replace(source, data=told, places=one.places, digest=f"{source.digest}/{row.raw['slug']}")


@dataclass(slots=True)
class _Row:
    """Writes one row's manifest, noting where each value stands in the file."""

    source: Source
    row: Part
    defaults: Part
    places: dict[Steps, tuple[int, int]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def mapping(self, raw: Mapping[str, Json], at: Steps, to: Steps) -> Document:
        """Write a mapping; what neither row nor `defaults` says is left out with its key."""
        self._note(at, to)
        kept = {key: value for key, value in raw.items() if not self._is_absent(value)}
        return {key: self.value(value, (*at, key), (*to, key)) for key, value in kept.items()}

    def value(self, raw: Json, at: Steps, to: Steps) -> Json:
        """Write one value."""
        if isinstance(raw, dict):
            return self.mapping(raw, at, to)
        self._note(at, to)
        if isinstance(raw, list):
            kept = [(place, one) for place, one in enumerate(raw) if not self._is_absent(one)]
            return [self.value(one, (*at, place), (*to, n)) for n, (place, one) in enumerate(kept)]
        return self._text(raw, at, to) if isinstance(raw, str) and "$row" in raw else raw

    def copied(self, raw: Json, at: Steps, to: Steps) -> Json:
        """Copy what a row says, with its places."""
        self._note(at, to)
        if isinstance(raw, dict):
            return {key: self.copied(one, (*at, key), (*to, key)) for key, one in raw.items()}
        if isinstance(raw, list):
            return [self.copied(one, (*at, place), (*to, place)) for place, one in enumerate(raw)]
        return raw

    def tests(self, top: Part) -> list[Json]:
        """Write the tests of all rows, then those of this one."""
        found: list[Json] = []
        for part, write in ((top, self.value), (self.row, self.copied)):
            for one in part.parts("tests"):
                found.append(write(dict(one.raw), one.path, ("tests", len(found))))
        return found

    def refuse_unread(self) -> None:
        """Refuse what a row says and nothing reads: it is misspelt."""
        for key in self.row.raw:
            if key not in {*HEAD, "tests", *self.read}:
                raise self.row.fail(key, f"nothing reads `$row.{key}`")

    def _text(self, raw: str, at: Steps, to: Steps) -> Json:
        if alone := _ALONE.fullmatch(raw):
            part = self._saying(alone[1])
            assert part is not None
            return self.copied(part.raw[alone[1]], (*part.path, alone[1]), to)
        text = _INSIDE.sub(lambda hole: self._inside(hole[1], at), raw)
        if "$row" in text:
            raise self.source.fail(at, "`$row.name` stands alone, or alone inside `{{ }}`")
        return text

    def _inside(self, name: str, at: Steps) -> str:
        part = self._saying(name)
        if part is None or not isinstance(part.raw[name], str):
            raise self.source.fail(at, f"the row `{self.row.raw['slug']}` has no text `{name}`")
        return part.text(name)

    def _is_absent(self, raw: Json) -> bool:
        alone = _ALONE.fullmatch(raw) if isinstance(raw, str) else None
        return alone is not None and self._saying(alone[1]) is None

    def _saying(self, name: str) -> Part | None:
        self.read.add(name)
        return next((part for part in (self.row, self.defaults) if name in part.raw), None)

    def _note(self, at: Steps, to: Steps) -> None:
        if at in self.source.places:
            self.places[to] = self.source.places[at]
