"""Named values: what each name means where, and no value that reads itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from turnout.document import Json
from turnout.errors import InvalidManifest
from turnout.manifest import nodes
from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.load import Steps
from turnout.manifest.nodes import Node


def lets(
    raw: Json,
    path: Steps,
    language: Language,
    scope: Callable[[dict[str, str]], Names],
    prefix: str = "",
) -> tuple[dict[str, str], dict[str, Node]]:
    """Read named values: what each name means, and the nodes by unique name. A circle is refused.

    `scope` makes the names that the values may use from those that this block adds.
    """
    if not isinstance(raw, dict):
        raise language.source.fail(path, "expected names with values")
    meaning = {name: f"{prefix}{name}" for name in raw}
    names = scope(meaning).plus("it", "index")
    found = {meaning[name]: language.value(one, (*path, name), names) for name, one in raw.items()}
    for unique in found:
        _refuse_circle(unique, unique, found, set(), language.source.fail(path, "a named value may not read itself"))
    return meaning, found


def _refuse_circle(start: str, name: str, found: Mapping[str, Node], seen: set[str], error: InvalidManifest) -> None:
    seen.add(name)
    for node in nodes.walk(found[name]):
        if isinstance(node, nodes.Let) and node.name in found:
            if node.name == start:
                raise error
            if node.name not in seen:
                _refuse_circle(start, node.name, found, seen, error)
