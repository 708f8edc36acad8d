"""Pausing, resuming and removing a destination. While paused its events wait; what is removed is gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from turnout.delivery.endings import remove_lane
from turnout.delivery.held import entity_of
from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.guard.audit import Inverse
from turnout.guard.principal import Scope, permit
from turnout.operations.counted import counted
from turnout.operations.health import unread
from turnout.operations.model import Applied, Calling, Shown
from turnout.store.lanes import LaneState
from turnout.store.unit import Unit, View
from turnout.workspace import DESTINATION, Destination


class Action(StrEnum):
    """What can be done to a connected destination as a whole."""

    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Acting:
    """What will be done; `paused`: as it stands now; `waiting`: the events that it has not finished."""

    destination: Destination
    action: Action
    paused: bool
    waiting: int


def plan(view: View, destination: Destination, action: str, calling: Calling) -> Acting:
    """Read how it stands. Raises: InvalidInput, Denied."""
    if action not in set(Action):
        raise InvalidInput(f"`action` is one of {', '.join(Action)}; what was given is none of them.")
    wanted = Action(action)
    permit(calling.principal, frozenset({Scope.CONFIGURE if wanted is Action.REMOVE else Scope.OPERATE}))
    lane = view.lanes.of(destination.id)
    assert lane is not None, "each destination has a lane"
    waiting = view.owed.count(destination.lane) + unread(view, destination.lane)
    return Acting(destination, wanted, lane.state is LaneState.PAUSED, waiting)


def apply(unit: Unit, acting: Acting, calling: Calling) -> Applied:
    """Do it; a new revision lets the lane begin anew."""
    lane, key = acting.destination.lane, acting.destination.id
    if acting.action is Action.PAUSE and acting.paused:
        return Applied(_answer(acting, "was paused already", "paused"))
    unit.entities.revise(calling.principal.name, calling.operation)
    match acting.action:
        case Action.PAUSE:
            unit.lanes.set_state(lane, LaneState.PAUSED, "paused")
            return Applied(_answer(acting, "was paused; its events wait", "paused"), inverse=_undo(key, Action.RESUME))
        case Action.RESUME:
            unit.lanes.set_state(lane, LaneState.RUNNING, "")
            undo = _undo(key, Action.PAUSE) if acting.paused else None
            said = (
                f"was resumed; {counted(acting.waiting, 'event')} waited"
                if acting.paused
                else "was not paused; it tries anew"
            )
            return Applied(_answer(acting, said, "running"), inverse=undo)
        case Action.REMOVE:
            cancelled = remove_lane(unit, lane)
            unit.entities.remove(DESTINATION, key)
            unit.entities.forget(key)
            unit.entities.forget(entity_of(key))
            ended = counted(cancelled, "delivery was", "deliveries were")
            said = f"was removed and its secrets forgotten; {ended} cancelled"
            return Applied(_answer(acting, said, "removed"))
    assert_never(acting.action)


def show(acting: Acting) -> Shown:
    """Put it in words; a removal needs a yes."""
    words = {Action.PAUSE: "paused; its events would wait", Action.RESUME: "resumed", Action.REMOVE: "removed"}
    name, waiting = acting.destination.name, acting.waiting
    confirm = ""
    if acting.action is Action.REMOVE:
        confirm = "This cannot be undone: what waits is not delivered any more, and its secrets are forgotten."
    return Shown(
        f"The destination {name!r} would be {words[acting.action]}. Waiting for it now: {counted(waiting, 'event')}.",
        {"destination_id": acting.destination.id, "name": name, "waiting": waiting},
        confirm,
    )


def _answer(acting: Acting, said: str, state: str) -> Document:
    destination = acting.destination
    return {
        "summary": f"The destination {destination.name!r} {said}.",
        "destination_id": destination.id,
        "name": destination.name,
        "slug": destination.slug,
        "state": state,
        "receives": str(destination.receives),
    }


def _undo(key: str, action: Action) -> Inverse:
    return Inverse("update_destination", {"destination": key, "action": str(action)})
