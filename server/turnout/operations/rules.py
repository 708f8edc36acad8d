"""Rules that put live events into a test namespace, whatever door they come in by: add, list, remove.

A rule is one leaf of the configuration, numbered by the revision that added it; so whoever commits next, in any
process, goes by it. What is recorded already stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from turnout.clock import iso
from turnout.document import Document, Json, encode
from turnout.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from turnout.event import rules, stored
from turnout.event.accept import accept
from turnout.event.model import LIVE, Call, Caller, Kind, Namespace, Stored
from turnout.event.rules import By, Place, Rule
from turnout.guard import namespace
from turnout.guard.audit import Inverse
from turnout.guard.principal import Effect, Scope
from turnout.operations import names
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.store.session import NEWEST
from turnout.store.unit import Unit, View
from turnout.workspace import RULE, rule_body

ADD_NAME, REMOVE_NAME = "add_namespace_rule", "remove_namespace_rule"
MOST = 100
"""Rules of a workspace: each one is asked of every live event."""
RECENT = 100
"""Events looked back at, to say what a rule would have done: 4 ms."""
_SCOPES = frozenset({Scope.CONFIGURE, Scope.LIVE})
_LOOKS_AT = {
    By.ID: "a user or anonymous id like",
    By.EMAIL_DOMAIN: "an e-mail in",
    By.IP: "an address in",
}


@dataclass(frozen=True, slots=True)
class AddRule:
    """A rule to add: exactly one of the three patterns, and the test namespace it moves to."""

    id: str | None = None
    email_domain: str | None = None
    ip: str | None = None
    namespace: str = "test"


@dataclass(frozen=True, slots=True)
class RemoveRule:
    """The rule to remove, by its id."""

    rule_id: str


@dataclass(frozen=True, slots=True)
class Adding:
    """What will be added, and how many of the last live events it would have moved."""

    by: By
    pattern: str
    to: Namespace
    moves: int
    of: int


def listing(view: View) -> Document:
    """List the rules in the order in which they are asked."""
    rows: list[Json] = [{"rule_id": names.of_rule(each.number), **_told(each)} for each in view.workspace.rules]
    return {"summary": f"{counted(len(rows), 'rule')}; the first that fits decides.", "rules": rows}


def plan_add(view: View, request: AddRule, _: Calling) -> Adding:
    """Read it and hold it against the others. Raises: InvalidInput, Conflict, LimitExceeded."""
    given = ((By.ID, request.id), (By.EMAIL_DOMAIN, request.email_domain), (By.IP, request.ip))
    asked = [(by, text) for by, text in given if text is not None]
    if len(asked) != 1:
        raise InvalidInput("A rule looks at one thing: give exactly one of `id`, `email_domain` and `ip`.")
    [(by, text)] = asked
    to = namespace.namespace(request.namespace)
    if to == LIVE:
        raise InvalidInput("A rule moves events to a test namespace, such as `test`; it never makes one live.")
    there = view.workspace.rules
    wanted = Rule(0, by, rules.read(by, text), to, view.now)
    if (earlier := next((each for each in there if rules.covers(each, wanted)), None)) is not None:
        raise Conflict(
            f"{names.of_rule(earlier.number)} ({earlier.by} {earlier.pattern}) moves all of these to {earlier.to} "
            "already, and is asked first: remove it, or leave this one out."
        )
    if len(there) >= MOST:
        raise LimitExceeded(f"There are {MOST} rules, as many as there may be: remove one.", limit=MOST, unit="rules")
    return Adding(by, wanted.pattern, to, *_looked_back(view, wanted))


def apply_add(unit: Unit, adding: Adding, calling: Calling) -> Applied:
    """Add it; it is asked last."""
    number = unit.entities.revise(calling.principal.name, calling.operation)
    rule = Rule(number, adding.by, adding.pattern, adding.to, unit.now)
    unit.entities.put(RULE, str(number), rule_body(rule))
    key = names.of_rule(number)
    said = f"From now on live events with {_events(rule)} go to the namespace {rule.to} ({key}). {_back(adding)}"
    told: Document = {"summary": f"{said} What is recorded already stays where it is.", "rule_id": key, **_told(rule)}
    return Applied(told, inverse=Inverse(REMOVE_NAME, {"rule_id": key}))


def effect_add(adding: Adding) -> Effect:
    """Reach what is live, and where it goes."""
    return Effect(namespaces=frozenset({LIVE, adding.to}))


def show_add(adding: Adding) -> Shown:
    """Put it in words."""
    rule = Rule(0, adding.by, adding.pattern, adding.to, 0)
    return Shown(
        f"Live events with {_events(rule)} would go to the namespace {rule.to} from then on. {_back(adding)}",
        {"by": str(rule.by), "pattern": rule.pattern, "namespace": rule.to, "moves": adding.moves, "of": adding.of},
    )


def plan_remove(view: View, request: RemoveRule, _: Calling) -> Rule:
    """Find it. Raises: NotFound, with the rules there are."""
    there = {names.of_rule(each.number): each for each in view.workspace.rules}
    if (found := there.get(request.rule_id)) is None:
        raise NotFound.named("rule", request.rule_id, [*there])
    return found


def apply_remove(unit: Unit, rule: Rule, calling: Calling) -> Applied:
    """Remove it."""
    unit.entities.revise(calling.principal.name, calling.operation)
    unit.entities.remove(RULE, str(rule.number))
    key = names.of_rule(rule.number)
    said = f"{key} was removed: it moves live events with {_events(rule)} no more. Added again, it would be asked last."
    inverse = Inverse(ADD_NAME, {str(rule.by): rule.pattern, "namespace": rule.to})
    return Applied({"summary": said, "rule_id": key, **_told(rule)}, inverse=inverse)


def effect_remove(rule: Rule) -> Effect:
    """Reach what would be live again, and where it went."""
    return Effect(namespaces=frozenset({LIVE, rule.to}))


def show_remove(rule: Rule) -> Shown:
    """Put it in words."""
    key = names.of_rule(rule.number)
    said = f"{key} would be removed: live events with {_events(rule)} would go to {rule.to} no more."
    return Shown(said, {"rule_id": key, **_told(rule)})


ADD: Operation[AddRule, Adding] = Operation(ADD_NAME, _SCOPES, plan_add, apply_add, effect_add, show_add)
REMOVE: Operation[RemoveRule, Rule] = Operation(
    REMOVE_NAME, _SCOPES, plan_remove, apply_remove, effect_remove, show_remove
)


def _looked_back(view: View, wanted: Rule) -> tuple[int, int]:
    """Count the latest live events that a rule would have moved, and all of them."""
    place = rules.place([wanted])
    recent = [each for each in view.log.back(NEWEST, RECENT) if each.namespace == LIVE and not each.blank]
    return sum(_moves(place, each) for each in recent), len(recent)


def _moves(place: Place | None, event: Stored) -> bool:
    """Take a stored event in again like the door did."""
    text = encode(stored.document(event.body, event.meta, received=event.received, kind=event.kind))
    caller = Caller(event.source, LIVE, event.received)
    (made,) = accept((Call(text, Kind(event.kind)),), caller, fresh_id=lambda: "", place=place)
    return made.namespace != LIVE


def _told(rule: Rule) -> Document:
    return {"by": str(rule.by), "pattern": rule.pattern, "namespace": rule.to, "created_at": iso(rule.created)}


def _events(rule: Rule) -> str:
    return f"{_LOOKS_AT[rule.by]} {rule.pattern}"


def _back(adding: Adding) -> str:
    if not adding.of:
        return "No live event was recorded lately that it could be held against."
    return f"It would have moved {adding.moves} of the last {counted(adding.of, 'live event')}."
