"""Finds destinations by slug, alias or words, and compiles a manifest on first use.

Nothing is read before it is asked for. A slug is a file's name, or a row's of a family; aliases and words need the
index of all files. What is compiled is kept by the file's digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol

from turnout.document import Document, Json
from turnout.errors import InvalidInput, InvalidManifest, NotFound
from turnout.exchange import Target
from turnout.manifest import overrides, settings
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.expression import nearest
from turnout.manifest.fitted import around
from turnout.manifest.hatch import CLOSED, Hatch
from turnout.manifest.heads import Entry, head, head_of
from turnout.manifest.index import Hits, Row, known_row, row, rows, search
from turnout.manifest.known import NO_WAY, Known, known
from turnout.manifest.library import Library, home
from turnout.manifest.model import Manifest, Setting, Status
from turnout.manifest.overrides import Overrides
from turnout.manifest.plans import Compiled, compiled
from turnout.manifest.read import manifest
from turnout.manifest.values import Unsendable


class Native(Protocol):
    """A destination in Python: what the catalogue shows of it, and how it is made."""

    @property
    def slug(self) -> str:
        """Its name in commands."""
        ...

    @property
    def name(self) -> str:
        """Its name for people."""
        ...

    @property
    def category(self) -> str:
        """What it is for."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its names elsewhere."""
        ...

    @property
    def status(self) -> Status:
        """How far it was checked."""
        ...

    @property
    def settings(self) -> Mapping[str, Setting]:
        """What the user fills in."""
        ...

    def bind(self, settings: Mapping[str, Json]) -> Target:
        """Make the destination of checked settings."""
        ...


def packaged() -> Traversable:
    """Give the folder of manifests that travels with the program."""
    return home() / "destinations"


class Catalogue:
    """All destinations there are: manifests of the package and of the workspace, native ones, and those only known."""

    def __init__(
        self,
        natives: Sequence[Native] = (),
        folder: Traversable | None = None,
        *,
        own: Path | None = None,
        index: Path | None = None,
        hatch: Hatch = CLOSED,
    ) -> None:
        """Remember where to look; nothing is read yet.

        `folder` stands for the packaged ones, and beside it none is known. `own` are the workspace's; `index` is
        where its index is kept; `hatch` has the functions in Python that manifests may call.
        """
        self._natives = {native.slug: native for native in natives}
        self._library = Library([folder if folder is not None else packaged(), *([own] if own else [])])
        self._known: Mapping[str, Known] | None = {} if folder is not None else None
        self._own, self._index, self._hatch = own, index, hatch
        self._manifests: dict[str, Manifest] = {}
        self._compiled: dict[str, Compiled] = {}
        self._heads: dict[str, Entry] = {}

    def entries(self) -> tuple[Entry, ...]:
        """List all destinations that can be connected, by slug."""
        return tuple(self._entry(slug) for slug in sorted({*self._natives, *self._library.slugs()}))

    def find(self, name: str) -> Entry:
        """Find a destination by slug, name or alias. Raises: NotFound, with the nearest names."""
        return self._entry(self._slug(name))

    def search(self, text: str) -> Hits:
        """Find destinations by words, those that are only known too; those that can be connected for no words."""
        return search([*self._rows, *self._unbuilt] if text.strip() else self._rows, text)

    def unbuilt(self, name: str) -> Known | None:
        """Find one that is only known, by slug, name or alias."""
        return self._unbuilt_names.get(_plain(name))

    def bind(self, slug: str, given: Mapping[str, Json], changed: Mapping[str, Json] | None = None) -> Target:
        """Make a destination of settings, and of the overrides that change it for this connection.

        Raises: NotFound, InvalidSettings, InvalidManifest, InvalidInput.
        """
        found = self._slug(slug)
        checked = self.check_settings(found, given)
        if changed:
            return self._fitted(found, checked, overrides.read(changed))
        native = self._natives.get(found)
        return native.bind(checked) if native else _target(self._program(found), checked)

    def check_settings(self, slug: str, given: Mapping[str, Json]) -> Document:
        """Check settings: aliases, types, defaults. Raises: NotFound, InvalidSettings."""
        entry = self._entry(self._slug(slug))
        return settings.check_all(entry.name, entry.settings, given, endpoint=not entry.native)

    def secret_names(self, slug: str) -> frozenset[str]:
        """Name the settings whose values never leave the vault but into a request."""
        return frozenset(
            name for name, setting in self._entry(self._slug(slug)).settings.items() if _is_secret(setting)
        )

    def manifest(self, slug: str) -> Manifest:
        """Give a manifest, read whole. Raises: NotFound, InvalidManifest."""
        found = self._slug(slug)
        if found in self._natives:
            raise NotFound(f"`{found}` is a native destination and has no manifest")
        return self._manifest(found)

    def digest(self, slug: str) -> bytes:
        """Digest what decides how events are mapped: the manifest's file."""
        found = self._slug(slug)
        text = found if found in self._natives else self._library.digest(found)
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        natives = (row(_native(native)) for native in self._natives.values())
        return tuple(sorted((*rows(self._library, self._index), *natives), key=lambda one: one.slug))

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Every name, without case and style, of every destination; a slug outweighs an alias."""
        found: dict[str, str] = {}
        for one in self._rows:
            for name in (one.name, *one.aliases):
                found.setdefault(_plain(name), one.slug)
        return found | {_plain(one.slug): one.slug for one in self._rows}

    @cached_property
    def _unbuilt_names(self) -> Mapping[str, Known]:
        """Every name of those that are only known: none of their names is one of a destination that is built."""
        every = known() if self._known is None else self._known
        named = {slug: {_plain(name) for name in (slug, one.name, *one.aliases)} for slug, one in every.items()}
        left = [one for slug, one in every.items() if not named[slug] & self._names.keys()]
        found = {name: one for one in reversed(left) for name in named[one.slug]}
        return found | {_plain(one.slug): one for one in left}

    @property
    def _unbuilt(self) -> tuple[Row, ...]:
        return tuple(known_row(one) for one in {one.slug: one for one in self._unbuilt_names.values()}.values())

    def _slug(self, name: str) -> str:
        if found := self._seen(name) or (self._own and self._seen_anew(name)):
            return found
        if one := self.unbuilt(name):
            raise NotFound(_unbuilt(one), name=one.slug)
        near = nearest(_plain(name), frozenset({*self._names, *self._unbuilt_names}))
        raise NotFound(f"there is no destination of this name{near}", name=name[:80])

    def _seen(self, name: str) -> str | None:
        if name in self._natives or name in self._library:
            return name
        return self._names.get(_plain(name))

    def _seen_anew(self, name: str) -> str | None:
        """Look once more: a file may have been put there since."""
        self._library = self._library.again()
        for cached in ("_rows", "_names", "_unbuilt_names"):
            self.__dict__.pop(cached, None)
        return self._seen(name)

    def _program(self, slug: str) -> Compiled:
        digest = self._library.digest(slug)
        if digest not in self._compiled:
            self._compiled[digest] = compiled(self._manifest(slug), self._hatch)
        return self._compiled[digest]

    def _manifest(self, slug: str) -> Manifest:
        """Read a manifest, without what it calls in Python."""
        digest = self._library.digest(slug)
        if digest not in self._manifests:
            source = self._library.source(slug)
            found = manifest(source)
            if found.slug != slug:
                raise InvalidManifest(f"the slug is `{found.slug}`, and the file says `{slug}`", file=source.file)
            self._manifests[digest] = found
        return self._manifests[digest]

    def _fitted(self, slug: str, checked: Document, wanted: Overrides) -> Target:
        """Compile a manifest with the values of overrides in its items; a native destination has no fields."""
        native = self._natives.get(slug)
        if native and wanted.map:
            raise InvalidInput(f"{native.name} writes events as they are: there are no fields to `map`")
        if native:
            return around(native.bind(checked), wanted)
        program = self._program(slug)
        if not wanted.map:
            return around(_target(program, checked), wanted)
        manifest, made = overrides.fitted(program.manifest, wanted)
        return around(_target(compiled(manifest, self._hatch), checked), wanted, made)

    def _entry(self, slug: str) -> Entry:
        if slug not in self._heads:
            native = self._natives.get(slug)
            self._heads[slug] = _native(native) if native else self._head(slug)
        return self._heads[slug]

    def _head(self, slug: str) -> Entry:
        sheet = self._library.sheet(slug)
        return head(self._library.source(slug)) if sheet.family else head_of(sheet.text(), sheet.name)


def _target(program: Compiled, checked: Document) -> CompiledTarget:
    """Fill in the settings; a function in Python may fail on them."""
    try:
        return CompiledTarget(program, checked)
    except Unsendable as error:
        raise InvalidManifest(str(error), file=program.manifest.source.file) from None


def _native(native: Native) -> Entry:
    status = native.status
    return Entry(
        native.slug,
        native.name,
        native.category,
        status.word,
        native.aliases,
        status.docs,
        native.settings,
        native=True,
    )


def _unbuilt(one: Known) -> str:
    """Say that a destination is known and cannot be connected, and what to do."""
    said = f"`{one.slug}` ({one.name}) is known, and no manifest of it is written yet"
    if one.reach == NO_WAY:
        return f"{said}: as far as is known no server can send to it"
    return f"{said}; write one, beginning with: turnout destination new {one.slug}"


def _is_secret(setting: Setting) -> bool:
    return setting.secret or any(column.secret for column in setting.columns)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
