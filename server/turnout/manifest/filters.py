"""What Segment's filters ask that our operators did not: what a value is, how long, and what form a text has."""

from __future__ import annotations

import re
from functools import lru_cache

from turnout.document import Json
from turnout.manifest.entry import Operator

_PIECE = re.compile(r"\\.|\[[^\]]+\]|.", re.DOTALL)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


def kind_of(value: Json) -> str:
    """Name what a value is."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case _:
            return "object"


def length(value: Json) -> int:
    """Count the elements of a list, or the bytes of a text; all else has none."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return len(value) if isinstance(value, list) else 0


def like(value: Json, form: Json) -> bool:
    """Match a whole text against a form, in time proportional to both lengths at worst."""
    if not isinstance(value, str) or not isinstance(form, str):
        return False
    pieces = _pieces(form)
    here = there = 0
    star, mark = -1, 0
    while here < len(value):
        if there < len(pieces) and pieces[there] is None:
            star, mark = there, here
            there += 1
        elif there < len(pieces) and _fits(pieces[there], value[here]):
            here += 1
            there += 1
        elif star >= 0:
            there = star + 1
            mark += 1
            here = mark
        else:
            return False
    return all(piece is None for piece in pieces[there:])


def _fits(piece: str | tuple[tuple[str, str], ...] | None, letter: str) -> bool:
    if isinstance(piece, str):
        return piece == letter
    return piece is not None and any(first <= letter <= last for first, last in piece)


@lru_cache(maxsize=512)
def _pieces(form: str) -> tuple[str | tuple[tuple[str, str], ...] | None, ...]:
    """Cut a form into letters, ranges of letters, and None for `*`."""
    found: list[str | tuple[tuple[str, str], ...] | None] = []
    for part in _PIECE.findall(form):
        if part == "*":
            found.append(None)
        elif part == "?":
            found.append((("\0", chr(0x10FFFF)),))
        elif len(part) > 2 and part[0] == "[":  # noqa: PLR2004 - something is in the brackets
            found.append(tuple((low or one, high or one) for low, high, one in _RANGE.findall(part[1:-1])))
        else:
            found.append(part[1:] if len(part) > 1 else part)
    return tuple(found)


TABLE = (
    Operator(
        "like",
        "value form",
        "Match a whole text against `*`, `?`, `[abc]` and `[a-z]`; `\\` escapes. False for no text.",
        ("'v2.1' | like('v[1-3].?') => true", "7 | like('*') => false"),
        like,
        nulls=True,
    ),
    Operator(
        "length",
        "value",
        "How many elements of a list, or bytes of a text; else 0.",
        ("'Äh' | length => 3", "$.missing | length => 0"),
        length,
        nulls=True,
    ),
    Operator(
        "typeof",
        "value",
        "What it is: `string number bool null list object`.",
        ('12 | typeof => "number"', '$.missing | typeof => "null"'),
        kind_of,
        nulls=True,
    ),
)
