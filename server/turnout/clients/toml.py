"""TOML as people keep it: one table of it is written anew, and all else, comments too, stays as it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from turnout import document
from turnout.document import Document, Json

_HEADER = re.compile(r"^[ \t]*\[")


def read(text: str) -> Document:
    """Read it. Raises: ValueError, with the line, for what is none."""
    return tomllib.loads(text)


def put(text: str, under: str, name: str, entry: Mapping[str, Json]) -> str:
    """Give the text with the table `[under.name]` set; tables below it stay. Raises: ValueError."""
    table = [f"[{under}.{name}]", *(f"{key} = {_written(value)}" for key, value in entry.items())]
    before, _, after = _around(text, under, name)
    gap = "\n" if before and not before.endswith("\n\n") else ""
    ends = "" if not before or before.endswith("\n") else "\n"
    rest = f"\n{after}" if after else ""
    return before + ends + gap + "\n".join(table) + "\n" + rest


def drop(text: str, under: str, name: str) -> str:
    """Give the text without that table, and without what stands below it. Raises: ValueError."""
    read(text)
    while True:
        before, found, after = _around(text, under, name, below=True)
        if not found:
            return text
        text = before.rstrip("\n") + ("\n\n" if before.strip() and after else "\n" if before.strip() else "") + after


def _around(text: str, under: str, name: str, *, below: bool = False) -> tuple[str, str, str]:
    """Split a text into what comes before a table, the table, and what comes after it."""
    ends = r"[.\]]" if below else r"\]"
    wanted = re.compile(rf'^[ \t]*\[[ \t]*{re.escape(under)}[ \t]*\.[ \t]*"?{re.escape(name)}"?[ \t]*{ends}')
    lines = text.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if wanted.match(line)), len(lines))
    end = next((at for at in range(start + 1, len(lines)) if _HEADER.match(lines[at])), len(lines))
    return "".join(lines[:start]), "".join(lines[start:end]), "".join(lines[end:])


def _written(value: Json) -> str:
    """Write a text, a list of texts, a number or a truth: TOML writes them as JSON does."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return document.encode(value).decode()
