"""What an event is owed at a destination, or why nothing: one pure function, its rules in one visible order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from turnout.delivery import verdict
from turnout.document import Document
from turnout.event.model import Ours, Stored
from turnout.exchange import Target
from turnout.workspace import Destination

_SHOWN = 200
"""Characters of a filter that a reason shows."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Why nothing is owed: a code of `delivery.verdict`, and which rule, in words of ours."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A destination ready to be spoken to: its target with secrets filled in, its filter, its names.

    `names` are those by which an event's `integrations` object may mean it; `revision` the configuration's;
    `spelled` the ways in which its secrets may be written, each with what stands in its place in evidence.
    """

    destination: Destination
    target: Target
    keep: Callable[[Document], bool] | None
    names: frozenset[str]
    manifest: bytes
    revision: int = 0
    spelled: tuple[tuple[str, str], ...] = ()


def route(
    event: Stored, bound: Bound, document: Callable[[Stored], Document], *, suppressed: bool
) -> tuple[str, ...] | NotSent:
    """Name the actions that the event is owed. `document` is called only when a rule needs to look inside."""
    destination = bound.destination
    if event.erased:
        return NotSent(verdict.ERASED)
    if event.damaged:
        return NotSent(verdict.DAMAGED)
    if suppressed:
        return NotSent(verdict.SUPPRESSED)
    if not destination.receives.takes(event.namespace):
        return NotSent(verdict.NAMESPACE, f"receives {destination.receives}")
    told = event.kind is Ours.DELETE  # whom its filter left out, or an event, is deleted all the same
    if destination.sources and event.source not in destination.sources and not told:
        return NotSent(verdict.OTHER_SOURCE)
    actions = bound.target.select(event.kind, event.name)
    if not actions:
        return NotSent(verdict.UNSUPPORTED)
    return actions if told else _chosen(actions, bound, document(event))


def _chosen(actions: tuple[str, ...], bound: Bound, document: Document) -> tuple[str, ...] | NotSent:
    """Ask the event itself, then the destination's filter."""
    if not switched_on(document.get("integrations"), bound.names):
        return NotSent(verdict.INTEGRATIONS)
    if bound.keep is not None and not bound.keep(document):
        return NotSent(verdict.FILTERED, f"filter: {bound.destination.filter[:_SHOWN]}")
    return actions


def switched_on(integrations: object, names: frozenset[str]) -> bool:
    """Read an `integrations` object: the destination's own entry wins over `All`, absent means on.

    Source: tracking-api.md 8.2; names are compared without case, as ours and Segment's differ in it.
    """
    if not isinstance(integrations, dict):
        return True
    on = integrations.get("All", integrations.get("all", True)) is not False
    for key, value in integrations.items():
        if str(key).casefold() in names:
            return value is not False
    return on
