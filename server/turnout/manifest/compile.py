"""Nodes to Python: one function for each value of a manifest, generated and compiled once.

No text of a manifest becomes source: constants, keys and operators are bound by name. Each function takes

* `e` the event, `s` the settings, `L` the memory for named values of this event,
* `it`, `ix` what a loop around it binds, `x` the rest of the scope (item, batch, answer, clock).

A named value that no loop or answer decides is computed at most once for an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import msgspec

from turnout.document import Document, Json
from turnout.errors import InvalidInput, InvalidManifest
from turnout.manifest.emit import UNSET, Python, Unset, Writer
from turnout.manifest.expression import Names, condition
from turnout.manifest.nodes import Node
from turnout.manifest.templates import template
from turnout.manifest.tokens import ExpressionError

Memory: TypeAlias = "list[Json | Unset]"
NO_SETTINGS: Document = {}
NO_PYTHON: Python = {}


class Scope(msgspec.Struct, gc=False):
    """What a value may read beside the event, the settings and a loop."""

    now: int = 0
    request_id: str = ""
    item: Json = None
    batch: Json = None
    res: Json = None
    asked: Json = None
    steps: Json = None
    auth: Json = None
    audience: Json = None


Mapped: TypeAlias = "Callable[[Document, Document, Memory, Json, Json, Scope], Json]"
_MAX_TEMPLATES = 1_024


@lru_cache(maxsize=_MAX_TEMPLATES)
def _template(text: str) -> Mapped | None:
    try:
        return compile_nodes({"text": template(text)}, {}, ()).functions["text"]
    except InvalidInput:
        return None


def render_template(text: Json, event: Document, scope: Scope) -> Json:
    """Fill a user's template from the event; what cannot be read as one stays as it is."""
    if not isinstance(text, str) or "{{" not in text:
        return text
    found = _template(text)
    return found(event, NO_SETTINGS, [], None, None, scope) if found else text


@dataclass(frozen=True, slots=True)
class Program:
    """The functions by name, and how much memory they share for one event."""

    functions: Mapping[str, Mapped]
    cells: int

    def memory(self) -> Memory:
        """Make the memory for one event."""
        return [UNSET] * self.cells


def compile_nodes(
    shapes: Mapping[str, Node], lets: Mapping[str, Node], names: tuple[str, ...], python: Python = NO_PYTHON
) -> Program:
    """Compile values together. `names` are what an event's `integrations` may call the destination.

    `python` are the functions that they call.

    Raises: InvalidManifest, when they are nested deeper than Python goes.
    """
    writer = Writer(lets, names, render_template, python)
    for place, node in enumerate(shapes.values()):
        writer.function(f"f{place}", node)
    for name in lets:
        writer.let(name)
    space = writer.bound
    try:
        code = compile("\n".join(writer.lines), "<manifest>", "exec")
    except (SyntaxError, RecursionError, MemoryError):  # Python bounds how deep loops and choices nest
        raise InvalidManifest("values are nested too deeply; name parts of them under `let`") from None
    exec(code, space)  # noqa: S102 - no text of a manifest is in it
    functions = {name: _function(space[f"f{place}"]) for place, name in enumerate(shapes)}
    return Program(functions, len(writer.memo))


def _function(value: object) -> Mapped:
    assert callable(value)
    return value


def compile_predicate(text: str) -> Callable[[Document], bool]:
    """Compile a condition on an event, as filters use it, in our language or in Segment's. Raises: InvalidInput.

    >>> compile_predicate("$.properties.total > 10")({"properties": {"total": 12}})
    True
    >>> compile_predicate('type = "track"')({"type": "page"})
    False
    """
    try:
        node = condition(text, Names(frozenset({"event"})))
    except ExpressionError as error:
        raise InvalidInput(f"the condition cannot be read: {error}") from None
    program = compile_nodes({"test": node}, {}, ())
    test = program.functions["test"]
    return lambda document: bool(test(document, NO_SETTINGS, program.memory(), None, None, Scope()))
