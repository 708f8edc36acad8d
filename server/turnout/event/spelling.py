"""Event names that may be one name written in several ways: the same words, one as plural, or a slip of a letter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]")
_DIGITS = re.compile(r"\d+")
SHORTEST = 5
"""Letters from which on one that differs is a slip."""
LONGEST = 80
"""Letters of which slips are looked for."""
SAME = 8
"""Names of one form that later ones are compared with: the most frequent."""
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
    ranked = [_Form.of(name, names[name]) for name in sorted(names, key=lambda name: (-names[name], name))]
    found: dict[str, Pair] = {}
    for how, keys in ((Alike.WORDS, _whole), (Alike.PLURAL, _singular), (Alike.SLIP, _shortened)):
        seen: dict[str, list[_Form]] = {}
        for form in ranked:
            own = keys(form) if form.plain else ()
            near = (
                other for key in own for other in seen.get(key, ()) if how is not Alike.SLIP or _slipped(form, other)
            )
            if form.name not in found and (other := max(near, key=lambda each: each.n, default=None)) is not None:
                found[form.name] = Pair(form.name, other.name, how)
            for key in own:
                if len(same := seen.setdefault(key, [])) < SAME:
                    same.append(form)
    return [found[form.name] for form in ranked if form.name in found]


@dataclass(frozen=True, slots=True)
class _Form:
    """A name, how often it came, and its forms: all of it, and what is left without its numbers."""

    name: str
    n: int
    plain: str
    letters: str

    @classmethod
    def of(cls, name: str, n: int) -> _Form:
        whole = plain(name)
        return cls(name, n, whole, _DIGITS.sub("", whole))


def _slipped(form: _Form, other: _Form) -> bool:
    """Tell whether a name that shares a shortened form is a slip: it is rare, and no number tells it apart."""
    return form.n * RARE <= other.n and form.letters != other.letters


def _whole(form: _Form) -> Iterable[str]:
    return (form.plain,)


def _singular(form: _Form) -> Iterable[str]:
    return ("".join(map(_one, _words(form.name))),)


def _shortened(form: _Form) -> Iterable[str]:
    """Give a name as it is, and without each letter: those of two that differ in one have one in common."""
    whole = form.plain
    if not SHORTEST <= len(whole) <= LONGEST:
        return ()
    return {whole, *(whole[:at] + whole[at + 1 :] for at in range(len(whole)))}


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORDS.findall(name)]


def _one(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - of `ties` nothing would be left
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word  # noqa: PLR2004
