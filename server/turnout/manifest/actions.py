"""A compiled manifest with its settings filled in: which actions an event is for, its items, and the talk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from turnout.document import Document, Json, canonical, digest, encoded
from turnout.exchange import (
    Action,
    Answer,
    Class,
    Drop,
    Exchange,
    Grant,
    Item,
    Moment,
    Outcome,
    Pace,
    Reply,
    Request,
    SetUp,
)
from turnout.manifest import requests, results, signers
from turnout.manifest.audiences import Lists, listed, membership
from turnout.manifest.auth import credentials
from turnout.manifest.compile import Scope
from turnout.manifest.grants import CompiledGrant, is_needed
from turnout.manifest.model import ActionSpec
from turnout.manifest.plans import CHECK, PER, Call, Compiled, Plan, is_for
from turnout.manifest.settings import secrets
from turnout.manifest.steps import Here, Steps, map_each, map_item, refused, steps_of
from turnout.manifest.values import Unsendable, at, entries, number, text_of
from turnout.manifest.walk import Known, walk

MAX_BYTES: Final = 4_000_000
"""What a window holds: the bound of a body where the vendor states none."""
ENVELOPE: Final = 1_024
"""Room that a body keeps for what stands around its items."""


class CompiledTarget:
    """A destination made from a manifest: satisfies `exchange.Target`."""

    def __init__(self, program: Compiled, settings: Document) -> None:
        """Fill in settings, as `settings.check` gave them."""
        self._manifest = program.manifest
        self._plans = program.plans
        self._check = program.check
        self._setup = program.setup
        self._functions = program.program.functions
        self._memory = program.program.memory
        self._settings = settings
        self._endpoint = text_of(settings.get("endpoint"))
        self._actions = {name: self._action(plan) for name, plan in program.plans.items()}
        self._steps = {
            name: steps_of(plan, self._functions, self._actions[name].max_bytes) for name, plan in program.plans.items()
        }
        specs = [plan.spec for plan in program.plans.values()]
        self._for = {kind: _by_name(kind, specs) for spec in specs for kind in spec.triggers}
        self._heads: dict[str, requests.Head] = {}
        self._known = Known()
        self._lists = Lists()
        self._audiences = any(plan.spec.lists for plan in program.plans.values())
        self._pace = self._paced()
        spec = self._manifest.auth.grant
        needed = spec is not None and is_needed(self._functions, settings)
        self._grant = CompiledGrant(self._manifest, spec, self._functions, settings) if spec and needed else None
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

    @property
    def grant(self) -> Grant | None:
        """How its token is got."""
        return self._grant

    def select(self, kind: str, name: str) -> tuple[str, ...]:
        """Name the actions that are for this call."""
        named = self._for.get(kind)
        return named.get(name, named[None]) if named else ()

    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:
        """Map one event through these actions."""
        scope = Scope(now)
        if self._audiences:
            scope.audience = membership(document)
        here = Here(document, self._settings, self._memory(), scope)
        found: list[Item | Drop] = []
        for name in actions:
            steps = self._steps[name]
            why = refused(steps, here) if steps.asks else None
            if why:
                found.append(why)
            elif steps.each is None:
                found.append(map_item(steps, here, 0))
            else:
                found += map_each(steps, here)
        return tuple(found)

    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:
        """Begin the talk for one batch."""
        steps = self._steps[action]
        plan = steps.plan
        kept, places = self._kept(steps, items) if steps.unique else (items, None)
        if plan.legs:
            return (yield from self._walked(steps, items, kept, places, moment))
        call = plan.call
        shown = [encoded(item.text) for item in kept] if steps.passes else [item.value for item in kept]
        scope = Scope(moment.now, moment.request_id, shown[0], shown, auth=moment.auth)
        here = self._looped(steps, kept[0], scope) if plan.loops else self._here(kept[0].document, scope)
        try:
            body = here.of(steps.body)
        except Unsendable as error:
            return (_unsendable(error),) * len(items)
        alone = steps.passes and body is shown[0] and call.send.kind == "json"
        asked = self._asked(call, kept[0].text if alone else body, here, moment)
        if isinstance(asked, Outcome):
            return (asked,) * len(items)
        reply = yield asked
        ended = self.judge(call, here, [item.value for item in kept], reply, moment)
        return ended if places is None else tuple(ended[place] for place in places)

    def check(self, moment: Moment) -> Exchange | None:
        """Begin the test of the credentials."""
        return self._checked(self._check, moment) if self._check else None

    def learn(self, ids: Document) -> None:
        """Take in the ids of lists."""
        self._lists.learn(ids)

    def setup(self, moment: Moment) -> SetUp | None:
        """Begin what is done before it is connected."""
        return self._set_up(self._setup, moment) if self._setup else None

    def _set_up(self, plan: Plan, moment: Moment) -> SetUp:
        here = self._here({}, Scope(moment.now, moment.request_id))
        ended = yield from walk(self, plan, Known(), here, [None], moment)
        found: Document = {}
        for leg in plan.legs:
            saved = at(here.scope.steps, leg.step.name)
            found |= {name: value for name, _ in leg.step.save if (value := at(saved, name)) is not None}
        return ended[0], found

    def _here(self, document: Document, scope: Scope, it: Json = None, index: Json = None) -> Here:
        return Here(document, self._settings, self._memory(), scope, it, index)

    def _looped(self, steps: Steps, item: Item, scope: Scope) -> Here:
        """Find again what the loop bound for an item."""
        elements = entries(self._here(item.document, Scope(scope.now)).of(steps.each))
        it = elements[item.index] if item.index < len(elements) else None
        return self._here(item.document, scope, it, item.index)

    def _walked(
        self, steps: Steps, items: tuple[Item, ...], kept: Sequence[Item], places: Sequence[int] | None, moment: Moment
    ) -> Exchange:  # fmt: skip
        """Hold the talk of an action in steps."""
        values = [item.value for item in kept]
        scope = Scope(moment.now, moment.request_id, values[0], values, auth=moment.auth)
        here = self._looped(steps, kept[0], scope) if steps.plan.loops else self._here(kept[0].document, scope)
        talk = walk(self, steps.plan, self._known, here, values, moment)
        ended = yield from (listed(talk, self._lists, here, moment, len(values)) if steps.plan.spec.lists else talk)
        return ended if places is None else tuple(ended[place] for place in places[: len(items)])

    def ask(self, call: Call, here: Here, moment: Moment, instead: Mapping[str, Json]) -> Request | Outcome:
        """Make the request of a step."""
        try:
            body = here.of(self._functions.get(f"{call.prefix}!body"))
        except Unsendable as error:
            return _unsendable(error)
        return self._asked(call, body, here, moment, instead)

    def compute(self, name: str, here: Here) -> Json:
        """Compute a value by its name."""
        return here.of(self._functions.get(name))

    def _asked(
        self, call: Call, body: Json | bytes, here: Here, moment: Moment, instead: Mapping[str, Json] | None = None
    ) -> Request | Outcome:  # fmt: skip
        try:
            head = self._heads.get(call.prefix) if not instead else None
            head = head or self._head(call, here, instead or {})
            if call.proof.signers:
                asked = self._signed(call, head, here, body, moment)
            else:
                asked = requests.request(head, call.send, body, moment)
            return structs.replace(asked, paces=self._paces(call, here)) if call.limits else asked
        except Unsendable as error:
            return _unsendable(error)

    def _signed(self, call: Call, head: requests.Head, here: Here, value: Json | bytes, moment: Moment) -> Request:
        def evaluate(name: str, known: Document) -> Json:
            here.scope.asked = known
            return here.of(self._functions.get(f"{call.prefix}!{name}"))

        return signers.request(head, call.send, value, moment, call.proof.signers, evaluate)

    def _head(self, call: Call, here: Here, instead: Mapping[str, Json]) -> requests.Head:
        """Make what a request has before its body, and keep it where it is the same for every event."""
        prefix, functions = call.prefix, self._functions

        def evaluate(name: str) -> Json:
            return instead[name] if name in instead else here.of(functions.get(f"{prefix}!{name}"))

        made = requests.head(call.send, call.proof, evaluate, self._endpoint)
        if call.fixed and not instead:
            self._heads[prefix] = made
        return made

    def judge(
        self, call: Call, here: Here, values: Sequence[Json], reply: Reply, moment: Moment
    ) -> tuple[Outcome, ...]:
        """Judge an answer for each item of its request."""
        functions = self._functions
        if call.judging.reads and isinstance(reply, Answer):
            here.scope.res = results.seen(reply, call.judging)

        def evaluate(name: str, it: Json, index: Json) -> Json:
            bound = here if index is None else Here(here.document, here.settings, here.memory, here.scope, it, index)
            return bound.of(functions.get(f"{call.prefix}?{name}"))

        return results.outcomes(call.judging, reply, values, evaluate, moment.now)

    def _checked(self, call: Call, moment: Moment) -> Exchange:
        here = self._here({}, Scope(moment.now, moment.request_id, auth=moment.auth))
        asked = self.ask(call, here, moment, {})
        if isinstance(asked, Outcome):
            return (asked,)
        reply = yield asked
        ended = self.judge(call, here, [None], reply, moment)
        accepts = self._functions.get(f"{CHECK}!ok")
        if ended[0].what is Class.SUCCESS and accepts and not here.of(accepts):
            return (Outcome(Class.FINAL, "rejected", ended[0].status),)
        return ended

    def _kept(self, steps: Steps, items: tuple[Item, ...]) -> tuple[Sequence[Item], Sequence[int] | None]:
        """Keep the last item of each key, and say for every item which kept one it goes with."""
        keys = [self._key(steps, item) for item in items]
        last = {key: place for place, key in enumerate(keys)}
        order = sorted(last.values())
        return [items[place] for place in order], [order.index(last[key]) for key in keys]

    def _key(self, steps: Steps, item: Item) -> bytes:
        scope = Scope(item=item.value)
        here = self._looped(steps, item, scope) if steps.plan.loops else self._here(item.document, scope)
        return canonical(here.of(steps.unique))

    def _action(self, plan: Plan) -> Action:
        spec, batch = plan.spec, plan.spec.batch
        limit = number(self._here({}, Scope()).of(self._functions[f"{spec.name}.max"])) if batch else 1
        stated = batch.bytes if batch else 0
        most = max(stated - ENVELOPE, stated // 2) if stated else MAX_BYTES
        wait_s = batch.wait_s if batch else 0.0
        once_s = spec.once.ttl_s if spec.once else 0.0
        return Action(
            spec.name, spec.order, spec.dedupe.kind, max(1, int(limit or 1)), most, wait_s, once_s, spec.lists
        )

    def _paced(self) -> Pace:
        """Say how fast it may be asked: what its rates are counted by is a digest, for it may be a secret."""
        limits, per = self._manifest.limits, self._here({}, Scope()).of(self._functions.get(PER))
        return Pace(() if limits.asks else limits.rates, limits.concurrency, self._counted_by(per))

    def _paces(self, call: Call, here: Here) -> tuple[Pace, ...]:
        """Say how fast requests like this one may be made: those with equal limits share them."""
        found: list[Pace] = []
        for place, limits in enumerate(call.limits):
            per = here.of(self._functions.get(f"{call.prefix}!per{place}"))
            beside = limits is self._manifest.limits  # whose concurrency is the destination's
            found.append(Pace(limits.rates, 0 if beside else limits.concurrency, self._counted_by(per)))
        return tuple(found)

    def _counted_by(self, per: Json) -> str:
        return "" if per is None else digest([self._manifest.slug, per]).hex()

    def _proofs(self) -> dict[str, str]:
        """List what is made of secrets and leaves in a header: a name and password, encoded."""
        here = self._here({}, Scope())
        calls = [call for plan in self._plans.values() for call in plan.calls]
        found: dict[str, str] = {}
        for call in calls:
            if call.proof.basic:
                names = (f"{call.prefix}!auth.{part}" for part in ("user", "password"))
                user, password = (text_of(here.of(self._functions[name])) for name in names)
                found.setdefault(f"auth.basic.{call.prefix}", credentials(user, password))
        return found


def _unsendable(error: Unsendable) -> Outcome:
    """End a batch of which one event may be to blame."""
    return Outcome(Class.SPLIT, "mapping_error", 0, str(error))


def _by_name(kind: str, specs: Sequence[ActionSpec]) -> Mapping[str | None, tuple[str, ...]]:
    """Name the actions for a type of call by the names of events that decide; for any other name, under None."""
    names = {name for spec in specs for each in (spec.triggers, spec.excepts) for name in each.get(kind) or ()}
    other = f"{''.join(names)}."  # longer than each
    return {
        name: tuple(spec.name for spec in specs if is_for(spec, kind, other if name is None else name))
        for name in (None, *names)
    }
