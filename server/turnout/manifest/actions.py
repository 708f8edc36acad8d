"""A compiled manifest with its settings filled in: which actions an event is for, its items, and the talk."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from turnout.clock import SECOND
from turnout.document import Document, Json, canonical, digest, encode
from turnout.exchange import Action, Answer, Ask, Class, Drop, Exchange, Item, Moment, Outcome, Pace, Reply
from turnout.manifest import requests, results
from turnout.manifest.auth import credentials
from turnout.manifest.compile import Mapped, Memory, Scope
from turnout.manifest.model import ActionSpec
from turnout.manifest.plans import CHECK, PER, Call, Compiled, Plan, is_for
from turnout.manifest.settings import secrets
from turnout.manifest.times import micros
from turnout.manifest.values import entries, number, text_of

MAX_BYTES: Final = 4_000_000
"""What a window holds: the bound of a body where the vendor states none."""
ENVELOPE: Final = 1_024
"""Room that a body keeps for what stands around its items."""


@dataclass(slots=True)
class _Here:
    """All that a value may read: the event, the memory for it, what a loop binds, and the scope.

    Not frozen: one is made for each event and action, and freezing doubles what that costs.
    """

    functions: Mapping[str, Mapped]
    settings: Document
    document: Document
    memory: Memory
    scope: Scope
    it: Json = None
    index: Json = None

    def compute(self, name: str) -> Json:
        """Compute a value by its name; null where there is none."""
        function = self.functions.get(name)
        return (
            function(self.document, self.settings, self.memory, self.it, self.index, self.scope) if function else None
        )

    def inside(self, name: str, it: Json, index: Json) -> Json:
        """Compute a value inside a loop of the answer."""
        function = self.functions.get(name)
        if function is None:
            return None
        if index is None:
            return self.compute(name)
        return function(self.document, self.settings, self.memory, it, index, self.scope)


class CompiledTarget:
    """A destination made from a manifest: satisfies `exchange.Target`."""

    def __init__(self, program: Compiled, settings: Document) -> None:
        """Fill in settings, as `settings.check` gave them."""
        self._manifest = program.manifest
        self._plans = program.plans
        self._check = program.check
        self._functions = program.program.functions
        self._memory = program.program.memory
        self._settings = settings
        self._endpoint = text_of(settings.get("endpoint"))
        self._actions = {name: self._action(plan) for name, plan in program.plans.items()}
        self._pace = self._paced()
        self._secrets = {**secrets(self._manifest.settings, settings), **self._proofs()}

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions by name, in the manifest's order."""
        return self._actions

    @property
    def profile(self) -> str:
        """The schedule of retries."""
        return self._manifest.profile

    @property
    def pace(self) -> Pace:
        """The rates that the manifest states."""
        return self._pace

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must not stand in evidence, by the name of their setting."""
        return self._secrets

    def select(self, kind: str, name: str) -> tuple[str, ...]:
        """Name the actions that are for this call."""
        return tuple(action for action, plan in self._plans.items() if is_for(plan.spec, kind, name))

    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
        """Map one event through these actions."""
        memory = self._memory()
        found: list[Item | Drop] = []
        for name in actions:
            here = _Here(self._functions, self._settings, document, memory, Scope(now))
            found += self._mapped(self._plans[name], here)
        return tuple(found)

    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:
        """Begin the talk for one batch."""
        plan = self._plans[action]
        kept, places = self._kept(plan, items)
        values = [item.value for item in kept]
        scope = Scope(moment.now, moment.request_id, values[0], list(values))
        here = self._looped(plan, kept[0], scope) if plan.loops else self._here(kept[0].document, scope)
        ended = yield from self._talk(plan.call, here, values, moment)
        return tuple(ended[place] for place in places)

    def check(self, moment: Moment) -> Exchange | None:
        """Begin the test of the credentials."""
        return self._checked(self._check, moment) if self._check else None

    def _here(self, document: Document, scope: Scope, it: Json = None, index: Json = None) -> _Here:
        return _Here(self._functions, self._settings, document, self._memory(), scope, it, index)

    def _looped(self, plan: Plan, item: Item, scope: Scope) -> _Here:
        """Find again what the loop bound for an item."""
        before = self._here(item.document, Scope(scope.now))
        elements = entries(before.compute(f"{plan.spec.name}.each"))
        it = elements[item.index] if item.index < len(elements) else None
        return self._here(item.document, scope, it, item.index)

    def _talk(
        self, call: Call, here: _Here, values: Sequence[Json], moment: Moment
    ) -> Generator[Ask, Reply, tuple[Outcome, ...]]:
        try:
            request = requests.build(
                call.send, call.proof, lambda name: here.compute(f"{call.prefix}!{name}"), self._endpoint, moment
            )
        except requests.Unsendable as error:
            return (Outcome(Class.SPLIT, "mapping_error", 0, str(error)),) * len(values)  # one of them may be to blame
        reply = yield request
        if isinstance(reply, Answer):
            here.scope.res = results.seen(reply, call.judging)
        return results.outcomes(
            call.judging,
            reply,
            values,
            lambda name, it, index: here.inside(f"{call.prefix}?{name}", it, index),
            moment.now,
        )

    def _checked(self, call: Call, moment: Moment) -> Exchange:
        here = self._here({}, Scope(moment.now, moment.request_id))
        ended = yield from self._talk(call, here, [None], moment)
        name = f"{CHECK}!ok"
        if ended[0].what is Class.SUCCESS and name in self._functions and not here.compute(name):
            return (Outcome(Class.FINAL, "rejected", ended[0].status),)
        return ended

    def _mapped(self, plan: Plan, here: _Here) -> list[Item | Drop]:
        """Map one event through one action: its items, or one drop."""
        name = plan.spec.name
        if not (plan.always or plan.late_when or here.compute(f"{name}.when")):
            return [Drop(name, "no_match")]
        if plan.spec.max_age_s and _is_old(plan.spec, here):
            return [Drop(name, "too_old")]
        for refusal in plan.refusals:
            if not refusal.late and bool(here.compute(refusal.name)) is not refusal.must_hold:
                return [Drop(name, refusal.code, refusal.say)]
        if plan.spec.each is None:
            return [self._item(plan, here, 0)]
        made = [
            self._item(
                plan, _Here(here.functions, here.settings, here.document, here.memory, here.scope, it, index), index
            )
            for index, it in enumerate(entries(here.compute(f"{name}.each")))
        ]
        items: list[Item | Drop] = [one for one in made if isinstance(one, Item)]
        said: list[Item | Drop] = [one for one in made if isinstance(one, Drop) and one.code != "no_match"]
        return items or said[:1] or [Drop(name, "no_match")]

    def _item(self, plan: Plan, here: _Here, index: int) -> Item | Drop:
        name = plan.spec.name
        if plan.late_when and not here.compute(f"{name}.when"):
            return Drop(name, "no_match")
        value = here.compute(f"{name}.item") if plan.maps else None
        here.scope.item = value
        for refusal in plan.refusals:
            if refusal.late and bool(here.compute(refusal.name)) is not refusal.must_hold:
                return Drop(name, refusal.code, refusal.say)
        if value is None and plan.maps:
            return Drop(name, "invalid", "nothing is left to send")
        return self._weighed(plan, here, index, value)

    def _weighed(self, plan: Plan, here: _Here, index: int, value: Json) -> Item | Drop:
        name, batch = plan.spec.name, plan.spec.batch
        try:
            size = len(encode(value)) + 1 if plan.maps else 0
        except TypeError:
            return Drop(name, "mapping_error", "the item cannot be written as JSON")
        if (batch and batch.item_bytes and size > batch.item_bytes + 1) or size > self._actions[name].max_bytes:
            return Drop(name, "too_large")
        group: tuple[Json, ...] = ()
        if batch and batch.by:
            group = tuple(here.compute(f"{name}.by{place}") for place in range(len(batch.by)))
        return Item(name, index, value, size, group, here.document)

    def _kept(self, plan: Plan, items: tuple[Item, ...]) -> tuple[list[Item], list[int]]:
        """Keep the last item of each key, and say for every item which kept one it goes with."""
        name = f"{plan.spec.name}.unique"
        if name not in self._functions:
            return list(items), list(range(len(items)))
        keys = [self._key(name, plan, item) for item in items]
        last = {key: place for place, key in enumerate(keys)}
        order = sorted(last.values())
        return [items[place] for place in order], [order.index(last[key]) for key in keys]

    def _key(self, name: str, plan: Plan, item: Item) -> bytes:
        scope = Scope(item=item.value)
        here = self._looped(plan, item, scope) if plan.loops else self._here(item.document, scope)
        return canonical(here.compute(name))

    def _action(self, plan: Plan) -> Action:
        spec, batch = plan.spec, plan.spec.batch
        limit = number(self._here({}, Scope()).compute(f"{spec.name}.max")) if batch else 1
        stated = batch.bytes if batch else 0
        most = max(stated - ENVELOPE, stated // 2) if stated else MAX_BYTES
        wait_s = batch.wait_s if batch else 0.0
        return Action(spec.name, spec.order, spec.dedupe.kind, max(1, int(limit or 1)), most, wait_s)

    def _paced(self) -> Pace:
        """Say how fast it may be asked: what its rates are counted by is a digest, for it may be a secret."""
        limits, per = self._manifest.limits, self._here({}, Scope()).compute(PER)
        return Pace(limits.rates, limits.concurrency, "" if per is None else digest([self._manifest.slug, per]).hex())

    def _proofs(self) -> dict[str, str]:
        """List what is made of secrets and leaves in a header: a name and password, encoded."""
        here = self._here({}, Scope())
        calls = [plan.call for plan in self._plans.values()]
        found: dict[str, str] = {}
        for call in calls:
            if call.proof.basic:
                user, password = (text_of(here.compute(f"{call.prefix}!auth.{part}")) for part in ("user", "password"))
                found.setdefault(f"auth.basic.{call.prefix}", credentials(user, password))
        return found


def _is_old(spec: ActionSpec, here: _Here) -> bool:
    happened = micros(here.document.get("timestamp"))
    return happened is not None and happened < here.scope.now - spec.max_age_s * SECOND
