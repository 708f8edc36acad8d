"""An answer that is too long, made to fit: first inside the data it quotes, then whole details, then whole rows.

It says near its top what was left out, and how to see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeGuard

from turnout.document import Document, Json, encode

LAST = ("next", "next_cursor")
QUOTED = frozenset({"untrusted", "properties", "traits", "context", "diff", "requests"})
"""Fields that hold what was received, or is sent, as it is: a null in them is data, elsewhere it says nothing."""
DATA = QUOTED | {"sends", "message_id", "message_ids", "event", "user_id", "anonymous_id", "email", "type"}
"""Fields in which a stranger's words may stand, with all below them. Elsewhere every word is ours or the operator's."""

_STEPS = ((512, 200), (256, 100), (128, 50), (64, 24), (48, 12), (48, 6), (48, 3))
"""Characters of a text and members of an object or list that stay in quoted data, tighter and tighter."""
_DETAILS = frozenset({"sends", "deliveries", "attempts", "parts", "diff", "requests", "untrusted"})
"""What a row may do without."""
_WORDS = _DETAILS | {"evidence", "says", "rule", "next"}
"""What it may do without rather than be left out."""
_NOTE = 20
_WAS_CUT = re.compile(r"… \((\d{1,9}) more\)$")


def fitted(answer: Document, budget: int, rest: str = "") -> tuple[Document, str]:
    """Shorten an answer until it fits, and write it; `rest` says how to see what is missing, else narrower calls."""
    if len(text := rendered(answer)) <= budget:
        return answer, text
    short = _shorter(answer, budget, rest)
    return short, rendered(short)


def _shorter(answer: Document, budget: int, rest: str) -> Document:
    for texts, members in _STEPS:
        short = _noted(_squeezed(answer, texts, members), f"Long data is cut inside. {_advice(rest)}")
        if len(rendered(short)) <= budget:
            return short
    rows = {key: value for key, value in answer.items() if isinstance(value, list) and value and key not in LAST}
    if rows:
        key = max(rows, key=lambda each: len(_lines(rows[each])))
        for shorter in (partial(_without, gone=_DETAILS), partial(_without, gone=_WORDS), _shortened):
            if (found := shorter(answer, key, rows[key], budget, rest)) is not None:
                return found
    return _without_longest(answer, budget, rest)


def rendered(answer: Mapping[str, Json]) -> str:
    """Write the answer as JSON, a line for each field and for each row of a list."""
    return "{" + ",\n".join([f"{_text(key)}:{_lines(value)}" for key, value in answer.items()]) + "}"


def cut(text: str, limit: int) -> str:
    """Cut a text, with the number of characters that are missing, all told."""
    if len(text) <= limit:
        return text
    earlier = _WAS_CUT.search(text)
    body = text[: earlier.start()] if earlier else text
    missing = len(body) - limit + _NOTE + (int(earlier[1]) if earlier else 0)
    return f"{body[: limit - _NOTE]}… ({missing} more)"


def _squeezed(answer: Mapping[str, Json], texts: int, members: int) -> Document:
    """Squeeze what is quoted, wherever it stands; our own words stay whole."""
    return {key: _seek(key, value, texts, members) for key, value in answer.items()}


def _seek(key: str, value: Json, texts: int, members: int) -> Json:
    if key in QUOTED or (key == "event" and isinstance(value, Mapping)):
        return _squeeze(value, texts, members)
    if key in LAST or key == "confirm":
        return value
    if isinstance(value, Mapping):
        return _squeezed(value, texts, members)
    return [_seek("", each, texts, members) for each in value] if _is_list(value) else value


def _squeeze(value: Json, texts: int, members: int) -> Json:
    if isinstance(value, str):
        return cut(value, texts)
    if isinstance(value, Mapping):
        pairs = list(value.items())
        kept: Document = {name: _squeeze(each, texts, members) for name, each in pairs[:members]}
        return kept | ({"…": f"{len(pairs) - members} more"} if len(pairs) > members else {})
    if not _is_list(value):
        return value
    rows = [_squeeze(each, texts, members) for each in value[:members]]
    if len(value) > members:
        more = f"{len(value) - members} more"
        rows.append({"…": more} if all(isinstance(each, Mapping) for each in value) else f"… ({more})")
    return rows


def _without(
    answer: Document, key: str, rows: list[Json], budget: int, rest: str, *, gone: frozenset[str]
) -> Document | None:
    """Keep every row, without its details; None if they do not fit either."""
    there = sorted({name for row in rows if isinstance(row, Mapping) for name in row if name in gone})
    short = [{n: v for n, v in row.items() if n not in there} if isinstance(row, Mapping) else row for row in rows]
    told = _noted(answer | {key: short}, f"Left out of each of {key}: {', '.join(there)}. {_advice(rest)}")
    return told if there and len(rendered(told)) <= budget else None


def _shortened(answer: Document, key: str, rows: list[Json], budget: int, rest: str) -> Document | None:
    """Keep as many of the first rows as fit; None if not one does.

    The cursor goes too: it stands behind the rows that are left out.
    """
    bare = {name: value for name, value in answer.items() if name != "next_cursor"}
    narrow = _narrow(key, len(rows), rest)
    room, kept = budget - len(rendered(_noted(bare | {key: []}, narrow(len(rows))))), 0
    for row in rows:
        room -= len(_text(row)) + 2
        if room < 0:
            break
        kept += 1
    if not kept:
        return None
    return _noted(bare | {key: rows[:kept]}, narrow(kept))


def _narrow(key: str, total: int, rest: str) -> Callable[[int], str]:
    def say(kept: int) -> str:
        how = rest or f"Call again with limit {kept} where there is one, or with narrower arguments."
        return f"The first {kept} of {total} {key} are shown. {how}"

    return say


def _without_longest(answer: Document, budget: int, rest: str) -> Document:
    """Empty the longest fields: they stay, because the schema may require them."""
    left, gone = dict(answer), list[str]()
    while True:
        short = _noted(left, f"Too long, left out: {', '.join(gone)}. {_advice(rest)}")
        full = [key for key, value in left.items() if isinstance(value, (list, dict)) and value and key != "next"]
        if not full or (gone and len(rendered(short)) <= budget):
            return short
        longest = max(full, key=lambda each: len(_text(left[each])))
        left[longest] = [] if isinstance(left[longest], list) else {}
        gone.append(longest)


def _advice(rest: str) -> str:
    return rest or "Call again with narrower arguments."


def _noted(answer: Mapping[str, Json], narrow: str) -> Document:
    said: Document = {"truncated": True, "narrow": narrow}
    top: Document = {"summary": answer["summary"]} if "summary" in answer else {}
    return top | said | {key: value for key, value in answer.items() if key not in said and key not in top}


def _lines(value: Json) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(_text(row) for row in value) + "]"
    return _text(value)


def _text(value: Json) -> str:
    return encode(value).decode()


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)
