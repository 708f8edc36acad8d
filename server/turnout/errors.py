"""What may go wrong for a caller, as a tree.

    TurnoutError
    ├── InvalidInput
    │   ├── InvalidCall
    │   ├── InvalidConfirmation
    │   ├── InvalidManifest
    │   └── InvalidSettings
    ├── NotFound
    ├── Conflict
    │   ├── KeyReused
    │   ├── InProgress
    │   ├── OutcomeUnknown
    │   ├── Erased
    │   └── Superseded
    ├── Denied
    ├── LimitExceeded
    └── Unavailable

Every message says what was found, what was expected and what to do, in our own words only: no value
that came with an event stands in one. What a *destination* does is never an exception, see `outcome`.
The docstring of a leaf is its default message.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Self

NAMED = 20
"""Names that an error lists."""


class TurnoutError(Exception):
    """Something went wrong."""

    code = "error"

    def __init__(self, message: str | None = None, **attributes: object) -> None:
        """Keep the message, and identifiers and limits as attributes of their own."""
        super().__init__(message or (type(self).__doc__ or "").split("\n", 1)[0])
        self.attributes = attributes

    @property
    def message(self) -> str:
        """The sentence that is safe to show to a caller."""
        return str(self.args[0])


class InvalidInput(TurnoutError):
    """The input is not valid; correct it and call again."""

    code = "invalid_input"


class InvalidCall(InvalidInput):
    """The event is not a valid Segment call."""

    code = "invalid_call"


class InvalidConfirmation(InvalidInput):
    """The confirm token does not fit this call; call without it for a new plan."""

    code = "confirm_invalid"


class InvalidManifest(InvalidInput):
    """The manifest is not valid."""

    code = "invalid_manifest"

    def __init__(self, message: str, *, file: str = "", line: int = 0, column: int = 0) -> None:
        """Name the place: file, line and column, each from 1; 0 where it is not known."""
        place = ":".join(str(part) for part in (file, line, column) if part)
        super().__init__(f"{place}: {message}" if place else message, file=file, line=line, column=column)


class InvalidSettings(InvalidInput):
    """The settings do not fit the destination."""

    code = "invalid_settings"


class NotFound(TurnoutError):
    """There is no such thing."""

    code = "not_found"

    @classmethod
    def named(cls, what: str, name: str, there: Sequence[str]) -> Self:
        """Say that none has this name, with the nearest one and those there are."""
        folded = {each.casefold(): each for each in there}
        near = get_close_matches(name.casefold(), folded, 1)
        hint = f" (did you mean {folded[near[0]]}?)" if near else ""
        known = f"there {'are' if len(there) > 1 else 'is'} {listed(there)}" if there else "there is none yet"
        return cls(f"no {what} has the name or id {name[:60]!r}{hint}: {known}")


class Conflict(TurnoutError):
    """It collides with something that is there already."""

    code = "conflict"


class KeyReused(Conflict):
    """The idempotency key was used with other arguments; take a new key, or the first arguments."""

    code = "key_reused"


class InProgress(Conflict):
    """The first call with this key is still running; ask again in a second."""

    code = "in_progress"


class OutcomeUnknown(Conflict):
    """The first call with this key ended without its answer; take a new key to do it again."""

    code = "outcome_unknown"


class Erased(Conflict):
    """The person of the call with this key was erased, and its answer with them; take a new key to do it again."""

    code = "erased"


class Superseded(Conflict):
    """Another process delivers now; this one stops."""

    code = "superseded"


class Denied(TurnoutError):
    """The caller may not do this."""

    code = "denied"


class LimitExceeded(TurnoutError):
    """A limit was exceeded."""

    code = "limit_exceeded"


class Unavailable(TurnoutError):
    """Nothing was stored; try again."""

    code = "unavailable"


def listed(names: Sequence[str]) -> str:
    """List names in order, `NAMED` at most, and say how many more there are.

    >>> listed(["b", "a"])
    'a, b'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(sorted(names)[:NAMED])}{more}"
