"""Expressions: text to nodes, with the precedence of the language page, loosest first.

`|` pipe · `or` · `and` · `not` · `== != < <= > >= in` · `//` · `+ -` · `*` · `.name`. Arguments stand in
brackets, separated by spaces or commas; a bare word is a string, `$name` a variable.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from turnout.document import Json
from turnout.manifest import fql, nodes, operators
from turnout.manifest.nodes import Node
from turnout.manifest.tokens import ExpressionError, Token, segments, tokens, unquote

MAX_DEPTH = 30
MAX_TOKENS = 300
MAX_KEYS = 64
"""Bounds of one expression, so that reading and compiling it never meets the end of Python's stack."""
MAX_LENGTH = 8_000

_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None}
_COMPARE = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_KEYWORDS = frozenset({"or", "and", "not", "in"})
LATER = {"row": "families"}
"""Variables of parts of the language that are not built yet."""
NOT_LISTED = "a manifest lists the functions in Python that it calls under `hatch`, and nothing else may call any"
ASKED = ("method", "url", "path", "query", "body", "nonce")
"""What a signature may know of its request."""
_HINTS = {
    "it": "; there is no loop here",
    "index": "; there is no loop here",
    "audience": "; what stands under `audience` reads it",
    "auth": "; requests read it, where `auth` says how a token is got",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression may name: variables, settings, named values and tables.

    `lets` gives the unique name of what `$let.name` means here, `bare` of what `$name` means, empty where
    the name belongs to another action. `settings` is None where any may be named. `steps` are those that went before.
    """

    roots: frozenset[str] = frozenset({"event", "integrations", "now"})
    lets: Mapping[str, str] = field(default_factory=dict)
    bare: Mapping[str, str] = field(default_factory=dict)
    settings: frozenset[str] | None = frozenset()
    tables: Mapping[str, Json] = field(default_factory=dict)
    steps: frozenset[str] = frozenset()

    def plus(self, *roots: str) -> Names:
        """Allow further variables."""
        return replace(self, roots=self.roots | set(roots))

    def after(self, *steps: str) -> Names:
        """Allow what these steps found."""
        return replace(self, steps=self.steps | set(steps))


def nearest(name: str, known: Mapping[str, object] | frozenset[str]) -> str:
    """Say `; did you mean …?` when a known name is close, else nothing."""
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def parse(text: str, names: Names, at: str = "", functions: frozenset[str] = frozenset()) -> Node:
    """Read one expression, which may call these functions in Python. Raises: ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression may have {MAX_LENGTH} characters")
    found = tokens(text)
    if len(found) > MAX_TOKENS:
        raise ExpressionError(f"an expression may have {MAX_TOKENS} names, values and operators")
    parser = _Parser(found, names, at, functions)
    try:
        node = parser.pipe()
    except ExpressionError as error:
        raise error if "character" in str(error) else parser.placed(error) from None
    if parser.token.kind != "end":
        raise ExpressionError(f"did not expect `{parser.token.text}` at character {parser.token.start + 1}")
    return node


def _short(keys: tuple[str, ...]) -> None:
    if len(keys) > MAX_KEYS:
        raise ExpressionError(f"a path may have {MAX_KEYS} names: no event is deeper")


class _Parser:
    """One expression's tokens, read from left to right."""

    def __init__(self, tokens: list[Token], names: Names, at: str, functions: frozenset[str]) -> None:
        self.tokens, self.names, self.at, self.functions = tokens, names, at, functions
        self.place = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def placed(self, error: ExpressionError) -> ExpressionError:
        """Say where it is: the name that was read last."""
        named = [token for token in self.tokens[: max(1, self.place)] if token.kind in {"path", "word"}]
        return ExpressionError(f"{error} (at character {named[-1].start + 1})") if named else error

    def take(self, *texts: str) -> str:
        """Move past the token when it is an operator or keyword among `texts`."""
        token = self.token
        if token.kind in {"op", "word"} and token.text in texts:
            self.place += 1
            return token.text
        return ""

    def need(self, text: str) -> None:
        if not self.take(text):
            raise ExpressionError(f"expected `{text}` at character {self.token.start + 1}")

    def pipe(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")
        node = self.chain(self.every, "or", nodes.Either)
        while self.take("|"):
            token = self.token
            if token.kind != "word":
                raise ExpressionError(f"expected a function after `|` at character {token.start + 1}")
            self.place += 1
            node = self.call(token.text, (node, *self.arguments(token)))
        self.depth -= 1
        return node

    def chain(self, part: Callable[[], Node], op: str, make: Callable[[tuple[Node, ...], str], Node]) -> Node:
        parts = [part()]
        while self.take(op):
            parts.append(part())
        return parts[0] if len(parts) == 1 else make(tuple(parts), self.at)

    def every(self) -> Node:
        return self.chain(self.negation, "and", nodes.Every)

    def negation(self) -> Node:
        count = 0
        while self.take("not"):
            count += 1
        node = self.comparison()
        for _ in range(min(count, 2 + count % 2)):
            node = nodes.Not(node, self.at)
        return node

    def comparison(self) -> Node:
        node = self.coalesce()
        while True:
            if self.token.text == "not" and self.tokens[self.place + 1].text == "in":
                self.place += 2
                node = nodes.Not(nodes.Binary("in", node, self.coalesce(), self.at), self.at)
            elif op := self.take(*_COMPARE):
                node = nodes.Binary(op, node, self.coalesce(), self.at)
            else:
                return node

    def coalesce(self) -> Node:
        return self.chain(self.sum, "//", nodes.Coalesce)

    def sum(self) -> Node:
        node = self.product()
        while op := self.take("+", "-"):
            node = nodes.Binary(op, node, self.product(), self.at)
        return node

    def product(self) -> Node:
        node = self.postfix()
        while self.take("*"):
            node = nodes.Binary("*", node, self.postfix(), self.at)
        return node

    def postfix(self) -> Node:
        node = self.primary()
        keys: tuple[str, ...] = ()
        while self.token.kind == "step" and self.token.start == self.tokens[self.place - 1].end:
            keys += segments(self.token.text)
            self.place += 1
        return nodes.Get(node, keys, self.at) if keys else node

    def primary(self) -> Node:
        token = self.token
        self.place += 1
        match token.kind:
            case "path":
                return self.variable(token)
            case "number":
                return nodes.Const(float(token.text) if "." in token.text else int(token.text), self.at)
            case "string":
                return nodes.Const(unquote(token.text[1:-1]), self.at)
            case "word" if token.text not in _KEYWORDS:
                return self.word(token)
            case _:
                return self.bracket(token)

    def bracket(self, token: Token) -> Node:
        if token.text == "(":
            node = self.pipe()
            self.need(")")
            return node
        if token.text == "[":
            return self.listing()
        if token.text == "-" and self.token.kind == "number":
            return nodes.Binary("-", nodes.Const(0, self.at), self.primary(), self.at)
        if token.kind == "end":
            raise ExpressionError("the expression ends too early")
        raise ExpressionError(f"did not expect `{token.text}` at character {token.start + 1}")

    def listing(self) -> Node:
        parts = self.separated("]")
        if all(isinstance(part, nodes.Const) for part in parts):
            return nodes.Const([part.value for part in parts if isinstance(part, nodes.Const)], self.at)
        return nodes.Listing(parts, self.at)

    def separated(self, close: str) -> tuple[Node, ...]:
        parts: list[Node] = []
        while not self.take(close):
            parts.append(self.pipe())
            self.take(",")
        return tuple(parts)

    def arguments(self, word: Token) -> tuple[Node, ...]:
        if self.token.text == "(" and self.token.start == word.end:
            self.place += 1
            return self.separated(")")
        return ()

    def word(self, token: Token) -> Node:
        if self.token.text == "(" and self.token.start == token.end:
            return self.call(token.text, self.arguments(token))
        return nodes.Const(_CONSTANTS.get(token.text, token.text), self.at)

    def variable(self, token: Token) -> Node:
        match = re.match(r"\$([A-Za-z_]\w*)?", token.text, re.ASCII)
        root = (match[1] or "") if match else ""
        rest = token.text[len(root) + 1 :]
        keys = segments(rest)
        if rest.endswith(".") and (root or keys):
            raise ExpressionError(f"`{token.text}` ends with a dot")
        if not root and not rest:
            raise ExpressionError("`$` alone names nothing: `$.` is the event")
        if root == "let":
            return self.let(keys)
        if root in self.names.bare:
            unique = self.names.bare[root]
            return nodes.Let(unique, keys, self.at) if unique else nodes.Coalesce((nodes.NULL,), self.at)
        return self.path(root or "event", keys)

    def let(self, keys: tuple[str, ...]) -> Node:
        if not keys:
            raise ExpressionError("`$let` needs a name: `$let.name`")
        if keys[0] not in self.names.lets:
            raise ExpressionError(f"there is no `let` named `{keys[0]}`{nearest(keys[0], self.names.lets)}")
        return nodes.Let(self.names.lets[keys[0]], keys[1:], self.at)

    def path(self, root: str, keys: tuple[str, ...]) -> Node:
        _short(keys)
        if root in LATER:
            raise ExpressionError(f"`${root}` ({LATER[root]}) is not supported yet")
        if root in self.names.steps:
            return nodes.Path("steps", (root, *keys), self.at)
        self.known(root)
        if root == "settings" and self.names.settings is not None:
            if not keys:
                raise ExpressionError("`$settings` needs a name: `$settings.name`")
            if keys[0] not in self.names.settings:
                raise ExpressionError(f"unknown setting `{keys[0]}`{nearest(keys[0], self.names.settings)}")
        if root == "res" and len(keys) > 1 and keys[0] == "headers":
            keys = ("headers", keys[1].lower(), *keys[2:])
        if root == "now":
            return nodes.Call("now", (nodes.Path("now", (), self.at),), self.at)
        return nodes.Path("asked", (root, *keys), self.at) if root in ASKED else nodes.Path(root, keys, self.at)

    def known(self, root: str) -> None:
        if root not in self.names.roots:
            near = nearest(root, self.names.roots | self.names.steps)
            raise ExpressionError(f"unknown variable `${root}`{_HINTS.get(root) or near}")

    def call(self, name: str, args: tuple[Node, ...]) -> Node:
        if name == "py":
            return self.hatched(args)
        try:
            return _call(name, args, self.names, self.at)
        except operators.Misused as error:
            raise ExpressionError(str(error)) from None

    def hatched(self, args: tuple[Node, ...]) -> Node:
        """Call a function in Python: the value, its name, and further arguments."""
        named = args[1] if len(args) > 1 else None
        if not isinstance(named, nodes.Const) or not isinstance(named.value, str):
            raise ExpressionError("`py` is written `value | py(module:function ...)`")
        if named.value not in self.functions:
            near = nearest(named.value, self.functions)
            raise ExpressionError(f"`{named.value}`: {NOT_LISTED}{near}")
        return nodes.Hatched(named.value, (args[0], *args[2:]), nodes.JSON, self.at)


def _call(name: str, args: tuple[Node, ...], names: Names, at: str) -> Node:
    """Build a call: what a function reads beside its arguments is added, and forms become nodes of their own."""
    if name in operators.CLOCKED:
        args = (*args, nodes.Path("now", (), at))
    if name == "external_id":
        args = (nodes.Path("event", ("context",), at), *args)
    entry = operators.find(name, len(args), nearest)
    if name in _FORMS:
        return _FORMS[name](args, at)
    if name in operators.HIGHER:
        operators.find_mapped(args[1], nearest)
    for place in entry.patterns:
        operators.check_pattern(args[place])
    if name == "lookup" and isinstance(args[1], nodes.Const):
        args = (args[0], nodes.Const(_table(args[1].value, names), at), *args[2:])
    return nodes.Call(name, args, at)


def _segments(args: tuple[Node, ...], at: str) -> Node:
    """Read a condition in Segment's language, which must be a text that stands there."""
    text = args[0]
    if not isinstance(text, nodes.Const) or not isinstance(text.value, str):
        raise ExpressionError("`fql` needs its condition as text in quotes")
    return fql.parse(text.value, nearest, at)


_FORMS: Mapping[str, Callable[[tuple[Node, ...], str], Node]] = {
    "if": lambda args, at: nodes.Choose(args[0], args[1], (*args, nodes.NULL)[2], at),
    "render": lambda args, at: nodes.Rendered(args[0], at),
    "fql": _segments,
}
"""Functions that are nodes of their own."""


def condition(text: str, names: Names, at: str = "") -> Node:
    """Read a condition on an event, in our language or in Segment's. Raises: ExpressionError."""
    if not fql.is_fql(text):
        return parse(text.removeprefix("= "), names, at)
    try:
        return fql.parse(text, nearest, at)
    except ExpressionError as error:
        raise ExpressionError(f"{error} (without a `$` it is read as Segment's FQL)") from None


def _table(name: Json, names: Names) -> Json:
    if not isinstance(name, str) or name not in names.tables:
        raise ExpressionError(f"there is no table `{name}`{nearest(str(name), names.tables)}")
    return names.tables[name]
