"""An answer as every client shows it: one object, twice; an error as text, once.

Some clients show a model the structured part and drop the text, others the other way round, and of an error
some show only the text (mcp.md 1.5). So text and structure carry the same, the text with one row a line, and
an error has no structure. Text that may come from strangers loses its control characters here, and its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mcp.types import CallToolResult, TextContent

from turnout.document import Document, Json, encode
from turnout.errors import TurnoutError, Unavailable

USUAL = 8_000
"""Characters of an answer nobody asked to be long. Source: Codex cuts the middle out at 12,000 (mcp.md 1.5)."""
CAP = 40_000
"""Characters of any answer (reliability-security.md 7.4)."""
FIELD_LIMIT = 512
"""Characters of one text field (reliability-security.md 7.4)."""
NEXT_LIMIT = 3

_ERROR_LIMIT = 1_000
_FIRST = ("summary", "truncated", "narrow")
_LAST = ("next", "next_cursor")
_OURS = frozenset({"token", "next_cursor", "cursor"})
"""Opaque values of our making, given back as they are."""
_QUOTED = frozenset({"untrusted", "properties", "traits", "context", "diff", "requests"})
"""What is quoted as received: a null in there means something."""
_UNSEEN = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""C0 and C1 controls, bidirectional and zero-width characters, tags, lone surrogates."""


def answered(answer: Document, budget: int = USUAL) -> CallToolResult:
    """Make the result of a call that worked, at most `budget` characters long."""
    shown = fitted(ordered(answer), min(budget, CAP))
    return CallToolResult(content=[TextContent(type="text", text=rendered(shown))], structured_content=shown)


def refused(text: str) -> CallToolResult:
    """Make the result of a call that did not work: text only, one line."""
    line = " ".join(_visible(" ".join(text.split()))[:_ERROR_LIMIT].split())
    return CallToolResult(content=[TextContent(type="text", text=line)], is_error=True)


def explained(error: TurnoutError) -> str:
    """Say an error as `code: message. fix`, and whether to call again."""
    fix = error.attributes.get("fix")
    said = [f"{error.code}: {error.message.rstrip('.')}."]
    if isinstance(fix, str) and fix:
        said.append(f"{fix.rstrip('.')}.")
    elif isinstance(error, Unavailable):
        said.append("Nothing changed; the same call may be made again.")
    return " ".join(said)


def rendered(answer: Mapping[str, Json]) -> str:
    """Write the answer as JSON, a line for each field and for each row of a list."""
    return "{" + ",\n".join(f"{_text(key)}:{_lines(value)}" for key, value in answer.items()) + "}"


def ordered(answer: Mapping[str, Json]) -> Document:
    """Leave out what is null, clean what is text, put the summary first and what comes next last."""
    clean = _clean(answer)
    assert isinstance(clean, dict)
    if isinstance(calls := clean.get("next"), list):
        clean["next"] = calls[:NEXT_LIMIT]
    middle = [key for key in clean if key not in _FIRST + _LAST]
    return {key: clean[key] for key in (*_FIRST, *middle, *_LAST) if key in clean}


def fitted(answer: Document, budget: int) -> Document:
    """Shorten the longest list, then empty the longest fields, until the answer fits; say so near the top."""
    if len(rendered(answer)) <= budget:
        return answer
    rows = {key: value for key, value in answer.items() if isinstance(value, list) and key not in _LAST}
    if rows:
        key = max(rows, key=lambda each: len(_lines(rows[each])))
        if (short := _shortened(answer, key, rows[key], budget)) is not None:
            return short
    return _without_longest(answer, budget)


def _shortened(answer: Document, key: str, rows: list[Json], budget: int) -> Document | None:
    """Keep as many of the first rows as fit; None if not one does.

    The cursor goes too: it stands behind the rows that are left out.
    """
    rest = {name: value for name, value in answer.items() if name != "next_cursor"}
    room, kept = budget - len(rendered(_noted(rest | {key: []}, _narrow(key, len(rows), len(rows))))), 0
    for row in rows:
        room -= len(_text(row)) + 2
        if room < 0:
            break
        kept += 1
    if not kept:
        return None
    return _noted(rest | {key: rows[:kept]}, _narrow(key, kept, len(rows)))


def _narrow(key: str, kept: int, total: int) -> str:
    return (
        f"The first {kept} of {total} {key} are shown. Call again with limit {kept} where there is one, "
        "or with narrower arguments."
    )


def _without_longest(answer: Document, budget: int) -> Document:
    """Empty the longest fields: they stay, because the schema may require them."""
    left, gone = dict(answer), list[str]()
    while True:
        short = _noted(left, f"Too long, left out: {', '.join(gone)}. Call again with narrower arguments.")
        full = [key for key, value in left.items() if isinstance(value, (list, dict)) and value and key != "next"]
        if not full or (gone and len(rendered(short)) <= budget):
            return short
        longest = max(full, key=lambda each: len(_text(left[each])))
        left[longest] = [] if isinstance(left[longest], list) else {}
        gone.append(longest)


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


def _clean(value: Json, key: str = "", *, quoted: bool = False) -> Json:
    if isinstance(value, str):
        return value if key in _OURS else clipped(value)
    if isinstance(value, Mapping):
        return {
            clipped(name): _clean(each, name, quoted=quoted or name in _QUOTED)
            for name, each in value.items()
            if quoted or each is not None
        }
    if isinstance(value, Sequence):
        return [_clean(each, key, quoted=quoted) for each in value]
    return value


def clipped(text: str) -> str:
    """Make a text safe to show: unseen characters escaped, the rest cut with the number of what is missing."""
    shown = _visible(text)
    if len(shown) <= FIELD_LIMIT:
        return shown
    return f"{shown[: FIELD_LIMIT - 20]}… ({len(shown) - FIELD_LIMIT + 20} more)"


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
