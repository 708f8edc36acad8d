"""Requests into the log: those that wait while a commit is on its way go together into the next.

The first who comes leads: it commits for all who wait, answers them, and lets the next one lead. Singles of one source
become one call of `ingest`; what one request breaks costs no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import anyio

from turnout.errors import TurnoutError
from turnout.event.model import Call, Caller
from turnout.ingest import Entry, Receipt, ingest, refuse
from turnout.store.store import Store
from turnout.store.unit import Unit
from turnout.store.writer import GROUP_EVENTS

CROWD = 8
"""Requests about, from which on a commit waits for more. A lone client is never made to wait."""
GATHER_S, GATHERS = 0.00025, 6
"""How long it waits, and how often at most, until as many are there as before; a commit takes longer (measured)."""


class _Asked:
    """Calls of one request that wait, until they are `taken`. `told`: it is answered, or else asked to lead.

    `place` is where they come from, where nothing else stands around them; None for those that go alone.
    """

    __slots__ = ("caller", "calls", "entries", "error", "place", "taken", "told")

    def __init__(self, calls: tuple[Call, ...], caller: Caller) -> None:
        self.calls = calls
        self.caller = caller
        self.entries: tuple[Entry, ...] | None = None
        self.error: Exception | None = None
        self.taken = False
        self.told: asyncio.Future[None] | None = None
        around = caller.sent_at or caller.context or caller.integrations
        self.place = None if around else (caller.source, caller.namespace, caller.ip, caller.client_side)

    def tell(self) -> None:
        """Wake who waits."""
        if self.told is not None and not self.told.done():
            self.told.set_result(None)


class Recorder:
    """What stands between the requests of one loop and the writer."""

    def __init__(self, store: Store) -> None:
        """Record into this store."""
        self._store = store
        self._waiting: list[_Asked] = []
        self._led = False
        self._crowd = 0

    async def record(self, calls: tuple[Call, ...], caller: Caller) -> tuple[Entry, ...]:
        """Record calls, and give what became of each when it is on disk. Raises: Unavailable."""
        if len(calls) <= GROUP_EVENTS:
            return await self._some(_Asked(calls, caller))
        found: list[Entry] = []
        for at in range(0, len(calls), GROUP_EVENTS):
            found += await self._some(_Asked(calls[at : at + GROUP_EVENTS], caller))
        return tuple(found)

    async def _some(self, asked: _Asked) -> tuple[Entry, ...]:
        self._waiting.append(asked)
        try:
            if self._led:
                asked.told = asyncio.get_running_loop().create_future()
                await asked.told
            if asked.entries is None and asked.error is None:
                self._led = True
                with anyio.CancelScope(shield=True):  # others wait for it
                    await self._lead()
        finally:
            if not asked.taken:  # given up while it waited
                self._waiting.remove(asked)
                if asked.told is not None and asked.told.done() and not asked.told.cancelled():
                    self._hand_on()  # it was to lead
        if asked.error is not None:
            raise asked.error
        assert asked.entries is not None
        return asked.entries

    async def _lead(self) -> None:
        """Commit for those who wait, as many as one commit takes.

        Where many are here, those who were just answered are about to send again: to wait for them a moment halves the
        number of commits.
        """
        if self._crowd >= CROWD:
            for _ in range(GATHERS):
                await asyncio.sleep(GATHER_S)
                if len(self._waiting) >= self._crowd:
                    break
        events = 0
        group: list[_Asked] = []
        for each in self._waiting:
            events += len(each.calls)
            if group and events > GROUP_EVENTS:
                break
            group.append(each)
            each.taken = True
        del self._waiting[: len(group)]
        try:
            await self._commit(group)
        finally:
            self._crowd = len(group) + len(self._waiting)
            for each in group:
                each.tell()
            self._hand_on()

    def _hand_on(self) -> None:
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].tell()

    async def _commit(self, group: Sequence[_Asked]) -> None:
        """Commit a group; where something of ours breaks, each by itself, so that it is known whose it is."""
        runs = _runs(group)
        try:
            receipts = await self._store.transact(partial(_record, runs=runs), sum(len(calls) for _, calls in runs))
        except TurnoutError as error:
            for each in group:
                each.error = error
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
            else:
                for each in group:
                    await self._commit([each])
        else:
            entries = [entry for receipt in receipts for entry in receipt.entries]
            at = 0
            for each in group:
                each.entries = tuple(entries[at : at + len(each.calls)])
                at += len(each.calls)


def _runs(group: Sequence[_Asked]) -> list[tuple[Caller, tuple[Call, ...]]]:
    """Put neighbours together that came from the same place with nothing around them."""
    runs: list[tuple[Caller, tuple[Call, ...]]] = []
    place: object = None
    for each in group:
        if runs and each.place is not None and each.place == place:
            caller, calls = runs[-1]
            runs[-1] = caller, calls + each.calls
        else:
            runs.append((each.caller, each.calls))
            place = each.place
    return runs


def _record(unit: Unit, runs: Sequence[tuple[Caller, tuple[Call, ...]]]) -> list[Receipt]:
    receipts = []
    for caller, calls in runs:
        receipt = ingest(unit, calls, caller)
        refuse(unit, receipt)
        receipts.append(receipt)
    return receipts
