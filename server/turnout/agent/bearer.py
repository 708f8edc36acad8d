"""Who calls over HTTP: each request carries a token, and what it may do is what the token says now.

A token that was revoked is refused by the next request, whichever process revoked it: the revision of the
configuration is looked at each time. When each was used is written beside, once a minute at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field

import anyio

from turnout.agent.asks import Asks
from turnout.agent.attend import Underway
from turnout.agent.call import Offer
from turnout.agent.catalogue import OURS, Catalogue
from turnout.agent.desk import Desk
from turnout.agent.toolsets import Toolset
from turnout.errors import Unavailable
from turnout.guard import token as tokens
from turnout.guard.principal import Principal, bearer
from turnout.store.store import Store
from turnout.store.unit import Unit, View
from turnout.workspace import Token, Workspace

NOTED_S = 60.0
"""How often uses are written."""
BURST = 4
"""Calls at once, in seconds' worth of the rate. Source: reliability-security.md 7.4: 50 a second, 200 at once."""
PROVEN = 1_024
"""Headers whose token was found to hold, and need no digest again."""
_SCHEME = "bearer "


@dataclass(slots=True)
class Bucket:
    """A rate with room for bursts."""

    rate: float
    left: float
    at: float

    def take(self, now: float) -> float:
        """Take one; give 0, or the seconds until there is one."""
        self.left = min(self.rate * BURST, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0


@dataclass(frozen=True, slots=True)
class Bearer:
    """The client of one token: who it is, what it is offered, how often it may call, what it is asked and waits for."""

    token: Token
    principal: Principal
    offer: Offer
    bucket: Bucket
    asks: Asks
    underway: Underway


@dataclass(slots=True)
class Bearers:
    """All of them, as of the newest revision. `desk` gives the desk of a principal, `rate` is in calls a second."""

    store: Store
    desk: Callable[[Principal], Desk]
    toolsets: AbstractSet[Toolset]
    both_allowed: bool
    rate: int
    catalogue: Catalogue = OURS
    _revision: int = -1
    _known: dict[str, Bearer] = field(default_factory=dict)
    _proven: dict[bytes, Bearer] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)
    _using: anyio.Event = field(default_factory=anyio.Event)

    async def find(self, header: bytes) -> Bearer | None:
        """Find whose `Authorization` it is; None for a token that is none of ours, or is over. Raises: Unavailable."""
        if header not in self._proven and _number(header) is None:
            return None
        if self.store.catch_up().revision != self._revision:
            self._heed(await self.store.read(_workspace))
        found = self._proven.get(header) or self._proved(header)
        now = self.store.clock.now()
        if found is None or found.token.is_over(now):
            return None
        if found.token.id not in self._used:
            self._using.set()
        self._used[found.token.id] = now
        return found

    def _proved(self, header: bytes) -> Bearer | None:
        """Find whose token it is by its digest, and remember it until the next revision."""
        number = _number(header)
        found = self._known.get(number) if number is not None else None
        if found is None or not tokens.agrees(_text(header), found.token.digest):
            return None
        if len(self._proven) >= PROVEN:
            self._proven.clear()
        self._proven[header] = found
        return found

    async def note(self) -> None:
        """Write when tokens were used, until cancelled; what is not written then is written last."""
        try:
            while True:
                await self._using.wait()
                await self._write()
                await anyio.sleep(NOTED_S)
        finally:
            with anyio.CancelScope(shield=True):
                await self._write()

    async def _write(self) -> None:
        self._using = anyio.Event()
        used, self._used = self._used, {}

        def write(unit: Unit) -> None:
            unit.uses.note({number: at for number, at in used.items() if number in unit.workspace.tokens})

        if used:
            with suppress(Unavailable):  # it is a convenience, and a disk that is ill is told of by others
                await self.store.transact(write)

    def _heed(self, workspace: Workspace) -> None:
        """Take over a revision; who was there before keeps what is left of its rate."""
        known: Mapping[str, Bearer] = self._known
        self._known = {
            number: known[number] if number in known and known[number].token == token else self._made(token)
            for number, token in workspace.tokens.items()
        }
        self._proven.clear()
        self._revision = workspace.revision

    def _made(self, token: Token) -> Bearer:
        principal = bearer(token.id, token.scopes, both_allowed=self.both_allowed)
        desk = self.desk(principal)

        async def give() -> Desk:
            return desk

        offer = Offer(lambda: principal.scopes, give, self.toolsets, self.store.entropy, self.catalogue)
        bucket = Bucket(self.rate, self.rate * BURST, self.store.clock.monotonic())
        return Bearer(token, principal, offer, bucket, Asks(self.store.entropy), Underway())


def _number(header: bytes) -> str | None:
    """Read whose token stands in a header; None where none does."""
    text = header.decode("latin-1")
    return tokens.id_of(_text(header)) if text[: len(_SCHEME)].casefold() == _SCHEME else None


def _text(header: bytes) -> str:
    return header.decode("latin-1")[len(_SCHEME) :].strip()


def _workspace(view: View) -> Workspace:
    return view.workspace
