"""Getting tokens: claimed by one of all processes, asked for as a lane asks, sealed before their first use.

The claim is committed before the request leaves and the answer before it is used, so that a token that turns with
each use is used once. Who dies in between leaves a claim that ends by itself; the next asks with what is held. Where
the vendor has turned it meanwhile, the answer is lost, and a person must agree again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import anyio

from turnout import telemetry
from turnout.delivery import held
from turnout.delivery.eyes import Eyes, held_of
from turnout.delivery.held import FIELD, Held, Token, entity_of
from turnout.document import Document
from turnout.errors import Unavailable
from turnout.exchange import Grant, Granted, Moment, Refused, Reply, Request
from turnout.routing import Bound
from turnout.store.store import Store
from turnout.store.unit import Unit

KEEP_TRIES: Final = 20
"""How often the commit of an answer is tried, a second apart: what it holds may not come again."""
_CLAIM_BYTES = 8


class Tokens:
    """Gets the tokens of all destinations."""

    def __init__(
        self, store: Store, eyes: Eyes, start: Callable[[Request, Callable[[Reply], None]], object],
        base_s: float | None,
    ) -> None:  # fmt: skip
        """`start` sends; `base_s` shortens the rest after a failure."""
        self._store = store
        self._eyes = eyes
        self._start = start
        self._base_s = base_s

    async def renew(self, token: Token) -> float | None:
        """Get a newer token than this, unless another does; give after how many seconds it is worth to try again.

        What has begun is ended, cancelled or not: the answer may not come twice.
        """
        with anyio.CancelScope(shield=True):
            key, grant = token.bound.destination.id, token.grant
            claim = self._store.entropy.token(_CLAIM_BYTES).hex()
            claimed = await self._store.transact(partial(_claim, key=key, token=token, claim=claim))
            if claimed is None:
                return None
            fields = claimed.fields if claimed.basis == grant.basis else {}
            got = await self.ask(grant, fields)
            keep = partial(
                _keep, key=key, claimed=claimed, grant=grant, got=got, revision=token.revision, base_s=self._base_s
            )
            kept = await self._kept(keep)
        if isinstance(got, Refused):
            telemetry.emit("token_refused", destination=key, reason=got.why)
        return kept.rest_s(token.revision, self._store.clock.now()) if kept is not None else None

    async def ask(self, grant: Grant, fields: Document) -> Granted | Refused:
        """Ask once, with what is held or a person brought; nothing is kept."""
        now = self._store.clock.now()
        moment = Moment(now, f"token-{now}")
        asked = grant.request(fields, moment)
        if isinstance(asked, Refused):
            return asked
        return grant.read(await self._send(asked), fields, moment)

    async def ready(self, bound: Bound) -> Token | None:
        """Give what a destination may be asked with, renewed where that is due; None where it needs nothing."""
        look = partial(self._eyes.token, bound=bound)
        token = await self._store.read(look)
        with anyio.move_on_after(held.CLAIM_S):
            while token is not None and token.is_due(self._store.clock.now()):
                changed = self._store.mark()
                await self.renew(token)
                token = await self._store.read(look)
                if token is None or token.is_good(self._store.clock.now()) or token.held.why:
                    break
                with anyio.move_on_after(1.0):  # another process is asking
                    await changed.wait()
                token = await self._store.read(look)
        return token

    async def _kept(self, keep: Callable[[Unit], Held | None]) -> Held | None:
        for _ in range(KEEP_TRIES):
            try:
                return await self._store.transact(keep)
            except Unavailable:
                await anyio.sleep(1.0)
        telemetry.emit("token_lost")
        return None

    async def _send(self, request: Request) -> Reply:
        heard = anyio.Event()
        came: list[Reply] = []

        def hear(reply: Reply) -> None:
            came.append(reply)
            heard.set()

        self._start(request, hear)
        await heard.wait()
        return came[0]


def put(unit: Unit, destination: str, kept: Held) -> None:
    """Seal what is held, and let every process notice."""
    unit.entities.seal(entity_of(destination), FIELD, held.write(kept))
    unit.counter.lanes += 1


def mark(unit: Unit, destination: str, grant: Grant | None) -> None:
    """Note that a destination needs a token, or none any more: its settings were given, or are others."""
    before = held_of(unit, destination)
    if grant is None:
        unit.entities.forget(entity_of(destination))
    elif before is held.NONE or before.consent is not grant.consent:
        put(unit, destination, Held(consent=grant.consent))


def _claim(unit: Unit, key: str, token: Token, claim: str) -> Held | None:
    """Claim the asking; None where another has asked since, or asks, or nothing is to be asked."""
    found = held_of(unit, key)
    if key not in unit.workspace.destinations or found.number > token.held.number or found.is_claimed(unit.now):
        return None
    if found.rest_s(token.revision, unit.now) != 0.0:
        return None
    claimed = found.claimed(claim, unit.now)
    unit.entities.seal(entity_of(key), FIELD, held.write(claimed))
    return claimed


def _keep(
    unit: Unit, key: str, claimed: Held, grant: Grant, got: Granted | Refused, revision: int, base_s: float | None
) -> Held | None:  # fmt: skip
    """Keep an answer; nothing where there is a newer token, or no destination; a refusal only under its own claim."""
    found = held_of(unit, key)
    if key not in unit.workspace.destinations or found.number != claimed.number:
        return None
    if isinstance(got, Granted):
        kept = found.granted(got, grant.basis, unit.now)
    elif found.claim == claimed.claim:
        kept = found.refused(got, revision, unit.now, base_s)
    else:
        return None
    put(unit, key, kept)
    return kept
