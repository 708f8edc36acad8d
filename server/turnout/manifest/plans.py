"""A manifest compiled, without settings: the functions of every action, and how it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from turnout.manifest import grants, requests, results, signers
from turnout.manifest.compile import Program, compile_nodes
from turnout.manifest.hatch import CLOSED, Hatch
from turnout.manifest.model import ActionSpec, Auth, Limits, Manifest, Results, Rule, Send, Step
from turnout.manifest.nodes import TRUE, By, Choose, Listing, Node, Path, Shape, children
from turnout.manifest.reads import reads, roots

CHECK = "check"
PER = "limits!per"
"""What the manifest's rates are counted by; `prefix!per` and its place what those of a request are."""
_LOOP = frozenset({"it", "index"})
_ITEMS = frozenset({"item", "batch"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A condition that may turn an event away. `late`: it is asked for each item, because it reads it."""

    name: str
    code: str
    say: str
    late: bool
    must_hold: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One request and how its answer is judged; its functions are named `prefix!…` and `prefix?…`.

    `fixed`: all but the body is the same for every event. `passes`: items go into the body as they are. `limits` hold
    it up beside those of the destination.
    """

    prefix: str
    send: Send
    proof: Auth
    judging: results.Judging
    fixed: bool
    passes: bool
    limits: tuple[Limits, ...] = ()


@dataclass(frozen=True, slots=True)
class Leg:
    """One step: its request, None for a `drop`, and the functions beside it, named `prefix:…`.

    `reads_body`: a later step reads the answer's `body`.
    """

    step: Step
    prefix: str
    call: Call | None
    reads_body: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How one action is done. `loops`: the request reads what `each` binds. `maps`: an item holds something.

    `legs` are its steps, empty for a lone request; then `call` is the first of theirs.
    """

    spec: ActionSpec
    call: Call
    legs: tuple[Leg, ...]
    refusals: tuple[Refusal, ...]
    always: bool
    late_when: bool
    loops: bool
    maps: bool

    @property
    def calls(self) -> tuple[Call, ...]:
        """All its requests."""
        return tuple(leg.call for leg in self.legs if leg.call) or (self.call,)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What all destinations made from one manifest share."""

    manifest: Manifest
    program: Program
    plans: Mapping[str, Plan]
    check: Call | None
    setup: Plan | None = None


def compiled(manifest: Manifest, hatch: Hatch = CLOSED) -> Compiled:
    """Compile a manifest, with the functions in Python that it calls. Costs some milliseconds: do it once."""
    python = hatch.functions(manifest.source, manifest.hatch)
    nodes: dict[str, Node] = {}
    plans = {name: _plan(manifest, spec, nodes) for name, spec in manifest.actions.items()}
    check: Call | None = None
    if manifest.check:
        check = _call(manifest, manifest.check.send, manifest.results, CHECK, nodes)
        if manifest.check.ok:
            nodes[f"{CHECK}!ok"] = manifest.check.ok
            check = replace(check, judging=replace(check.judging, reads=True, reads_body=True))
    setup = _plan(manifest, manifest.setup, nodes) if manifest.setup else None
    if manifest.auth.grant:
        nodes |= grants.shapes(manifest, manifest.auth.grant)
    if manifest.limits.per and not manifest.limits.asks:
        nodes[PER] = manifest.limits.per
    return Compiled(manifest, compile_nodes(nodes, manifest.lets, manifest.names, python), plans, check, setup)


def _call(
    manifest: Manifest, send: Send, base: Results, prefix: str, nodes: dict[str, Node], own: Limits | None = None
) -> Call:  # fmt: skip
    limits = tuple(each for each in (own, manifest.limits if manifest.limits.asks else None) if each and each.holds)
    nodes |= {f"{prefix}!per{place}": each.per for place, each in enumerate(limits) if each.per}
    proof = send.auth or manifest.auth
    rules = send.results.over(base)
    if send.kind == "graphql":
        rules = rules.over(results.GRAPHQL)
    reset = manifest.limits.reset
    asked = requests.shapes(send, manifest, proof=proof)
    judged = results.shapes(rules, reset)
    signed = signers.shapes(proof.signers)
    nodes |= {f"{prefix}!{name}": node for name, node in asked.items()}
    nodes |= {f"{prefix}!{name}": node for name, node in signed.items()}
    nodes |= {f"{prefix}?{name}": node for name, node in judged.items()}
    body = asked.pop("body", None)
    head = _roots(manifest, *asked.values())
    passes = body is not None and send.kind in {"json", "ndjson"} and _passes(manifest, body)
    return Call(
        prefix,
        send,
        proof,
        results.judging(rules, send, manifest.profile, reset, manifest.lets),
        fixed=head <= {"settings"},
        passes=passes and not (head | _roots(manifest, *judged.values(), *signed.values())) & _ITEMS,
        limits=limits,
    )


def _passes(manifest: Manifest, node: Node) -> bool:
    """Tell whether a body only places items, and never looks into one: then they need not be encoded again."""
    inside: tuple[Node, ...]
    match node:
        case Path("item" | "batch", ()) | Path("batch", ("0",)):
            return True
        case Shape():
            inside = tuple(part for _, part in node.entries)
        case Listing():
            inside = node.parts
        case Choose():
            inside = (node.then, node.other)
        case By():
            inside = (*(one for _, one in node.cases), node.other)
        case _:
            inside = ()
    others = (each for each in children(node) if each not in inside) if inside else (node,)
    return all(_passes(manifest, each) for each in inside) and not _roots(manifest, *others) & _ITEMS


def _plan(manifest: Manifest, spec: ActionSpec, nodes: dict[str, Node]) -> Plan:
    name = spec.name
    legs = _legs(manifest, spec, nodes)
    base = spec.results.over(manifest.results)
    call = next((leg.call for leg in legs if leg.call), None) or _call(
        manifest, spec.send, base, name, nodes, spec.limits
    )  # fmt: skip
    own = (name, *(leg.prefix for leg in legs))
    asked = [node for key, node in nodes.items() if _is_of(key, own) and not _is_listed(key)]
    read = _roots(manifest, *asked)
    batch = spec.batch
    if batch:
        nodes |= {f"{name}.by{place}": node for place, node in enumerate(batch.by)}
        nodes[f"{name}.max"] = batch.limit
        read |= _roots(manifest, *batch.by, *((batch.unique,) if batch.unique else ()))
    if batch and batch.unique:
        nodes[f"{name}.unique"] = batch.unique
    nodes[f"{name}.when"] = spec.when
    if spec.each:
        nodes[f"{name}.each"] = spec.each
    if spec.once:
        nodes[f"{name}.once"] = spec.once.key
    nodes[f"{name}.item"] = spec.item or Path("it" if spec.each else "event")
    refusals = (
        *_refusals(manifest, name, "skip", spec.skip, nodes),
        *_refusals(manifest, name, "require", spec.require, nodes),
    )
    return Plan(
        spec,
        call,
        legs,
        refusals,
        always=spec.when is TRUE,
        late_when=bool(_roots(manifest, spec.when) & _LOOP),
        loops=spec.each is not None and bool(read & _LOOP),
        maps=bool(spec.item or spec.each or read & {"item", "batch"}),
    )


def _legs(manifest: Manifest, spec: ActionSpec, nodes: dict[str, Node]) -> tuple[Leg, ...]:
    """Compile the steps of an action."""
    base = spec.results.over(manifest.results)
    found = []
    for step in spec.steps:
        prefix = f"{spec.name}/{step.name}"
        own = step.limits if step.limits.holds else spec.limits
        call = _call(manifest, step.send, base, prefix, nodes, own) if step.send else None
        beside = {"when": step.when, "drop": step.drop, "each": step.each, **_saves("save", step.save)}
        beside["cache"] = step.cache.key if step.cache else None
        beside |= {"next": step.pages.next, "items": step.pages.items} if step.pages else {}
        beside["until"] = step.poll.until if step.poll else None
        for catch in step.catches:
            beside |= _saves(f"catch.{min(catch.statuses)}", catch.save)
        nodes |= {f"{prefix}:{word}": node for word, node in beside.items() if node is not None}
        reads_answer = bool(step.save or step.pages or step.poll or any(catch.save for catch in step.catches))
        if call and reads_answer:
            call = replace(call, judging=replace(call.judging, reads=True, reads_body=True))
        found.append(Leg(step, prefix, call, reads_body=False))
    bodies = {
        path[1]
        for leg in found
        for key, node in nodes.items()
        if _is_of(key, (leg.prefix,))
        for path in reads(node, manifest.lets)
        if path[0] == "steps" and path[2:3] in {("body",), ()}
    }
    return tuple(_read(leg) if leg.step.name in bodies else leg for leg in found)


def _read(leg: Leg) -> Leg:
    """Let a step keep the body of its answer."""
    assert leg.call is not None
    return replace(
        leg, reads_body=True, call=replace(leg.call, judging=replace(leg.call.judging, reads=True, reads_body=True))
    )


def _saves(word: str, saved: tuple[tuple[str, Node], ...]) -> dict[str, Node | None]:
    return {f"{word}.{name}": node for name, node in saved}


def _is_listed(key: str) -> bool:
    """Tell a rule for single items of an answer: what it reads of a loop is bound by the answer's own."""
    return "?" in key and key.rpartition("?")[2][:1].isdigit()


def _is_of(key: str, prefixes: tuple[str, ...]) -> bool:
    """Tell whether a value belongs to one of these requests."""
    return key.startswith(tuple(f"{prefix}{mark}" for prefix in prefixes for mark in "!?:"))


def _roots(manifest: Manifest, *nodes: Node) -> frozenset[str]:
    return frozenset(root for node in nodes for root in roots(node, manifest.lets))


def _refusals(
    manifest: Manifest, name: str, word: str, rules: tuple[Rule, ...], nodes: dict[str, Node]
) -> tuple[Refusal, ...]:
    found = []
    for place, rule in enumerate(rules):
        key = f"{name}.{word}{place}"
        nodes[key] = rule.test
        late = bool(_roots(manifest, rule.test) & (_LOOP | {"item"}))
        if word == "skip":
            found.append(Refusal(key, "skipped", rule.say, late, must_hold=False))
        else:
            say = rule.say or f"it lacks what {rule.test.at} asks for"
            found.append(Refusal(key, "invalid", say, late, must_hold=True))
    return tuple(found)


def is_for(spec: ActionSpec, kind: str, name: str) -> bool:
    """Tell whether an action is for a call of this type and name."""
    names = spec.triggers.get(kind)
    if names is None or (names and name not in names):
        return False
    gone = spec.excepts.get(kind)
    return gone is None or (bool(gone) and name not in gone)
