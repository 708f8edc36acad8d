"""Audiences in a lane: a list is made once, over restarts and crashes, and who leaves does not overtake who enters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import law
from support.destination import Received, Recorder, Scripted
from support.engine import connect, open_store, record
from support.script import Script
from support.worker import Worker, start, until
from turnout.delivery import verdict
from turnout.document import encode
from turnout.event.model import Call
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

LISTS = """
http: {base: "https://lists.test"}
audience:
  get: {get: /lists, id: $res.body.0.id}
  create: {post: /lists, json: {name: $audience.name}, id: $res.body.id}
  member: {user: $.userId}
  batch: {max: 1}
  add: {post: "/lists/{{ $audience.id | urlencode }}/add", json: $batch}
  remove: {post: "/lists/{{ $audience.id | urlencode }}/remove", json: $batch}
actions:
  event: {for: track, send: {post: /events, json: {name: $.event}}}
"""


class Vendor:
    """Keeps one list, once it was made."""

    def __init__(self) -> None:
        self.made = 0

    def decide(self, request: Received) -> Scripted:
        if request.path != "/lists":
            return Scripted()
        if request.method == "GET":
            return Scripted(body=b'[{"id":"l1"}]' if self.made else b"[]")
        self.made += 1
        return Scripted(201, body=b'{"id":"l%d"}' % self.made)


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder(Script(decide=Vendor().decide)) as recorder:
        yield recorder


@pytest.fixture
def store(data_dir: Path) -> Iterator[Store]:
    opened = open_store(data_dir)
    opened.commit(connect)
    yield opened
    opened.close()


def member(user: str, *, inside: bool, n: int = 0) -> Call:
    """Make what Segment's computed audience sends."""
    return Call(
        encode({
            "type": "identify", "userId": user, "messageId": f"{user}-{n}", "traits": {"vip": inside},
            "context": {"personas": {"computation_class": "audience", "computation_key": "vip"}},
        })
    )  # fmt: skip


def deliver(store: Store, vendor: Recorder, *words: str) -> Worker:
    manifest = store.folder.parent / "manifest.yaml"
    manifest.write_text(LISTS, encoding="utf-8")
    out = store.folder.parent / "out"
    return start(out, "deliver", str(store.folder), "--url", vendor.url, "--manifest", str(manifest), *words)


def finish(store: Store, vendor: Recorder, count: int) -> None:
    worker = deliver(store, vendor)
    until(lambda: store.look(delivered) == count)
    assert worker.stop() == 0
    assert not store.look(law.broken)


def delivered(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM deliveries WHERE code = ?", (verdict.DELIVERED,))[0][0])


def asked(vendor: Recorder) -> list[str]:
    return [f"{each.method} {each.path}" for each in vendor.received]


def test_many_that_enter_at_once_make_one_list_and_its_id_outlives_the_process(store: Store, vendor: Recorder) -> None:
    record(store, *(member(f"u{n}", inside=True) for n in range(12)))
    finish(store, vendor, 12)

    record(store, member("late", inside=True))
    finish(store, vendor, 13)

    assert Counter(asked(vendor)) == {"GET /lists": 1, "POST /lists": 1, "POST /lists/l1/add": 13}


@pytest.mark.parametrize("at", [2, 3])
def test_a_list_that_was_made_before_a_crash_is_found_after_it_and_not_made_again(
    store: Store, vendor: Recorder, at: int
) -> None:
    record(store, member("u1", inside=True))

    deliver(store, vendor, "--die", "answered", "--at", str(at)).killed()
    finish(store, vendor, 1)

    seen = Counter(asked(vendor))
    assert seen["POST /lists"] == 1
    assert seen["GET /lists"] == (2 if at == 2 else 1)


def test_who_enters_and_leaves_at_once_has_left(store: Store, vendor: Recorder) -> None:
    record(store, member("u1", inside=True, n=1), member("u1", inside=False, n=2), member("u1", inside=True, n=3))

    finish(store, vendor, 3)

    assert asked(vendor)[2:] == ["POST /lists/l1/add", "POST /lists/l1/remove", "POST /lists/l1/add"]
