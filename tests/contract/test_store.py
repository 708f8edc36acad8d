"""The store by its verbs: what is answered is durable, one caller's fault is its own, and processes meet in SQLite."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from support.engine import caller, open_store, record, track
from support.worker import HERE, start, until
from turnout.clock import month_of
from turnout.errors import InvalidInput, Unavailable
from turnout.event.model import LIVE, TOMBSTONE
from turnout.event.stored import message_id
from turnout.identity.model import Identifier, IdType
from turnout.ingest import ingest
from turnout.store import laws
from turnout.store.connect import connect_writer, file_system
from turnout.store.locks import FileLock
from turnout.store.privacy import Regulation
from turnout.store.promise import Promise
from turnout.store.store import SCHEMA, Store
from turnout.store.unit import Unit, View

U1 = Identifier(LIVE, IdType.USER, "u1")


T = TypeVar("T")


def events(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM events")[0][0])


def one(unit: Unit, message_id: str = "m1", user_id: str = "u1", **more: str) -> int:
    return int(ingest(unit, (track(message_id, user_id, **more),), caller(1)).first)


def heard(promise: Promise[T]) -> T:
    """Wait for what the writer answers."""
    answered = threading.Event()
    if not promise.hear(answered.set):
        assert answered.wait(60)
    return promise.result()


def fail(unit: Unit) -> None:
    one(unit, "lost", "lost")
    raise InvalidInput("no")


# -- groups ---------------------------------------------------------------------------------------------------


def test_callers_of_a_group_share_a_commit_and_one_callers_error_is_its_own(store: Store) -> None:
    hold = threading.Event()
    first = store._submit(lambda _: hold.wait(5), 1)  # the queue fills behind it: no public verb waits
    works = [store._submit(partial(one, message_id=f"m{at}"), 1) for at in range(3)]
    broken = store._submit(fail, 1)
    after = store._submit(lambda unit: one(unit, "last"), 1)

    hold.set()

    assert heard(first)
    assert [heard(work) for work in works] == [1, 2, 3]
    with pytest.raises(InvalidInput):
        heard(broken)
    assert heard(after) == 4
    assert store.look(events) == 4


def test_the_first_of_a_group_that_fails_leaves_nothing_and_the_others_are_served(store: Store) -> None:
    hold = threading.Event()

    def fail_late(unit: Unit) -> None:
        hold.wait(5)
        fail(unit)

    first = store._submit(fail_late, 1)  # the queue fills behind it: no public verb waits
    works = [store._submit(partial(one, message_id=f"m{at}"), 1) for at in range(2)]
    again = store._submit(lambda unit: one(unit, "lost", "lost"), 1)

    hold.set()

    with pytest.raises(InvalidInput):
        heard(first)
    assert [heard(work) for work in (*works, again)] == [1, 2, 3]
    assert store.look(lambda view: [event.person for event in view.log.after(0, 9)]) == [1, 1, 2]


def test_what_a_failed_caller_had_learned_is_forgotten(store: Store) -> None:
    with pytest.raises(InvalidInput):
        store.commit(fail)

    known = store.commit(lambda unit: unit.people.known([Identifier(LIVE, IdType.USER, "lost")]).owners)

    assert known == {}
    assert store.commit(lambda unit: one(unit, "lost")) == 1


def test_a_suppression_lifted_by_a_failed_caller_still_holds(store: Store) -> None:
    key = store.vault.identifier(U1)
    store.commit(lambda unit: unit.privacy.suppress([key], "r1"))

    def lift(unit: Unit) -> None:
        unit.privacy.unsuppress([key])
        assert not unit.privacy.suppressing()
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        store.commit(lift)

    assert store.commit(lambda unit: ingest(unit, (track("m1"),), caller(1))).refused[0].reason == "suppressed"


def test_a_merge_within_one_caller_is_seen_by_what_it_records_next(store: Store) -> None:
    def merge(unit: Unit) -> None:
        one(unit, "m2", "u1", anonymousId="a1")
        one(unit, "m3", "", anonymousId="a1")

    hold = threading.Event()
    store._submit(lambda _: hold.wait(5), 1)  # one group of all that follows: no public verb waits
    store._submit(partial(one, message_id="m0"), 1)
    store._submit(lambda unit: one(unit, "m1", "", anonymousId="a1"), 1)
    merged = store._submit(merge, 1)
    hold.set()
    heard(merged)

    people = store.look(lambda view: [event.person for event in view.log.after(0, 10)])
    assert people[2] == people[3]


def test_a_broken_statement_of_a_caller_is_unavailable_and_the_next_caller_is_served(store: Store) -> None:
    with pytest.raises(Unavailable, match="nothing was stored"):
        store.commit(lambda unit: unit.session.run("SELECT * FROM nowhere"))

    assert store.commit(one) == 1


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Unavailable, match="readonly"):
        store.look(lambda view: view.session.run("DELETE FROM events"))


def test_many_callers_of_the_loop_are_all_answered(store: Store) -> None:
    async def run() -> list[int]:
        answers: list[int] = []

        async def call(at: int) -> None:
            answers.extend([await store.transact(partial(one, message_id=f"m{at}-{n}")) for n in range(20)])

        async with store.awake(), anyio.create_task_group() as tasks:
            for at in range(20):
                tasks.start_soon(call, at)
        return answers

    assert sorted(anyio.run(run)) == list(range(1, 401))


# -- processes ------------------------------------------------------------------------------------------------


def elsewhere(folder: Path, code: str) -> str:
    """Run code in another process, where `store` is open on the folder; give what it prints."""
    text = (
        "from pathlib import Path; from support.engine import *\n"
        f"store = open_store(Path({str(folder)!r}))\n{code}\nstore.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=HERE, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_person_known_here_is_followed_after_another_process_merged_it(store: Store) -> None:
    record(store, track("m1", "u1"))
    record(store, track("m2", "", anonymousId="a1"))
    elsewhere(store.folder, "record(store, track('m3', 'u1', anonymousId='a1'))")

    record(store, track("m4", "", anonymousId="a1"))

    people = store.look(lambda view: [event.person for event in view.log.after(0, 10)])
    assert people[3] == people[2]
    assert store.look(lambda view: view.people.survivor(people[1])) == people[3]


def test_a_suppression_made_by_another_process_is_heeded_at_once(store: Store) -> None:
    record(store, track("m1", "u2"))
    elsewhere(store.folder, f"store.commit(lambda unit: unit.privacy.suppress([{store.vault.identifier(U1)!r}], 'r'))")

    receipt = record(store, track("m2", "u1"))

    assert [each.reason for each in receipt.refused] == ["suppressed"]


def test_what_another_process_commits_between_our_own_commits_is_noticed(store: Store) -> None:
    async def run() -> None:
        async with store.awake():
            for at in range(3):
                await store.transact(partial(one, message_id=f"m{at}", user_id="u1"))
                changed = store.mark()
                await anyio.to_thread.run_sync(elsewhere, store.folder, f"record(store, track('x{at}', 'u2'))")
                with anyio.fail_after(60):
                    await changed.wait()
                    while store.news.seq != 2 * (at + 1) + 1:
                        await store.changed(1)

    anyio.run(run)


def test_a_small_writer_is_not_starved_beside_a_saturated_one(store: Store, tmp_path: Path) -> None:
    busy = start(tmp_path / "busy", "record", str(store.folder), "--count", "1000000")
    try:
        busy.await_ready()
        until(lambda: len(busy.lines()) > 20)
        waits = []
        for at in range(60):
            began, before = time.monotonic(), len(busy.lines())
            store.commit(partial(one, message_id=f"small-{at}", user_id="small"))
            waits.append((time.monotonic() - began, len(busy.lines()) - before))
    finally:
        busy.kill()

    starved = [(took, others) for took, others in waits if took >= 1.0 and others > 20]  # else the disk stood still
    assert starved == [], "SQLite's own busy handler lets it wait for seconds"


def freeze(store: Store, tmp_path: Path) -> subprocess.Popen[bytes]:
    """Start a process that takes the turnstile and stands still."""
    code = (
        "import sys, os, signal; from pathlib import Path; from turnout.store.locks import Turnstile\n"
        "Turnstile(Path(sys.argv[1])).enter(); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(store.folder)], cwd=tmp_path)
    stopped, status = os.waitpid(holder.pid, os.WUNTRACED)
    assert (stopped, os.WIFSTOPPED(status)) == (holder.pid, True)
    return holder


@pytest.mark.parametrize("way", ["thread", "loop"])
def test_behind_a_frozen_process_a_caller_gives_up_in_time_and_names_it(store: Store, tmp_path: Path, way: str) -> None:
    async def in_loop() -> None:
        async with store.awake():
            await store.transact(one)

    holder = freeze(store, tmp_path)
    began = time.monotonic()
    try:
        with pytest.raises(Unavailable, match=f"process {holder.pid} holds the write lock"):
            store.commit(one) if way == "thread" else _unwrapped(in_loop)
        assert 9 < time.monotonic() - began < 30
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    assert store.commit(lambda unit: one(unit, "later")) == 1, "the work that was withdrawn is not done afterwards"
    assert store.look(events) == 1


def _unwrapped(function: Callable[[], Awaitable[None]]) -> None:
    """Run in a loop; a task group's lone error comes out as itself."""
    try:
        anyio.run(function)
    except ExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup):
            (inner,) = inner.exceptions
        raise inner from None


def test_after_a_fork_with_events_in_flight_both_sides_commit_and_none_is_lost(store: Store) -> None:
    def write(prefix: str, count: int) -> None:
        for at in range(count):
            store.commit(partial(one, message_id=f"{prefix}{at}", user_id=prefix))

    def child() -> None:
        write("child", 50)
        store.close()

    busy = threading.Thread(target=write, args=("thread", 200))
    busy.start()
    until(lambda: store.look(events) > 5)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    write("parent", 50)
    busy.join()
    process.join(60)

    assert process.exitcode == 0
    assert store.look(events) == 300
    assert store.look(lambda view: view.session.rows("PRAGMA integrity_check")) == [("ok",)]


# -- what is on disk ------------------------------------------------------------------------------------------


def test_the_folder_is_0700_and_every_file_0600(store: Store) -> None:
    record(store, track("m1"))

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}

    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert {"turnout.db", "keys", "tail", "open.lock", "write.lock", "next.lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_missing_keys_are_not_made_anew(store: Store) -> None:
    store.close()
    (store.folder / "keys").unlink()

    with pytest.raises(Unavailable, match="the file `keys` of the data directory is missing"):
        store.open()
    assert not (store.folder / "keys").exists()


def test_the_keys_of_another_workspace_are_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    open_store(tmp_path / "other").close()
    (store.folder / "keys").write_bytes((tmp_path / "other" / "keys").read_bytes())

    with pytest.raises(Unavailable, match="belongs to another workspace"):
        store.open()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"workspace": "x"}'], ids=["empty", "cut", "list", "half"])
def test_damaged_keys_are_refused(store: Store, text: bytes) -> None:
    store.close()
    (store.folder / "keys").write_bytes(text)

    with pytest.raises(Unavailable, match="is damaged"):
        store.open()


def test_a_workspace_of_the_first_schema_is_brought_up_to_date_and_keeps_what_it_has(store: Store) -> None:
    def go_back(unit: Unit) -> None:
        one(unit)
        unit.session.run("DROP TABLE uses")
        unit.session.run("ALTER TABLE owed DROP COLUMN place")
        unit.session.run("DROP TABLE once")
        unit.session.run("DROP TABLE lists")
        unit.session.run("INSERT INTO messages SELECT key, seq FROM recent")
        back_to_the_index(unit)
        unit.session.run("DROP TABLE recent")
        unit.session.run("ALTER TABLE events DROP COLUMN sum")
        unit.session.run("ALTER TABLE entities DROP COLUMN sum")
        unit.session.run("PRAGMA user_version=1")

    schema = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    fresh = store.look(lambda view: view.session.rows(schema))
    store.commit(go_back)
    store.close()
    go_back_in_the_counter(store)

    store.open()

    assert store.look(lambda view: view.session.rows(schema)) == fresh
    assert store.commit(one) == 0  # its id is seen still
    assert store.look(lambda view: view.session.row("PRAGMA user_version")) == (SCHEMA,)
    assert store.look(events) == 1


def back_to_the_index(unit: Unit) -> None:
    """Have an index of people, and a meter with rows for the whole workspace, as before there was a history."""
    run = unit.session.run
    run("DROP TABLE history")
    run("CREATE INDEX events_person ON events (person, seq)")
    run("ALTER TABLE recent DROP COLUMN person")
    run("ALTER TABLE meter RENAME TO sources")
    run(
        "CREATE TABLE meter (month, namespace, source, kind, key, linked, seq, "
        "PRIMARY KEY (month, namespace, source, kind, key)) WITHOUT ROWID"
    )
    run("INSERT INTO meter SELECT month, namespace, source, kind, key, linked, seq FROM sources")
    run(
        "INSERT INTO meter SELECT month, namespace, 0, kind, key, max(linked), min(seq) FROM sources "
        "GROUP BY month, namespace, kind, key"
    )
    run("DROP TABLE sources")


def test_whose_events_they_are_and_who_counted_is_known_still_after_both_were_put_in_another_order(
    store: Store,
) -> None:
    def who(view: View) -> object:
        month = month_of(view.now)
        seqs = [view.history.seqs((person,), 1, 99) for person in range(4)]
        return seqs, view.people.meter(month), view.people.metered(month, LIVE, 9), list(laws.astray(view.session))

    record(store, track("m1", "u1"), track("m2", "u2", anonymousId="a1"), track("m3", "u1"))
    record(store, track("m4", "", anonymousId="a2"), track("m5", "u2"), source=2)
    store.commit(lambda unit: unit.session.run("INSERT INTO history SELECT person, seq FROM recent WHERE seq < 3"))
    store.commit(lambda unit: setattr(unit.counter, "ordered", 3))
    before = store.look(who)
    store.commit(back_to_the_index)
    store.commit(lambda unit: unit.session.run("PRAGMA user_version=5"))
    store.close()

    store.open()

    assert store.look(who) == before
    record(store, track("m6", "u1"))
    assert store.look(lambda view: view.history.seqs((1,), 1, 99)) == (1, 3, 6)
    assert store.look(lambda view: view.session.rows("SELECT seq FROM history ORDER BY seq")) == [(1,), (2,)]


def go_back_in_the_counter(store: Store) -> None:
    """Take the column that each commit of ours writes, while nobody has it open."""
    with closing(connect_writer(store.path)) as connection:
        connection.execute("ALTER TABLE counter DROP COLUMN ordered").close()


def test_events_of_before_there_were_checksums_are_read_as_they_are_and_later_ones_have_one(store: Store) -> None:
    record(store, track("before"), track("erased"))
    store.commit(lambda unit: unit.log.bury([2]))
    store.commit(lambda unit: unit.session.run("ALTER TABLE events DROP COLUMN sum"))
    store.commit(lambda unit: unit.session.run("ALTER TABLE entities DROP COLUMN sum"))
    store.commit(back_to_the_index)
    store.commit(lambda unit: unit.session.run("DROP TABLE recent"))
    store.commit(lambda unit: unit.session.run("PRAGMA user_version=3"))
    store.close()
    go_back_in_the_counter(store)

    store.open()
    record(store, track("after"))

    before, erased, after = store.look(lambda view: view.log.after(0, 10))
    assert [message_id(each.body, each.meta) for each in (before, after)] == ["before", "after"]
    assert [each.flags for each in (before, erased, after)] == [0, TOMBSTONE, 0]
    sums = store.look(lambda view: view.session.rows("SELECT sum IS NULL FROM events ORDER BY seq"))
    assert [bool(each) for (each,) in sums] == [True, True, False]


def test_a_schema_newer_than_the_program_is_refused(store: Store) -> None:
    store.commit(lambda unit: unit.session.run("PRAGMA user_version=99"))
    store.close()

    with pytest.raises(Unavailable, match=f"schema 99, this program knows them up to {SCHEMA}"):
        store.open()


def test_another_programs_database_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    connection = sqlite3.connect(data_dir / "turnout.db")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    open_store(data_dir.parent / "mine").close()
    (data_dir / "keys").write_bytes((data_dir.parent / "mine" / "keys").read_bytes())

    with pytest.raises(Unavailable, match="is another program's"):
        open_store(data_dir)


def test_a_database_behind_its_tail_says_how_many_are_missing_until_the_loss_is_accepted(store: Store) -> None:
    record(store, track("m1"))
    store.close()
    (store.folder / "tail").write_bytes(b"%-20d\n" % 207)

    assert store.open().missing == 205
    store.close()
    assert store.open().missing == 205
    store.close()
    accepting = Store(store.folder, store.clock, store.entropy, accept_loss=True).open()
    accepting.close()
    assert store.open().missing == 0


def test_a_tail_that_is_no_number_counts_as_none(store: Store) -> None:
    store.close()
    (store.folder / "tail").write_bytes(b"\0garbage")

    assert store.open().missing == 0


MOUNTS = """22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /mnt rw - nfs4 server:/x rw
31 22 0:41 / /mnt/local rw shared:1 - xfs /dev/sdb rw
32 22 0:42 / /a\\040b rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/home/x", "ext4"), ("/mnt/data", "nfs4"), ("/mnt/local/data", "xfs"), ("/mntx", "ext4"), ("/a b/c", "cifs")],
    ids=["root", "network", "nested", "prefix", "space"],
)
def test_the_nearest_mount_tells_the_file_system(folder: str, kind: str) -> None:
    assert file_system(folder, MOUNTS) == kind


def test_the_schema_is_what_the_golden_file_says(store: Store, golden: Callable[[str, str], None]) -> None:
    rows = store.look(
        lambda view: view.session.rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")
    )
    golden("schema.sql", "".join(f"{row[0]};\n" for row in rows))


def test_a_child_forked_beside_a_loop_that_listens_loses_nothing_when_its_parent_is_gone(store: Store) -> None:
    listening, over = threading.Event(), threading.Event()
    begun, alone = multiprocessing.Event(), multiprocessing.Event()

    async def listen() -> None:
        async with store.awake():
            listening.set()
            while not over.is_set():
                await store.changed(0.05)

    def child() -> None:
        store.commit(one)
        begun.set()
        alone.wait(60)
        for at in range(50):
            store.commit(partial(one, message_id=f"child{at}"))
        store.close()

    loop = threading.Thread(target=anyio.run, args=(listen,))
    loop.start()
    listening.wait(60)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    begun.wait(60)
    over.set()
    loop.join(60)
    store.close()  # the last one out removes the WAL, were the child's locks only inherited
    alone.set()
    process.join(60)

    assert process.exitcode == 0
    assert store.open().look(events) == 51


def test_a_child_does_not_keep_its_parents_locks(tmp_path: Path) -> None:
    lock, other = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    lock.acquire()
    ready, go = multiprocessing.Event(), multiprocessing.Event()

    def child() -> None:
        ready.set()
        go.wait(60)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    ready.wait(60)

    lock.close()

    assert other.try_acquire()
    go.set()
    process.join(60)


def test_opening_behind_a_frozen_process_gives_up_in_time_and_names_it(store: Store, tmp_path: Path) -> None:
    store.close()
    holder = freeze(store, tmp_path)
    try:
        with pytest.raises(Unavailable, match=f"process {holder.pid} holds the write lock"):
            store.open()
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    assert store.commit(one) == 1


def test_the_wal_stays_short_where_nobody_delivers(data_dir: Path) -> None:
    """A program that only records has nobody who checkpoints: its writer does, over 96 MB."""
    store = open_store(data_dir)
    until = time.monotonic() + 1.5
    written = 0
    while written < 60 or time.monotonic() < until:
        store.commit(partial(put_much, number=written))
        written += 1

    size = (data_dir / "turnout.db-wal").stat().st_size
    store.close()

    assert written * 4_000_000 > 200_000_000
    assert size < written * 4_000_000 - 90_000_000


def put_much(unit: Unit, number: int) -> None:
    """Write 4 MB."""
    unit.privacy.put(Regulation(f"r{number}", 1, "erase", "live", "", 0, b"", 0, b"x" * 4_000_000, 1))


def test_over_a_loss_nothing_more_is_taken_in_until_somebody_accepts_it(data_dir: Path) -> None:
    store = open_store(data_dir)
    record(store, track("m1"), track("m2"))
    store.close()
    for path in data_dir.glob("turnout.db*"):
        path.unlink()

    behind = open_store(data_dir)
    with pytest.raises(Unavailable, match="2 acknowledged events are missing"):
        behind.require_room()
    behind.close()
    accepted = Store(data_dir, behind.clock, behind.entropy, accept_loss=True).open()
    accepted.require_room()
    accepted.close()

    after = open_store(data_dir)
    after.require_room()
    after.close()
