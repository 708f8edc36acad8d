"""Checks of credentials, carried out: the talk of a check, with a token where the destination needs one."""

from __future__ import annotations

from turnout.app import App
from turnout.delivery.held import Token
from turnout.evidence import redact
from turnout.exchange import Class, Moment, Outcome, Reply
from turnout.operations.check import NO_TOKEN, Tried
from turnout.routing import Bound


async def tried(app: App, bound: Bound) -> Tried:
    """Check; a token that is refused is renewed once."""
    token = await app.tokens.ready(bound)
    if token is None:
        return await _driven(app, bound, None)
    if not token.is_good(app.clock.now()):
        return Tried(NO_TOKEN, 0, token.held.trouble(bound.destination.name))
    found = await _driven(app, bound, token)
    if found.outcome is None or found.outcome.what is not Class.CREDENTIALS or not token.grant.renews:
        return found
    newer = await app.tokens.newer(token)
    return found if newer.held.number == token.held.number else await _driven(app, bound, newer)


async def _driven(app: App, bound: Bound, token: Token | None) -> Tried:
    """Carry the talk to its end."""
    now = app.clock.now()
    talk = bound.target.check(Moment(now, f"check-{now}", token.auth if token else None))
    if talk is None:
        return Tried(None)
    reply: Reply | None = None
    spelled = (*(token.spelled if token else ()), *bound.spelled)
    took = 0
    while True:
        try:
            ask = next(talk) if reply is None else talk.send(reply)
        except StopIteration as end:
            outcomes: tuple[Outcome, ...] = end.value
            outcome = outcomes[0] if outcomes else Outcome(Class.SUCCESS, "delivered")
            return Tried(redact.outcome(outcome, spelled), took)
        reply = await app.ask(ask)
        spelled = redact.signed(ask, spelled)
        took += reply.took_ms
