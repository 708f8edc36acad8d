"""What a value of a manifest may read while an event is mapped, and the functions of an action at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from turnout.document import Document, Json
from turnout.manifest.compile import Mapped, Memory, Scope
from turnout.manifest.plans import Plan, Refusal


class Here(msgspec.Struct, gc=False):
    """All that a value may read: the event, the settings, the memory for it, the scope, and what a loop binds."""

    document: Document
    settings: Document
    memory: Memory
    scope: Scope
    it: Json = None
    index: Json = None

    def of(self, function: Mapped | None) -> Json:
        """Compute a value; null where there is no function."""
        if function is None:
            return None
        return function(self.document, self.settings, self.memory, self.it, self.index, self.scope)


@dataclass(frozen=True, slots=True)
class Steps:
    """One action's functions, looked up once. `when` is None where it always holds; `late` refusals read the item."""

    plan: Plan
    when: Mapped | None
    early: tuple[tuple[Refusal, Mapped], ...]
    late: tuple[tuple[Refusal, Mapped], ...]
    each: Mapped | None
    item: Mapped | None
    group: tuple[Mapped, ...]
    unique: Mapped | None
    body: Mapped | None
    passes: bool
    max_bytes: int


def steps_of(plan: Plan, functions: Mapping[str, Mapped], max_bytes: int) -> Steps:
    """Look the functions of an action up; an item of more bytes than `max_bytes` is too large."""
    name, batch = plan.spec.name, plan.spec.batch
    refusals = tuple((each, functions[each.name]) for each in plan.refusals)
    return Steps(
        plan,
        None if plan.always else functions[f"{name}.when"],
        tuple(each for each in refusals if not each[0].late),
        tuple(each for each in refusals if each[0].late),
        functions.get(f"{name}.each"),
        functions[f"{name}.item"] if plan.maps else None,
        tuple(functions[f"{name}.by{place}"] for place in range(len(batch.by))) if batch else (),
        functions.get(f"{name}.unique"),
        functions.get(f"{plan.call.prefix}!body"),
        plan.maps and plan.call.passes,
        min(max_bytes, batch.item_bytes + 1) if batch and batch.item_bytes else max_bytes,
    )
