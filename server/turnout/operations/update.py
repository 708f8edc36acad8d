"""Updating a connected destination: one action on it as a whole, or changes of what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from turnout.binder import Binder
from turnout.document import Json
from turnout.errors import InvalidInput
from turnout.guard.principal import Effect
from turnout.manifest.catalogue import Catalogue
from turnout.operations import action, change, terms
from turnout.operations.action import Acting
from turnout.operations.change import Changing, Wanted
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.operations.setup import Prepared
from turnout.store.unit import Unit, View

NAME = "update_destination"

Updating: TypeAlias = "Acting | Changing"


@dataclass(frozen=True, slots=True)
class Update:
    """What is wanted of a destination, found by name, id or slug."""

    destination: str
    action: str | None = None
    name: str | None = None
    settings: Mapping[str, Json] | None = None
    receives: str | None = None
    filter: str | None = None
    sources: tuple[str, ...] | None = None
    overrides: Mapping[str, Json] | None = None


def plan(
    catalogue: Catalogue, binder: Binder, prepared: Prepared, view: View, request: Update, calling: Calling
) -> Updating:
    """Find it and plan. Raises: NotFound, InvalidInput, Denied, and what the change raises."""
    wanted = Wanted(
        request.name, request.settings, request.receives, request.filter, request.sources, request.overrides
    )
    changes = wanted != Wanted()
    if bool(request.action) is changes:
        raise InvalidInput(
            "Give either `action` (pause, resume, remove) or what changes (name, settings, receives, filter, sources, "
            "overrides)."
        )
    found = view.workspace.destination(request.destination)
    if request.action:
        return action.plan(view, found, request.action, calling)
    return change.plan(catalogue, binder, prepared, view, found, wanted, calling)


def apply(unit: Unit, updating: Updating, calling: Calling) -> Applied:
    """Do it."""
    match updating:
        case Acting():
            return action.apply(unit, updating, calling)
        case Changing():
            return change.apply(unit, updating, calling)


def effect(updating: Updating) -> Effect:
    """Reach live events where it receives them, before or after."""
    match updating:
        case Acting():
            return terms.reached(updating.destination)
        case Changing():
            return terms.reached(updating.before, updating.after)


def show(updating: Updating) -> Shown:
    """Put it in words."""
    match updating:
        case Acting():
            return action.show(updating)
        case Changing():
            return change.show(updating)


def operation(
    catalogue: Catalogue,
    binder: Binder,
    prepared: Prepared = Prepared(),  # noqa: B008 - a value that never changes
) -> Operation[Update, Updating]:
    """Give the operation over a catalogue; which scope it needs depends on what is wanted, so the plan asks."""
    return Operation(NAME, frozenset(), partial(plan, catalogue, binder, prepared), apply, effect, show)
