"""What a value reads, told before it runs: the compiler, the linter and audits need no more."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.manifest.nodes import Each, EachPair, Let, Node, Path, Rendered, children

LOOP = frozenset({"it", "index"})
"""What a loop binds."""


def reads(node: Node, lets: Mapping[str, Node]) -> frozenset[tuple[str, ...]]:
    """List the paths it may touch, the root first; what a let reads counts, and what a loop binds does not.

    A user's template may read anything of the event: `("event",)`.
    """
    found: set[tuple[str, ...]] = set()
    _reads(node, lets, found, frozenset(), bound=False)
    return frozenset(found)


def _reads(
    node: Node, lets: Mapping[str, Node], found: set[tuple[str, ...]], seen: frozenset[str], *, bound: bool
) -> None:
    if isinstance(node, Path) and not (bound and node.root in LOOP):
        found.add((node.root, *node.keys))
    if isinstance(node, Rendered):
        found.add(("event",))
    if isinstance(node, Let) and node.name not in seen:
        _reads(lets[node.name], lets, found, seen | {node.name}, bound=bound)
    loop = isinstance(node, Each | EachPair)
    for place, child in enumerate(children(node)):
        _reads(child, lets, found, seen, bound=bound or (loop and place > 0))


def roots(node: Node, lets: Mapping[str, Node]) -> frozenset[str]:
    """List the roots it may touch."""
    return frozenset(path[0] for path in reads(node, lets))


def of_pairs(node: Node, lets: Mapping[str, Node]) -> bool:
    """Tell whether a value reads only `key` and `value` of what a loop around it binds."""
    if isinstance(node, Path):
        return node.root != "it" or node.keys[:1] in {("key",), ("value",)}
    if isinstance(node, Let):
        return "it" not in roots(lets[node.name], lets)
    inside = children(node)[:1] if isinstance(node, Each | EachPair) else children(node)
    return all(of_pairs(child, lets) for child in inside)
