"""Numbers that JSON from outside may hold and that no event can: a later step would lose them without a word.

Source: reliability-security.md 7.3.
"""

from __future__ import annotations

import math

from pydantic import JsonValue

from turnout.agent.schema import dotted
from turnout.event.wire import HIGH, LOW


def whole(given: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Let an object pass whose numbers can be kept. Raises: ValueError, saying where one cannot."""
    if (place := _unfit(given)) is not None:
        message = f"the number at {dotted(place)!r} is not finite, or beyond 64 bits; send it as a string"
        raise ValueError(message)
    return given


def _unfit(given: JsonValue) -> tuple[int | str, ...] | None:
    """Give where a number is that cannot be kept, level by level: nesting is limited only later."""
    level: list[tuple[tuple[int | str, ...], JsonValue]] = [((), given)]
    while level:
        below: list[tuple[tuple[int | str, ...], JsonValue]] = []
        for place, part in level:
            if isinstance(part, dict):
                below += [((*place, key), each) for key, each in part.items() if isinstance(each, _HEAVY)]
            elif isinstance(part, list):
                below += [((*place, at), each) for at, each in enumerate(part) if isinstance(each, _HEAVY)]
            elif (isinstance(part, float) and not math.isfinite(part)) or (
                isinstance(part, int) and not LOW <= part <= HIGH
            ):
                return place
        level = below
    return None


_HEAVY = (int, float, dict, list)
