"""An answer as every client shows it: one object, twice; an error as text, once.

Some clients show a model the structured part and drop the text, others the other way round, and of an error
some show only the text (mcp.md 1.5). So text and structure carry the same, the text with one row a line, and
an error has no structure. Text that may come from strangers loses its control characters here, and its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from turnout.agent.fitting import LAST, QUOTED, cut, fitted
from turnout.document import Document, Json
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
_OURS = frozenset({"token", "next_cursor", "cursor"})
"""Opaque values of our making, given back as they are."""
_UNSEEN = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""C0 and C1 controls, bidirectional and zero-width characters, tags, lone surrogates."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a call is answered with; an error has no structure."""

    text: str
    structured_content: Document | None = None

    @property
    def content(self) -> list[Json]:
        """Give the blocks that the text part is made of."""
        return [{"text": self.text, "type": "text"}]

    @property
    def is_error(self) -> bool:
        """Tell an error from an answer."""
        return self.structured_content is None


def answered(answer: Document, budget: int = USUAL, rest: str = "") -> Told:
    """Make the result of a call that worked, at most `budget` characters long; `rest`: how to see more."""
    shown, text = fitted(ordered(answer), min(budget, CAP), rest)
    return Told(text, shown)


def refused(text: str) -> Told:
    """Make the result of a call that did not work: text only, one line."""
    return Told(" ".join(_visible(" ".join(text.split()))[:_ERROR_LIMIT].split()))


def explained(error: TurnoutError) -> str:
    """Say an error as `code: message. fix`, and whether to call again."""
    fix = error.attributes.get("fix")
    said = [f"{error.code}: {_ended(error.message)}"]
    if isinstance(fix, str) and fix:
        said.append(_ended(fix))
    elif isinstance(error, Unavailable):
        said.append("Nothing changed; the same call may be made again.")
    return " ".join(said)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def ordered(answer: Mapping[str, Json]) -> Document:
    """Leave out what is null, clean what is text, put the summary first and what comes next last."""
    clean = _clean(answer)
    assert isinstance(clean, dict)
    if isinstance(calls := clean.get("next"), list):
        clean["next"] = calls[:NEXT_LIMIT]
    middle = [key for key in clean if key not in _FIRST + LAST]
    return {key: clean[key] for key in (*_FIRST, *middle, *LAST) if key in clean}


def _clean(value: Json, key: str = "", *, quoted: bool = False) -> Json:
    if isinstance(value, str):
        return value if key in _OURS else clipped(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, dict | Mapping):
        return {
            clipped(name): _clean(each, name, quoted=quoted or name in QUOTED)
            for name, each in value.items()
            if quoted or each is not None
        }
    if isinstance(value, list | Sequence):
        return [_clean(each, key, quoted=quoted) for each in value]
    return value


def clipped(text: str) -> str:
    """Make a text safe to show: unseen characters escaped, the rest cut with the number of what is missing."""
    return cut(_visible(text), FIELD_LIMIT)


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
