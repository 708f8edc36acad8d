"""A person's consent: the page where they agree, and the token that their code is given for.

The code and the token pass through, sealed at once; neither is an argument, so that no digest of one is kept.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import partial

from turnout.delivery.eyes import Eyes, held_of
from turnout.delivery.held import Held
from turnout.delivery.tokens import put
from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.exchange import Grant, Granted
from turnout.guard.principal import Effect, Principal, Scope, permit, reach
from turnout.operations.model import Applied, Calling, Operation, Shown
from turnout.operations.terms import reached
from turnout.routing import Bound
from turnout.store.lanes import LaneState
from turnout.store.unit import Unit, View
from turnout.workspace import Destination

NAME = "authorize_destination"
_BYTES = 32
"""Of a state and of a verifier. Source: RFC 7636, 4.1; RFC 9700, 4.7."""


@dataclass(frozen=True, slots=True)
class Authorize:
    """Which destination is consented to: its name, id or slug."""

    destination: str


@dataclass(frozen=True, slots=True)
class Asking:
    """A consent that was begun: `page` is for the person, `state` comes back with the code."""

    bound: Bound
    grant: Grant
    page: str
    state: str
    redirect: str
    verifier: str = field(repr=False)

    def brought(self, code: str) -> Document:
        """Give what the code is given back with."""
        return {"code": code, "redirect_uri": self.redirect, "code_verifier": self.verifier}


def begin(view: View, eyes: Eyes, principal: Principal, name: str, redirect: str) -> Asking:
    """Begin: where to agree. Raises: Denied, NotFound, InvalidInput where nobody needs to consent."""
    permit(principal, frozenset({Scope.CONFIGURE}))
    destination = view.workspace.destination(name)
    reach(principal, reached(destination))
    bound = eyes.bound(view, destination, view.counter.revision)
    if not isinstance(bound, Bound):
        raise bound.with_traceback(None)
    grant = bound.target.grant
    if grant is None or not grant.consent:
        raise InvalidInput(f"The destination {destination.name!r} needs no consent: its settings are all it takes.")
    state, verifier = (_text(view.session.entropy.token(_BYTES)) for _ in range(2))
    challenge = _text(hashlib.sha256(verifier.encode()).digest())
    page = grant.page({"redirect_uri": redirect, "state": state, "code_challenge": challenge})
    return Asking(bound, grant, page, state, redirect, verifier)


def plan(view: View, request: Authorize, calling: Calling) -> Destination:
    """Find it. Raises: NotFound."""
    del calling
    return view.workspace.destination(request.destination)


def apply(granted: Granted, unit: Unit, destination: Destination, calling: Calling) -> Applied:
    """Seal the token; what the lane waited for, it has."""
    del calling
    before = held_of(unit, destination.id)
    put(unit, destination.id, Held(before.number, consent=True).granted(granted, "", unit.now))
    lane = unit.lanes.of(destination.id)
    paused = lane is not None and lane.state is LaneState.PAUSED
    return Applied(
        {
            "summary": f"The destination {destination.name!r} has a person's consent."
            + (" It is paused: resume it." if paused else ""),
            "destination_id": destination.id,
            "name": destination.name,
            "slug": destination.slug,
            "state": "paused" if paused else "running",
            "receives": str(destination.receives),
        }
    )


def effect(destination: Destination) -> Effect:
    """Reach live events where it receives them."""
    return reached(destination)


def show(destination: Destination) -> Shown:
    """Put it in words."""
    return Shown(f"The destination {destination.name!r} would be given a token.", {"destination_id": destination.id})


def operation(granted: Granted) -> Operation[Authorize, Destination]:
    """Give the operation that keeps a token."""
    return Operation(NAME, frozenset({Scope.CONFIGURE}), plan, partial(apply, granted), effect, show)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
