"""What an operation is: a plan, then an apply; and what every call of one carries.

A request is a frozen dataclass whose fields are the arguments, absent ones None. An answer is a document of
ids and counts: it is stored under the call's key, so no personal text stands in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import msgspec

from turnout.document import Document, Json
from turnout.guard.audit import Inverse
from turnout.guard.idempotency import Lasting
from turnout.guard.principal import Effect, Principal, Scope
from turnout.store.unit import Unit, View

Q = TypeVar("Q")
P = TypeVar("P")


class Intent(msgspec.Struct, frozen=True, gc=False):
    """How a call is meant. `sure`: a person at the command line said yes, so no token is asked for."""

    principal: Principal
    idempotency_key: str = ""
    dry_run: bool = False
    confirm: str = ""
    sure: bool = False


class Calling(msgspec.Struct, frozen=True, gc=False):
    """Who calls what, and under which key since when: what message ids are made of. `key` is empty without one."""

    principal: Principal
    operation: str
    key: str
    used: int


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A plan in words: `summary` is our sentence, `plan` what it counts, `confirm` why a token is needed, or empty."""

    summary: str
    plan: Document = {}
    confirm: str = ""


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What an apply did: the answer to keep, the events it recorded (0 without), the call that takes it back.

    `detail` is what its row of the audit holds besides the ids of the answer: names and numbers, never a value.
    """

    answer: Document
    first: int = 0
    last: int = 0
    inverse: Inverse | None = None
    detail: Document = {}


def _as_it_is(request: Q, _: Principal) -> Q:
    return request


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q, P]):
    """One thing that can be done.

    `scopes`: what it needs; `plan` reads and decides, `apply` writes. `effect` says whom a plan reaches, `show`
    puts it in words.
    `sends`: a call without key gets one that holds ten minutes. `audited`: it leaves a row.
    `fill` puts the caller's defaults in, so that one left out and one written out are the same call.
    """

    name: str
    scopes: frozenset[Scope]
    plan: Callable[[View, Q, Calling], P]
    apply: Callable[[Unit, P, Calling], Applied]
    effect: Callable[[P], Effect]
    show: Callable[[P], Shown]
    lasting: Lasting = Lasting.OTHER
    sends: bool = False
    audited: bool = True
    fill: Callable[[Q, Principal], Q] = _as_it_is


class Spoken(ABC):
    """A request whose fields are not what its caller calls them."""

    __slots__ = ()

    @abstractmethod
    def arguments(self) -> Mapping[str, Json]:
        """Give the arguments in the caller's words."""


def arguments(request: object) -> Mapping[str, Json]:
    """Give a request's arguments, absent ones left out: what its fingerprint is made of."""
    if isinstance(request, Spoken):
        return request.arguments()
    given: dict[str, Any] = asdict(request)  # type: ignore[call-overload]  # every request is a dataclass
    return {name: value for name, value in given.items() if value is not None}
