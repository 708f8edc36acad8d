"""What a successor finds after a power cut or a crash, and whether the promises held.

`Known` is what was promised by then: what callers were told, readers saw, and destinations were sent. `survive` opens
the workspace as the next process would, compares, goes on to the end, compares again, and says what was broken.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import anyio
import anyio.lowlevel

from support import law, life
from support.recording import Step, marks
from support.traces import in_folder, within
from turnout.app import append, options
from turnout.binder import Binder
from turnout.delivery import reigns, verdict
from turnout.delivery.deliverer import Deliverer
from turnout.delivery.eyes import Eyes
from turnout.errors import NotFound, TurnoutError
from turnout.event.model import Refused
from turnout.exchange import Answer, Reply, Request
from turnout.manifest.catalogue import Catalogue
from turnout.opening import open_store
from turnout.sinks.files import JSONL, FileSender
from turnout.store import erasures, laws, tail
from turnout.store.owed import OwedState
from turnout.store.store import Store
from turnout.store.unit import View
from turnout.upkeep import loop
from turnout.upkeep.watch import Signs

LIMIT_S = 120
ERASED = frozenset({verdict.CANCELLED_ERASED, verdict.CANCELLED_SUPPRESSED, verdict.SUPPRESSED, verdict.ERASED})
NEW = ("after-0", "after-1", "after-2")


@cache
def catalogue() -> Catalogue:
    return Catalogue((JSONL,))


@dataclass(slots=True)
class Known:
    """What had been promised: `told` seq by id, `ledger` rows, `sent` how often by lane and id, deletions by id."""

    called: list[str] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)
    ledger: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)
    sent: Counter[tuple[int, str]] = field(default_factory=Counter)
    connected: set[str] = field(default_factory=set)
    asked: dict[str, str] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)


def known(steps: Sequence[Step]) -> Known:
    """Gather what had been promised after these steps."""
    found = Known()
    for mark in marks(steps):
        found.called += mark.get("call", [])
        found.told |= mark.get("told", {})
        found.ledger |= {tuple(row[:4]): tuple(row[4:]) for row in mark.get("ledger", [])}
        found.connected |= set(mark.get("connected", []))
        if "asked" in mark:
            found.asked[mark["asked"]] = mark["of"]
        if "finished" in mark:
            found.finished[mark["finished"]] = mark["of"]
    lanes: dict[tuple[int, int], int] = {}
    for step in steps:
        if step.kind == "S":
            first, _, _ = step.data.partition(b"\r\n")
            if first.startswith(b"POST "):
                lanes[step.pid, step.fd] = life.LANES[first.split()[1].decode()]
            found.sent.update((lanes[step.pid, step.fd], each) for each in life.ids_in(step.data))
    return found


class Vendor:
    """Takes whatever comes, and knows in which order."""

    def __init__(self) -> None:
        self.took: Counter[tuple[int, str]] = Counter()
        """In the order in which each came first."""

    def start(self, request: Request, done: Callable[[Reply], None]) -> None:
        lane = life.LANES["/" + request.url.split("/", 3)[3]]
        self.took.update((lane, each) for each in life.ids_in(request.body))
        asyncio.get_running_loop().call_soon(done, Answer(200, body=b"{}", took_ms=1))


def survive(folder: Path, promised: Known) -> list[str]:
    """Open, compare, go on to the end, and compare again; give every promise that was broken."""
    broken = list(_bytes_left(folder, promised))
    try:
        store = open_store(life.settings(folder))
        try:
            broken += _lived(store, promised)
        finally:
            store.close()
    except (TurnoutError, TimeoutError) as error:
        return [*broken, f"it cannot go on: {error!r}"]
    if not broken:
        broken += _after(folder, promised)
    return broken


def _lived(store: Store, promised: Known) -> list[str]:
    found = _Found(store, promised)
    broken = [*found.at_opening()]
    store.commit(partial(reigns.take_over, look=found.eyes.at))
    broken += [*store.look(law.broken), *found.doubts()]
    if not broken:
        broken += found.clients_try_again()
        anyio.run(found.deliver)
        broken += [*store.look(law.broken), *found.at_the_end()]
    return broken


@dataclass(slots=True)
class _Found:
    """A workspace that is open again. `before`: the ledger as it was found."""

    store: Store
    promised: Known
    vendor: Vendor = field(default_factory=Vendor)
    eyes: Eyes = field(default_factory=lambda: Eyes(Binder(catalogue()), 10))
    ids: dict[int, str] = field(default_factory=dict)
    before: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)

    def at_opening(self) -> Iterator[str]:
        """What callers were told, readers saw and files hold is all there, once."""
        store, promised = self.store, self.promised
        if store.missing:
            yield f"{store.missing} events are said to be missing"
        yield from store.look(_damaged)
        yield from store.look(law.broken)
        self.ids = store.look(_ids)
        self.before = store.look(law.ledger)
        twice = [each for each, n in Counter(self.ids.values()).items() if n > 1 and each]
        yield from (f"{each} is recorded twice" for each in twice)
        lost = [each for each, seq in promised.told.items() if not self._is(seq, each)]
        if lost:
            yield f"{len(lost)} acknowledged events are lost ({store.missing} noticed): {lost[:5]}"
        changed = [key for key, row in promised.ledger.items() if self.before.get(key) != row]
        if changed:
            yield f"{len(changed)} rows of the ledger that were read are gone or changed: {changed[:5]}"
        there = {each.slug for each in store.look(lambda view: view.workspace).destinations.values()}
        yield from (f"{slug} was connected, and is not" for slug in promised.connected - there)
        yield from self._deletions()
        yield from self._lines()

    def _is(self, seq: int, message_id: str) -> bool:
        found = self.ids.get(seq)
        return found == message_id or (found == "" and message_id.startswith("gone"))

    def _deletions(self) -> Iterator[str]:
        for wanted, least in ((self.promised.asked, ""), (self.promised.finished, "finished")):
            for deletion in wanted:
                try:
                    status = self.store.look(partial(life.status, deletion=deletion))
                except NotFound:
                    yield f"the deletion {deletion} was accepted, and is unknown"
                    continue
                if least and status != least:
                    yield f"the deletion {deletion} was {least}, and is {status}"

    def _lines(self) -> Iterator[str]:
        """Every line of the file that is confirmed stands in it."""
        file = self.store.folder / "files" / "events.jsonl"
        lines = set(life.ids_in(file.read_bytes())) if file.exists() else set()
        for (lane, _, seq, _), row in self.before.items():
            if lane == life.FILE and row[1] == verdict.DELIVERED and self.ids[seq] not in {*lines, ""}:
                yield f"{self.ids[seq]} is delivered to the file, and not in it"

    def doubts(self) -> Iterator[str]:
        """Each request that left has its place: an attempt of a row that is final, or of one that is owed again.

        Where its answer was not settled, that row says so.
        """
        tries = self.store.look(partial(_tries, ids=self.ids))
        for (lane, message_id), n in self.promised.sent.items():
            if tries.get((lane, message_id), 0) < n and not message_id.startswith("gone"):
                yield f"{message_id} left for lane {lane} {n} times, and {tries.get((lane, message_id))} are known"
        for lane, seq, state, settled in self.store.look(_settled_tries):
            n = self.promised.sent[lane, self.ids[seq]]
            if n > settled and state is not OwedState.UNKNOWN and not self.ids[seq].startswith("gone"):
                yield f"{self.ids[seq]} left for lane {lane} {n} times, {settled} settled, and reads {state.name}"

    def clients_try_again(self) -> Iterator[str]:
        """Who was not answered sends again, and who was sends a repeat: each event is there once."""
        life.connect(self.store, catalogue(), "http://nowhere.test")
        for message_id in [*dict.fromkeys(self.promised.called), *NEW]:
            (entry,) = life.record(self.store, [message_id]).entries
            told = self.promised.told.get(message_id)
            if isinstance(entry, Refused):
                if not (message_id.startswith("gone") and entry.reason == "suppressed"):
                    yield f"{message_id} is refused: {entry.reason}"
            elif told is not None and (entry.seq != told or not entry.repeated):
                yield f"{message_id} was recorded as {told}, and sent again is {entry}"

    async def deliver(self) -> None:
        """Deliver and keep until nothing is owed, on its way, or to be erased."""
        with anyio.fail_after(LIMIT_S):
            async with self._delivering():
                while not await self.store.read(life.at_rest):
                    await self.store.changed(0.05)

    @asynccontextmanager
    async def _delivering(self) -> AsyncIterator[None]:
        store = self.store
        given = life.settings(store.folder)
        write = partial(append, FileSender(), store.folder)
        keep = partial(loop.run, store, loop.Keeping(), signs=Signs())
        deliverer = Deliverer(
            store, self.eyes, self.vendor, write, store.clock, store.entropy, options(given), keep, serves=True
        )  # fmt: skip
        async with store.awake(), anyio.create_task_group() as tasks:
            tasks.start_soon(deliverer.run)
            yield
            deliverer.stop()

    def at_the_end(self) -> Iterator[str]:
        """Everything is delivered everywhere, what was confirmed not again, and every try is counted."""
        self.ids = self.store.look(_ids)
        yield from self.store.look(_damaged)
        missing = {*self.promised.told, *NEW} - set(self.ids.values())
        yield from (f"{each} is not there at the end" for each in missing if not each.startswith("gone"))
        for (lane, _, seq, _), row in self.store.look(law.ledger).items():
            if row[1] != verdict.DELIVERED and not (row[1] in ERASED and self.ids[seq][:4] in {"", "gone"}):
                yield f"{self.ids[seq] or seq} ends at lane {lane} with code {row[1]}"
        for (lane, _, seq, _), row in self.before.items():
            if row[1] == verdict.DELIVERED and (lane, self.ids[seq]) in self.vendor.took:
                yield f"{self.ids[seq]} was confirmed at lane {lane}, and sent again"
        yield from self.store.look(self._out_of_order)
        tries = self.store.look(partial(_tries, ids=self.ids))
        for key, n in (self.promised.sent + self.vendor.took).items():
            if tries.get(key, 0) < n and not key[1].startswith("gone"):
                yield f"{key[1]} left for lane {key[0]} {n} times, and {tries.get(key)} are known at the end"

    def _out_of_order(self, view: View) -> list[str]:
        """The lane with order gave each person's events away in the order of recording, or says `overtook`."""
        lane = life.LANES[life.HOOK]
        people = {seq: view.people.survivor(who) for seq, who in view.session.rows("SELECT seq, person FROM events")}
        seqs = {message_id: seq for seq, message_id in self.ids.items()}
        last: dict[int, int] = {}
        late = []
        for seq in [seqs[each] for at, each in self.vendor.took if at == lane and each in seqs]:
            (row,) = view.deliveries.of_event(lane, 0, seq)
            if seq < last.get(people[seq], 0):
                late.append(f"{self.ids[seq]} was delivered after a later event of its person")
            if row.reason != "overtook":
                last[people[seq]] = seq
        return late


def _after(folder: Path, promised: Known) -> Iterator[str]:
    """Closed well: nothing is missing for the next one, and of the erased nothing is left in any file."""
    noted = tail.read(folder / "tail")
    store = open_store(life.settings(folder))
    try:
        seq = store.look(lambda view: view.counter.seq)
    finally:
        store.close()
    if noted != seq:
        yield f"the tail says {noted}, the next event is {seq}"
    written = {each.id for each in erasures.read(folder / "erasures").entries}
    yield from (f"{each} is not in the file of erasures" for each in promised.asked if each not in written)
    values = [life.SECRET.format(who) for who in promised.asked.values()]
    left = [each for each in in_folder(folder, values) if not each.startswith("events.jsonl")]
    yield from (f"erased, and found in {each}" for each in left)


def _bytes_left(folder: Path, promised: Known) -> Iterator[str]:
    """What was erased before the cut must not come back with it."""
    values = [life.SECRET.format(who) for who in promised.finished.values()]
    if not values:
        return
    for file in folder.glob("*"):
        if file.is_file():
            yield from (f"erased, and back in {file.name}: {each}" for each in within(file.read_bytes(), values))
    written = {each.id for each in erasures.read(folder / "erasures").entries}
    yield from (f"{each} was finished, and is not in `erasures`" for each in promised.finished if each not in written)


def _damaged(view: View) -> list[str]:
    found = [str(row[0]) for row in view.session.rows("PRAGMA integrity_check") if row[0] != "ok"]
    events, keys, seqs = view.session.rows(
        "SELECT (SELECT count(*) FROM events), count(*), count(DISTINCT seq) "
        "FROM (SELECT key, seq FROM messages UNION SELECT key, seq FROM recent)"
    )[0]
    astray = [f"event {seq} is in nobody's history" for seq in laws.astray(view.session)]
    if not events == keys == seqs:
        found.append(f"{events} events, {keys} message ids for {seqs} of them")
    return [*found, *astray]


def _ids(view: View) -> dict[int, str]:
    """Give the message id of each event, empty for a tombstone."""
    rows = view.session.rows("SELECT seq, body FROM events")
    return {seq: next(iter(life.ids_in(bytes(body))), "") for seq, body in rows}


def _settled_tries(view: View) -> list[tuple[int, int, OwedState, int]]:
    """Give lane, seq and state of what is owed, and how many of its tries were settled."""
    found = []
    for lane, seq, part, state in view.session.rows("SELECT lane, seq, part, state FROM owed WHERE run = 0"):
        tries = view.deliveries.tries(lane, 0, (seq, part), 0)
        settled = sum(each.outcome not in {None, reigns.CRASH} for each in tries)
        found.append((lane, seq, OwedState(state), settled))
    return found


def _tries(view: View, ids: Mapping[int, str]) -> dict[tuple[int, str], int]:
    """Count the attempts that each event's row at each lane knows of."""
    found: dict[tuple[int, str], int] = {}
    for lane, seq, n in view.session.rows(
        "SELECT d.lane, d.seq, r.n FROM deliveries d JOIN requests r ON r.id = d.request WHERE d.run = 0"
        " UNION ALL SELECT lane, seq, tries FROM owed WHERE run = 0"
    ):
        found[lane, ids[seq]] = n
    return found
