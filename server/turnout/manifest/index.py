"""An index of all destinations, for what is looked up by other names than slugs: aliases and words.

It has one row a destination, made of its head, and kept in a file by the digest of what it was made of: a manifest that
did not change is not read again, in no process. A file that is lost, or another version's, is made again.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from turnout.errors import InvalidManifest
from turnout.manifest.heads import Entry, head, head_of
from turnout.manifest.known import Known
from turnout.manifest.library import Library, Sheet

KNOWN = "known"
INVALID = "invalid"
_VERSION = b"2"
"""Raised with what a row says, so that rows of another version are not taken for these."""
_WORD = re.compile(r"[a-z0-9]+")
_ALIKE = 0.75


@dataclass(frozen=True, slots=True)
class Row:
    """A destination in lists. `status` is `verified`, `preview`, `known` without a manifest, or `invalid`."""

    slug: str
    name: str
    category: str
    status: str
    aliases: tuple[str, ...] = ()
    settings: str = ""
    hatch: tuple[str, ...] = ()

    @property
    def built(self) -> bool:
        """Whether it can be connected."""
        return self.status not in {KNOWN, INVALID}


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, the best first. `near`: the words that it was found by, where those asked for are nowhere."""

    rows: tuple[Row, ...]
    near: str = ""


def row(entry: Entry) -> Row:
    """Make the row of an entry; its settings are found by name and label."""
    words = " ".join(f"{one.name} {one.label}" for one in entry.settings.values())
    return Row(entry.slug, entry.name, entry.category, entry.status, entry.aliases, words.lower(), entry.hatch)


def known_row(one: Known) -> Row:
    """Make the row of a destination that is only known."""
    return Row(one.slug, one.name, one.category, KNOWN, one.aliases)


def rows(library: Library, kept: Path | None) -> tuple[Row, ...]:
    """Give the rows of all files; those that changed since `kept` was written are read."""
    before = _read(kept)
    after: dict[str, list[Row]] = {}
    for sheet in library.sheets():
        digest, text = _digest(sheet)
        after[digest] = before[digest] if digest in before else _rows(sheet, text)
    if kept and after.keys() != before.keys():
        _write(kept, after)
    return tuple(one for found in after.values() for one in found)


def search(found: Iterable[Row], text: str) -> Hits:
    """Find rows by words, the best first; by the nearest words where nothing has these; all of them for none."""
    every = tuple(found)
    words = _WORD.findall(text.lower())
    hits = _ranked(every, words)
    if hits or not words:
        return Hits(hits)
    said = sorted({word for one in every for word in _WORD.findall(f"{one.slug} {one.name} {one.category}".lower())})
    near = [next(iter(difflib.get_close_matches(word, said, 1, _ALIKE)), word) for word in words]
    return Hits(near_hits, " ".join(near)) if (near_hits := _ranked(every, near)) else Hits(())


def _ranked(found: Sequence[Row], words: Sequence[str]) -> tuple[Row, ...]:
    ranked = [(score, one) for one in found if (score := _score(one, words)) > 0]
    ranked.sort(key=lambda pair: (-pair[0], not pair[1].built, pair[1].slug))
    return tuple(one for _, one in ranked)


def _score(one: Row, words: Sequence[str]) -> int:
    """Count how well a destination fits: each word must be somewhere, and counts most in the name."""
    if not words:
        return 1
    name = f"{one.slug} {one.name}".lower()
    rest = f"{' '.join(one.aliases)} {one.category}".lower()
    total = 0
    for word in words:
        score = 6 if word in _WORD.findall(name) else 4 if word in name else 2 if word in rest else 0
        score = score or (1 if word in _WORD.findall(one.settings) else 0)
        if not score:
            return 0
        total += score
    return total


def _digest(sheet: Sheet) -> tuple[str, str]:
    """Give the digest of a file, and its text; none where it cannot be read."""
    try:
        text = sheet.text()
    except InvalidManifest:
        text = ""
    return hashlib.blake2b(_VERSION + sheet.name.encode() + b"\n" + text.encode(), digest_size=16).hexdigest(), text


def _rows(sheet: Sheet, text: str) -> list[Row]:
    try:
        entries = [head(one) for one in sheet.sources()] if sheet.family else [head_of(text, sheet.name)]
    except InvalidManifest:
        slug = sheet.file.name.removesuffix(".yaml")
        return [Row(slug, sheet.name, "", INVALID)]
    return [row(entry) for entry in entries]


def _read(kept: Path | None) -> dict[str, list[Row]]:
    if kept is None:
        return {}
    try:
        return msgspec.json.decode(kept.read_bytes(), type=dict[str, list[Row]])
    except (OSError, msgspec.DecodeError):
        return {}


def _write(kept: Path, found: dict[str, list[Row]]) -> None:
    """Put it in the place of the one before, whole; where that cannot be written, nothing is lost."""
    try:
        with tempfile.NamedTemporaryFile(dir=kept.parent, prefix=f".{kept.name}.", delete=False) as file:
            file.write(msgspec.json.encode(found))
        Path(file.name).replace(kept)
    except OSError:
        return
