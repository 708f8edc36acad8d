"""Event names that may be one name written in several ways: the same words, one as plural, or a slip of a letter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]")
_DIGITS = re.compile(r"\d+")
SHORTEST = 5
"""Letters from which on one that differs is a slip."""
LONGEST = 80
"""Letters of which slips are looked for."""
RARE = 5
"""How many times as often the other name comes, where a letter alone differs."""


class Alike(StrEnum):
    """How two names are alike."""

    WORDS = "same_words"
    PLURAL = "plural"
    SLIP = "typo"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two names that are alike, the rarer one first."""

    name: str
    other: str
    how: Alike


def plain(name: str) -> str:
    """Write a name without case and what stands between its words.

    >>> [plain(name) for name in ("Order Completed", "order_completed", "orderCompleted", "HTTPError")]
    ['ordercompleted', 'ordercompleted', 'ordercompleted', 'httperror']
    """
    return "".join(_words(name))


def pairs(names: Mapping[str, int]) -> list[Pair]:
    """Find the names that are alike, each rarer one once, beside the most frequent that it is like.

    >>> found = pairs({"Order Completed": 90, "order_completed": 2, "Ordr Completed": 1})
    >>> [(pair.name, str(pair.how)) for pair in found]
    [('order_completed', 'same_words'), ('Ordr Completed', 'typo')]
    """
    rank = {name: at for at, name in enumerate(sorted(names, key=lambda name: (-names[name], name)))}
    found: dict[str, Pair] = {}
    for how, keys in ((Alike.WORDS, _whole), (Alike.PLURAL, _singular), (Alike.SLIP, _shortened)):
        first: dict[str, list[str]] = {}
        for name in rank:
            near = [other for key in keys(name) for other in first.get(key, ()) if _are(how, name, other, names)]
            if near and name not in found:
                found[name] = Pair(name, min(near, key=rank.__getitem__), how)
            for key in keys(name):
                first.setdefault(key, []).append(name)
    return [found[name] for name in rank if name in found]


def _are(how: Alike, name: str, other: str, names: Mapping[str, int]) -> bool:
    """Tell whether two names that share a key are alike so: numbers tell names apart, and rare ones are slips."""
    if how is not Alike.SLIP:
        return name != other
    one, two = plain(name), plain(other)
    return (
        min(len(one), len(two)) >= SHORTEST
        and names[name] * RARE <= names[other]
        and _DIGITS.sub("", one) != _DIGITS.sub("", two)
        and _DIGITS.findall(one) == _DIGITS.findall(two)
    )


def _whole(name: str) -> Iterable[str]:
    return (plain(name),) if plain(name) else ()


def _singular(name: str) -> Iterable[str]:
    return ("".join(map(_one, _words(name))),) if plain(name) else ()


def _shortened(name: str) -> Iterator[str]:
    """Give a name as it is, and without each letter: those of two that differ in one have one in common."""
    whole = plain(name)[:LONGEST]
    yield from {whole, *(whole[:at] + whole[at + 1 :] for at in range(len(whole)))} if whole else ()


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORDS.findall(name)]


def _one(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - of `ties` nothing would be left
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word  # noqa: PLR2004
