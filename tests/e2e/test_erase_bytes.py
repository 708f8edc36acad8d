"""Erase means the bytes: one of twenty people is erased while others wait, and nothing of them is left in any file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread

from support.traces import in_folder
from support.workspace import PERSON, Bench, bench
from turnout import document
from turnout.delivery.deliverer import Deliverer
from turnout.delivery.lane import Options
from turnout.delivery.schedule import Schedule
from turnout.document import Document, Json
from turnout.entropy import SystemEntropy
from turnout.event import stored
from turnout.event.model import LIVE, Call, Caller, SourceId
from turnout.exchange import Answer, Append, Fault, FaultKind, Reply, Request
from turnout.ingest import ingest, refuse
from turnout.operations import deletions, replay, send
from turnout.store.unit import View
from turnout.upkeep import loop
from turnout.upkeep.loop import Keeping
from turnout.upkeep.watch import Signs

ZSOFIA = ("u_8842_zq", "zsofia.quill@shop.example", "Zsófia Quill-Brandt")


class Vendor:
    """Takes most events; refuses for now those named `Waits`, and for good those named `Bad`."""

    def __init__(self) -> None:
        self.took: Counter[str] = Counter()

    def start(self, request: Request, done: Callable[[Reply], None]) -> None:
        asyncio.get_running_loop().call_soon(done, self.answer(request))

    def answer(self, request: Request) -> Reply:
        if b"Waits" in request.body and "hook" in request.url:
            return Answer(503, body=request.body[:400])
        if b"Bad" in request.body and "hook" in request.url:
            return Answer(400, body=b"no: " + request.body[:400])
        for n in range(20):
            self.took[f"user-{n:02}"] += request.body.count(f"user-{n:02}".encode())
        return Answer(200, body=b'{"ok": true}', took_ms=2)


def no_files(_: Append) -> Reply:
    return Fault(FaultKind.DISK)


def events_of(user: str, email: str, name: str) -> list[Mapping[str, Json]]:
    who: Document = {"userId": user}
    many: list[Mapping[str, Json]] = [
        {**who, "type": "track", "event": "Viewed", "properties": {"by": name, "n": n}} for n in range(12)
    ]
    return [
        {**who, "type": "identify", "traits": {"email": email, "name": name}, "anonymousId": f"anon-{user}"},
        *many,
        {**who, "type": "track", "event": f"Order for {email}", "messageId": f"{email}-1"},
        {**who, "type": "track", "event": f"Hello {name}", "context": {"traits": {"email": email.upper()}}},
        {**who, "type": "track", "event": "Waits" if user[-1] in "3q" else "Goes", "properties": {"note": name}},
        {**who, "type": "track", "event": "Bad", "properties": {"note": name}},
        {"type": "page", "name": "Home", "anonymousId": f"anon-{user}", "properties": {"url": f"https://x/?e={email}"}},
    ]


def person(n: int) -> tuple[str, str, str]:
    return ZSOFIA if n == 7 else (f"user-{n:02}", f"person{n:02}@shop.example", f"Personne Nº{n:02}")


def record(here: Bench) -> None:
    caller = Caller(SourceId(1), LIVE, here.clock.now())
    for n in range(20):
        calls = tuple(Call(document.encode(body)) for body in events_of(*person(n)))
        here.store.commit(lambda unit, calls=calls: ingest(unit, calls, caller))  # type: ignore[misc]
        bad = (Call(document.encode({"type": "track", "event": 5, "userId": person(n)[0], "email": person(n)[1]})),)
        here.store.commit(lambda unit, bad=bad: refuse(unit, ingest(unit, bad, caller)))  # type: ignore[misc]
    sent = send.Send(
        ({"type": "track", "event": "By tool", "userId": ZSOFIA[0], "messageId": f"x-{ZSOFIA[1]}"},), "live"
    )
    here.call(send.operation("send_events"), sent, PERSON, key="k1")


@asynccontextmanager
async def delivering(here: Bench, vendor: Vendor) -> AsyncIterator[None]:
    upkeep = partial(loop.run, here.store, Keeping(), signs=Signs())
    deliverer = Deliverer(
        here.store, here.eyes, vendor, no_files, here.clock, SystemEntropy(), Options(Schedule()), upkeep, serves=True
    )  # fmt: skip
    async with here.store.awake(), anyio.create_task_group() as tasks:
        tasks.start_soon(deliverer.run)
        yield
        deliverer.stop()


async def until(here: Bench, holds: Callable[[View], bool]) -> None:
    with anyio.fail_after(60):
        while not await here.store.read(holds):
            here.clock.pass_s(0.05)
            await here.store.changed(0.05)


def settled(view: View) -> bool:
    """All was read; what the vendor refuses for now is owed, and nothing else is on its way."""
    lanes = [each.lane for each in view.workspace.destinations.values()]
    read = all(run.cursor == view.counter.seq - 1 for lane in lanes for run in view.lanes.runs(lane))
    owes = any(view.owed.any(lane) for lane in lanes)
    return read and owes and not view.lanes.windows()


async def erase(here: Bench, vendor: Vendor) -> tuple[list[str], str]:
    """Deliver, replay, erase while it delivers; give what was found before, and the deletion."""
    folder = here.store.folder
    named = replay.Replay(event=f"Order for {ZSOFIA[1]}")
    asked = deletions.Deletion(user_id=ZSOFIA[0], namespace="live")
    recorded = await anyio.to_thread.run_sync(in_folder, folder, ZSOFIA)  # the log ahead is shortened while it delivers
    async with delivering(here, vendor):
        await until(here, settled)
        call_ = partial(here.call, principal=PERSON, sure=True)
        await anyio.to_thread.run_sync(partial(call_, replay.operation(here.eyes), named))
        await until(here, settled)
        before = await anyio.to_thread.run_sync(in_folder, folder, ZSOFIA)
        done = await anyio.to_thread.run_sync(partial(call_, deletions.operation(here.eyes), asked))
        deletion = str(done.answer["deletion_id"])
        await until(here, lambda view: deletions.get_deletion(view, deletion)["status"] == "finished")
        left = await anyio.to_thread.run_sync(in_folder, folder, ZSOFIA)
        assert left == []
    return recorded + before, deletion


def test_nothing_of_an_erased_person_is_left_in_any_file_and_the_others_are_whole(data_dir: Path) -> None:
    with bench(data_dir) as here:
        here.connect("segment")
        here.connect("webhook", {"url": "https://hook.example.com/in"})
        record(here)
        before, deletion = anyio.run(erase, here, Vendor())
        receipt = here.look(lambda view: deletions.get_deletion(view, deletion))
        log = here.look(lambda view: view.log.after(0, 10_000))

    places = ("turnout.db-wal", "events", "identifiers", "names", "refused", "exchanges")
    assert {f"{place}: {ZSOFIA[1]}" for place in places} <= set(before)
    assert in_folder(data_dir, ZSOFIA) == []
    assert sum(each.erased for each in log) == 19
    others = [
        stored.document(each.body, each.meta, received=each.received, kind=each.kind) for each in log if not each.erased
    ]
    assert len(others) == 19 * 18
    assert {each["userId"] for each in others if "userId" in each} == {person(n)[0] for n in range(20) if n != 7}
    assert counts(receipt)["deliveries"]["cancelled"] in {3, 4}  # a retry may have been on its way
    assert {step: counts(receipt)[step]["erased"] for step in ("events", "answers", "refused_calls")} == {
        "events": 19, "answers": 1, "refused_calls": 1,
    }  # fmt: skip


def counts(receipt: Document) -> dict[str, Document]:
    steps = receipt["steps"]
    assert isinstance(steps, list)
    return {str(step["where"]): step["counts"] for step in steps}
