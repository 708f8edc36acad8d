"""What values do: paths, text, truth, comparison, sums. Total: nothing here raises on JSON."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Final

from turnout.document import Document, Json, encode

MAX_INT: Final = 2**63 - 1


class Unsendable(ValueError):
    """No request can be made of these values; the message is ours and shows none of them."""


def at(value: Json, key: str) -> Json:
    """Step into an object by key, or into a list by number; anything else is null."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and key.isascii() and key.isdigit() and len(key) < 10:  # noqa: PLR2004
        place = int(key)
        return value[place] if place < len(value) else None
    return None


def dig(value: Json, keys: tuple[str, ...]) -> Json:
    """Follow a path."""
    for key in keys:
        if value is None:
            return None
        value = at(value, key)
    return value


def text_of(value: Json) -> str:
    """Write a value as text: null is empty, a whole number has no point, lists and objects are JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004
    if isinstance(value, int):
        return str(value)
    return encode(value).decode()


def is_number(value: Json) -> bool:
    """Tell whether it is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Json) -> int | float | None:
    """Give a number as it is, and null for all else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(value: float) -> int | float | None:
    """Keep a number within what JSON readers can hold: 64 bits, finite."""
    if isinstance(value, int):
        return value if -MAX_INT <= value <= MAX_INT else float(value) if abs(value) < 10**300 else None
    return value if isfinite(value) else None


def same(left: Json, right: Json) -> bool:
    """Compare as JSON does: 1 equals 1.0, and true equals no number."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def compare(op: str, left: Json, right: Json) -> bool:
    """Order two numbers or two texts; any other pair has no order, and is false."""
    if isinstance(left, str) and isinstance(right, str):
        return _ordered(op, (left > right) - (left < right))
    one, two = number(left), number(right)
    if one is None or two is None:
        return False
    return _ordered(op, (one > two) - (one < two))


def _ordered(op: str, sign: int) -> bool:
    match op:
        case "<":
            return sign < 0
        case "<=":
            return sign <= 0
        case ">":
            return sign > 0
        case _:
            return sign >= 0


def contains(needle: Json, haystack: Json) -> bool:
    """Tell whether a list has the value, an object the key, or a text the text."""
    if isinstance(haystack, list):
        return any(same(needle, one) for one in haystack)
    if isinstance(haystack, dict):
        return isinstance(needle, str) and needle in haystack
    return isinstance(haystack, str) and isinstance(needle, str) and needle in haystack


def add(left: Json, right: Json) -> Json:
    """Add numbers, join texts (a number beside a text is text) or lists; null with anything is null."""
    one, two = number(left), number(right)
    if one is not None and two is not None:
        return whole(one + two)
    if isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    if (isinstance(left, str) or isinstance(right, str)) and _writes(left) and _writes(right):
        return text_of(left) + text_of(right)
    return None


def _writes(value: Json) -> bool:
    return isinstance(value, str) or is_number(value)


def subtract(left: Json, right: Json) -> Json:
    """Subtract numbers; anything else is null."""
    one, two = number(left), number(right)
    return None if one is None or two is None else whole(one - two)


def multiply(left: Json, right: Json) -> Json:
    """Multiply numbers; anything else is null."""
    one, two = number(left), number(right)
    return None if one is None or two is None else whole(one * two)


def entries(value: Json) -> list[Json]:
    """List what a loop runs over: a list's elements, an object's pairs as `key` and `value`."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{"key": key, "value": one} for key, one in value.items()]
    return []


def pairs(value: Json) -> list[tuple[Json, Json]]:
    """List what a loop runs over that reads only `key` and `value` of each element."""
    return [(one.get("key"), one.get("value")) if isinstance(one, dict) else (None, None) for one in entries(value)]


def gather(found: Document, name: str, value: Json) -> None:
    """Add a value under a name: what a name has several of is a list."""
    before = found.get(name)
    found[name] = value if name not in found else [*(before if isinstance(before, list) else [before]), value]


def is_empty(value: Json) -> bool:
    """Tell whether it is null, "", [] or {}; 0 and false are not empty."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def folded(value: str) -> str:
    """Compare names as people do."""
    return value.strip().casefold()


def integration(document: Json, names: tuple[str, ...]) -> Json:
    """Find a destination's own object in an event's `integrations`, under any of its names; else null."""
    found = document.get("integrations") if isinstance(document, dict) else None
    for key, one in found.items() if isinstance(found, dict) else ():
        if isinstance(one, dict) and folded(key) in _all_folded(names):
            return one
    return None


@lru_cache(maxsize=256)
def _all_folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(folded, names))
