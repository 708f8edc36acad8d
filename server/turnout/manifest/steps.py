"""The steps of one event through one action: what may refuse it, the items it makes; each function at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from turnout.clock import SECOND
from turnout.document import Document, Json, canonical, encode
from turnout.exchange import Drop, Item
from turnout.manifest.compile import Mapped, Memory, Scope
from turnout.manifest.model import ActionSpec
from turnout.manifest.plans import Plan, Refusal
from turnout.manifest.times import micros
from turnout.manifest.values import entries


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
    """One action's functions, looked up once. `when` is None where it always holds; `late` refusals read the item.

    `asks`: there is something to ask before there is an item.
    """

    plan: Plan
    when: Mapped | None
    early: tuple[tuple[Refusal, Mapped], ...]
    late: tuple[tuple[Refusal, Mapped], ...]
    each: Mapped | None
    item: Mapped | None
    group: tuple[Mapped, ...]
    unique: Mapped | None
    once: Mapped | None
    body: Mapped | None
    passes: bool
    asks: bool
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
        functions.get(f"{name}.once"),
        functions.get(f"{plan.call.prefix}!body"),
        plan.maps and plan.call.passes and not plan.legs,
        bool(plan.spec.max_age_s) or not plan.always or any(not each.late for each in plan.refusals),
        min(max_bytes, batch.item_bytes + 1) if batch and batch.item_bytes else max_bytes,
    )


def refused(steps: Steps, here: Here) -> Drop | None:
    """Say why an action wants nothing of an event, as far as no item decides."""
    spec, document, settings, memory, scope = steps.plan.spec, here.document, here.settings, here.memory, here.scope
    if steps.when and not steps.plan.late_when and not steps.when(document, settings, memory, None, None, scope):
        return Drop(spec.name, "no_match")
    if spec.max_age_s and _is_old(spec, here):
        return Drop(spec.name, "too_old")
    for refusal, test in steps.early:
        if bool(test(document, settings, memory, None, None, scope)) is not refusal.must_hold:
            return Drop(spec.name, refusal.code, refusal.say)
    return None


def map_each(steps: Steps, here: Here) -> list[Item | Drop]:
    """Map what a loop gives: the items, or one drop."""
    made = [
        map_item(steps, Here(here.document, here.settings, here.memory, here.scope, it, index), index)
        for index, it in enumerate(entries(here.of(steps.each)))
    ]
    items: list[Item | Drop] = [one for one in made if isinstance(one, Item)]
    said: list[Item | Drop] = [one for one in made if isinstance(one, Drop) and one.code != "no_match"]
    return items or said[:1] or [Drop(steps.plan.spec.name, "no_match")]


def map_item(steps: Steps, here: Here, index: int) -> Item | Drop:
    """Map one item, or say why there is none."""
    name, mapped, document, scope = steps.plan.spec.name, steps.item, here.document, here.scope
    if steps.plan.late_when and not here.of(steps.when):
        return Drop(name, "no_match")
    value: Json = None
    if mapped:
        value = scope.item = mapped(document, here.settings, here.memory, here.it, here.index, scope)
    for refusal, test in steps.late:
        if bool(here.of(test)) is not refusal.must_hold:
            return Drop(name, refusal.code, refusal.say)
    if value is None and mapped:
        return Drop(name, "invalid", "nothing is left to send")
    try:
        text = encode(value) if mapped else b""
    except TypeError:
        return Drop(name, "mapping_error", "the item cannot be written as JSON")
    size = len(text) + 1 if mapped else 0
    if size > steps.max_bytes:
        return Drop(name, "too_large")
    group = tuple(map(here.of, steps.group)) if steps.group else ()
    once = here.of(steps.once) if steps.once else None
    return Item(name, index, value, size, group, document, text, b"" if once is None else canonical(once))


def _is_old(spec: ActionSpec, here: Here) -> bool:
    happened = micros(here.document.get("timestamp"))
    return happened is not None and happened < here.scope.now - spec.max_age_s * SECOND
