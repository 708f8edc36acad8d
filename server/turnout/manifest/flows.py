"""Which of an event's fields stand in an action's requests, told before anything runs.

Only what becomes part of a request counts, not what a condition asks for; what is told may be more than one event
sends, and is never less. A field is hashed where a digest of it is all that leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from turnout.exchange import Flow, Flows
from turnout.manifest import nodes
from turnout.manifest.model import ActionSpec, Manifest, Send
from turnout.manifest.nodes import Call, Const, Get, Let, Node, Path, children

_DIGESTS: Final = frozenset({"sha256", "sha1", "md5", "hmac", "uuid5"})
_SAY_NOTHING: Final = frozenset({"bool", "count", "starts", "matches", "glob"})
"""Operators whose results hold nothing of what they were given."""
_SUMS: Final = frozenset({"+", "-", "*"})


_Bound: TypeAlias = Mapping[str, "tuple[Node, _Bound]"]
"""What `it`, `item` and `batch` are: a value, and what was bound where it stands."""

NOTHING: Final[Flows] = frozenset()


def flows(manifest: Manifest) -> Mapping[str, Flows]:
    """List the fields that each action sends."""
    return {name: _Reader(manifest.lets).action(manifest, spec) for name, spec in manifest.actions.items()}


class _Reader:
    """Reads the values of one action."""

    def __init__(self, lets: Mapping[str, Node]) -> None:
        self._lets = lets
        self._known: dict[tuple[str, tuple[str, ...], int], Flows] = {}
        self._kept: list[_Bound] = []

    def action(self, manifest: Manifest, spec: ActionSpec) -> Flows:
        bound: _Bound = {"it": (spec.each, {})} if spec.each else {}
        item = spec.item or Path("it" if spec.each else "event")
        bound = {**bound, "item": (item, bound), "batch": (item, bound)}
        loops = tuple(each for each in (spec.each, *(step.each for step in spec.steps)) if each)
        within: _Bound = {**bound, "it": (nodes.Listing(loops), bound)} if loops else bound
        shared = [each for each in (manifest.base, manifest.headers, manifest.query) if each]
        return self._all((*shared, *(node for send in spec.sends for node in _parts(send))), within)

    def _all(self, found: Iterable[Node], bound: _Bound) -> Flows:
        return frozenset(flow for node in found for flow in self._of(node, (), bound))

    def _of(self, node: Node, keys: tuple[str, ...], bound: _Bound) -> Flows:
        """List what stands in a value, or below these keys of it."""
        match node:
            case Path():
                return self._path(node.root, (*node.keys, *keys), bound)
            case Let():
                return self._let(node.name, (*node.keys, *keys), bound)
            case Get():
                return self._of(node.of, (*node.keys, *keys), bound)
            case Call():
                return self._call(node, keys, bound)
            case _:
                return self._made(node, keys, bound)

    def _made(self, node: Node, keys: tuple[str, ...], bound: _Bound) -> Flows:
        match node:
            case nodes.Hatched():
                return self._all(node.args, bound)  # it may give anything of them
            case nodes.Rendered():
                return frozenset({Flow(("*",))})
            case nodes.Shape() if keys:
                chosen = [value for key, value in node.entries if isinstance(key, Const) and key.value == keys[0]]
                found = [self._of(each, keys, bound) for each in node.spread]
                return NOTHING.union(*found, *(self._of(each, keys[1:], bound) for each in chosen))
            case nodes.Each() | nodes.EachPair():
                inside: _Bound = {**bound, "it": (node.source, bound)}
                self._kept.append(inside)  # known by its id
                if isinstance(node, nodes.Each):
                    return self._of(node.do, keys, inside)
                return self._of(node.key, (), inside) | self._of(node.value, keys[1:], inside)
            case _:
                return NOTHING.union(*(self._of(each, keys, bound) for each in _values(node)))

    def _let(self, name: str, keys: tuple[str, ...], bound: _Bound) -> Flows:
        known = name, keys, id(bound)
        if known not in self._known:
            self._known[known] = NOTHING
            self._known[known] = self._of(self._lets[name], keys, bound)
        return self._known[known]

    def _path(self, root: str, keys: tuple[str, ...], bound: _Bound) -> Flows:
        named = tuple(key for key in keys if not key.isdigit())
        match root:
            case "event":
                return frozenset({Flow(named)})
            case "integrations":
                return frozenset({Flow(("integrations", *named))})
            case "it" | "item" | "batch" if root in bound:
                value, outside = bound[root]
                pair = root == "it" and named[:1] in {("key",), ("value",)}  # of an object, as likely as of a list
                return self._of(value, named, outside) | (self._of(value, named[1:], outside) if pair else NOTHING)
            case _:
                return NOTHING

    def _call(self, call: Call, keys: tuple[str, ...], bound: _Bound) -> Flows:
        if call.name in _SAY_NOTHING:
            return NOTHING
        if call.name in _DIGESTS:
            return frozenset(Flow(each.path, hashed=True) for each in self._of(call.args[0], (), bound))
        if call.name == "external_id":
            return frozenset({Flow(("context", "externalIds", "id"))})
        if call.name == "lookup":
            return self._all(call.args[2:], bound)
        if call.name == "pick" and all(isinstance(each, Const) for each in call.args[1:]):
            names = [str(each.value) for each in call.args[1:] if isinstance(each, Const)]
            chosen = [name for name in names if not keys or name == keys[0]]
            return NOTHING.union(*(self._of(call.args[0], (name, *keys[1:]), bound) for name in chosen))
        first = self._of(call.args[0], keys, bound) if call.args else NOTHING
        return first | self._all(call.args[1:], bound)


def _parts(send: Send) -> tuple[Node, ...]:
    return tuple(node for node in (send.url, send.body, send.query, send.headers) if node is not None)


def _values(node: Node) -> tuple[Node, ...]:
    """Give the nodes inside of which a value may be made, without those that only choose."""
    match node:
        case nodes.Binary() if node.op not in _SUMS:
            return ()
        case nodes.Not():
            return ()
        case nodes.Choose():
            return node.then, node.other
        case nodes.By():
            return (*(case for _, case in node.cases), node.other)
        case nodes.Every():
            return node.parts[-1:]
        case _:
            return children(node)
