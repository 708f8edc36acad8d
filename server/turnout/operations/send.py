"""Recording events: the tools that send, the command line's `send`; all of a call's events, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import msgspec
from typing_extensions import override

from turnout import document
from turnout.document import Document, Json
from turnout.errors import InvalidCall
from turnout.event.model import Call, Caller, Kind, Namespace, SourceId
from turnout.guard import idempotency, namespace
from turnout.guard.idempotency import Lasting
from turnout.guard.principal import Effect, Principal, Scope
from turnout.ingest import Recorded, ingest
from turnout.operations.counted import counted
from turnout.operations.model import Applied, Calling, Operation, Shown, Spoken
from turnout.store.unit import Unit, View

_ARGUMENTS = {"userId": "user_id", "anonymousId": "anonymous_id"}
_KINDS = {kind.value: kind for kind in Kind}
EVENTS_MAX = 500
OWN_SOURCE = SourceId(1)
"""The source of what tools and the command line send: the first one of a workspace."""


@dataclass(frozen=True, slots=True)
class Send(Spoken):
    """Calls in Segment's shape; `namespace` is empty for the caller's own. `alone`: of a tool that sends one."""

    events: tuple[Mapping[str, Json], ...]
    namespace: str = ""
    alone: bool = False

    @override
    def arguments(self) -> Mapping[str, Json]:
        """Give the arguments as the caller knows them: the one call's own fields, or the list."""
        if not self.alone:
            return {"events": self.events, "namespace": self.namespace}
        named = {_ARGUMENTS.get(name, name): value for name, value in self.events[0].items() if value is not None}
        return {**named, "namespace": self.namespace}


class Sending(msgspec.Struct, frozen=True, gc=False):
    """What will be recorded, and where."""

    calls: tuple[Call, ...]
    namespace: Namespace


def plan(view: View, request: Send, calling: Calling) -> Sending:
    """Give each call its message id: the one that guard, log and destinations know it by."""
    if not request.events:
        raise InvalidCall("No event was given: expected 1 to 500 Segment calls in `events`.")
    if len(request.events) > EVENTS_MAX:
        raise InvalidCall(f"{len(request.events)} events were given: expected at most {EVENTS_MAX}. Split the call.")
    where = namespace.choose(request.namespace, calling.principal.default_namespace)
    calls = tuple(_call(view, event, index, calling) for index, event in enumerate(request.events))
    return Sending(calls, where)


def apply(unit: Unit, sending: Sending, _: Calling) -> Applied:
    """Record all, or none. Raises: InvalidCall, naming each call at fault."""
    receipt = ingest(unit, sending.calls, Caller(OWN_SOURCE, sending.namespace, unit.now))
    faults = [(index, entry) for index, entry in enumerate(receipt.entries) if not isinstance(entry, Recorded)]
    if faults:
        told = "; ".join(f"event {index}: {entry.reason}: {entry.say}" for index, entry in faults[:5])
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""  # noqa: PLR2004 - as many as are told
        alone = faults[0][1] if len(receipt.entries) == 1 else None
        raise InvalidCall(f"{alone.reason}: {alone.say}" if alone else f"Nothing was stored. {told}{more}")
    recorded = [entry for entry in receipt.entries if isinstance(entry, Recorded)]
    spaces = {entry.namespace for entry in recorded}
    space = spaces.pop() if len(spaces) == 1 else sending.namespace
    events: list[Json] = [_row(entry, space) for entry in recorded]
    return Applied(
        {"summary": _said(recorded, sending.namespace), "namespace": space, "events": events},
        receipt.first,
        receipt.last,
    )


def effect(sending: Sending) -> Effect:
    """Say which namespace is written."""
    return Effect(namespaces=frozenset({sending.namespace}))


def show(sending: Sending) -> Shown:
    """Put it in words."""
    return Shown(f"{counted(len(sending.calls), 'event')} would be recorded in the namespace {sending.namespace}.")


def fill(request: Send, principal: Principal) -> Send:
    """Write the namespace out."""
    return Send(request.events, request.namespace or principal.default_namespace, request.alone)


@cache
def operation(name: str) -> Operation[Send, Sending]:
    """Give the operation under the name of the tool that sends: keys are the tool's own."""
    return Operation(
        name,
        frozenset({Scope.TRACK}),
        plan,
        apply,
        effect,
        show,
        lasting=Lasting.EVENTS,
        sends=True,
        audited=False,
        fill=fill,
    )


def _row(entry: Recorded, space: Namespace) -> Document:
    """Tell one event; its namespace, where that is not the answer's."""
    row: Document = {"message_id": entry.message_id[:256]}
    if entry.repeated:
        row["replayed"] = True
    if entry.namespace != space:
        row["namespace"] = entry.namespace
    return row


def _said(recorded: list[Recorded], space: Namespace) -> str:
    if not any(each.repeated or each.namespace != space for each in recorded):
        return f"{counted(len(recorded), 'event was', 'events were')} recorded in the namespace {space}."
    fresh = [each for each in recorded if not each.repeated]
    differ = sum(each.differs for each in recorded)
    moved = Counter(each.namespace for each in fresh if each.namespace != space)
    stayed = len(fresh) - moved.total()
    said = [f"{counted(stayed, 'event was', 'events were')} recorded in the namespace {space}."]
    said = [] if moved and not stayed else said
    said += [
        f"{counted(n, 'event was', 'events were')} recorded in the namespace {to}, where a rule of the workspace moved "
        f"{'it' if n == 1 else 'them'}."
        for to, n in sorted(moved.items())
    ]
    if len(recorded) > len(fresh):
        said.append(f"{len(recorded) - len(fresh)} had a message id that was seen before: the first stays.")
    if differ:
        said.append(f"Of these, {differ} had another body than the first; give such events ids of their own.")
    return " ".join(said)


def _call(view: View, event: Mapping[str, Json], index: int, calling: Calling) -> Call:
    body: Document = {name: value for name, value in event.items() if value is not None}
    kind, given = event.get("type"), event.get("messageId")
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    try:
        text = document.encode(body)
    except TypeError:
        raise InvalidCall(
            f"event {index} holds what JSON cannot say: a number beyond 64 bits, NaN, or text that is no Unicode"
        ) from None
    if isinstance(given, str) and given:
        return Call(text, known)
    made = idempotency.message_id(
        view.counter.workspace,
        calling.principal.name,
        calling.operation,
        calling.key,
        first_used=calling.used,
        index=index,
    )
    return Call(text, known, made)
