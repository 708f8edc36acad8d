"""Which events a destination gets, as a caller says it: `receives`, a filter, sources."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.binder import Binder
from turnout.errors import InvalidInput
from turnout.guard.principal import Effect, Principal, Scope
from turnout.workspace import Destination, Receives, Workspace

ALL = "all"


def receives(text: str) -> Receives:
    """Read it. Raises: InvalidInput."""
    try:
        return Receives(text)
    except ValueError:
        raise InvalidInput(f"`receives` is one of {', '.join(Receives)}; what was given is none of them.") from None


def usual(principal: Principal) -> Receives:
    """Give what a destination receives whose maker does not say: nothing live without `live`."""
    return Receives.LIVE if Scope.LIVE in principal.scopes else Receives.TEST


def condition(text: str, binder: Binder) -> str:
    """Check a filter; `all` or nothing is none. Raises: InvalidInput."""
    wanted = text.strip()
    if wanted.casefold() in {ALL, ""}:
        return ""
    binder.filter(wanted)
    return wanted


def sources(given: Sequence[str], workspace: Workspace) -> tuple[int, ...]:
    """Read names or ids of sources; none of them: all. Raises: NotFound."""
    return tuple(sorted({int(workspace.source(name).id) for name in given}))


def reached(*destinations: Destination) -> Effect:
    """Say which of these receive live events."""
    return Effect(live_destinations=frozenset(each.id for each in destinations if each.receives is not Receives.TEST))
