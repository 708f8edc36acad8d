"""TOML as people keep it: one table of it is written anew, and all else, comments too, stays as it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from turnout import document
from turnout.document import Document, Json

_HEADER = re.compile(r"^[ \t]*\[")
_NOTE = re.compile(r"^[ \t]*#")


def read(text: str) -> Document:
    """Read it. Raises: ValueError, with the line, for what is none."""
    return tomllib.loads(text)


def put(text: str, under: str, name: str, entry: Mapping[str, Json]) -> str:
    """Give the text with the table `[under.name]` set; tables below it stay, and comments in it. Raises: ValueError."""
    before, found, after = _around(text, under, name)
    notes = [line.strip() for line in found.splitlines() if _NOTE.match(line)]
    table = [f"[{under}.{name}]", *notes, *(f"{key} = {_written(value)}" for key, value in entry.items())]
    gap = "\n" if before and not before.endswith("\n\n") else ""
    ends = "" if not before or before.endswith("\n") else "\n"
    rest = f"\n{after}" if after and not after.startswith("\n") else after
    return before + ends + gap + "\n".join(table) + "\n" + rest


def drop(text: str, under: str, name: str) -> str:
    """Give the text without that table, and without what stands below it. Raises: ValueError."""
    read(text)
    while True:
        before, found, after = _around(text, under, name, below=True)
        if not found:
            return text
        after = after.lstrip("\n")
        text = before.rstrip("\n") + ("\n\n" if before.strip() and after else "\n" if before.strip() else "") + after


def _around(text: str, under: str, name: str, *, below: bool = False) -> tuple[str, str, str]:
    """Split a text into what comes before a table, the table, and what comes after it."""
    ends = r"[.\]]" if below else r"\]"
    first, second = (rf"""["']?{re.escape(key)}["']?""" for key in (under, name))
    wanted = re.compile(rf"^[ \t]*\[[ \t]*{first}[ \t]*\.[ \t]*{second}[ \t]*{ends}")
    lines = text.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if wanted.match(line)), len(lines))
    end = next((at for at in range(start + 1, len(lines)) if _HEADER.match(lines[at])), len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or _NOTE.match(lines[end - 1])):
        end -= 1  # a comment before the next table is about that
    return "".join(lines[:start]), "".join(lines[start:end]), "".join(lines[end:])


def _written(value: Json) -> str:
    """Write a text, a list of texts, a number or a truth: TOML writes them as JSON does."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return document.encode(value).decode()
