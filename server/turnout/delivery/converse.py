"""One exchange, driven: what it asks is carried out, what comes of it is kept as evidence, secrets out of it.

No task stands behind it: each answer takes it a step further. A task and its wake-ups took longer than the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from turnout import telemetry
from turnout.clock import Clock
from turnout.delivery.batch import Batch, request_id
from turnout.delivery.held import Token
from turnout.delivery.settlement import Answered
from turnout.document import Document
from turnout.evidence import frame, redact
from turnout.exchange import Ask, Class, Moment, Outcome, Reply

Carry: TypeAlias = Callable[[Ask, Callable[[Reply], None]], object]
"""Sends one request, or appends to one file, and tells the reply later, from the loop."""


def evidence(batch: Batch, ask: Ask, reply: Reply, spelled: tuple[tuple[str, str], ...]) -> Document:
    """Write one turn for keeping: secrets out of it, and of a deletion everything that says who was deleted."""
    return frame.bare(ask, reply) if batch.first.deletes else frame.turn(ask, reply, spelled)


class Talk:
    """A batch's talk, from its first request to its end."""

    __slots__ = (
        "_asked",
        "_batch",
        "_carry",
        "_done",
        "_probe",
        "_sent",
        "_spelled",
        "_talk",
        "_token",
        "_took",
        "_turns",
    )

    def __init__(
        self, batch: Batch, carry: Carry, clock: Clock, done: Callable[[Answered], None], *, probe: bool,
        token: Token | None = None,
    ) -> None:  # fmt: skip
        """Prepare; `begin` begins."""
        self._batch = batch
        self._carry = carry
        self._done = done
        self._probe = probe
        self._token = token.held.number if token else 0
        self._spelled = (*token.spelled, *batch.first.bound.spelled) if token else batch.first.bound.spelled
        self._sent = clock.now()
        self._took = 0
        self._turns: list[Document] = []
        target = batch.first.bound.target
        items = tuple([part.item for part in batch.parts])
        moment = Moment(self._sent, request_id(batch), token.auth if token else None, batch.first.place)
        self._talk = target.exchange(batch.first.item.action, items, moment)
        self._asked: Ask | None = None

    def begin(self) -> None:
        """Ask the first thing."""
        self._step(None)

    def _heard(self, reply: Reply) -> None:
        self._took += reply.took_ms
        self._step(reply)

    def _step(self, reply: Reply | None) -> None:
        """Go one step on: ask the next thing, or end with the outcomes."""
        try:
            self._asked = self._next(reply)
        except StopIteration as end:
            self._end(end.value if len(end.value) == len(self._batch.parts) else self._broken(reply))
        except Exception as error:
            telemetry.emit("manifest_broke", error, slug=self._batch.first.bound.destination.slug)
            self._end(self._broken(reply))
        else:
            self._carry(self._asked, self._heard)

    def _next(self, reply: Reply | None) -> Ask:
        if reply is None or self._asked is None:
            return next(self._talk)
        self._turns.append(evidence(self._batch, self._asked, reply, self._spelled))
        self._spelled = redact.signed(self._asked, self._spelled)
        return self._talk.send(reply)

    def _broken(self, reply: Reply | None) -> tuple[Outcome, ...]:
        """A mapping that fails on an event costs that event: halved until it is alone if nothing left, else doubt."""
        outcome = Outcome(Class.SPLIT if reply is None else Class.UNKNOWN, "mapping_error")
        return (outcome,) * len(self._batch.parts)

    def _end(self, outcomes: tuple[Outcome, ...]) -> None:
        outcomes = tuple([redact.outcome(each, self._spelled) if each.text else each for each in outcomes])
        self._done(
            Answered(self._batch, outcomes, self._sent, self._took, tuple(self._turns), self._probe, token=self._token)
        )
