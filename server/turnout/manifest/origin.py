"""By which line of its manifest a field of what is sent came to be.

A shape is followed by the names of a path: its own entries outweigh what it spreads, and of that the last. What an
expression computes has the line of the expression; what is copied whole, that of the copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from turnout.document import Document, Json
from turnout.manifest.model import ActionSpec, Manifest
from turnout.manifest.nodes import Choose, Const, Each, First, Let, Listing, Node, Path, Shape

_DEPTH = 40
"""Steps from one node to another: named values may lead to named values."""


class Origins:
    """The lines of one manifest, for what an action made of an event."""

    def __init__(self, manifest: Manifest, action: str, event: Document) -> None:
        """Look at one action."""
        self._manifest = manifest
        self._event = event
        self._lines = {".".join(map(str, path)): line for path, (line, _) in manifest.source.places.items()}
        self._spec: ActionSpec | None = manifest.actions.get(action)

    def line(self, keys: Sequence[str]) -> str:
        """Give `file:line` of the field at a path of the item, or of the body around it; empty where none is known."""
        if self._spec is None:
            return ""
        bodies = (send.body for send in self._spec.sends)
        starts = [node for node in (self._spec.item, *bodies) if node is not None]
        found = (self._found(node, tuple(keys), 0) for node in starts)
        at = next((each for each in found if each), "")
        line = self._lines.get(at)
        return f"{self._manifest.source.file}:{line}" if line else ""

    def _found(self, node: Node, keys: tuple[str, ...], depth: int) -> str:
        """Give where the node stands that makes the value at a path below this one; empty if it makes none."""
        if depth > _DEPTH:
            return ""
        match node:
            case Path():
                return self._copied(node, keys, depth)
            case Let() if keys and (named := self._manifest.lets.get(node.name)) is not None:
                return self._found(named, (*node.keys, *keys), depth + 1)
            case Shape() if keys:
                return self._entry(node, keys, depth) or self._spread(node, keys, depth)
            case _:
                return self._inside(node, keys, depth) or node.at

    def _copied(self, path: Path, keys: tuple[str, ...], depth: int) -> str:
        """Follow what is copied: the item that was made before, or the event, where that has it."""
        item = self._spec.item if self._spec is not None else None
        if path.root in {"item", "batch"} and item is not None:
            one_of_many = path.root == "batch" and keys[:1] and keys[0].isdigit()
            return self._found(item, keys[1:] if one_of_many else keys, depth + 1)
        return path.at if path.root != "event" or _there(self._event, (*path.keys, *keys)) else ""

    def _inside(self, node: Node, keys: tuple[str, ...], depth: int) -> str:
        """Look into what chooses or lists other nodes; empty where that is computed as a whole."""
        place = int(keys[0]) if keys and keys[0].isdigit() else -1
        match node:
            case Each() if place >= 0:
                return self._found(node.do, keys[1:], depth + 1)
            case Listing() if 0 <= place < len(node.parts):
                return self._found(node.parts[place], keys[1:], depth + 1)
            case Choose() | First():
                arms = node.parts if isinstance(node, First) else (node.then, node.other)
                found = (self._found(each, keys, depth + 1) for each in arms if isinstance(each, Shape | Let))
                return next((each for each in found if each), "")
            case _:
                return ""

    def _entry(self, shape: Shape, keys: tuple[str, ...], depth: int) -> str:
        for key, value in reversed(shape.entries):
            if isinstance(key, Const) and key.value == keys[0]:
                return self._found(value, keys[1:], depth + 1) or value.at
        return ""

    def _spread(self, shape: Shape, keys: tuple[str, ...], depth: int) -> str:
        found = (self._found(each, keys, depth + 1) for each in reversed(shape.spread))
        return next((each for each in found if each), "")


def _there(value: Json, keys: Sequence[str]) -> bool:
    for key in keys:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False
    return True
