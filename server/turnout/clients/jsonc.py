"""JSON as people keep it in files: with comments and trailing commas, of which none may be lost by a change of ours.

Only the text of the one member that changes is written; all else stays as it stands, white space included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from turnout import document
from turnout.document import Json

_TOKEN = re.compile(r'\s+|//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"/]+', re.DOTALL)
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)


class _Token(NamedTuple):
    text: str
    start: int
    end: int


class _Member(NamedTuple):
    """A member of an object: its name, where that begins, and the tokens of its value."""

    name: str
    first: int
    value: int
    last: int


def read(text: str) -> Json:
    """Read it. Raises: ValueError, with the line, for what is none."""
    tokens = _tokens(text)
    kept = [
        each.text
        for at, each in enumerate(tokens)
        if each.text != "," or at + 1 == len(tokens) or tokens[at + 1].text not in {"}", "]"}
    ]
    return document.decode(" ".join(kept)) if kept else {}


def put(text: str, path: Sequence[str], value: Json) -> str:
    """Give the text with a member set, below objects that are made where they are missing. Raises: ValueError."""
    if not isinstance(read(text), dict):
        raise ValueError("it holds no object")  # noqa: TRY004 - of the text
    tokens, unit = _tokens(text), _unit(text)
    if not tokens:
        return _written(_nested(path, value), unit, 0) + "\n"
    at = 0
    for depth, name in enumerate(path):
        found = next((each for each in _members(tokens, at) if each.name == name), None)
        if found is None:
            return _insert(text, tokens, at, name, _nested(path[depth + 1 :], value), unit * (depth + 1), unit)
        at = found.value
        if depth == len(path) - 1:
            start, end = tokens[at].start, tokens[found.last].end
            return text[:start] + _written(value, unit, depth + 1) + text[end:]
        if tokens[at].text != "{":
            raise ValueError(f"its `{name}` is no object")
    raise AssertionError("a path has names")


def drop(text: str, path: Sequence[str]) -> str:
    """Give the text without a member; as it is where there is none. Raises: ValueError."""
    read(text)
    tokens, at = _tokens(text), 0
    found: _Member | None = None
    for name in path:
        if not tokens or tokens[at].text != "{":
            return text
        found = next((each for each in _members(tokens, at) if each.name == name), None)
        if found is None:
            return text
        at = found.value
    assert found is not None
    start, end = tokens[found.first].start, tokens[found.last].end
    if tokens[found.last + 1].text == ",":
        end = tokens[found.last + 1].end
    elif tokens[found.first - 1].text == ",":
        start = tokens[found.first - 1].start
    before, after = text[:start], text[end:]
    line = before.rstrip(" \t")
    return line.removesuffix("\n") + after if after.startswith("\n") and line.endswith("\n") else before + after


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() != at:
            break
        at = match.end()
        if not match[0].isspace() and not match[0].startswith(("//", "/*")):
            found.append(_Token(match[0], match.start(), at))
    if at != len(text):
        raise ValueError(f"line {text.count(chr(10), 0, at) + 1} is no JSON")
    return found


def _members(tokens: Sequence[_Token], at: int) -> list[_Member]:
    """List the members of the object that begins at a token."""
    found = []
    at += 1
    while tokens[at].text != "}":
        first, value = at, at + 2
        last = _end(tokens, value)
        found.append(_Member(str(document.decode(tokens[first].text)), first, value, last))
        at = last + 1
        if tokens[at].text == ",":
            at += 1
    return found


def _end(tokens: Sequence[_Token], at: int) -> int:
    """Find the last token of a value."""
    depth = 0
    while True:
        depth += (tokens[at].text in {"{", "["}) - (tokens[at].text in {"}", "]"})
        if not depth:
            return at
        at += 1


def _insert(
    text: str, tokens: Sequence[_Token], at: int, name: str, value: Json, indent: str, unit: str
) -> str:  # fmt: skip
    """Write a member first in the object that begins at a token."""
    start, empty = tokens[at].end, tokens[at + 1].text == "}"
    member = f"{document.encode(name).decode()}: {_written(value, unit, len(indent) // len(unit))}"
    if not empty:
        gap = "" if text[start].isspace() else " "
        return f"{text[:start]}\n{indent}{member},{gap}{text[start:]}"
    outer = indent[len(unit) :]
    inside = text[start : tokens[at + 1].start].rstrip()
    return f"{text[:start]}\n{indent}{member}{inside}\n{outer}{text[tokens[at + 1].start :]}"


def _unit(text: str) -> str:
    found = _INDENT.search(text)
    return found[1] if found else "  "


def _nested(path: Sequence[str], value: Json) -> Json:
    for name in reversed(path):
        value = {name: value}
    return value


def _written(value: Json, unit: str, depth: int) -> str:
    """Write a value as people do, in lines that begin as those around it."""
    lines = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().split("\n")
    shown = [lines[0]]
    for line in lines[1:]:
        bare = line.lstrip(" ")
        shown.append(unit * (depth + (len(line) - len(bare)) // 2) + bare)
    return "\n".join(shown)
