"""Drives lanes by hand over the real commits: a test says when a window opens, what is answered, and when it dies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from support.workspace import Bench
from turnout.delivery import commits, reigns
from turnout.delivery.batch import Batch, pack, request_id
from turnout.delivery.converse import evidence
from turnout.delivery.eyes import Eyes
from turnout.delivery.look import Wanted, look
from turnout.delivery.schedule import Schedule
from turnout.delivery.settlement import Answered, settlement
from turnout.delivery.window import Part
from turnout.document import Document
from turnout.evidence import redact
from turnout.exchange import Answer, Ask, Moment, Reply
from turnout.workspace import Destination

OK = Answer(200, took_ms=12)
BUSY = Answer(503, took_ms=7)


@dataclass(slots=True)
class Carrier:
    """One reign. `sent` is what left, in order."""

    bench: Bench
    eyes: Eyes
    epoch: int = 0
    keep_plain: bool = True
    sent: list[Ask] = field(default_factory=list)

    def reign(self) -> None:
        """Take over, as after a crash."""
        self.epoch = self.bench.store.commit(partial(reigns.take_over, look=self.eyes.at))

    def open(self, destination: Destination) -> tuple[Part, ...]:
        """Open a window over all that is unread."""
        wanted = Wanted(batches=0, events=1000, probe=False)
        found = self.bench.look(partial(look, lane=destination.lane, eyes=self.eyes, wanted=wanted, epoch=self.epoch))
        if found.opening is None:
            return ()
        parts = self.bench.store.commit(partial(commits.open_window, opening=found.opening, epoch=self.epoch))
        assert parts is not None
        return parts

    def answer(self, destination: Destination, parts: Sequence[Part], reply: Reply = OK, *, last: bool = True) -> None:
        """Send parts, in batches, and settle what came of it; `last`: nothing else of the window is on its way."""
        self._settle(destination, pack(parts), reply, [(parts[0].run, parts[0].seq)] if last and parts else [])

    def deliver(self, destination: Destination, reply: Reply = OK) -> None:
        """Open a window and have all of it answered so."""
        self.answer(destination, self.open(destination), reply)

    def mark(self, destination: Destination) -> tuple[Batch, ...]:
        """Mark what is due, as before it leaves again."""
        wanted = Wanted(batches=100, events=0, probe=False)
        found = self.bench.look(partial(look, lane=destination.lane, eyes=self.eyes, wanted=wanted, epoch=self.epoch))
        again = partial(
            commits.retry, lane=destination.lane, batches=found.retries, ended=found.ended, epoch=self.epoch,
            revision=found.revision,
        )  # fmt: skip
        return self.bench.store.commit(again)

    def again(self, destination: Destination, reply: Reply = OK) -> None:
        """Send again what is due."""
        self._settle(destination, self.mark(destination), reply, [])

    def _settle(
        self, destination: Destination, batches: Sequence[Batch], reply: Reply, closed: Sequence[tuple[int, int]]
    ) -> None:
        answered = [self._talk(batch, reply) for batch in batches]
        done = settlement(answered, Schedule(), self.bench.clock.now(), lambda: 0.0)
        write = partial(
            commits.settle, lane=destination.lane, done=done, epoch=self.epoch,
            closed=[] if done.again else closed, keep_plain=self.keep_plain,
        )  # fmt: skip
        self.bench.store.commit(write)
        if done.again:
            self._settle(destination, done.again, reply, closed)

    def _talk(self, batch: Batch, reply: Reply) -> Answered:
        target = batch.first.bound.target
        spelled = redact.spellings(target.secrets)
        items = tuple(part.item for part in batch.parts)
        now = self.bench.clock.now()
        talk = target.exchange(batch.first.item.action, items, Moment(now, request_id(batch)))
        turns: list[Document] = []
        try:
            ask = next(talk)
            while True:
                self.sent.append(ask)
                turns.append(evidence(batch, ask, reply, spelled))
                ask = talk.send(reply)
        except StopIteration as end:
            return Answered(batch, end.value, now, reply.took_ms, tuple(turns))


def carrier(bench: Bench) -> Carrier:
    """Begin to deliver."""
    made = Carrier(bench, bench.eyes)
    made.reign()
    return made
