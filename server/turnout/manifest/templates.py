"""Templates that users write in settings."""

from __future__ import annotations

import re

from turnout.errors import InvalidInput
from turnout.manifest import nodes
from turnout.manifest.expression import Names, parse
from turnout.manifest.language import HOLE
from turnout.manifest.nodes import Const, Node
from turnout.manifest.tokens import ExpressionError

_BARE = re.compile(r"\s*([A-Za-z_]\w*(?:\.[\w$]+)*)(?![\w(])")


def template(text: str) -> Node:
    """Read a template that a user wrote in a setting: it sees the event only. Raises: InvalidInput.

    `{{ properties.total }}` is short for `{{ $.properties.total }}`, as templates elsewhere are written.
    """

    def full(hole: re.Match[str]) -> str:
        return (
            "{{" + _BARE.sub(lambda word: f"$.{word[1]}", hole[1], count=1) + "}}" if _BARE.match(hole[1]) else hole[0]
        )

    names = Names(frozenset({"event", "now"}))
    parts: list[Node] = []
    place = 0
    written = HOLE.sub(full, text)
    for hole in HOLE.finditer(written):
        parts.append(Const(written[place : hole.start()]))
        try:
            parts.append(parse(hole[1].strip(), names))
        except ExpressionError as error:
            raise InvalidInput(f"the template cannot be read: {error}") from None
        place = hole.end()
    parts.append(Const(written[place:]))
    return nodes.Text(tuple(parts))
