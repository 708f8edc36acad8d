"""Steps that wait and steps that resume, in a lane: others go by, a batch stays together, a crash repeats one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import law
from support.delivering import delivering, until_seen
from support.destination import Received, Recorder, Scripted
from support.engine import caller, connect, open_store, record, track
from support.manifests import target
from support.script import Script
from support.worker import Worker, start, until
from turnout.delivery import verdict
from turnout.ingest import ingest
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

BULK = """
order: none
http: {base: "https://bulk.test"}
actions:
  rows:
    for: track
    item: {id: $.messageId}
    batch: {max: 3, by: [$.event]}
    steps:
      - job: {post: /jobs, json: {event: $.event}, save: {id: $res.body.id}}
      - wait: {get: "/jobs/{{ $job.id | urlencode }}", poll: {every: 1s, for: 30s, until: $res.body.done}}
      - rows: {post: "/jobs/{{ $job.id | urlencode }}/rows", json: $batch}
"""
RESUMES = BULK.replace("    steps:", "    resume: true\n    steps:")


class Bulk:
    """A vendor of jobs: one for each event name; those are done that it was told are."""

    def __init__(self) -> None:
        self.done: set[str] = set()

    def decide(self, request: Received) -> Scripted:
        if request.path == "/jobs":
            name = str(request.json()["event"]).replace(" ", "-")
            return Scripted(201, body=b'{"id":"%s"}' % name.encode())
        if request.method == "GET":
            done = request.path.removeprefix("/jobs/") in self.done
            return Scripted(body=b'{"done":true}' if done else b'{"done":false}')
        return Scripted()


@pytest.fixture
def bulk() -> Bulk:
    return Bulk()


@pytest.fixture
def vendor(bulk: Bulk) -> Iterator[Recorder]:
    with Recorder(Script(decide=bulk.decide)) as recorder:
        yield recorder


def asked(vendor: Recorder) -> Counter[str]:
    return Counter(f"{each.method} {each.path}" for each in vendor.received)


def delivered(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM deliveries WHERE code = ?", (verdict.DELIVERED,))[0][0])


@pytest.mark.anyio
async def test_a_batch_that_waits_for_its_job_stays_together_and_holds_up_nobody(
    data_dir: Path, bulk: Bulk, vendor: Recorder
) -> None:
    bulk.done.add("Quick")
    calls = (
        *(track(f"s{n}", f"u{n}", event="Slow") for n in range(3)),
        *(track(f"q{n}", "u", event="Quick") for n in range(3)),
    )

    async with delivering(data_dir, target(BULK, endpoint=vendor.url)) as store:
        await store.transact(lambda unit: ingest(unit, calls, caller(store.clock.now())))
        await until_seen(store, lambda view: delivered(view) == 3)
        await until_seen(store, lambda view: sum(len(view.owed.of_event(1, 0, seq)) for seq in (1, 2, 3)) == 3)
        bulk.done.add("Slow")
        await until_seen(store, lambda view: delivered(view) == 6)

    seen = asked(vendor)
    assert (seen["POST /jobs"], seen["POST /jobs/Slow/rows"]) == (2, 1)
    assert seen["GET /jobs/Slow"] >= 2
    (rows,) = [each.json() for each in vendor.received if each.path == "/jobs/Slow/rows"]
    assert [row["id"] for row in rows] == ["s0", "s1", "s2"]


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    opened = open_store(data_dir)
    opened.commit(connect)
    yield opened
    opened.close()


def deliver(store: Store, vendor: Recorder, text: str, *words: str) -> Worker:
    manifest = store.folder.parent / "manifest.yaml"
    manifest.write_text(text, encoding="utf-8")
    out = store.folder.parent / "out"
    return start(out, "deliver", str(store.folder), "--url", vendor.url, "--manifest", str(manifest), *words)


def finish(store: Store, vendor: Recorder, text: str) -> None:
    worker = deliver(store, vendor, text)
    until(lambda: store.look(delivered) == 1)
    assert worker.stop() == 0
    assert not store.look(law.broken)


@pytest.mark.parametrize(
    ("die", "at", "jobs", "rows"),
    [
        ("answered", 1, 2, 1),  # nobody wrote down that the job was made
        ("before_send", 2, 1, 1),
        ("answered", 2, 1, 1),
        ("before_send", 3, 1, 1),
        ("answered", 3, 1, 2),
    ],
)
def test_an_action_that_resumes_repeats_after_a_crash_the_step_that_was_on_its_way_and_no_other(
    store: Store, bulk: Bulk, vendor: Recorder, die: str, at: int, jobs: int, rows: int
) -> None:
    bulk.done.add("Signed-Up")
    record(store, track("m1", event="Signed Up"))

    deliver(store, vendor, RESUMES, "--die", die, "--at", str(at)).killed()
    finish(store, vendor, RESUMES)

    seen = asked(vendor)
    assert (seen["POST /jobs"], seen["POST /jobs/Signed-Up/rows"]) == (jobs, rows)


def test_a_process_that_dies_while_it_polls_leaves_a_job_that_the_next_one_asks_for(
    store: Store, bulk: Bulk, vendor: Recorder
) -> None:
    record(store, track("m1", event="Slow"))
    dying = deliver(store, vendor, BULK)
    until(lambda: asked(vendor)["GET /jobs/Slow"] == 2)
    dying.kill()

    bulk.done.add("Slow")
    finish(store, vendor, BULK)

    seen = asked(vendor)
    assert (seen["POST /jobs"], seen["POST /jobs/Slow/rows"]) == (1, 1)
    assert seen["GET /jobs/Slow"] >= 3
