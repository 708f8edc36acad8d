"""What the catalogue shows of a destination: the head of its manifest, read without the rest of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from turnout.errors import InvalidManifest
from turnout.manifest.load import Source, load
from turnout.manifest.model import LeftOut, Setting
from turnout.manifest.part import Part
from turnout.manifest.read import read_hatch, read_head, read_left_out
from turnout.manifest.read_settings import read_settings

_HEAD = frozenset({"slug", "name", "category", "aliases", "status", "settings", "leaves_out", "hatch"})
_BLOCK = re.compile(r"^(?=[A-Za-z_][\w]*:)", re.MULTILINE)


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
    hatch: tuple[str, ...] = ()


def head(source: Source) -> Entry:
    """Read the head of a manifest's data. Raises: InvalidManifest."""
    if not isinstance(source.data, dict):
        raise source.fail((), "a manifest is a mapping")
    top = Part(source, (), source.data)
    slug, name, category, aliases, status = read_head(top)
    settings, left_out = read_settings(top), read_left_out(top)
    return Entry(
        slug, name, category, status.word, aliases, status.docs, settings, left_out, hatch=read_hatch(top)
    )  # fmt: skip


def head_of(text: str, file: str) -> Entry:
    """Read it from those blocks of a file alone; from the whole file when they lean on the rest."""
    blocks = [block for block in _BLOCK.split(text) if block.partition(":")[0] in _HEAD]
    try:
        source = load("".join(blocks), file)
    except InvalidManifest:
        source = load(text, file)
    return head(source)
