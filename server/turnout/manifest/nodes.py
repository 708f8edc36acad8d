"""What expressions and shapes are made of: frozen nodes, and how each one names itself.

`at` is where the node stands in its manifest, `actions.event.item.email`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from turnout.document import Json


@dataclass(frozen=True, slots=True)
class Const:
    """A value taken literally."""

    value: Json
    at: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A path below a root: `event`, `settings`, `it`, `index`, `item`, `batch`, `res`, `steps`, `asked`, `now`.

    `request_id` too.
    """

    root: str
    keys: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Let:
    """A named value, and a path below it. `name` is unique in the manifest: `who`, `event/metric`."""

    name: str
    keys: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Get:
    """A path below a computed value."""

    of: Node
    keys: tuple[str, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    """True when the value is empty: null, false, 0, "", [], {}."""

    of: Node
    at: str = ""


@dataclass(frozen=True, slots=True)
class Every:
    """`and`: the first empty value, else the last."""

    parts: tuple[Node, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Either:
    """`or`: the first value that is not empty, else the last."""

    parts: tuple[Node, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Coalesce:
    """`//`: the first value that is not null."""

    parts: tuple[Node, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison or a sum: `== != < <= > >= in + - *`."""

    op: str
    left: Node
    right: Node
    at: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """An operator of the table, the piped value first."""

    name: str
    args: tuple[Node, ...]
    at: str = ""


JSON, BYTES, HEADERS = "JSON", "bytes", "headers: an object of texts"
"""What a function in Python gives, by where it is called."""


@dataclass(frozen=True, slots=True)
class Hatched:
    """A function in Python, called with these values; `gives` is one of `JSON`, `BYTES` and `HEADERS`."""

    function: str
    args: tuple[Node, ...]
    gives: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template that the user wrote in a setting, filled from the event."""

    of: Node
    at: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A string with `{{ }}` in it: the parts, joined; null is the empty string."""

    parts: tuple[Node, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list; computed nulls are left out, and a list left empty by that is null."""

    parts: tuple[Node, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: first what is spread, then the entries, whose computed nulls are left out."""

    spread: tuple[Node, ...]
    entries: tuple[tuple[Node, Node], ...]
    keep: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Each:
    """A list made by a loop."""

    source: Node
    where: Node
    do: Node
    keep: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class EachPair:
    """An object made by a loop."""

    source: Node
    where: Node
    key: Node
    value: Node
    keep: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Choose:
    """`$if` and `if()`: one of two."""

    test: Node
    then: Node
    other: Node
    at: str = ""


@dataclass(frozen=True, slots=True)
class By:
    """`$by`: the case whose name is the key's text."""

    key: Node
    cases: tuple[tuple[str, Node], ...]
    other: Node
    at: str = ""


@dataclass(frozen=True, slots=True)
class First:
    """`$first`: the first that is not null, "", [] or {}."""

    parts: tuple[Node, ...]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """`$json`: the value as JSON text."""

    of: Node
    at: str = ""


Node: TypeAlias = (
    "Const | Path | Let | Get | Not | Every | Either | Coalesce | Binary | Call | Hatched | Rendered | Text"
    " | Listing | Shape | Each | EachPair | Choose | By | First | Encoded"
)
NULL = Const(None)
TRUE = Const(True)


def children(node: Node) -> tuple[Node, ...]:
    """List the nodes directly inside."""
    match node:
        case Const() | Path() | Let():
            return ()
        case Get() | Not() | Encoded() | Rendered():
            return (node.of,)
        case Every() | Either() | Coalesce() | Text() | Listing() | First():
            return node.parts
        case Call() | Hatched():
            return node.args
        case _:
            return _shaped(node)


def _shaped(node: Binary | Choose | Shape | Each | EachPair | By) -> tuple[Node, ...]:
    match node:
        case Binary():
            return (node.left, node.right)
        case Choose():
            return (node.test, node.then, node.other)
        case Shape():
            return (*node.spread, *(part for entry in node.entries for part in entry))
        case Each():
            return (node.source, node.where, node.do)
        case EachPair():
            return (node.source, node.where, node.key, node.value)
        case By():
            return (node.key, *(case for _, case in node.cases), node.other)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and all inside it."""
    yield node
    for child in children(node):
        yield from walk(child)
