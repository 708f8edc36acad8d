"""One regulation at its step, and the commit that does a unit of it together with the note of how far it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from turnout import erasure, telemetry
from turnout.erasure import Kind, Step, Steps
from turnout.store.privacy import Regulation
from turnout.store.unit import Unit
from turnout.upkeep.reign import Reign
from turnout.upkeep.scope import Scope, scope_of

EVENTS = 200
"""Events of one unit of work."""


@dataclass(frozen=True, slots=True)
class Did:
    """What a unit did: how far the walk of the step came, what it counted, whether the step is done."""

    reached: int = 0
    counts: Mapping[str, int] | None = None
    done: bool = True


Change: TypeAlias = Callable[[Unit], Did]


@dataclass(frozen=True, slots=True)
class Work:
    """One regulation at its step."""

    reign: Reign
    regulation: Regulation
    steps: Steps
    step: Step
    scope: Scope

    @property
    def kind(self) -> Kind:
        """What was asked for."""
        return Kind(self.regulation.kind)

    def commit(self, change: Change) -> None:
        """Do a unit and note it; where somebody else noted one meanwhile, do nothing: it is theirs."""
        if self.reign.commit(lambda unit: self._write(unit, change)):
            telemetry.emit("erasure_step", deletion=self.regulation.id, step=self.step.where)

    def walk(self, name: str, change: Callable[[Unit, Sequence[int]], int]) -> None:
        """Do something to the next page of the events, and count it under a name."""
        after, until = self.step.cursor, self.scope.until
        page, reached = self.reign.look(lambda view: self.scope.page(view, after, EVENTS))
        self.commit(lambda unit: Did(reached, {name: change(unit, page)}, reached >= until))

    def _write(self, unit: Unit, change: Change) -> bool:
        """Do it, and give whether the step is done."""
        now = unit.privacy.get(self.regulation.id)
        if now is None or now.steps != self.regulation.steps:
            return False
        did = change(unit)
        steps = erasure.moved(self.steps, did.reached, did.counts or {}, done=did.done)
        ended, ours = erasure.is_over(steps), erasure.next_step(steps) is None
        # All people of a namespace have gone with this unit: what they sent until now goes with them.
        cut = did.done and self.kind is Kind.CLEAR and self.step.where == erasure.PROFILE
        unit.privacy.put(
            replace(
                now,
                state=erasure.status(steps),
                steps=erasure.write(steps),
                person=0 if ours and not ended else now.person,  # whose events are gone is not asked about any more
                until=unit.counter.seq - 1 if cut else now.until,
                finished=unit.now if ended else None,
            )
        )
        if ours:
            unit.privacy.raise_generation()
        return did.done


def work_on(reign: Reign, regulation: Regulation) -> Work:
    """Read a running regulation."""
    steps = erasure.read(regulation.steps)
    step = erasure.next_step(steps)
    assert step is not None, "what has no step left is finished"
    whole = regulation.kind == Kind.CLEAR
    return Work(reign, regulation, steps, step, scope_of(regulation, whole=whole))
