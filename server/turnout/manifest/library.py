"""Where manifests lie: the folder of the package, the workspace's own beside it, and families of many in one file.

A slug is the name of its file. A family's rows have their slugs inside it, so that families are read when a slug is no
file's name, and nothing else is read before it is asked for. What is the workspace's own outweighs what is packaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from turnout.errors import InvalidManifest
from turnout.manifest import families
from turnout.manifest.load import Source, load

FAMILIES = "families"
"""The folder of families, inside that of manifests."""


def home() -> Traversable:
    """Give the folder that travels with the program: inside the installed package, else in the repository around it."""
    inside = files("turnout") / "manifests"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[3] / "manifests"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of one manifest, or of a family."""

    file: Traversable
    family: bool = False

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{FAMILIES}/{self.file.name}" if self.family else self.file.name

    def text(self) -> str:
        """Read it. Raises: InvalidManifest, where it is no text."""
        try:
            return self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidManifest(f"cannot be read: {error}", file=self.name) from None

    def sources(self) -> tuple[Source, ...]:
        """Read it as data: one for each destination. Raises: InvalidManifest."""
        source = load(self.text(), self.name)
        return families.sources(source) if self.family else (source,)


class Library:
    """The manifests of some folders; a later one outweighs those before it."""

    def __init__(self, folders: Sequence[Traversable]) -> None:
        """Remember where to look; nothing is read yet."""
        self._folders = folders

    def again(self) -> Library:
        """Look anew: a file may have been put there since."""
        return Library(self._folders)

    def __contains__(self, slug: str) -> bool:
        return slug in self._single or slug in self._rows

    def slugs(self) -> frozenset[str]:
        """Name all destinations."""
        return frozenset({*self._single, *self._rows})

    def sheets(self) -> Iterator[Sheet]:
        """Give every file that counts."""
        yield from self._single.values()
        yield from self._families

    def sheet(self, slug: str) -> Sheet:
        """Give the file in which a destination stands."""
        return self._single[slug] if slug in self._single else self._rows[slug]

    def source(self, slug: str) -> Source:
        """Read one destination's data. Raises: InvalidManifest."""
        sheet = self.sheet(slug)
        if not sheet.family:
            return load(sheet.text(), sheet.name)
        return families.source(load(sheet.text(), sheet.name), slug)

    def digest(self, slug: str) -> str:
        """Digest all that a destination is made of, without reading it."""
        sheet = self.sheet(slug)
        return hashlib.sha256((f"{slug}\n" if sheet.family else "").encode() + sheet.text().encode()).hexdigest()

    @cached_property
    def _single(self) -> Mapping[str, Sheet]:
        return {one.name.removesuffix(".yaml"): Sheet(one) for folder in self._folders for one in _manifests(folder)}

    @cached_property
    def _families(self) -> tuple[Sheet, ...]:
        return tuple(Sheet(one, family=True) for folder in self._folders for one in _manifests(folder / FAMILIES))

    @cached_property
    def _rows(self) -> Mapping[str, Sheet]:
        return {slug: sheet for sheet in self._families for slug in _slugs(sheet)}


def _slugs(sheet: Sheet) -> tuple[str, ...]:
    """Name the rows of a family; one that cannot be read has none, and the index says that it is invalid."""
    try:
        return families.slugs(load(sheet.text(), sheet.name))
    except InvalidManifest:
        return ()


def _manifests(folder: Traversable) -> Iterator[Traversable]:
    listed = sorted(folder.iterdir(), key=lambda one: one.name) if folder.is_dir() else ()
    yield from (one for one in listed if one.name.endswith(".yaml"))
