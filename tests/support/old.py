"""A workspace full of events whose retention is over, and a reign that counts what each of its commits changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from typing_extensions import override

from support.carrier import Carrier
from support.workspace import Bench
from turnout.clock import DAY, SECOND
from turnout.delivery import verdict
from turnout.document import encode
from turnout.store.deliveries import Final
from turnout.store.messages import message_key
from turnout.store.unit import Unit, View
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

T = TypeVar("T")


class Counting(Reign):
    """A reign that counts the rows which each of its commits changed."""

    def __init__(self, here: Bench, epoch: int) -> None:
        super().__init__(here.store, epoch)
        self.rows: list[int] = []

    @override
    def commit(self, function: Callable[[Unit], T]) -> T:
        def counted(unit: Unit) -> T:
            before = unit.session.connection.total_changes
            told = function(unit)
            self.rows.append(unit.session.connection.total_changes - before)
            return told

        return super().commit(counted)


IDS = "SELECT key FROM messages UNION SELECT key FROM recent"


def age(here: Bench, lanes: Carrier, hooks: Sequence[Destination], events: int) -> None:
    """Leave events delivered at every destination, let their retention go by, and record one more."""
    here.record({"messageId": "m1"})

    def copy(unit: Unit) -> None:
        """Write rows like the first one: a hundred thousand in seconds."""
        body = [
            (seq, encode({"type": "track", "messageId": f"m{seq}", "userId": "u1"})) for seq in range(2, events + 1)
        ]
        unit.session.many(
            "INSERT INTO events SELECT ?, received, source, kind, name, namespace, person, flags, meta, ?, NULL FROM "
            "events WHERE seq = 1",
            body,
        )
        keys = [(message_key(1, f"m{seq}"), seq) for seq, _ in body]
        unit.session.many("INSERT INTO messages VALUES (?, ?)", sorted(keys))
        unit.counter.seq = events + 1

    here.store.commit(copy)
    for hook in hooks:
        ledger = [Final(seq, 0, seq, verdict.DELIVERED, "", 0) for seq in range(1, events + 1)]
        here.store.commit(lambda unit, hook=hook, ledger=ledger: unit.deliveries.finish(hook.lane, 0, ledger))  # type: ignore[misc]
        here.store.commit(lambda unit, hook=hook: unit.lanes.move(hook.lane, 0, events))  # type: ignore[misc]
    here.clock.pass_s(100 * DAY / SECOND)
    here.record({"messageId": "last"})
    for hook in hooks:
        lanes.deliver(hook)


def left(here: Bench) -> tuple[list[int], int, int]:
    """Give what events there are, and how many message ids and ledger rows."""

    def look(view: View) -> tuple[list[int], int, int]:
        ids, ledger = (view.session.rows(f"SELECT count(*) FROM ({rows})")[0][0] for rows in (IDS, "deliveries"))  # noqa: S608 - words of ours
        return [each.seq for each in view.log.after(0, 10)], ids, ledger

    return here.look(look)
