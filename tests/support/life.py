"""A life of the whole program, for tests that end it: it does what the words say, and marks what it was told.

    python -m support.life ROOT URL WORD ...        the workspace is ROOT/data, the marks go to ROOT/marks

    connect          connect what is not yet: `webhook` (one event a request, in order), `segment` (batches), `jsonl`
    record:P:N       three threads record N calls each; ids begin with P, and so are told apart
    gone:P           record calls of somebody who will be erased
    erase:P          erase that person, and wait until it is done
    restart          checkpoint while others write
    drain            wait until nothing is owed or on its way
    alone            (first word) do not deliver

Marks: {"call": [id, …]} before, {"told": {id: seq, …}} after the commit; {"ledger": [row, …]} as a reader saw them;
{"connected": slug}; {"asked": deletion, "of": P}; {"finished": deletion, "of": P}.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from support import law
from support.engine import caller
from support.recording import Marker
from support.workspace import LIVE_AGENT, PERSON
from turnout import document
from turnout.app import App, running
from turnout.binder import Binder
from turnout.config import Settings
from turnout.delivery.eyes import Eyes
from turnout.document import Json
from turnout.egress import parse_networks
from turnout.event.model import Call
from turnout.guard import run as guard
from turnout.ingest import Receipt, Recorded, ingest
from turnout.manifest.catalogue import Catalogue
from turnout.operations import connect as connecting
from turnout.operations import deletions
from turnout.operations.model import Intent
from turnout.store.store import Store
from turnout.store.unit import View
from turnout.upkeep.checkpoint import Checkpointer

THREADS = 3
GONE_CALLS = 6
SECRET = "quill-{}@shop.example"
"""What nothing may say any more of somebody who was erased."""
SLUGS = ("webhook", "segment", "jsonl")
HOOK, BATCH = "/hook", "/v1/batch"
LANES = {HOOK: 1, BATCH: 2}
FILE = 3
"""Its lane; lanes are numbered in the order in which they are connected."""
LIMIT_S = 120
_IDS = re.compile(rb'"messageId":"([^"]+)"')


def settings(folder: Path) -> Settings:
    return Settings(
        folder, parse_networks("127.0.0.0/8"), retry_base_s=0.03, retry_cap_s=0.2, batch_wait_ms=5, max_in_flight=16
    )


def call_of(message_id: str) -> Call:
    """Give the call of an id: a client that tries again sends the same."""
    prefix, _, number = message_id.rpartition("-")
    n = int(number)
    body: dict[str, Json] = {"type": "track", "event": f"Step {n % 3}", "messageId": message_id}
    if prefix.startswith("gone"):
        body |= {"userId": prefix, "properties": {"email": SECRET.format(prefix), "n": n}}
    elif n % 7 == 3:  # somebody without a name, who turns out to be one of the others
        body["anonymousId"] = f"{prefix}-a{n % 5}"
    else:
        body |= {"userId": f"{prefix}-u{n % 5}"} | ({"anonymousId": f"{prefix}-a{n % 5}"} if n % 7 == 5 else {})
    return Call(document.encode(body))


def ids_in(raw: bytes) -> list[str]:
    """Find the message ids in what was sent or stored."""
    return [each.decode() for each in _IDS.findall(raw)]


def record(store: Store, ids: Sequence[str]) -> Receipt:
    calls = tuple(map(call_of, ids))
    return store.commit(partial(ingest, calls=calls, caller=caller(store.clock.now())), len(calls))


def connect(store: Store, catalogue: Catalogue, url: str) -> list[str]:
    """Connect what is not connected yet; give what was."""
    there = {each.slug for each in store.look(lambda view: view.workspace).destinations.values()}
    given: dict[str, dict[str, Json]] = {
        "webhook": {"url": url + HOOK},
        "segment": {"write_key": "wk_0123456789abcdef", "endpoint": url},
        "jsonl": {"path": "events.jsonl"},
    }
    operation = connecting.operation(catalogue, Binder(catalogue))
    missing = [slug for slug in SLUGS if slug not in there]
    for slug in missing:
        request = connecting.Connect(slug, slug, given[slug], "live")
        store.commit(partial(guard.run, operation=operation, request=request, intent=Intent(LIVE_AGENT, sure=True)))
    return missing


def ask(store: Store, eyes: Eyes, user: str) -> str:
    """Ask for somebody to be erased; give the deletion."""
    request = deletions.Deletion(user_id=user, namespace="live")
    done = store.commit(
        partial(guard.run, operation=deletions.operation(eyes), request=request, intent=Intent(PERSON, sure=True))
    )
    return str(done.answer["deletion_id"])


def status(view: View, deletion: str) -> str:
    return str(deletions.get_deletion(view, deletion)["status"])


def at_rest(view: View) -> bool:
    """Tell whether every lane has come to the end of the log, and nothing is owed, on its way, or to be erased."""
    lanes = [each.lane for each in view.workspace.destinations.values()]
    runs = [run for lane in lanes if (run := view.lanes.run(lane, 0))]
    read = len(runs) == len(lanes) and all(run.cursor == view.counter.seq - 1 for run in runs)
    owes = any(view.owed.any(lane) for lane in lanes) or view.lanes.windows() or view.privacy.running()
    return read and not owes


@dataclass(slots=True)
class Life:
    """One process that lives it."""

    app: App
    marker: Marker
    url: str
    seen: set[tuple[int, ...]] = field(default_factory=set)

    async def do(self, word: str) -> None:
        name, *given = word.split(":")
        await getattr(self, f"_{name}")(*given)

    async def _connect(self) -> None:
        made = await anyio.to_thread.run_sync(connect, self.app.store, self.app.catalogue, self.url)
        self.marker.say(connected=made)

    async def _record(self, prefix: str, count: str) -> None:
        async with anyio.create_task_group() as tasks:
            for at in range(THREADS):
                numbers = range(at, THREADS * int(count), THREADS)
                tasks.start_soon(anyio.to_thread.run_sync, self._record_all, [f"{prefix}-{n}" for n in numbers])

    async def _gone(self, prefix: str) -> None:
        ids = [f"gone{prefix}-{n}" for n in range(GONE_CALLS)]
        await anyio.to_thread.run_sync(self._record_all, ids)

    async def _erase(self, prefix: str) -> None:
        deletion = await anyio.to_thread.run_sync(ask, self.app.store, self.app.eyes, f"gone{prefix}")
        self.marker.say(asked=deletion, of=f"gone{prefix}")
        await self._until(lambda view: status(view, deletion) == "finished")
        self.marker.say(finished=deletion, of=f"gone{prefix}")

    async def _restart(self) -> None:
        await anyio.to_thread.run_sync(Checkpointer(self.app.store).restart)

    async def _drain(self) -> None:
        await self._until(at_rest)

    def _record_all(self, ids: Sequence[str]) -> None:
        """Record in commits of one to three."""
        at = 0
        while at < len(ids):
            some = ids[at : at + 1 + at % 3]
            at += len(some)
            self.marker.say(call=some)
            receipt = record(self.app.store, some)
            told = {str(each.message_id): each.seq for each in receipt.entries if isinstance(each, Recorded)}
            self.marker.say(told=told)

    async def _until(self, holds: Callable[[View], bool]) -> None:
        with anyio.fail_after(LIMIT_S):
            while not await self.app.store.read(holds):
                await self.app.store.changed(0.05)

    async def watch(self) -> None:
        """Mark each ledger row as soon as a reader sees it."""
        while True:
            changed = self.app.store.mark()
            rows = await self.app.store.read(law.ledger)
            new = [(*key, *row) for key, row in rows.items() if key not in self.seen]
            self.seen.update(rows)
            if new:
                self.marker.say(ledger=new)
            with anyio.move_on_after(0.05):
                await changed.wait()


async def live(root: Path, url: str, words: Iterable[str]) -> None:
    words = list(words)
    delivers = words[0] != "alone"
    async with (
        running(settings(root / "data"), delivers=delivers) as app,
        _watched(Life(app, Marker(root), url)) as life,
    ):
        for word in words if delivers else words[1:]:
            await life.do(word)


@asynccontextmanager
async def _watched(life: Life) -> AsyncIterator[Life]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(life.watch)
        yield life
        tasks.cancel_scope.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(prog="support.life")
    parser.add_argument("root", type=Path)
    parser.add_argument("url")
    parser.add_argument("words", nargs="+")
    given = parser.parse_args()
    anyio.run(live, given.root, given.url, given.words)


if __name__ == "__main__":
    main()
