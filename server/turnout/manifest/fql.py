r"""Segment's filter query language, read into the nodes of our own, so that one compiler makes a function of either.

* A condition on an event: `type = "track" and (event = "A" or match(event, "B*"))`; `all` holds for every event.
* A path is names with dots; an odd name stands in brackets or behind a backslash: `properties["a b"]`,
  `properties.a\ b`; what is not there is null. Names and texts are compared in their own case.
* `and` binds before `or`, `!` before both. What is no comparison counts only when it is true.
* `=` and `!=` compare by kind; the order of anything but two numbers or two texts is false.

Source: Segment's page on the destination filter query language; delivery.md 6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from turnout.document import Json
from turnout.manifest import nodes
from turnout.manifest.nodes import Const, Node
from turnout.manifest.tokens import ExpressionError

MAX_LENGTH = 5_000
"""Source: delivery.md 6, FQL of a filter."""
MAX_DEPTH = 30
MAX_TOKENS = 600
MAX_KEYS = 64
"""Bounds of one condition, as of an expression of ours."""

Nearest = Callable[[str, "Mapping[str, object] | frozenset[str]"], str]
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
  | (?P<name>(?:[\w-]|\\.)+)
  | (?P<op>!=|<=|>=|[=<>!().,\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_ORDER = frozenset({"=", "!=", "<", "<=", ">", ">=", "in"})
_HINTS = {"==": "`=`", "&&": "`and`", "||": "`or`", "&": "`and`", "|": "`or`", "<>": "`!=`"}
ROOTS = frozenset(
    {
        *(
            "type",
            "event",
            "name",
            "category",
            "userId",
            "anonymousId",
            "groupId",
            "previousId",
            "messageId",
            "channel",
        ),
        *("properties", "traits", "context", "integrations", "timestamp", "sentAt", "receivedAt", "originalTimestamp"),
        *("version", "projectId", "writeKey"),
    }
)
"""What an event has at its top."""
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\\.", re.DOTALL)


def is_fql(text: str) -> bool:
    """Tell Segment's language from ours by what reads the event: ours does so with a `$` outside of quotes.

    >>> is_fql('type = "track"'), is_fql("$.type == 'track'"), is_fql('event = "$1"')
    (True, False, True)
    """
    return "$" not in _QUOTED.sub("", text)


def parse(text: str, nearest: Nearest, at: str = "") -> Node:
    """Read a condition. Raises: ExpressionError, with the place and the nearest word."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"a filter may have {MAX_LENGTH} characters")
    if text.strip().casefold() == "all":
        return nodes.TRUE
    reader = _Reader(_tokens(text), nearest, at)
    node = reader.either()
    if reader.kind != "end":
        raise reader.unexpected()
    return reader.test(node)


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Cut a text into (kind, text, place)."""
    found: list[tuple[str, str, int]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            near = next((hint for sign, hint in _HINTS.items() if text.startswith(sign, place)), "")
            said = f"; Segment's language writes {near}" if near else ""
            raise ExpressionError(f"cannot read `{text[place : place + 12]}` at character {place + 1}{said}")
        if match.lastgroup != "space":
            found.append((match.lastgroup or "", match.group(), place))
        place = match.end()
    if len(found) > MAX_TOKENS:
        raise ExpressionError(f"a filter may have {MAX_TOKENS} names, values and operators")
    return [*found, ("end", "", place)]


class _Reader:
    """One condition's tokens, read from left to right."""

    def __init__(self, tokens: list[tuple[str, str, int]], nearest: Nearest, at: str) -> None:
        self.tokens, self.nearest, self.at = tokens, nearest, at
        self.place = 0
        self.depth = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.place][0]

    @property
    def text(self) -> str:
        return self.tokens[self.place][1]

    def take(self, *texts: str) -> str:
        """Move past the token when it is an operator or a word among `texts`."""
        kind, text, _ = self.tokens[self.place]
        if kind in {"op", "name"} and text in texts:
            self.place += 1
            return text
        return ""

    def need(self, text: str) -> None:
        if not self.take(text):
            raise self.unexpected(f"expected `{text}`")

    def unexpected(self, expected: str = "") -> ExpressionError:
        """Say what was not understood, and where."""
        kind, text, start = self.tokens[self.place]
        said = expected or ("the condition ends too early" if kind == "end" else f"did not expect `{text[:40]}`")
        before = self.tokens[self.place - 1]
        joined = before[1] + text if before[2] + len(before[1]) == start else text
        near = "; Segment's language writes " + _HINTS[joined] if joined in _HINTS else ""
        return ExpressionError(f"{said} at character {start + 1}{near}")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")

    def test(self, node: Node) -> Node:
        """Let a value stand as a condition: a comparison is one, all else only when it is true."""
        if isinstance(node, nodes.Binary | nodes.Not | nodes.Every | nodes.Either) or _is_like(node):
            return node
        return nodes.Binary("==", node, nodes.TRUE, self.at)

    def either(self) -> Node:
        self.deeper()
        parts = [self.every()]
        while self.take("or"):
            parts.append(self.every())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else nodes.Either(tuple(map(self.test, parts)), self.at)

    def every(self) -> Node:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else nodes.Every(tuple(map(self.test, parts)), self.at)

    def negation(self) -> Node:
        if self.take("!"):
            self.deeper()
            node = nodes.Not(self.test(self.negation()), self.at)
            self.depth -= 1
            return node
        return self.comparison()

    def comparison(self) -> Node:
        left = self.operand()
        op = self.take(*_ORDER)
        if not op:
            return left
        right = self.operand()
        if op == "in":
            if isinstance(right, Const) and not isinstance(right.value, list):
                raise self.unexpected("`in` needs a list on its right")
            return nodes.Every((self.is_a(right, "list"), nodes.Binary("in", left, right, self.at)), self.at)
        return nodes.Binary({"=": "=="}.get(op, op), left, right, self.at)

    def operand(self) -> Node:
        kind, text, _ = self.tokens[self.place]
        if kind == "op" and text == "(":
            self.place += 1
            node = self.either()
            self.need(")")
            return node
        if kind == "op" and text == "[":
            return self.listing()
        if kind not in {"string", "number", "name"}:
            raise self.unexpected()
        self.place += 1
        if kind == "string":
            return Const(_unescape(text[1:-1]), self.at)
        if kind == "number":
            return Const(float(text) if "." in text else int(text), self.at)
        if text in {"and", "or", "in"}:
            self.place -= 1
            raise self.unexpected()
        if self.text == "(" and self.kind == "op":
            return self.call(text)
        return Const(_WORDS[text], self.at) if text in _WORDS and self.text != "." else self.path(text)

    def listing(self) -> Node:
        self.need("[")
        found: list[Json] = []
        while not self.take("]"):
            part = self.operand()
            if not isinstance(part, Const):
                raise self.unexpected("a list holds texts, numbers, true, false and null")
            found.append(part.value)
            if self.text != "]":
                self.need(",")
        return Const(found, self.at)

    def path(self, first: str) -> Node:
        start = self.tokens[self.place - 1][2]
        keys = [_unescape(first)]
        while True:
            if self.take("."):
                if self.kind not in {"name", "number"}:
                    raise self.unexpected("expected a name")
                keys += self.text.split(".") if self.kind == "number" else [_unescape(self.text)]
                self.place += 1
            elif self.kind == "op" and self.text == "[" and self.tokens[self.place + 1][0] in {"string", "number"}:
                kind, text, _ = self.tokens[self.place + 1]
                keys.append(_unescape(text[1:-1]) if kind == "string" else text)
                self.place += 2
                self.need("]")
            else:
                break
        if len(keys) > MAX_KEYS:
            raise ExpressionError(f"a path may have {MAX_KEYS} names")
        if keys[0] not in ROOTS and (near := self.nearest(keys[0], ROOTS)):
            raise ExpressionError(f"an event has no `{keys[0][:40]}`, at character {start + 1}{near}")
        return nodes.Path("event", tuple(keys), self.at)

    def call(self, name: str) -> Node:
        start = self.tokens[self.place - 1][2]
        if name not in _FUNCTIONS:
            near = self.nearest(name, _FUNCTIONS)
            raise ExpressionError(f"there is no function `{name[:40]}`, at character {start + 1}{near}")
        self.need("(")
        self.deeper()
        args: list[Node] = []
        while not self.take(")"):
            args.append(self.either())
            if self.text != ")":
                self.need(",")
        self.depth -= 1
        count, make = _FUNCTIONS[name]
        if len(args) != count:
            raise ExpressionError(f"`{name}` takes {count} value{'s' * (count > 1)}, at character {start + 1}")
        return make(self, *args)

    def is_a(self, node: Node, kind: str) -> Node:
        return nodes.Binary("==", nodes.Call("typeof", (node,), self.at), Const(kind), self.at)

    def contains(self, whole: Node, part: Node) -> Node:
        """Texts only: a list has `in`."""
        return nodes.Every((self.is_a(whole, "string"), nodes.Binary("in", part, whole, self.at)), self.at)

    def matches(self, value: Node, pattern: Node) -> Node:
        if not isinstance(pattern, Const) or not isinstance(pattern.value, str):
            raise self.unexpected("`match` needs its pattern as text")
        return nodes.Call("like", (value, pattern), self.at)


def _function(name: str, *more: Json) -> tuple[int, Callable[..., Node]]:
    return 1, lambda reader, value: nodes.Call(name, (value, *map(Const, more)), reader.at)


def _of_text(name: str, *more: Json) -> tuple[int, Callable[..., Node]]:
    """Make a function of text, which leaves what is none as it is."""
    _, call = _function(name, *more)
    return 1, lambda reader, value: nodes.Choose(reader.is_a(value, "string"), call(reader, value), value, reader.at)


_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Node]]] = {
    "contains": (2, _Reader.contains),
    "match": (2, _Reader.matches),
    "typeof": _function("typeof"),
    "length": _function("length"),
    "lowercase": _of_text("lower"),
    "uppercase": _of_text("upper"),
    "snakecase": _of_text("replace", " ", "_"),
    "kebabcase": _of_text("replace", " ", "-"),
    "titlecase": _of_text("title"),
    "bool": _function("bool"),
    "string": _function("str"),
    "number": _function("number"),
}
"""How many values each function takes, and the node that it is."""


def _is_like(node: Node) -> bool:
    return isinstance(node, nodes.Call) and node.name == "like"


def _unescape(text: str) -> str:
    r"""Read what stands behind each `\` as itself."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
