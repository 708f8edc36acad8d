"""The table of the language: every operator with its sentence, its examples and its code.

Documentation, example tests, the linter and the compiler derive from `TABLE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from turnout.document import Document, Json
from turnout.manifest import codes, filters, lists, people, texts, times
from turnout.manifest.entry import Operator, form
from turnout.manifest.nodes import Const, Node
from turnout.manifest.times import micros
from turnout.manifest.values import text_of

Nearest = Callable[[str, "Mapping[str, object] | frozenset[str]"], str]
CLOCKED = frozenset({"now", "age"})
"""These get the clock as their last argument."""
HIGHER = frozenset({"map_keys", "map_values", "times"})
"""These take the name of a function."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")


class Misused(ValueError):
    """An operator is used as it cannot be."""


def map_keys(value: Json, function: Json) -> Json:
    """Rename each key of an object."""
    run = _MAPPED[text_of(function)]
    return {text_of(run(key)): one for key, one in value.items()} if isinstance(value, dict) else None


def map_values(value: Json, function: Json) -> Json:
    """Change each value of an object or a list; null for what cannot be changed is kept out."""
    run = _MAPPED[text_of(function)]
    if isinstance(value, dict):
        pairs = ((key, run(one) if one is not None else None) for key, one in value.items())
        return {key: one for key, one in pairs if one is not None}
    return [run(one) for one in value if one is not None] if isinstance(value, list) else None


def map_times(value: Json, function: Json) -> Json:
    """Change each ISO date and time among an object's values."""
    run = _MAPPED[text_of(function)]
    if not isinstance(value, dict):
        return None
    found = {key: run(one) for key, one in value.items() if isinstance(one, str) and _is_time(one)}
    return {**value, **found} if found else value


def _is_time(text: str) -> bool:
    return text[4:5] == "-" and bool(_STAMP.fullmatch(text)) and micros(text) is not None


_HERE = (
    Operator(
        "if",
        "test then else?",
        "One of two values; without the second, null. Only the one chosen is computed.",
        ("if(1 < 2, 'yes', 'no') => \"yes\"", "if($.missing, 'yes') => null"),
        form,
        nulls=True,
    ),
    Operator(
        "render",
        "value",
        "Fill a template of the user's, from the event; `{{ properties.total }}` reads `$.properties.total`.",
        (
            "'{{ $.event }}: {{ properties.total }}' | render => \"Order Completed: 27.5\"",
            "'plain' | render => \"plain\"",
        ),
        form,
    ),
    Operator(
        "fql",
        "condition",
        "A condition in Segment's filter query language; its text must stand here as it is.",
        (
            "fql('type = \"track\" and length(properties.products) > 1') => true",
            "fql('!match(event, \"Order *\")') => false",
        ),
        form,
        nulls=True,
    ),
    Operator(
        "map_keys",
        "value function",
        "Rename each key of an object by a function.",
        ('$.traits | map_keys(upper) | keys => ["PLAN","ADDRESS"]', "'a' | map_keys(upper) => null"),
        map_keys,
    ),
    Operator(
        "map_values",
        "value function",
        "Change each value of an object or list by a function; what becomes null is left out.",
        ('list(1 2) | map_values(str) => ["1","2"]', "list('1' x) | map_values(number) | compact => [1]"),
        map_values,
    ),
    Operator(
        "times",
        "value function",
        "Change each ISO date and time among an object's values by a function.",
        ('\'{"at":"2026-01-02T03:04:05Z"}\' | unjson | times(unix) => {"at":1767323045}', "'a' | times(unix) => null"),
        map_times,
    ),
)
GROUPS: tuple[tuple[str, tuple[Operator, ...]], ...] = (
    ("Choosing", _HERE[:3]),
    ("Text", texts.TABLE),
    ("As in filters of Segment", filters.TABLE),
    ("Codes", codes.TABLE),
    ("Times", times.TABLE),
    ("People and places", people.TABLE),
    ("Lists and objects", (*lists.TABLE, *_HERE[3:])),
)
TABLE: Mapping[str, Operator] = {entry.name: entry for _, group in GROUPS for entry in group}
_MAPPED = {
    name: entry.run
    for name, entry in TABLE.items()
    if entry.least == 1 and not entry.nulls and name not in {"render", "age"}
}

EXAMPLE_EVENT: Document = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "context": {"externalIds": [{"type": "braze_id", "id": "bz1"}]},
    "traits": {"plan": "pro", "address": {"city": "Oslo"}},
    "properties": {"total": 27.5, "products": [{"sku": "b", "quantity": 1}, {"sku": "a", "quantity": 2}]},
}
EXAMPLE_NOW = 1_767_398_400_000_000
EXAMPLE_TABLES: Document = {"events": {"Order Completed": "purchase"}}


def find(name: str, count: int, nearest: Nearest) -> Operator:
    """Look up an operator for so many arguments. Raises: Misused."""
    entry = TABLE.get(name)
    if entry is None:
        raise Misused(f"there is no function `{name}`{nearest(name, TABLE)}")
    if not entry.least <= count <= entry.most:
        raise Misused(f"`{name}` is written `{entry.shown}`")
    return entry


def find_mapped(node: Node, nearest: Nearest) -> None:
    """Check that a function is named which takes one value. Raises: Misused."""
    name = node.value if isinstance(node, Const) else None
    if not isinstance(name, str) or name not in _MAPPED:
        raise Misused(f"expected the name of a function of one value{nearest(text_of(name), _MAPPED)}")


def check_pattern(node: Node) -> None:
    """Check a regular expression, where it is a constant. Raises: Misused."""
    if isinstance(node, Const) and not texts.is_pattern(text_of(node.value)):
        raise Misused("this is not a regular expression")


def documentation() -> str:
    """Write the table for `manifests/README.md`."""
    lines: list[str] = []
    for title, group in GROUPS:
        lines += [f"**{title}**", "", "| written | does | for example |", "| --- | --- | --- |"]
        for entry in group:
            shown = "; ".join(_example(one) for one in entry.examples)
            lines.append(f"| {_cell(entry.shown)} | {entry.says.replace('|', chr(92) + '|')} | {shown} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`` {escaped} ``" if "`" in text else f"`{escaped}`"


def _example(text: str) -> str:
    written, _, gives = text.rpartition(" => ")
    return f"{_cell(written)} → {_cell(gives)}"
