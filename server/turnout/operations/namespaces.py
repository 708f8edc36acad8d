"""Namespaces: which there are, and clearing a test one of all its people and events."""

from __future__ import annotations

from dataclasses import dataclass

from turnout import erasure
from turnout.document import Document, Json
from turnout.erasure import Kind
from turnout.errors import InvalidInput, NotFound
from turnout.event.model import LIVE, Namespace
from turnout.guard import namespace
from turnout.guard.principal import Effect, Scope
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.store.privacy import Regulation
from turnout.store.unit import Unit, View

NAME = "clear_namespace"
_ID_BYTES = 9


@dataclass(frozen=True, slots=True)
class Clear:
    """The test namespace that is cleared."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """What goes: everybody in it, and every event recorded in it."""

    namespace: Namespace
    events: int
    people: int


def listing(view: View) -> Document:
    """List namespaces with the events ever recorded in each, and the people known."""
    events, people = dict(view.log.namespaces()), view.people.namespaces()
    names = sorted({LIVE, *events, *people}, key=lambda name: (name != LIVE, name))
    rows: list[Json] = [
        {"namespace": name, "events": events.get(name, 0), "people": people.get(name, 0)} for name in names
    ]
    return {"summary": f"{counted(len(rows), 'namespace')}.", "namespaces": rows}


def plan(view: View, request: Clear, _: Calling) -> Clearing:
    """Find it and count. Raises: InvalidInput for the live one; NotFound."""
    space = namespace.namespace(request.namespace)
    if space == LIVE:
        raise InvalidInput("Only a test namespace can be cleared; live people are erased one by one.")
    recorded = dict(view.log.namespaces())
    events, people = recorded.get(space, 0), view.people.namespaces().get(space, 0)
    if not events and not people:
        raise NotFound.named("test namespace", space, [*recorded.keys() - {LIVE}])
    return Clearing(space, events, people)


def apply(unit: Unit, clearing: Clearing, _: Calling) -> Applied:
    """Accept it; upkeep does the rest, in one regulation for all."""
    key = f"del_{unit.session.entropy.token(_ID_BYTES).hex()}"
    steps = erasure.begin(Kind.CLEAR, "")
    state = erasure.status(steps)
    until, text = unit.counter.seq - 1, erasure.write(steps)
    unit.privacy.put(Regulation(key, unit.now, Kind.CLEAR, clearing.namespace, state, 0, b"", until, text, None))
    said = f"The namespace {clearing.namespace} is being cleared of {counted(clearing.people, 'person', 'people')}."
    return Applied(
        {"summary": said, "deletion_id": key, "status": state, "events": clearing.events, "people": clearing.people}
    )


def effect(clearing: Clearing) -> Effect:
    """Say which one it is."""
    return Effect(namespaces=frozenset({clearing.namespace}))


def show(clearing: Clearing) -> Shown:
    """Put it in words; it cannot be undone."""
    people = counted(clearing.people, "person", "people")
    return Shown(
        f"The test namespace {clearing.namespace} would lose {people} and all its events.",
        {"namespace": clearing.namespace, "events": clearing.events, "people": clearing.people},
        "Clearing cannot be undone.",
    )


CLEAR: Operation[Clear, Clearing] = Operation(NAME, frozenset({Scope.PRIVACY}), plan, apply, effect, show)
