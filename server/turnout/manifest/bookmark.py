"""Where a talk in steps left off: kept with what is owed, so that a later one goes on there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from turnout.document import Document, decode, encode
from turnout.manifest.plans import Leg

MOST_BYTES = 16_000
"""What may be kept of a talk: it stands beside each of its events, at most 1,000 of them in one commit."""


@dataclass(frozen=True, slots=True)
class Place:
    """The next step to ask, the element of its list, and what the steps before it found.

    `since` is when it was first polled, 0: not yet; `anew` that the talk began anew once.
    """

    step: str
    element: int = 0
    since: int = 0
    anew: bool = False
    found: Document = field(default_factory=dict)


def write(place: Place) -> bytes:
    """Write it as it is kept; nothing where it is too much to keep, or holds a number that JSON has not."""
    try:
        kept = encode([place.step, place.element, place.since, place.anew, place.found])
    except TypeError:
        return b""
    return kept if len(kept) <= MOST_BYTES else b""


def read(kept: bytes, legs: Sequence[Leg]) -> Place:
    """Read it; the beginning where nothing is kept, or where there is no such step any more."""
    first = Place(legs[0].step.name)
    if not kept:
        return first
    match decode(kept):
        case [str(step), int(element), int(since), bool(anew), dict(found)] if _is_there(step, legs):
            return Place(step, element, since, anew, found)
        case _:
            return first


def step(kept: bytes) -> str:
    """Give the step of a place."""
    match decode(kept):
        case [str(step), *_]:
            return step
        case _:
            return ""


def _is_there(step: str, legs: Sequence[Leg]) -> bool:
    return any(leg.step.name == step for leg in legs)
