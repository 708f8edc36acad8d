"""How a comparison or an operator is written where it stands, for the kind of value that is nearly always there.

What is of another kind goes to the operator itself, so that the two agree: a law holds them to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from turnout.document import Json
from turnout.manifest import nodes, texts
from turnout.manifest.nodes import Const, Node
from turnout.manifest.values import MAX_INT

Bind: TypeAlias = "Callable[[object], str]"
"""Gives a constant a name in what is written."""
TEXTS = frozenset({
    "str", "json", "lower", "upper", "trim", "squeeze", "title", "snake", "slug", "alnum", "digits", "replace",
    "truncate", "join", "match", "sha256", "sha1", "md5", "hmac", "iso", "date", "email", "e164", "currency", "gender",
})  # fmt: skip
"""Operators that give text or null."""
_OF_TEXT: Mapping[str, str] = {
    "str": "{0}",
    "lower": "{0}.lower()",
    "upper": "{0}.upper()",
    "trim": "{0}.strip()",
    "squeeze": "' '.join({0}.split())",
    "title": "{0}.title()",
}
_OF_NUMBER: Mapping[str, str] = {
    "number": "{0} if type({0}) is float or type({0}) is int else {1}",
    "int": f"{{0}} if type({{0}}) is int and {-MAX_INT} <= {{0}} <= {MAX_INT} else {{1}}",
}
_BINARY = {
    "==": "{0} == {1} if type({0}) is str else same({0}, {1})",
    "!=": "{0} != {1} if type({0}) is str else not same({0}, {1})",
    "in": "contains({}, {})",
    "+": "{0} + {1} if type({0}) is str and type({1}) is str else add({0}, {1})",
    "-": "subtract({}, {})",
    "*": "multiply({}, {})",
}
_TO_NULL_OR_FLAG = {"==": "{} is {}", "!=": "{} is not {}"}
_TO_NUMBER = {"==": "type({0}) is not bool and {0} == {1}", "!=": "type({0}) is bool or {0} != {1}"}


def is_text(node: Node) -> bool:
    """Tell whether a value is text or null, whatever the event holds."""
    match node:
        case nodes.Text() | Const(None) | Const(str()):
            return True
        case nodes.Call(name, _):
            return name in TEXTS
        case nodes.Coalesce(parts):
            return all(map(is_text, parts))
        case nodes.Choose(_, then, other):
            return is_text(then) and is_text(other)
        case _:
            return False


def binary(node: nodes.Binary, left: str, right: str, bind: Bind) -> str:
    """Write a comparison or a sum; what is of one kind is compared where it stands."""
    match node.op, node.right:
        case "==" | "!=", Const(None | bool()):
            return _TO_NULL_OR_FLAG[node.op].format(left, right)
        case "==" | "!=", Const(str()):
            return f"{left} {node.op} {right}"
        case "==" | "!=", Const(int() | float()):
            return _TO_NUMBER[node.op].format(left, right)
        case "in", Const(list() as listed) if all(one is None or isinstance(one, str) for one in listed):
            return f"{left} in {bind(tuple(listed))}"
        case _:
            pass
    if node.op in _BINARY:
        return _BINARY[node.op].format(left, right)
    alike = f"type({left}) is type({right}) and type({left}) in ORDERED"
    return f"{left} {node.op} {right} if {alike} else compare({node.op!r}, {left}, {right})"


def call(node: nodes.Call, value: str, rest: Sequence[str], bind: Bind) -> str:
    """Write an operator on a value that is not null; `rest` are the names of its other arguments."""
    run = f"o_{node.name}({', '.join((value, *rest))})"
    if node.name in _OF_NUMBER:
        return _OF_NUMBER[node.name].format(value, run)
    given = [arg.value for arg in node.args[1:] if isinstance(arg, Const)]
    if len(given) + 1 < len(node.args):
        return run
    if node.name in {"omit", "pick"}:
        return f"{node.name}_named({value}, {bind(frozenset(map(_name, given)))})" if _are_names(given) else run
    written = _OF_TEXT.get(node.name) if not given else _with_constants(node.name, given, bind)
    if written is None:
        return run
    done = written.format(value)
    return done if is_text(node.args[0]) else f"{done} if type({value}) is str else {run}"


def _are_names(given: Sequence[Json]) -> bool:
    return all(isinstance(one, str) for one in given)


def _name(one: Json) -> str:
    assert isinstance(one, str)
    return one


def _with_constants(name: str, given: Sequence[Json], bind: Bind) -> str | None:
    """Write what a text method, or a pattern that is compiled already, does."""
    written: str | None = None
    match name, *given:
        case "starts", str(start):
            written = f"{{0}}.startswith({bind(start)})"
        case "truncate", int(most) if most >= 0 and not isinstance(most, bool):
            written = f"{{0}}[:{bind(most)}]"
        case "replace", str(old), *rest if old and _are_names(rest):
            written = f"{{0}}.replace({bind(old)}, {bind(''.join(map(_name, rest)))})"
        case "split", str(mark) if mark:
            written = f"{{0}}.split({bind(mark)})"
        case (("match" | "matches"), str(text)) if (pattern := texts.pattern_of(text)) is not None:
            found = f"{bind(pattern.search)}({{0}}, 0, {texts.MAX_MATCHED})"
            group = 1 if pattern.groups else 0
            matched = f"(m[{group}] if (m := {found}) is not None else None)"
            written = f"{found} is not None" if name == "matches" else matched
        case _:
            pass
    return written
