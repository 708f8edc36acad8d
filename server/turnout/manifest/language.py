"""Values of a manifest to nodes: expressions, templates, literal shapes and the directive keys.

* A string that begins with `$` or `= ` is an expression; one with `{{ }}` a template; any other is itself.
* Directive keys are a closed set; every other key, `$set` or `$email` too, is data.
* A literal that looks like an expression is refused, unless under `$const`: a silent literal is the worst bug.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from turnout.document import Json
from turnout.manifest import nodes
from turnout.manifest.expression import NOT_LISTED, Names, nearest, parse
from turnout.manifest.load import Source, Steps
from turnout.manifest.nodes import Const, Node
from turnout.manifest.tokens import ExpressionError

HOLE = re.compile(r"\{\{((?:[^{}'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*)\}\}")
_SUSPECT = re.compile(r"\$(?:\.|(?:settings|let|it|index|item|batch|res|integrations|request_id|now|auth)\b)")
DIRECTIVES: Mapping[str, frozenset[str]] = {
    "$each": frozenset({"$each", "$where", "$do", "$key", "$value", "$keep"}),
    "$if": frozenset({"$if", "$then", "$else"}),
    "$first": frozenset({"$first"}),
    "$json": frozenset({"$json"}),
    "$const": frozenset({"$const"}),
}
"""A directive, and the keys that may stand beside it. `$by`, `$spread` and `$keep` stand beside data."""
_LOST = {"$do": "$each", "$where": "$each", "$key": "$each", "$value": "$each", "$then": "$if", "$else": "$if"}


def is_expression(raw: Json) -> bool:
    """Tell whether a value is written as an expression."""
    return isinstance(raw, str) and (raw.startswith(("$", "= ")) or raw == "=")


class Language:
    """Reads the values of one file; what is wrong is told with its place."""

    def __init__(self, source: Source, functions: frozenset[str] = frozenset()) -> None:
        """Remember where things stand. Of the `functions` in Python that may be called, `used` are those that are."""
        self.source, self.functions = source, functions
        self.used: set[str] = set()

    def expression(self, text: str, path: Steps, names: Names) -> Node:
        """Read an expression. Raises: InvalidManifest."""
        try:
            node = parse(text, names, ".".join(map(str, path)), self.functions)
        except ExpressionError as error:
            raise self.source.fail(path, str(error)) from None
        if self.functions:
            self.used |= {one.function for one in nodes.walk(node) if isinstance(one, nodes.Hatched)}
        return node

    def hatched(self, name: str, path: Steps, gives: str, *args: Node) -> Node:
        """Call a function in Python that stands by itself. Raises: InvalidManifest."""
        if name not in self.functions:
            raise self.source.fail(path, f"`{name}`: {NOT_LISTED}{nearest(name, self.functions)}")
        self.used.add(name)
        return nodes.Hatched(name, args, gives, ".".join(map(str, path)))

    def condition(self, raw: Json, path: Steps, names: Names) -> Node:
        """Read a condition: always an expression, however it begins."""
        if isinstance(raw, str):
            return self.expression(raw.removeprefix("= "), path, names)
        if isinstance(raw, bool):
            return Const(raw, ".".join(map(str, path)))
        raise self.source.fail(path, "expected a condition, for example `$.userId`")

    def value(self, raw: Json, path: Steps, names: Names) -> Node:
        """Read any value."""
        at = ".".join(map(str, path))
        if isinstance(raw, str):
            return self.text(raw, path, names)
        if isinstance(raw, list):
            parts = tuple(self.value(one, (*path, place), names) for place, one in enumerate(raw))
            constant = _constants(parts)
            return nodes.Listing(parts, at) if constant is None else Const(constant, at)
        if isinstance(raw, dict):
            return self.mapping(raw, path, names)
        return Const(raw, at)

    def text(self, raw: str, path: Steps, names: Names) -> Node:
        """Read a string: an expression, a template, or itself."""
        at = ".".join(map(str, path))
        if is_expression(raw):
            return self.expression(raw.removeprefix("= "), path, names)
        if "{{" not in raw:
            return Const(self.literal(raw, path), at)
        parts: list[Node] = []
        place = 0
        for hole in HOLE.finditer(raw):
            if hole.start() > place:
                parts.append(Const(self.literal(raw[place : hole.start()], path), at))
            parts.append(self.expression(hole[1].strip(), path, names))
            place = hole.end()
        if place < len(raw):
            parts.append(Const(self.literal(raw[place:], path), at))
        return nodes.Text(tuple(parts), at)

    def literal(self, raw: str, path: Steps) -> str:
        """Pass a literal on, unless it looks like an expression."""
        if _SUSPECT.search(raw) or "{{" in raw:
            raise self.source.fail(
                path, "a literal that looks like an expression: begin it with `= `, or put it under `$const`"
            )
        return raw

    def mapping(self, raw: Mapping[str, Json], path: Steps, names: Names) -> Node:
        """Read a map: a directive, or an object."""
        for directive, beside in DIRECTIVES.items():
            if directive in raw:
                stray = [key for key in raw if key not in beside]
                if stray:
                    raise self.source.fail((*path, stray[0]), f"`{stray[0]}` cannot stand beside `{directive}`")
                return self.directive(directive, raw, path, names)
        if "$by" in raw:
            return self.by(raw, path, names)
        lost = next((key for key in raw if key in _LOST), None)
        if lost:
            raise self.source.fail((*path, lost), f"`{lost}` needs `{_LOST[lost]}` beside it")
        return self.object(raw, path, names)

    def directive(self, name: str, raw: Mapping[str, Json], path: Steps, names: Names) -> Node:
        """Read a directive that stands alone."""
        at = ".".join(map(str, path))
        match name:
            case "$const":
                return Const(raw["$const"], at)
            case "$json":
                return nodes.Encoded(self.value(raw["$json"], (*path, "$json"), names), at)
            case "$first":
                return nodes.First(self.parts(raw["$first"], (*path, "$first"), names), at)
            case "$if":
                if "$then" not in raw:
                    raise self.source.fail(path, "`$if` needs `$then`")
                return nodes.Choose(
                    self.condition(raw["$if"], (*path, "$if"), names),
                    self.value(raw["$then"], (*path, "$then"), names),
                    self.optional(raw, "$else", path, names),
                    at,
                )
            case _:
                return self.each(raw, path, names)

    def optional(self, raw: Mapping[str, Json], key: str, path: Steps, names: Names) -> Node:
        """Read a value that may be absent: null then."""
        return self.value(raw[key], (*path, key), names) if key in raw else nodes.NULL

    def parts(self, raw: Json, path: Steps, names: Names) -> tuple[Node, ...]:
        """Read a list of values."""
        if not isinstance(raw, list) or not raw:
            raise self.source.fail(path, "expected a list")
        return tuple(self.value(one, (*path, place), names) for place, one in enumerate(raw))

    def keep(self, raw: Mapping[str, Json], path: Steps) -> bool:
        """Read `$keep`."""
        kept = raw.get("$keep", False)
        if not isinstance(kept, bool):
            raise self.source.fail((*path, "$keep"), "expected true or false")
        return kept

    def each(self, raw: Mapping[str, Json], path: Steps, names: Names) -> Node:
        """Read a loop."""
        at = ".".join(map(str, path))
        source = self.value(raw["$each"], (*path, "$each"), names)
        inner = names.plus("it", "index")
        where = self.condition(raw["$where"], (*path, "$where"), inner) if "$where" in raw else nodes.TRUE
        if "$key" in raw and "$value" in raw and "$do" not in raw:
            key = self.value(raw["$key"], (*path, "$key"), inner)
            value = self.value(raw["$value"], (*path, "$value"), inner)
            return nodes.EachPair(source, where, key, value, self.keep(raw, path), at)
        if "$do" not in raw or "$key" in raw or "$value" in raw:
            raise self.source.fail(path, "`$each` needs `$do` for a list, or `$key` and `$value` for an object")
        body = self.value(raw["$do"], (*path, "$do"), inner)
        return nodes.Each(source, where, body, self.keep(raw, path), at)

    def by(self, raw: Mapping[str, Json], path: Steps, names: Names) -> Node:
        """Read a choice by value."""
        cases = tuple(
            (case, self.value(one, (*path, case), names)) for case, one in raw.items() if case not in {"$by", "$else"}
        )
        key = self.value(raw["$by"], (*path, "$by"), names)
        return nodes.By(key, cases, self.optional(raw, "$else", path, names), ".".join(map(str, path)))

    def object(self, raw: Mapping[str, Json], path: Steps, names: Names) -> Node:
        """Read an object; one of constants is a constant."""
        at = ".".join(map(str, path))
        spread: tuple[Node, ...] = ()
        if "$spread" in raw:
            given = raw["$spread"]
            spread = (
                self.parts(given, (*path, "$spread"), names)
                if isinstance(given, list)
                else (self.value(given, (*path, "$spread"), names),)
            )
        keep = self.keep(raw, path)
        pairs = tuple(
            (self.key(key, (*path, key), names), self.value(one, (*path, key), names))
            for key, one in raw.items()
            if key not in {"$spread", "$keep"}
        )
        plain = {key.value: one.value for key, one in pairs if isinstance(key, Const) and isinstance(one, Const)}
        if not spread and len(plain) == len(pairs):
            return Const({str(key): one for key, one in plain.items()}, at)
        return nodes.Shape(spread, pairs, keep, at)

    def key(self, raw: str, path: Steps, names: Names) -> Node:
        """Read an object's key: itself, or a template."""
        if "{{" in raw:
            return self.text(raw, path, names)
        if "$." in raw:
            raise self.source.fail(path, "a key is never an expression; write it as a template: `{{ }}`")
        return Const(raw)


def _constants(parts: tuple[Node, ...]) -> list[Json] | None:
    values = [part.value for part in parts if isinstance(part, Const)]
    return values if len(values) == len(parts) else None
