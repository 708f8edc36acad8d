"""Finds destinations by slug, alias or words, and compiles a manifest on first use.

Nothing is read before it is asked for. A slug is a file's name; aliases and words need the heads of all
files, which are read once, each without the rest of its file. What is compiled is kept by the file's digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
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
from turnout.manifest.load import load
from turnout.manifest.model import LeftOut, Manifest, Setting, Status
from turnout.manifest.overrides import Overrides
from turnout.manifest.part import Part
from turnout.manifest.plans import Compiled, compiled
from turnout.manifest.read import read, read_head, read_left_out
from turnout.manifest.read_settings import read_settings

_HEAD = frozenset({"slug", "name", "category", "aliases", "status", "settings", "leaves_out"})
_BLOCK = re.compile(r"^(?=[A-Za-z_][\w]*:)", re.MULTILINE)
_WORD = re.compile(r"[a-z0-9]+")


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


@dataclass(frozen=True, slots=True)
class Entry:
    """A destination that can be connected. `status` is `verified` or `preview`."""

    slug: str
    name: str
    category: str
    status: str
    aliases: tuple[str, ...]
    docs: str
    settings: Mapping[str, Setting]
    left_out: tuple[LeftOut, ...] = ()
    native: bool = False


def packaged() -> Traversable:
    """Give the folder of manifests: inside the installed package, else that of the repository around it."""
    inside = files("turnout") / "manifests" / "destinations"
    if inside.is_dir():
        return inside
    return Path(__file__).resolve().parents[3] / "manifests" / "destinations"


class Catalogue:
    """All destinations there are: manifests of a folder, and native ones."""

    def __init__(self, natives: Sequence[Native] = (), folder: Traversable | None = None) -> None:
        """Remember where to look; nothing is read yet."""
        self._natives = {native.slug: native for native in natives}
        self._folder = folder if folder is not None else packaged()
        self._compiled: dict[str, Compiled] = {}
        self._heads: dict[str, Entry] = {}

    def entries(self) -> tuple[Entry, ...]:
        """List all destinations by slug."""
        return tuple(self._entry(slug) for slug in sorted({*self._natives, *self._files}))

    def find(self, name: str) -> Entry:
        """Find a destination by slug, name or alias. Raises: NotFound, with the nearest names."""
        return self._entry(self._slug(name))

    def search(self, text: str, limit: int = 20) -> tuple[Entry, ...]:
        """Find destinations by words, the best first; all of them for no words."""
        words = _WORD.findall(text.lower())
        ranked = [(score, entry) for entry in self.entries() if (score := _score(entry, words)) > 0]
        ranked.sort(key=lambda pair: (-pair[0], pair[1].slug))
        return tuple(entry for _, entry in ranked[:limit])

    def bind(self, slug: str, given: Mapping[str, Json], changed: Mapping[str, Json] | None = None) -> Target:
        """Make a destination of settings, and of the overrides that change it for this connection.

        Raises: NotFound, InvalidSettings, InvalidManifest, InvalidInput.
        """
        found = self._slug(slug)
        checked = self.check_settings(found, given)
        if changed:
            return self._fitted(found, checked, overrides.read(changed))
        native = self._natives.get(found)
        return native.bind(checked) if native else CompiledTarget(self._program(found), checked)

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
        return self._program(found).manifest

    def digest(self, slug: str) -> bytes:
        """Digest what decides how events are mapped: the manifest's file."""
        found = self._slug(slug)
        text = found if found in self._natives else self._text(found)
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    @cached_property
    def _files(self) -> Mapping[str, Traversable]:
        listed = self._folder.iterdir() if self._folder.is_dir() else iter(())
        return {one.name.removesuffix(".yaml"): one for one in listed if one.name.endswith(".yaml")}

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Every name, without case and style, of every destination; a slug outweighs an alias."""
        found: dict[str, str] = {}
        for entry in self.entries():
            for name in (entry.name, *entry.aliases):
                found.setdefault(_plain(name), entry.slug)
        return found | {_plain(slug): slug for slug in (*self._files, *self._natives)}

    def _slug(self, name: str) -> str:
        if name in self._natives or name in self._files:
            return name
        found = self._names.get(_plain(name))
        if found is None:
            raise NotFound(f"there is no destination of this name{nearest(_plain(name), self._names)}", name=name[:80])
        return found

    def _text(self, slug: str) -> str:
        return self._files[slug].read_text(encoding="utf-8")

    def _program(self, slug: str) -> Compiled:
        text = self._text(slug)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if digest not in self._compiled:
            manifest = read(text, f"{slug}.yaml")
            if manifest.slug != slug:
                raise InvalidManifest(f"the slug is `{manifest.slug}`, and the file says `{slug}`", file=f"{slug}.yaml")
            self._compiled[digest] = compiled(manifest)
        return self._compiled[digest]

    def _fitted(self, slug: str, checked: Document, wanted: Overrides) -> Target:
        """Compile a manifest with the values of overrides in its items; a native destination has no fields."""
        native = self._natives.get(slug)
        if native and wanted.map:
            raise InvalidInput(f"{native.name} writes events as they are: there are no fields to `map`")
        if native:
            return around(native.bind(checked), wanted)
        program = self._program(slug)
        if not wanted.map:
            return around(CompiledTarget(program, checked), wanted)
        manifest, made = overrides.fitted(program.manifest, wanted)
        return around(CompiledTarget(compiled(manifest), checked), wanted, made)

    def _entry(self, slug: str) -> Entry:
        if slug not in self._heads:
            native = self._natives.get(slug)
            self._heads[slug] = _native(native) if native else _head(self._text(slug), f"{slug}.yaml")
        return self._heads[slug]


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


def _head(text: str, file: str) -> Entry:
    """Read a manifest's head from those blocks of its file alone; the whole file when they lean on the rest."""
    blocks = [block for block in _BLOCK.split(text) if block.partition(":")[0] in _HEAD]
    try:
        source = load("".join(blocks), file)
    except InvalidManifest:
        source = load(text, file)
    if not isinstance(source.data, dict):
        raise source.fail((), "a manifest is a mapping")
    top = Part(source, (), source.data)
    slug, name, category, aliases, status = read_head(top)
    return Entry(slug, name, category, status.word, aliases, status.docs, read_settings(top), read_left_out(top))


def _is_secret(setting: Setting) -> bool:
    return setting.secret or any(column.secret for column in setting.columns)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _score(entry: Entry, words: Sequence[str]) -> int:
    """Count how well a destination fits: each word must be somewhere, and counts most in the name."""
    if not words:
        return 1
    name = f"{entry.slug} {entry.name}".lower()
    rest = f"{' '.join(entry.aliases)} {entry.category}".lower()
    total = 0
    for word in words:
        score = 4 if word in _WORD.findall(name) else 2 if word in name else 1 if word in rest else 0
        if not score:
            return 0
        total += score
    return total
