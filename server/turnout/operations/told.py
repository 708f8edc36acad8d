"""Which destinations an erasure tells, and what it says of those that it does not."""

from __future__ import annotations

from collections.abc import Sequence

from turnout import erasure
from turnout.delivery.eyes import Eyes
from turnout.document import Document
from turnout.erasure import Step
from turnout.event.model import Namespace, Ours
from turnout.operations.counted import counted
from turnout.routing import Bound
from turnout.store.unit import View
from turnout.workspace import Destination


def destinations(eyes: Eyes, view: View, namespace: Namespace) -> tuple[Step, ...]:
    """Make the step of each connected destination, the oldest first."""
    every = sorted(view.workspace.destinations.values(), key=lambda each: each.lane)
    return tuple(_step(eyes, view, each, namespace) for each in every)


def shown(step: Step) -> Document:
    """Show in a plan what a destination would come to; names only, for what a settings' owner wrote is not ours."""
    return {"destination": step.where.removeprefix("destination "), "deletes": bool(step.lane)}


def summary(steps: Sequence[Step]) -> str:
    """Count in words who is told, and where what was delivered stays."""
    told = sum(bool(each.lane) for each in steps)
    stays = sum(each.status == erasure.NOT_SUPPORTED for each in steps)
    said = f" {counted(told, 'destination')} would be asked to delete the person." if told else ""
    return f"{said} What {counted(stays, 'destination')} got stays there." if stays else said


def _step(eyes: Eyes, view: View, destination: Destination, namespace: Namespace) -> Step:
    """Tell whom its manifest lets tell; one that stands still for its settings is told when they are mended."""
    if not destination.receives.takes(namespace):
        return erasure.untold(destination.name, erasure.NOT_NEEDED, f"It receives nothing of {namespace}.")
    bound = eyes.bound(view, destination, view.counter.revision)
    if isinstance(bound, Bound) and not bound.target.select(Ours.DELETE, ""):
        return erasure.untold(destination.name, erasure.NOT_SUPPORTED, eyes.by_hand(destination))
    return erasure.told(destination.name, destination.lane)
