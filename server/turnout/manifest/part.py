"""One mapping of a manifest and where it stands: reads its keys by type, and refuses what it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from turnout.document import Document, Json
from turnout.errors import InvalidManifest
from turnout.manifest.expression import nearest
from turnout.manifest.load import Source, Steps

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB)?")
_BYTES = {"B": 1, "KB": 1000, "MB": 1_000_000, None: 1}


@dataclass(frozen=True, slots=True)
class Part:
    """A mapping at a path."""

    source: Source
    path: Steps
    raw: Mapping[str, Json]

    def fail(self, key: str, message: str) -> InvalidManifest:
        """Make the error for the value of a key, or for the whole when the key is empty."""
        return self.source.fail((*self.path, key) if key else self.path, message)

    def only(self, *known: str, later: tuple[str, ...] = ()) -> None:
        """Refuse keys that are not known, and those that are of a later part of the language."""
        for key in self.raw:
            if key in later:
                raise self.fail(key, f"`{key}` is not supported yet")
            if key not in known:
                raise self.fail(key, f"unknown key `{key}`{nearest(key, frozenset(known))}")

    def text(self, key: str, default: str = "") -> str:
        """Read text; a number is none."""
        value = self.raw.get(key, default)
        if not isinstance(value, str):
            raise self.fail(key, "expected text")
        return value

    def needed(self, key: str) -> str:
        """Read text that must be there."""
        if not self.text(key):
            raise self.fail("", f"`{key}` is missing")
        return self.text(key)

    def flag(self, key: str) -> bool:
        """Read true or false; false when absent."""
        value = self.raw.get(key, False)
        if not isinstance(value, bool):
            raise self.fail(key, "expected true or false")
        return value

    def number(self, key: str) -> float | None:
        """Read a number."""
        value = self.raw.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.fail(key, "expected a number")
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        """Read one of these words."""
        value = self.text(key, default)
        if value not in known:
            raise self.fail(key, f"expected one of {', '.join(known)}{nearest(value, frozenset(known))}")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """Read one word or a list of them."""
        value = self.raw.get(key, [])
        found = value if isinstance(value, list) else [value]
        texts = tuple(one for one in found if isinstance(one, str))
        if len(texts) != len(found):
            raise self.fail(key, "expected text, or a list of texts")
        return texts

    def seconds(self, key: str) -> float:
        """Read a duration like `5s`, `24h` or `7d`; 0 when absent."""
        if key not in self.raw:
            return 0.0
        found = _DURATION.fullmatch(str(self.raw[key]))
        if found is None:
            raise self.fail(key, "expected a duration, for example `5s`, `24h` or `7d`")
        return float(found[1]) * _SECONDS[found[2]]

    def size(self, key: str) -> int:
        """Read a size like `450KB` or `1MB`, of 1,000 and 1,000,000 bytes; 0 when absent."""
        if key not in self.raw:
            return 0
        found = _SIZE.fullmatch(str(self.raw[key]))
        if found is None:
            raise self.fail(key, "expected a size, for example `450KB` or `1MB`")
        return int(float(found[1]) * _BYTES[found[2]])

    def part(self, key: str) -> Part:
        """Read a mapping; empty when absent."""
        return self.of(self.raw.get(key, {}), key)

    def of(self, value: Json, *steps: str | int) -> Part:
        """Take a value below as a mapping."""
        path = (*self.path, *steps)
        if not isinstance(value, dict):
            raise self.source.fail(path, "expected a mapping")
        return Part(self.source, path, value)

    def parts(self, key: str) -> Iterator[Part]:
        """Read a mapping or a list of mappings."""
        value = self.raw.get(key, [])
        if isinstance(value, list):
            yield from (self.of(one, key, place) for place, one in enumerate(value))
        else:
            yield self.of(value, key)

    def document(self, key: str) -> Document:
        """Read a mapping as data."""
        return dict(self.part(key).raw)
