"""What to do next about an event, as calls that are ready to be made: only those that the reader may make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from turnout.clock import iso
from turnout.delivery.eyes import Eyes
from turnout.delivery.verdict import Verdict
from turnout.document import Document, Json
from turnout.event.model import LIVE, Stored
from turnout.guard.principal import Scope
from turnout.operations import check
from turnout.operations.finds import by_id, journey_of
from turnout.operations.question import MATCHES, Trace
from turnout.operations.reader import Reader
from turnout.operations.standing import Standing
from turnout.store.lanes import LaneState
from turnout.store.unit import View
from turnout.workspace import Destination, Receives

CALLS = 3
_AGAIN = frozenset(
    {
        "refused",
        "expired",
        "redirect",
        "blocked_address",
        "action_gone",
        "credentials",
        "blocked_path",
        "connected_later",
    }
)
"""Reasons after which a replay sends it, once the cause is mended."""
_LOOK = frozenset({"invalid", "too_large", "filtered", "source", "unsupported_call", "no_match", "skipped"})
"""Reasons that stand in the destination's description."""
_TROUBLE = frozenset({"trouble", "credentials", "gone"})


@dataclass(frozen=True, slots=True)
class _Stuck:
    """An event that a connected destination has not delivered.

    `tests`: its credentials can be tested; `alone`: no other destination is told of, so all is said of this one.
    """

    reader: Reader
    event: Stored
    standing: Standing
    destination: Destination
    tests: bool
    alone: bool

    def may(self, scope: Scope, *, live: bool = False) -> bool:
        """Tell whether the reader may do this to the destination; `live`: it reaches live events besides."""
        scopes = self.reader.principal.scopes
        reached = live or self.destination.receives is not Receives.TEST
        return scope in scopes and (not reached or Scope.LIVE in scopes)


def calls(
    view: View, eyes: Eyes, reader: Reader, request: Trace, stands: Sequence[Standing], found: Sequence[Stored]
) -> list[Json] | None:
    """Give the calls that mend it, the most pressing first, and those that lead to the other events that fit."""
    event, others = found[0], _others(reader, request, found)
    destinations = view.workspace.by_lane()
    mending: list[Json] = []
    for each in sorted(stands, key=lambda each: _RANKS[each.worst.verdict]):
        if (destination := destinations.get(each.lane.lane)) is not None:
            tests = check.is_offered(view, eyes, destination)
            mending += list(_mend(_Stuck(reader, event, each, destination, tests=tests, alone=len(stands) == 1)))[:1]
    return [*mending[: CALLS - len(others)], *others] or None


_RANKS = {
    Verdict.DISCARDED: 0,
    Verdict.PAUSED: 1,
    Verdict.WAITING: 2,
    Verdict.NOT_SENT: 3,
    Verdict.CANCELLED: 4,
    Verdict.DELIVERED: 5,
}


def _mend(stuck: _Stuck) -> Iterator[Document]:
    """Give what mends one delivery, the best first."""
    worst, lane, name = stuck.standing.worst, stuck.standing.lane, stuck.destination.id
    if worst.verdict is Verdict.DELIVERED:
        return
    if worst.verdict is Verdict.PAUSED and lane.state is LaneState.PAUSED and stuck.may(Scope.OPERATE):
        resume: Document = {"destination": name, "action": "resume"}
        yield {"tool": "update_destination", "arguments": resume, "why": "It reads on from where it stopped."}
    message_id = by_id(stuck.event)
    kept = message_id and stuck.reader.text(message_id) == message_id
    if worst.verdict is Verdict.WAITING and lane.reason in _TROUBLE:
        yield from _trouble(stuck, message_id if kept else "")
    if worst.reason in _AGAIN and kept and stuck.may(Scope.OPERATE, live=stuck.event.namespace == LIVE):
        again: Document = {"destination": name, "message_ids": [message_id], "namespace": stuck.event.namespace}
        yield {"tool": "replay_events", "arguments": again, "why": "Sends it again, once the cause is mended."}
    if worst.reason == "namespace" and stuck.may(Scope.CONFIGURE, live=True):
        all_of: Document = {"destination": name, "receives": "all", "dry_run": True}
        why = "Shows what it would mean if the destination received live and test events."
        yield {"tool": "update_destination", "arguments": all_of, "why": why}
    if worst.reason in _LOOK or (worst.verdict is Verdict.PAUSED and lane.state is LaneState.RUNNING):
        why = "Shows its settings and filter, which calls it is for, and what it refuses."
        yield {"tool": "describe_destination", "arguments": {"destination": name}, "why": why}


def _trouble(stuck: _Stuck, message_id: str) -> Iterator[Document]:
    """Give what tells why the requests of a destination fail: a test, its attempts, or what it is set to."""
    name: Document = {"destination": stuck.destination.id}
    if stuck.tests and stuck.may(Scope.OPERATE):
        why = "Checks its credentials and address; no event is sent."
        yield {"tool": "test_destination", "arguments": name, "why": why}
    if message_id and not stuck.alone:
        only: Document = {"message_id": message_id, **name}
        yield {"tool": "debug_event_delivery", "arguments": only, "why": "Shows each attempt, and what it answered."}
    yield {"tool": "describe_destination", "arguments": name, "why": "Shows the settings that it is spoken to with."}


def _others(reader: Reader, request: Trace, found: Sequence[Stored]) -> list[Json]:
    """Lead to the other events that fit: the one before, and the list of all."""
    told: list[Json] = []
    if request.message_id:
        return told
    if len(found) > 1 and (message_id := by_id(found[1])) and reader.text(message_id) == message_id:
        told.append(journey_of(message_id, f"The one before it, received {iso(found[1].received)}."))
    if len(found) > 1 + len(told) and (request.user_id or request.anonymous_id):
        arguments: Document = {
            name: value
            for name in ("user_id", "anonymous_id", "event", "namespace")
            if (value := str(getattr(request, name)))
        }
        many = f"more than {MATCHES}" if len(found) > MATCHES else str(len(found))
        told.append({"tool": "find_events", "arguments": arguments, "why": f"Lists them: {many}."})
    return told
