"""Suppressing and erasing a person: accepted here, carried out by `upkeep.erase`, step by step.

The accepting commit suppresses every identifier of the person, cuts them off it so that nothing new joins what
goes, and cancels what a few events are owed; from then on no lane sends anything of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from turnout import erasure
from turnout.delivery import endings, notices, verdict
from turnout.delivery.eyes import Eyes
from turnout.document import Document, Json
from turnout.erasure import Kind, Step
from turnout.errors import InvalidInput, NotFound
from turnout.event.model import LIVE, TEST, Namespace
from turnout.guard import namespace
from turnout.guard.principal import Effect, Principal, Scope, permit
from turnout.identity.model import Identifier, IdType
from turnout.operations import told
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.operations.proof import proof
from turnout.operations.whose import Whose
from turnout.store.privacy import Regulation
from turnout.store.session import NEWEST
from turnout.store.unit import Unit, View
from turnout.upkeep import needles

NAME = "request_deletion"
AT_ONCE = 100
"""Events of which the accepting commit cancels what is owed; of more of them upkeep does it."""
_ID_BYTES = 9


@dataclass(frozen=True, slots=True)
class Deletion:
    """Whom it is about, by exactly one of three identifiers, and what is asked for."""

    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    kind: str = Kind.BOTH
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Deleting:
    """What will be done. `person` is 0 for somebody unknown; `identifiers` are all of theirs, with the given one."""

    kind: Kind
    namespace: Namespace
    person: int
    identifiers: tuple[Identifier, ...]
    keys: tuple[bytes, ...]
    events: int
    destinations: tuple[Step, ...]
    elsewhere: tuple[str, ...] = ()
    """Where somebody has the identifier, and not here: told to who may read."""


def plan(eyes: Eyes, view: View, request: Deletion, calling: Calling) -> Deleting:
    """Find the person and count. Raises: Denied; InvalidInput; NotFound where there is nothing to lift."""
    kind = _kind(request.kind)
    space = namespace.choose(request.namespace or "", calling.principal.default_namespace)
    permit(calling.principal, frozenset(), space)  # first: who may not is told nothing of who is there
    given = _given(request, space)
    person = int(view.people.owner(given) or 0)
    known = view.people.get(person).identifiers if person else ()
    identifiers = tuple(dict.fromkeys((given, *known)))
    keys = tuple(view.vault.identifier(each) for each in identifiers)
    if kind is Kind.UNSUPPRESS:
        keys = _suppressed_with(view, given, keys, calling.principal)
    events = view.history.count(view.people.selves(person)) if person else 0
    elsewhere = () if person or Scope.READ not in calling.principal.scopes else _elsewhere(view, given)
    return Deleting(kind, space, person, identifiers, keys, events, told.destinations(eyes, view, space), elsewhere)


def _elsewhere(view: View, given: Identifier) -> tuple[str, ...]:
    """Name the other namespaces in which somebody has this identifier: the wrong one is easily asked for."""
    spaces = [Namespace(name) for name, _ in view.log.namespaces() if name != given.namespace]
    return tuple(each for each in spaces if view.people.owner(given._replace(namespace=each)) is not None)


def apply(unit: Unit, deleting: Deleting, _: Calling) -> Applied:
    """Accept it: what must hold from now on holds with this commit."""
    key = f"del_{unit.session.entropy.token(_ID_BYTES).hex()}"
    kind, person = deleting.kind, deleting.person
    if kind.suppresses:
        unit.privacy.suppress(deleting.keys, key)
    elif kind is Kind.UNSUPPRESS:
        unit.privacy.unsuppress(deleting.keys)
    unit.privacy.raise_generation()
    until = unit.counter.seq - 1
    cancelled = _cancel(unit, deleting)
    sealed = needles.seal(unit, key, [each.value for each in deleting.identifiers]) if kind.erases else ""
    telling = notices.gather(unit, person, deleting.identifiers) if kind.erases else ()  # before they are erased
    if kind.erases and person:
        unit.people.cut(person)
    ids = {"identifiers": len(deleting.keys)}
    did = {erasure.SUPPRESSION: ids, erasure.PROFILE: ids, erasure.CANCEL: {"cancelled": cancelled}}
    steps = erasure.begin(kind, sealed, deleting.destinations, did, notices.seal(unit, key, telling))
    barred = person if kind is not Kind.UNSUPPRESS else 0
    regulation = Regulation(
        key, unit.now, kind, deleting.namespace, erasure.status(steps), barred, b"".join(deleting.keys), until,
        erasure.write(steps), None,
    )  # fmt: skip
    unit.privacy.put(regulation)
    return Applied(_answer(unit, regulation))


def effect(deleting: Deleting) -> Effect:
    """Say whose namespace it is."""
    return Effect(namespaces=frozenset({deleting.namespace}))


def show(deleting: Deleting) -> Shown:
    """Put it in words; what cannot be undone needs a yes."""
    n, ids = counted(deleting.events, "event"), counted(len(deleting.keys), "identifier")
    what = {
        Kind.BOTH: f"{n} and {ids} would be erased, and events of this person refused from now on",
        Kind.ERASE: f"{n} and {ids} would be erased; events that come later are stored again",
        Kind.SUPPRESS: f"events with any of {ids} would be refused from now on; what is stored stays ({n})",
        Kind.UNSUPPRESS: f"events with any of {ids} would be taken again",
    }[deleting.kind]
    there = f", but in {', '.join(deleting.elsewhere)} somebody is" if deleting.elsewhere else " yet"
    who = "" if deleting.person else f" Nobody with this identifier is known there{there}."
    listed: Document = {
        "namespace": deleting.namespace,
        "events": deleting.events,
        "identifiers": len(deleting.keys),
        "destinations": [told.shown(each) for each in deleting.destinations],
    }
    warned = told.summary(deleting.destinations) if deleting.kind.erases else ""
    return Shown(
        f"In the namespace {deleting.namespace}, {what}.{who}{warned}",
        listed,
        "Erasing cannot be undone." if deleting.kind.erases else "",
    )


def undoing(told: Document, request: Deletion) -> Document:
    """Add the call that takes a suppression, or its lifting, back; whom it names is nowhere stored.

    Of an id that cannot be shown as it is there is none: it would name somebody else.
    """
    back = {Kind.SUPPRESS: Kind.UNSUPPRESS, Kind.UNSUPPRESS: Kind.SUPPRESS}.get(Kind(request.kind))
    if back is None or "deletion_id" not in told:
        return told
    names = ("user_id", "anonymous_id", "email", "namespace")
    whom: Document = {name: value for name in names if (value := getattr(request, name))}
    if not all(str(value).isprintable() for value in whom.values()):
        return told
    call: Document = {"tool": NAME, "arguments": {**whom, "kind": back}, "why": "takes this change back"}
    return {**told, "next": [call]}


def get_deletion(view: View, deletion_id: str) -> Document:
    """Give the receipt of a deletion as it stands. Raises: NotFound."""
    found = view.privacy.get(deletion_id)
    if found is None:
        raise NotFound("no deletion has this deletion_id; request_deletion gave it")
    receipt = erasure.receipt(found.id, erasure.read(found.steps), suppressed=_is_suppressed(view, found))
    return {"summary": _said(found), **receipt, "proof": proof(view, found, receipt)}


def operation(eyes: Eyes) -> Operation[Deletion, Deleting]:
    """Give the operation; `eyes` bind destinations, to tell which of them can delete."""
    return Operation(NAME, frozenset({Scope.PRIVACY}), partial(plan, eyes), apply, effect, show, fill=fill)


def fill(request: Deletion, principal: Principal) -> Deletion:
    """Write the namespace out."""
    return replace(request, namespace=request.namespace or principal.default_namespace)


def _cancel(unit: Unit, deleting: Deleting) -> int:
    """Cancel what is owed of a person of few events, so that nobody sees it wait; give how many parts."""
    if deleting.events > AT_ONCE or deleting.kind is Kind.UNSUPPRESS:
        return 0
    code = verdict.CANCELLED_ERASED if deleting.kind.erases else verdict.CANCELLED_SUPPRESSED
    selves = unit.people.selves(deleting.person) if deleting.person else ()
    return endings.cancel(unit, unit.history.seqs(selves, 1, NEWEST, AT_ONCE), code)


def _kind(text: str) -> Kind:
    kinds = [str(kind) for kind in Kind if kind is not Kind.CLEAR]
    if text not in kinds:
        raise InvalidInput(f"`kind` is one of {', '.join(kinds)}; what was given is none of them.")
    return Kind(text)


def _given(request: Deletion, space: Namespace) -> Identifier:
    given = Whose(request.user_id or "", request.anonymous_id or "", request.email or "").given()
    if len(given) != 1:
        raise InvalidInput(
            f"{len(given)} identifiers were given: expected exactly one of user_id, anonymous_id, email."
        )
    kind, value = given[0]
    if kind is IdType.EMAIL and "@" not in value:
        raise InvalidInput("`email` is no address: it has no `@`.")
    return Identifier(space, kind, value)


def _suppressed_with(view: View, given: Identifier, keys: tuple[bytes, ...], who: Principal) -> tuple[bytes, ...]:
    """Give what was suppressed together with these identifiers: an erased person's are found by nothing else."""
    together = {key: None for each in keys for found in view.privacy.naming(each) for key in found.keys}
    lifted = tuple(key for key in dict.fromkeys((*keys, *together)) if view.privacy.suppressed_key(key))
    if not lifted:
        if other := _elsewhere_suppressed(view, given, who):
            raise NotFound(f"{_NOBODY} {given.namespace}, but in {other}", fix="Name the right one in `namespace`")
        raise NotFound(f"{_NOBODY} {given.namespace}; there is nothing to lift")
    return lifted


_NOBODY = "nobody with this identifier is suppressed in the namespace"


def _elsewhere_suppressed(view: View, given: Identifier, who: Principal) -> str:
    """Name to whom may read the namespaces where this identifier is suppressed."""
    if Scope.READ not in who.scopes:
        return ""
    spaces = dict.fromkeys([LIVE, TEST, *(Namespace(name) for name, _ in view.log.namespaces())])
    return ", ".join(each for each in spaces if view.privacy.suppressed(given._replace(namespace=each)))


def _answer(view: View, found: Regulation) -> Document:
    answer: dict[str, Json] = {"summary": _said(found), "deletion_id": found.id, "status": found.state}
    return {**answer, "suppressed": _is_suppressed(view, found)}


def _is_suppressed(view: View, found: Regulation) -> bool:
    return any(view.privacy.suppressed_key(key) for key in found.keys)


def _said(found: Regulation) -> str:
    what = {
        Kind.BOTH: "The suppression holds; the erasure",
        Kind.ERASE: "The erasure",
        Kind.SUPPRESS: "The suppression holds; its request",
        Kind.UNSUPPRESS: "The suppression is lifted; its request",
        Kind.CLEAR: "The clearing of the namespace",
    }[Kind(found.kind)]
    steps = erasure.read(found.steps)
    waits = [each.where for each in erasure.awaited(steps)] if erasure.next_step(steps) is None else []
    more = f"; all of ours is done, what is left is {', '.join(waits)}" if waits else ""
    there = erasure.at_destinations(steps) if Kind(found.kind).erases else ""
    return f"{what} is {found.state}{more}{f'; {there}' * bool(there)}."
