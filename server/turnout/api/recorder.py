"""Requests into the log: those that wait while a commit is on its way go together into the next.

The first who comes leads: it commits for all who wait, answers them, and lets the next one lead. Singles of one source
become one call of `ingest`; what one request breaks costs no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from turnout.errors import TurnoutError
from turnout.event.model import Call, Caller
from turnout.ingest import Entry, Receipt, ingest, refuse
from turnout.store.store import Store
from turnout.store.unit import Unit
from turnout.store.writer import GROUP_EVENTS


@dataclass(slots=True, eq=False)
class _Asked:
    """Calls of one request that wait. `told`: it is answered, or else asked to lead."""

    calls: tuple[Call, ...]
    caller: Caller
    told: anyio.Event = field(default_factory=anyio.Event)
    entries: tuple[Entry, ...] | None = None
    error: Exception | None = None


class Recorder:
    """What stands between the requests of one loop and the writer."""

    def __init__(self, store: Store) -> None:
        """Record into this store."""
        self._store = store
        self._waiting: list[_Asked] = []
        self._led = False

    async def record(self, calls: tuple[Call, ...], caller: Caller) -> tuple[Entry, ...]:
        """Record calls, and give what became of each when it is on disk. Raises: Unavailable."""
        found: list[Entry] = []
        for at in range(0, len(calls), GROUP_EVENTS):
            found += await self._some(_Asked(calls[at : at + GROUP_EVENTS], caller))
        return tuple(found)

    async def _some(self, asked: _Asked) -> tuple[Entry, ...]:
        self._waiting.append(asked)
        try:
            if self._led:
                await asked.told.wait()
            if asked.entries is None and asked.error is None:
                self._led = True
                with anyio.CancelScope(shield=True):  # others wait for it
                    await self._lead()
        finally:
            if asked in self._waiting:  # given up while it waited
                self._waiting.remove(asked)
                if asked.told.is_set():
                    self._hand_on()
        if asked.error is not None:
            raise asked.error
        assert asked.entries is not None
        return asked.entries

    async def _lead(self) -> None:
        """Commit for those who wait, as many as one commit takes."""
        events = 0
        group: list[_Asked] = []
        for each in self._waiting:
            events += len(each.calls)
            if group and events > GROUP_EVENTS:
                break
            group.append(each)
        del self._waiting[: len(group)]
        try:
            await self._commit(group)
        finally:
            for each in group:
                each.told.set()
            self._hand_on()

    def _hand_on(self) -> None:
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].told.set()

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
            entries = iter([entry for receipt in receipts for entry in receipt.entries])
            for each in group:
                each.entries = tuple([next(entries) for _ in each.calls])


def _runs(group: Sequence[_Asked]) -> list[tuple[Caller, tuple[Call, ...]]]:
    """Put neighbours together that came from the same place with nothing around them."""
    runs: list[tuple[Caller, tuple[Call, ...]]] = []
    for each in group:
        caller = each.caller
        if runs and not (caller.sent_at or caller.context or caller.integrations):
            before, calls = runs[-1]
            if before == replace(caller, received=before.received):
                runs[-1] = before, calls + each.calls
                continue
        runs.append((caller, each.calls))
    return runs


def _record(unit: Unit, runs: Sequence[tuple[Caller, tuple[Call, ...]]]) -> list[Receipt]:
    receipts = []
    for caller, calls in runs:
        receipt = ingest(unit, calls, caller)
        refuse(unit, receipt)
        receipts.append(receipt)
    return receipts
