"""Who makes a call, and what can be asked of them before it is answered.

Since 2026-07-28 the answer to a call may be that input is required: the client asks its person, and makes the call
again with what they said and the state that it was given. Before, the server asked in the midst of the call. Here it
is one thing in both: a call gives what it `Asking` for, and is made anew from the top with the responses. Whatever has
an effect must therefore bear being made again; the sealed tokens do (guard.confirmation).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from turnout.document import Document, Json

Tell: TypeAlias = Callable[[float, float | None, str], Awaitable[None]]
"""Says to the client how far a call is: progress, total where it is known, and in words."""

Say: TypeAlias = Callable[[Document], Awaitable[None]]
"""Sends the client a message of the protocol before the answer."""

FORM: Final = "elicitation/create"
_NEEDS: Final[Mapping[str, str]] = {FORM: "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
"""What a client must have declared to be asked."""


class Asking(msgspec.Struct, frozen=True, gc=False):
    """What must be known before the answer: requests to the client by name; `state` comes back with the responses."""

    requests: Mapping[str, Json]
    state: str | None = None


class Caller(msgspec.Struct, frozen=True, gc=False):
    """The client of one call. `program`: what it calls itself; `declared`: its capabilities.

    `responses` and `state` are what it brings to a further round; `say` is there where it hears what comes before the
    answer, `tell` where it wants to hear of progress.
    """

    program: str = ""
    declared: Mapping[str, Json] = {}
    responses: Mapping[str, Json] = {}
    state: str | None = None
    tell: Tell | None = None
    say: Say | None = None

    def takes_forms(self) -> bool:
        """Tell whether its person can be asked: elicitation, and not by a web page alone."""
        said = self.declared.get("elicitation")
        return isinstance(said, Mapping) and ("form" in said or "url" not in said)

    def lacks(self, asking: Asking) -> Document | None:
        """Give the capabilities that it would have to declare to be asked this; None where it did."""
        wanted = {_NEEDS[str(each["method"])] for each in asking.requests.values() if isinstance(each, Mapping)}
        missing: Document = {name: {} for name in sorted(wanted - self.declared.keys())}
        return missing or None


def form(message: str, fields: Document) -> Document:
    """Write a form for the person: every field must be filled in."""
    schema: Document = {"type": "object", "properties": fields, "required": list(fields)}
    return {"method": FORM, "params": {"mode": "form", "message": message, "requestedSchema": schema}}
