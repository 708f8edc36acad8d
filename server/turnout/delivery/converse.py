"""One exchange, driven: what it asks is carried out, what comes of it is kept as evidence, secrets out of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from turnout import telemetry
from turnout.clock import Clock
from turnout.delivery.batch import Batch, request_id
from turnout.delivery.settlement import Answered
from turnout.document import Document
from turnout.evidence import frame, redact
from turnout.exchange import Ask, Class, Exchange, Moment, Outcome, Reply


async def converse(batch: Batch, carry: Callable[[Ask], Awaitable[Reply]], clock: Clock, *, probe: bool) -> Answered:
    """Carry a batch's talk to its end. `carry` sends one request, or appends to one file."""
    target = batch.first.bound.target
    spelled = redact.spellings(target.secrets)
    sent = clock.now()
    items = tuple(part.item for part in batch.parts)
    talk = target.exchange(batch.first.item.action, items, Moment(sent, request_id(batch)))
    turns: list[Document] = []
    took = 0
    try:
        ask, outcomes = _step(talk, None)
        while ask is not None:
            reply = await carry(ask)
            took += reply.took_ms
            turns.append(frame.turn(ask, reply, spelled))
            ask, outcomes = _step(talk, reply)
        assert len(outcomes) == len(batch.parts), "an exchange answers for each item"
    except Exception as error:
        # A manifest that fails on this event costs this event: final if nothing left, else in doubt.
        telemetry.emit("manifest_broke", error, slug=batch.first.bound.destination.slug)
        broken = Outcome(Class.UNKNOWN if turns else Class.FINAL, "mapping_error")
        outcomes = (broken,) * len(batch.parts)
    return Answered(batch, outcomes, sent, took, tuple(turns), probe)


def _step(talk: Exchange, reply: Reply | None) -> tuple[Ask | None, tuple[Outcome, ...]]:
    """Go one step on: the next thing to ask, or the outcomes."""
    try:
        return (next(talk) if reply is None else talk.send(reply)), ()
    except StopIteration as end:
        return None, end.value
