"""Reads actions: which calls, which of them, what is made of them, and what turns them away."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.document import Json
from turnout.exchange import Dedupe, Order
from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.lets import lets
from turnout.manifest.model import BEYOND, KINDS, ActionSpec, Batch, Once, Repeat, Results, Rule
from turnout.manifest.nodes import TRUE, Call, Const, Either, Every, Node, Not
from turnout.manifest.part import Part
from turnout.manifest.read_requests import RequestReader, read_send
from turnout.manifest.read_steps import StepReader, steps_send
from turnout.manifest.texts import is_pattern

ONCE_S = 90 * 86_400.0
"""For how long at the most an action is not done again: as long as events are kept."""
ACTION = (
    *("for", "except", "when", "require", "skip", "max_age", "let", "each", "item", "batch", "send"),
    *("results", "order", "dedupe", "steps", "resume", "once", "limits", "plain"),
)
RULE = ("any", "all", "if", "then", "match", "that", "say")
BATCH = ("max", "bytes", "item_bytes", "wait", "by", "unique")
DEDUPE = ("item", "memory")
WORDS = ("batch", "upsert", "none")
"""What `dedupe` may be in one word."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the manifest says for all its actions. `tokens`: its requests have one, `$auth`."""

    order: Order
    repeat: Repeat
    http: Part
    tokens: bool = False


def sending(names: Names, *, tokens: bool) -> Names:
    """Add what a request may read beside the event."""
    return names.plus("item", "batch", "request_id", *(("auth",) if tokens else ()))


def read_order(part: Part, default: Order) -> Order:
    """Read `order`."""
    return Order(part.choice("order", tuple(Order), default))


def read_repeat(part: Part, default: Repeat) -> Repeat:
    """Read `dedupe`."""
    raw = part.raw.get("dedupe")
    if raw is None:
        return default
    if isinstance(raw, str):
        return Repeat(Dedupe(part.choice("dedupe", WORDS, "none")))
    given = part.part("dedupe")
    given.only(*DEDUPE)
    return Repeat(Dedupe.ITEM, tuple(given.needed("item").split(".")), given.seconds("memory"))


def read_results(reader: RequestReader, part: Part) -> Results:
    """Read `results`, when they are there."""
    return reader.results(part) if "results" in part.raw else Results()


class ActionReader:
    """Reads one action. `named` are its own named values."""

    def __init__(self, language: Language, common: Names, defaults: Defaults, actions: Part, name: str) -> None:
        """Read its named values first: all else may read them."""
        self.language, self.defaults, self.name = language, defaults, name
        self.part = actions.of(actions.raw[name], name)
        self.names, self.named = self._scope(common)

    def action(self) -> ActionSpec:
        """Read the action."""
        part = self.part
        part.only(*ACTION, later=("async", "run", "setup"))
        names = self.names
        inner = names.plus("it", "index") if "each" in part.raw else names
        value = self.language.value
        triggers = self.calls(part, "for")
        if not triggers:
            raise part.fail("", "`for` is missing: which calls it is for")
        if ("send" in part.raw) is ("steps" in part.raw):
            raise part.fail("", "`send` is missing" if "send" not in part.raw else "either `send` or `steps`")
        if part.flag("resume") and "steps" not in part.raw:
            raise part.fail("resume", "a lone request has nothing to go on after: `resume` is for `steps`")
        reader = RequestReader(self.language, sending(inner, tokens=self.defaults.tokens))
        steps = StepReader(reader, self.defaults.http).steps(part) if "steps" in part.raw else ()
        send = steps_send(part, steps) if steps else read_send(reader, part.part("send"), self.defaults.http)
        return ActionSpec(
            self.name,
            triggers,
            self.calls(part, "except"),
            self.language.condition(part.raw["when"], (*part.path, "when"), inner) if "when" in part.raw else TRUE,
            self.rules(part, "require", inner.plus("item")),
            self.rules(part, "skip", inner.plus("item")),
            part.seconds("max_age"),
            value(part.raw["each"], (*part.path, "each"), names) if "each" in part.raw else None,
            value(part.raw["item"], (*part.path, "item"), inner) if "item" in part.raw else None,
            self.batch(part, inner.plus("item")) if "batch" in part.raw else None,
            send,
            read_results(reader, part),
            read_order(part, self.defaults.order),
            read_repeat(part, self.defaults.repeat),
            steps,
            reader.limits(part),
            part.flag("resume"),
            self.once(part, inner.plus("item")) if "once" in part.raw else None,
            plain=frozenset(part.words("plain")),
            names=inner,
        )

    def _scope(self, common: Names) -> tuple[Names, dict[str, Node]]:
        """Read the action's own named values; they are also written `$name`."""
        if "let" not in self.part.raw:
            return common, {}

        def seen(mine: dict[str, str]) -> Names:
            return Names(common.roots, {**common.lets, **mine}, {**common.bare, **mine}, common.settings, common.tables)

        meaning, named = lets(self.part.raw["let"], (*self.part.path, "let"), self.language, seen, f"{self.name}/")
        return seen(meaning), named

    def calls(self, part: Part, key: str) -> dict[str, frozenset[str]]:
        """Read calls: `track`, a list of them, or calls with names; no name means all."""
        raw = part.raw.get(key, [])
        pairs: dict[str, Json] = (
            raw if isinstance(raw, dict) else {str(one): "*" for one in (raw if isinstance(raw, list) else [raw])}
        )
        found: dict[str, frozenset[str]] = {}
        for kind in pairs:
            if kind in {"audience", "record"}:
                raise part.fail(key, f"`{kind}` is not supported yet")
            if kind not in (*KINDS, *BEYOND):
                raise part.fail(key, f"expected calls: {', '.join((*KINDS, *BEYOND))}")
            texts = frozenset(Part(part.source, (*part.path, key), pairs).words(kind))
            found[kind] = frozenset() if "*" in texts else texts
        return found

    def rules(self, part: Part, key: str, names: Names) -> tuple[Rule, ...]:
        """Read conditions with their sentences."""
        raw = part.raw.get(key)
        if raw is None:
            return ()
        found = raw if isinstance(raw, list) else [raw]
        steps = [(key, place) if isinstance(raw, list) else (key,) for place in range(len(found))]
        return tuple(self.rule(part, one, step, names) for one, step in zip(found, steps, strict=True))

    def rule(self, part: Part, raw: Json, step: tuple[str | int, ...], names: Names) -> Rule:
        """Read one condition in any of its forms."""
        path = (*part.path, *step)
        if not isinstance(raw, dict):
            return Rule(self.language.condition(raw, path, names), "")
        given = part.of(raw, *step)
        given.only(*RULE)
        say = given.text("say")
        for word, make in (("any", Either), ("all", Every)):
            if word in raw:
                return Rule(make(self.listed(given, word, names), ".".join(map(str, path))), say)
        if "match" in raw:
            return Rule(self.matching(given, names), say)
        test = "if" if "if" in raw else "that"
        if test not in raw:
            raise given.fail("", "expected `any`, `all`, `if`, `match` or `that`")
        holds = self.language.condition(raw[test], (*path, test), names)
        if "then" not in raw:
            return Rule(holds, say)
        then = self.language.condition(raw["then"], (*path, "then"), names)
        return Rule(Either((Not(holds), then), ".".join(map(str, path))), say)

    def listed(self, given: Part, word: str, names: Names) -> tuple[Node, ...]:
        """Read a list of conditions."""
        raw = given.raw[word]
        if not isinstance(raw, list) or not raw:
            raise given.fail(word, "expected a list of conditions")
        return tuple(self.language.condition(one, (*given.path, word, at), names) for at, one in enumerate(raw))

    def matching(self, given: Part, names: Names) -> Node:
        """Read a value and the pattern it must match."""
        raw = given.raw["match"]
        if not isinstance(raw, list) or len(raw) != 2 or not is_pattern(str(raw[1])):  # noqa: PLR2004
            raise given.fail("match", "expected [value, regular expression]")
        value = self.language.value(raw[0], (*given.path, "match", 0), names)
        return Call("matches", (value, Const(str(raw[1]))), ".".join(map(str, given.path)))

    def once(self, part: Part, names: Names) -> Once:
        """Read what is done once, and for how long."""
        given = part.part("once")
        given.only("key", "ttl")
        if "key" not in given.raw or not 0 < given.seconds("ttl") <= ONCE_S:
            raise given.fail("", "expected a key and how long it holds, 90d at most: `{key: $.userId, ttl: 1d}`")
        return Once(self.language.value(given.raw["key"], (*given.path, "key"), names), given.seconds("ttl"))

    def batch(self, part: Part, names: Names) -> Batch:
        """Read how items gather."""
        given = part.part("batch")
        given.only(*BATCH)
        only_settings = Names(frozenset({"settings"}), settings=names.settings)
        limit = self.language.value(given.raw.get("max", 1), (*given.path, "max"), only_settings)
        by = given.raw.get("by", [])
        listed = by if isinstance(by, list) else [by]
        unique = given.raw.get("unique")
        return Batch(
            limit,
            given.size("bytes"),
            given.size("item_bytes"),
            given.seconds("wait"),
            tuple(self.language.value(one, (*given.path, "by", at), names) for at, one in enumerate(listed)),
            self.language.value(unique, (*given.path, "unique"), names) if unique is not None else None,
        )
