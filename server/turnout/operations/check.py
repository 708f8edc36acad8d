"""Testing a destination: its credentials and address, by a harmless request of the vendor's own. No event is sent.

The desk drives the talk; here stands who may, and what its end means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from turnout.delivery.eyes import Eyes
from turnout.document import Document
from turnout.event.model import LIVE
from turnout.exchange import NEVER_LEFT, Class, FaultKind, Moment, Outcome
from turnout.guard.principal import Principal, Scope, permit, reach
from turnout.operations.reader import Reader
from turnout.operations.terms import reached
from turnout.routing import Bound
from turnout.store.unit import View
from turnout.workspace import Destination, Receives

NAME = "test_destination"
_PLAIN_FAULTS = frozenset(str(kind) for kind in (*NEVER_LEFT, FaultKind.DISK))
"""Nothing is in doubt after these: it could not be reached, or written."""

_FILE_FAULTS = frozenset({str(FaultKind.DISK), str(FaultKind.FORBIDDEN_PATH)})


@dataclass(frozen=True, slots=True)
class Check:
    """Which destination to test: its name, id or slug."""

    destination: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A destination ready to be tested."""

    bound: Bound


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test ended: None, the vendor offers none. `trouble`: there is no token, and why."""

    outcome: Outcome | None
    took_ms: int = 0
    trouble: str = ""


NO_TOKEN = Outcome(Class.CREDENTIALS, "no_token")


def find(view: View, eyes: Eyes, principal: Principal, name: str) -> Checked:
    """Find and bind it. Raises: Denied, NotFound, and why it cannot be spoken to."""
    permit(principal, frozenset({Scope.OPERATE}))
    destination = view.workspace.destination(name)
    reach(principal, reached(destination))
    bound = eyes.bound(view, destination, view.counter.revision)
    if not isinstance(bound, Bound):
        raise bound.with_traceback(None)
    return Checked(bound)


def told(checked: Checked, tried: Tried, reader: Reader) -> Document:
    """Say how it ended."""
    name, outcome = checked.bound.destination.name, tried.outcome
    if outcome is None:
        return _unoffered(checked.bound.destination)
    ok = passed(outcome)
    answer: Document = {"summary": f"{name!r}: {tried.trouble or _says(outcome)}", "destination": name}
    if ok is not None:
        answer["ok"] = ok
    if not ok:
        answer["reason"] = reason(outcome)
    if outcome.status:
        answer["status"] = outcome.status
    answer["took_ms"] = tried.took_ms
    if outcome.text:
        answer["untrusted"] = reader.document({"answer": outcome.text})
    if outcome.what is Class.CREDENTIALS and not tried.trouble:
        why = "takes new credentials, in `settings`"
        arguments: Document = {"destination": checked.bound.destination.id}
        answer["next"] = [{"tool": "update_destination", "arguments": arguments, "why": why}]
    return answer


def passed(outcome: Outcome) -> bool | None:
    """Tell whether a test was passed; None when its answer leaves that open."""
    match outcome.what:
        case Class.SUCCESS:
            return True
        case Class.CREDENTIALS | Class.FINAL | Class.SPLIT | Class.PAUSE:
            return False
        case Class.RETRY | Class.UNKNOWN | Class.LATER:
            return False if outcome.code in _PLAIN_FAULTS else None
    assert_never(outcome.what)


def reason(outcome: Outcome) -> str:
    """Give the reason in one word."""
    return "credentials" if outcome.what is Class.CREDENTIALS and outcome is not NO_TOKEN else outcome.code


def _says(outcome: Outcome) -> str:
    match passed(outcome):
        case False if outcome.code in _FILE_FAULTS:
            return f"the file cannot be written ({outcome.code}). Correct the path or what is there, then test again."
        case True:
            return "the test passed."
        case None:
            return f"the test has no result ({outcome.code}); test again in a minute."
        case _ if outcome.what is Class.CREDENTIALS:
            return "the vendor refused the credentials. Give new ones, then test again."
        case _ if outcome.code in _PLAIN_FAULTS:
            return f"it could not be reached ({outcome.code}). Correct the address in the settings, then test again."
        case _:
            return f"the test failed ({outcome.code}). Read what it answered, correct the settings, then test again."


def asking(destination: str) -> Document:
    """Give the call that tests the credentials of a destination."""
    why = "checks its credentials and address; no event is sent"
    return {"tool": NAME, "arguments": {"destination": destination}, "why": why}


def looking(destination: str) -> Document:
    """Give the call that tells as much where there is no test: the events that came to it."""
    why = "lists what came to it, and how that ended there"
    return {"tool": "find_events", "arguments": {"destination": destination}, "why": why}


def is_offered(view: View, eyes: Eyes, destination: Destination) -> bool:
    """Tell whether its credentials can be tested."""
    bound = eyes.bound(view, destination, view.counter.revision)
    return isinstance(bound, Bound) and bound.target.check(Moment(view.now, "")) is not None


_THEN = {True: "at what became of its events", False: "send one event and wait for its verdict"}


def _unoffered(destination: Destination) -> Document:
    """Lead to what else tells: a preview, and one event or, where it receives no test, those that came."""
    name, live = destination.name, destination.receives is Receives.LIVE
    preview: Document = {"type": "track", "event": "Test", "user_id": "test", "destination": name}
    sent: Document = {"event": "Test", "user_id": "test", "wait_seconds": 10}
    send: Document = {"tool": "track_event", "arguments": sent, "why": "sends one event, and tells its verdicts"}
    return {
        "summary": f"{name!r}: the vendor offers no test of credentials, so nothing was asked.",
        "destination": name,
        "reason": f"not_offered: look at a preview, then {_THEN[live]}",
        "next": [
            {
                "tool": "preview_event",
                "arguments": preview | ({"namespace": LIVE} if live else {}),
                "why": "shows what it would get; nothing is sent",
            },
            looking(name) if live else send,
        ],
    }
