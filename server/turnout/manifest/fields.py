"""Fields of an item as it is written: what stands at a path, what hashes it, and another value put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from turnout.manifest import nodes
from turnout.manifest.nodes import NULL, Const, Let, Node, Path, Shape, children
from turnout.manifest.values import dig

Tree: TypeAlias = "dict[str, Node | Tree | None]"
"""Values by the keys of their paths; None takes a field away."""
_DEPTH = 16


def standing(node: Node, path: tuple[str, ...], lets: Mapping[str, Node]) -> tuple[Node, ...]:
    """List the values that are written to stand at a path; none where nothing is, or the event alone decides."""
    if not path:
        return (node,)
    match node:
        case Const(dict() as value):
            return (Const(dig(value, path)),) if path[0] in value else ()
        case Shape(spread, entries):
            own = [value for key, value in entries if isinstance(key, Const) and key.value == path[0]]
            return tuple(each for value in own for each in standing(value, path[1:], lets)) or _all(spread, path, lets)
        case Let(name, keys):
            return standing(lets[name], (*keys, *path), lets)
        case nodes.Call("omit", args) if path[0] in {arg.value for arg in args[1:] if isinstance(arg, Const)}:
            return ()
        case _:
            return _all(_either(node), path, lets)


def _either(node: Node) -> tuple[Node, ...]:
    """List the values of which a value is one."""
    match node:
        case nodes.Choose(_, then, other):
            return (then, other)
        case nodes.First(parts) | nodes.Coalesce(parts) | nodes.Either(parts):
            return parts
        case nodes.By(_, cases, other):
            return (*(one for _, one in cases), other)
        case nodes.Call("omit" | "compact", args):
            return args[:1]
        case _:
            return ()


def written(node: Node, lets: Mapping[str, Node], most: int = 500) -> tuple[str, ...]:
    """List the paths of the fields that an object is written to have."""
    found: dict[str, None] = {}

    def walk(node: Node, at: tuple[str, ...]) -> None:
        for key in _names(node, lets):
            if len(found) < most and len(at) < _DEPTH:
                found[".".join((*at, key))] = None
                for one in standing(node, (key,), lets):
                    walk(one, (*at, key))

    walk(node, ())
    return tuple(found)


def _names(node: Node, lets: Mapping[str, Node]) -> tuple[str, ...]:
    """List the keys that an object is written to have."""
    match node:
        case Const(dict() as value):
            return tuple(value)
        case Shape(spread, entries):
            own = [str(key.value) for key, _ in entries if isinstance(key, Const)]
            return (*(name for part in spread for name in _names(part, lets)), *own)
        case Let(name, ()):
            return _names(lets[name], lets)
        case _:
            return tuple(name for part in _either(node) for name in _names(part, lets))


def _all(found: tuple[Node, ...], path: tuple[str, ...], lets: Mapping[str, Node]) -> tuple[Node, ...]:
    return tuple(each for part in found for each in standing(part, path, lets))


def hashes(node: Node, lets: Mapping[str, Node]) -> bool:
    """Tell whether a value is hashed, or something inside it is."""
    if isinstance(node, nodes.Call) and node.name == "sha256":
        return True
    if isinstance(node, Let) and hashes(lets[node.name], lets):
        return True
    return any(hashes(each, lets) for each in children(node))


def hashed(node: Node, lets: Mapping[str, Node]) -> bool:
    """Tell whether a value leaves hashed, whichever way it is made."""
    return unhashed(node, lets) is not None


def unhashed(node: Node, lets: Mapping[str, Node]) -> Node | None:
    """Give a value as it is before it is hashed; None where it is not hashed."""
    match node:
        case nodes.Call("sha256", args):
            return args[0]
        case Let(name, ()):
            return unhashed(lets[name], lets)
        case nodes.Choose(test, then, other):
            both = [_or_null(each, lets) for each in (then, other)]
            return (
                nodes.Choose(test, both[0], both[1], node.at) if both[0] and both[1] and both != [NULL, NULL] else None
            )
        case nodes.Listing(parts) | nodes.First(parts) | nodes.Coalesce(parts):
            plain = [unhashed(each, lets) for each in parts]
            found = tuple(each for each in plain if each is not None)
            return type(node)(found, node.at) if parts and len(found) == len(parts) else None
        case _:
            return None


def _or_null(node: Node, lets: Mapping[str, Node]) -> Node | None:
    return NULL if isinstance(node, Const) and node.value is None else unhashed(node, lets)


def place(node: Node, tree: Tree, lets: Mapping[str, Node]) -> Node:
    """Put values at their places in an object: what was there makes room, null is left out, the rest stays."""
    shape = _shape(node, lets)
    gone = tuple(Const(key) for key in tree)
    spread = tuple(nodes.Call("omit", (part, *gone), node.at) for part in shape.spread)
    stays = tuple((key, value) for key, value in shape.entries if not (isinstance(key, Const) and key.value in tree))
    entries = [(key, value) for key, value in stays if isinstance(key, Const)]
    odd = tuple((key, value) for key, value in stays if not isinstance(key, Const))
    if odd:  # keys that the event decides must not come back after what is placed
        spread = (*spread, nodes.Call("omit", (Shape((), odd), *gone), node.at))
    for key, below in tree.items():
        if isinstance(below, dict):
            entries.append((Const(key), place(_below(shape, key), below, lets)))
        elif below is not None:
            entries.append((Const(key), below))
    return Shape(spread, tuple(entries), shape.keep, node.at)


def _shape(node: Node, lets: Mapping[str, Node]) -> Shape:
    """Write a value as an object: its own entries where it is written as one, else all of it spread."""
    match node:
        case Shape():
            return node
        case Const(dict() as value):
            return Shape((), tuple((Const(key), Const(one)) for key, one in value.items()), at=node.at)
        case Const():
            return Shape((), (), at=node.at)
        case Let(name, ()) if isinstance(lets[name], Shape | Const):
            return _shape(lets[name], lets)
        case _:
            return Shape((node,), (), at=node.at)


def _below(shape: Shape, key: str) -> Node:
    """Give what stands under a key of an object: where its own value is null, what is spread stays."""
    own = [value for named, value in shape.entries if isinstance(named, Const) and named.value == key]
    odd = tuple((named, value) for named, value in shape.entries if not isinstance(named, Const))
    if own and (isinstance(own[-1], Const) or not (shape.spread or odd)):
        return own[-1]
    rest = _spread(shape, odd, key)
    return nodes.Coalesce((own[-1], rest)) if own else rest


def _spread(shape: Shape, odd: tuple[tuple[Node, Node], ...], key: str) -> Node:
    """Give what stands under a key of what is spread, or under a key that the event decides."""
    if odd or len(shape.spread) > 1:
        return nodes.Get(Shape(shape.spread, odd), (key,))
    match shape.spread:
        case (Path(root, keys),):
            return Path(root, (*keys, key))
        case (Let(name, keys),):
            return Let(name, (*keys, key))
        case (one,):
            return nodes.Get(one, (key,))
        case _:
            return NULL
