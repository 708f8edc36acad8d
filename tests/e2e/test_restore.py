"""Backups and restores with real processes: taken under load, restored elsewhere, killed at every step."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from support import law
from support.agents import LOOPBACK
from support.backups import restore, take
from support.carrier import carrier
from support.destination import Recorder, Script, Scripted
from support.engine import open_store
from support.program import Program
from support.traces import in_folder, within
from support.worker import start, until
from support.workspace import PERSON, bench
from turnout.delivery import verdict
from turnout.operations import deletions
from turnout.operations.deletions import Deletion
from turnout.store import backup, swap
from turnout.store.connect import connect_file
from turnout.upkeep import erase
from turnout.upkeep.reign import Reign

pytestmark = pytest.mark.timeout(480)

SETTINGS = tuple(LOOPBACK.items())
ANN = ("user-ann", "ann@shop.example", "Zsófia-Ann Quill")


def connect(program: Program, receiver: Recorder) -> None:
    url = f"url={receiver.url}/in"
    program.tell("destination", "connect", "webhook", "--set", url, "--receives", "all", "--yes")


def ids(receiver: Recorder, since: int = 0) -> list[str]:
    """Give the message ids that arrived, each under its own id."""
    found = [str(json.loads(each.body)["messageId"]) for each in receiver.received[since:]]
    assert found == [each.header("webhook-id") for each in receiver.received[since:]]
    return found


def delivered(database: Path) -> set[str]:
    """Give the message ids whose delivery was committed when a backup was taken."""
    with closing(sqlite3.connect(database)) as connection:
        done = "SELECT e.body FROM events e JOIN deliveries d ON d.seq <= e.seq AND d.last >= e.seq WHERE d.code = ?"
        return {str(json.loads(row[0])["messageId"]) for row in connection.execute(done, (verdict.DELIVERED,))}


def everything(database: Path) -> set[str]:
    with closing(connect_file(database)) as connection:
        return {str(json.loads(row[0])["messageId"]) for row in connection.execute("SELECT body FROM events")}


def test_a_backup_under_load_is_restored_elsewhere_and_no_confirmed_delivery_is_sent_again(
    data_dir: Path, tmp_path: Path
) -> None:
    program = Program(data_dir, SETTINGS)
    with Recorder(Script(Scripted(delay_s=0.002))) as receiver:
        connect(program, receiver)
        with program.serving():
            writers = [
                start(
                    tmp_path / name, "record", str(data_dir), "--prefix", name, "--count", "100000", "--pause-ms", "4"
                )
                for name in ("a", "b")
            ]
            until(lambda: len(receiver.received) > 200)  # of them 64 may be on their way
            told = program.tell("backup", str(tmp_path / "b.db"))
            until(lambda: len(everything(data_dir / "turnout.db")) > told["events"])
            for writer in writers:
                writer.kill()
            recorded = everything(data_dir / "turnout.db")
            until(lambda: set(ids(receiver)) == recorded)
        before = len(receiver.received)
        confirmed, held = delivered(tmp_path / "b.db"), everything(tmp_path / "b.db")

        elsewhere = Program(tmp_path / "new", SETTINGS)
        restored = elsewhere.tell("restore", str(tmp_path / "b.db"), "--keys", str(data_dir))
        with elsewhere.serving():
            until(lambda: confirmed | set(ids(receiver, before)) >= held)
        again = ids(receiver, before)
        doubted = elsewhere.tell("trace", again[0])["deliveries"][0] if again else None

    assert 100 <= len(confirmed) <= told["events"] == len(held) == restored["events"] < len(recorded)
    assert confirmed.isdisjoint(again)
    assert len(again) <= restored["doubts"]
    if doubted:
        assert [each["outcome"] for each in doubted["attempts"]] == ["maybe sent", "delivered"]
    store = open_store(tmp_path / "new")
    assert store.look(law.broken) == []
    store.close()


def test_who_was_erased_after_the_backup_is_gone_before_the_first_request(data_dir: Path, tmp_path: Path) -> None:
    program = Program(data_dir, SETTINGS)
    busy = Script(Scripted(status=503))
    with Recorder(busy) as receiver:
        connect(program, receiver)
        traits = json.dumps({"email": ANN[1], "name": ANN[2]}, ensure_ascii=False)
        with program.serving():
            program.tell("send", "identify", "--user-id", ANN[0], "--traits", traits, "--live")
            program.tell("send", "track", "--user-id", ANN[0], "--event", f"Order of {ANN[1]}", "--live")
            bob = program.tell("send", "track", "--user-id", "user-bob", "--event", "Kept", "--live")["message_id"]
            until(lambda: len(receiver.received) >= 3)
        program.tell("send", "track", "--user-id", ANN[0], "--event", "Unread", "--live")
        program.tell("backup", str(tmp_path / "b.db"))
        assert program.tell("erase", ANN[0], "--live", "--yes", "--wait")["status"] == "finished"

        before = len(receiver.received)
        receiver.script = Script()
        elsewhere = Program(tmp_path / "new", SETTINGS)
        restored = elsewhere.tell("restore", str(tmp_path / "b.db"), "--keys", str(data_dir))
        left = in_folder(tmp_path / "new", ANN)
        with elsewhere.serving():
            until(lambda: bob in ids(receiver, before))
            later = elsewhere.run("send", "track", "--user-id", ANN[0], "--event", "Back", "--live", "--json")
        sent = [value for each in receiver.received[before:] for value in within(each.body, ANN)]

    assert within((tmp_path / "b.db").read_bytes(), ANN)
    assert (restored["deletions"], left, sent) == (1, [], [])
    assert "suppressed" in later.told["error"]["message"]
    assert in_folder(tmp_path / "new", ANN) == []


def test_a_restore_names_the_processes_to_stop(data_dir: Path, tmp_path: Path) -> None:
    program = Program(data_dir, SETTINGS)
    program.tell("send", "track", "--user-id", "u_1", "--event", "E")
    program.tell("backup", str(tmp_path / "b.db"))
    with program.served(tmp_path / "log") as server:
        until(lambda: (data_dir / "serve.lock").exists() and (data_dir / "serve.lock").stat().st_size > 0)
        first, second = sorted((server.process.pid, server.deliverer))
        error = program.tell("restore", str(tmp_path / "b.db"), "--yes", code=1)["error"]
        asked = program.tell("usage")
        assert server.stop() == 0

    assert error["code"] == "unavailable"
    assert sys.platform != "linux" or f"processes {first} and {second} have this workspace open" in error["message"]
    assert asked["test_events"] == 1
    assert program.tell("restore", str(tmp_path / "b.db"), "--yes")["events"] == 1


# -- killed at every step ------------------------------------------------------------------------------------

STEPS = frozenset({"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "open", "sqlite3.connect"})
"""What a restore does to files, as the interpreter tells it before it is done."""


def dies(folder: Path, at: int) -> Callable[[str, tuple[object, ...]], None]:
    """Make what dies before step number `at` that changes something in a folder."""
    left = at

    def hook(event: str, given: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS and any(str(folder) in str(each) for each in given[:2]):
            if event == "open" and not int(str(given[2])) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def killed(folder: Path, at: int, work: Callable[[], object]) -> bool:
    """Do something in a child that dies before its step `at` in a folder; give whether it did."""
    child = os.fork()
    if child == 0:
        sys.addaudithook(dies(folder, at))
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_backup_that_is_killed_before_any_of_its_steps_is_a_whole_file_or_none(
    data_dir: Path, tmp_path: Path
) -> None:
    with bench(data_dir) as here:
        here.record({"userId": "user-ann"})
    place = tmp_path / "backups"
    place.mkdir()

    def work() -> None:
        store = open_store(data_dir)
        take(store, place / "b.db")
        store.close()

    steps = 1
    found: list[int] = []
    while killed(place, steps, work):
        found.append(backup.look(place / "b.db").events if (place / "b.db").exists() else 0)
        (place / "b.db").unlink(missing_ok=True)
        steps += 1

    assert set(found[:3]) == {0}
    assert set(found) == {0, 1}
    assert [path.name for path in place.iterdir()] == ["b.db"], "the last one swept away what the killed ones left"


def state(folder: Path) -> str:
    """Open it as anybody would; tell whether it is the old workspace or the new one, whole."""
    store = open_store(folder)
    try:
        seen = [event.erased for event in store.look(lambda view: view.log.after(0, 10))]
        restores = store.look(lambda view: [row.entry.operation for row in view.audit.all()]).count("restore")
        assert store.look(lambda view: view.session.rows("PRAGMA integrity_check")) == [("ok",)]
        assert store.missing == 0
        store.look(lambda view: view.entities.require_keys())
        assert not (folder / swap.STAGE).exists()
    finally:
        store.close()
    return {((True, False, False), 0): "old", ((True, False), 1): "new"}[tuple(seen), restores]


def test_a_restore_that_is_killed_before_any_of_its_steps_leaves_the_old_or_the_new_workspace(
    data_dir: Path, tmp_path: Path
) -> None:
    with bench(data_dir) as here:
        here.connect("segment")
        here.record({"userId": ANN[0]}, {"userId": "user-bob"})
        take(here.store, tmp_path / "b.db")
    with bench(data_dir) as here:
        here.record({"userId": "user-cid"})
        here.call(deletions.operation(here.eyes), Deletion(user_id=ANN[0], namespace="live"), PERSON, sure=True)
        reign = Reign(here.store, carrier(here).epoch)
        while here.look(lambda view: bool(view.privacy.running())):
            erase.advance(reign, lambda: True)

    found: list[str] = []
    steps = 0
    while not found or found[-1]:
        steps += 1
        folder = tmp_path / "copy"
        shutil.copytree(data_dir, folder)
        died = killed(folder, steps, partial(restore, tmp_path / "b.db", folder))
        found.append(state(folder) if died else "")
        if steps % 10 == 0:  # and the next restore goes through, whatever the one before left
            assert restore(tmp_path / "b.db", folder)["events"] == 2
            assert state(folder) == "new"
        shutil.rmtree(folder)
    *died_at, _ = found

    assert died_at == sorted(died_at, reverse=True), "from the first step that decides, every one ends with the new one"
    assert set(died_at) == {"old", "new"}
    assert len(died_at) > 30
