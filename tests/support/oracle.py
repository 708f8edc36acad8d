"""The meaning of values, walked as a tree: what compiled functions are held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from turnout.document import Document, Json, encode
from turnout.manifest import nodes, values
from turnout.manifest.nodes import Node
from turnout.manifest.operators import TABLE

BINARY = {
    "==": values.same,
    "!=": lambda left, right: not values.same(left, right),
    "in": values.contains,
    "+": values.add,
    "-": values.subtract,
    "*": values.multiply,
}


@dataclass(frozen=True, slots=True)
class Oracle:
    """Walks nodes over one event."""

    roots: Mapping[str, Json]
    lets: Mapping[str, Node]
    names: tuple[str, ...] = ()
    python: Mapping[str, Callable[..., Json]] = field(default_factory=dict)

    def of(self, node: Node) -> Json:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one case a node: the language at a glance
        match node:
            case nodes.Const(value):
                return value
            case nodes.Path("integrations", keys):
                event = self.roots["event"]
                return values.dig(values.integration(event, self.names), keys)
            case nodes.Path(root, keys):
                return values.dig(self.roots.get(root), keys)
            case nodes.Let(name, keys):
                return values.dig(self.of(self.lets[name]), keys)
            case nodes.Get(of, keys):
                return values.dig(self.of(of), keys)
            case nodes.Not(of):
                return not self.of(of)
            case nodes.Every(parts):
                return self.chain(parts, bool)
            case nodes.Either(parts):
                return self.chain(parts, lambda value: not value)
            case nodes.Coalesce(parts):
                return self.chain(parts, lambda value: value is None)
            case nodes.First(parts):
                found = self.chain(parts, values.is_empty)
                return None if values.is_empty(found) else found
            case nodes.Binary(op, left, right):
                one, two = self.of(left), self.of(right)
                return BINARY[op](one, two) if op in BINARY else values.compare(op, one, two)
            case nodes.Call(name, args):
                given = [self.of(arg) for arg in args]
                silent = not TABLE[name].nulls and given and given[0] is None
                return None if silent else TABLE[name].run(*given)
            case nodes.Hatched(name, args):
                given = [self.of(arg) for arg in args]
                return None if given[0] is None else self.python[name](*given)
            case nodes.Encoded(of):
                found = self.of(of)
                return None if found is None else encode(found).decode()
            case nodes.Text(parts):
                return "".join(values.text_of(self.of(part)) for part in parts)
            case nodes.Choose(test, then, other):
                return self.of(then if self.of(test) else other)
            case nodes.By(key, cases, other):
                text = values.text_of(self.of(key))
                return self.of(next((one for case, one in cases if case == text), other))
            case nodes.Listing(parts):
                return [one for part in parts if self.stays(one := self.of(part), part)] or None
            case nodes.Shape(spread, entries, keep):
                shape: Document = {}
                for part in spread:
                    found = self.of(part)
                    shape |= found if isinstance(found, dict) else {}
                pairs = [(values.text_of(self.of(key)), self.of(one), one) for key, one in entries]
                shape |= {key: value for key, value, one in pairs if self.stays(value, one)}
                return shape if shape or keep else None
            case nodes.Each(source, where, do, keep):
                made = [inner.of(do) for inner in self.inside(source) if inner.of(where)]
                listed = [one for one in made if self.stays(one, do)]
                return listed if listed or keep else None
            case nodes.EachPair(source, where, key, value, keep):
                rows = [(inner.of(key), inner.of(value)) for inner in self.inside(source) if inner.of(where)]
                pairing = {values.text_of(k): v for k, v in rows if k is not None and self.stays(v, value)}
                return pairing if pairing or keep else None
            case nodes.Rendered():
                raise AssertionError("templates of users have tests of their own")

    def stays(self, value: Json, node: Node) -> bool:
        return value is not None or isinstance(node, nodes.Const)

    def chain(self, parts: tuple[Node, ...], goes_on: object) -> Json:
        assert callable(goes_on)
        value = None
        for part in parts:
            value = self.of(part)
            if not goes_on(value):
                break
        return value

    def inside(self, source: Node) -> list[Oracle]:
        listed = values.entries(self.of(source))
        return [replace(self, roots={**self.roots, "it": it, "index": at}) for at, it in enumerate(listed)]
