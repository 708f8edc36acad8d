"""The doctor finds each fault that a test makes, says what to do about it, and changes nothing."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import earlier
from support.backups import take
from support.carrier import carrier
from support.damaged import damage, damage_document, damage_frames, flipped
from support.engine import open_store
from support.workspace import PERSON, Bench, bench
from turnout.cli.main import run
from turnout.clock import DAY, HOUR, SystemClock
from turnout.operations import deletions, soundness, surroundings
from turnout.operations.damage import QUICK
from turnout.operations.deletions import Deletion
from turnout.store import erasures, shm, swap, tail
from turnout.store.lanes import LaneState, WindowRow
from turnout.store.locks import FileLock
from turnout.store.owed import Owed, OwedState
from turnout.store.store import SCHEMA
from turnout.workspace import DESTINATION

Checks = dict[str, dict[str, Any]]

BEGIN = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from support.engine import open_store, record, track
from turnout.store.connect import connect_reader
from turnout.store.locks import FileLock
folder = Path(sys.argv[2])
def ready():
    print(flush=True)
    input()
"""
DIES = "record(open_store(folder), track('m9')); os._exit(0)"
HOLDS = "lock = FileLock(folder / 'delivery.lock'); assert lock.try_acquire(); ready()"
READS = "reader = connect_reader(folder / 'turnout.db'); reader.execute('BEGIN'); "
READS += "reader.execute('SELECT count(*) FROM events').fetchall(); ready()"
WRITES = "store = open_store(folder); ready(); record(store, track('m9')); ready()"


def script(text: str, folder: Path) -> list[str]:
    """Give the command of another process that does something with a workspace."""
    return [sys.executable, "-c", BEGIN + text, str(Path(__file__).parents[2]), str(folder)]


def doctor(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, Checks]:
    code = run(["doctor", "--data", str(folder), "--json", *words])
    told = json.loads(capsys.readouterr().out)
    return code, {each["name"]: each for each in told["checks"]}


@pytest.fixture
def ill(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], Checks]:
    """Give how to ask the doctor for what is not well; each of it comes with what to do."""

    def ask() -> Checks:
        code, checks = doctor(capsys, data_dir)
        bad = {name: each for name, each in checks.items() if not each["ok"]}
        assert code == int(bool(bad))
        assert all(each["do"] for each in bad.values())
        return bad

    return ask


@pytest.fixture
def made(data_dir: Path) -> Path:
    """Make a workspace with a destination and some events; it is closed."""
    with bench(data_dir) as here:
        here.connect("webhook", {"url": "https://hook.example.com/in"})
        here.record({"userId": "u1"}, {"userId": "u2"})
    return data_dir


def change(folder: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(folder / "turnout.db") as connection:
        connection.execute(sql, values)
    connection.close()


def lane(folder: Path) -> int:
    with bench(folder) as here:
        return here.destination("Webhook").lane


# -- what is well --------------------------------------------------------------------------------------------


def test_where_all_is_well_nothing_is_to_be_done(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, checks = doctor(capsys, made)

    assert code == 0
    assert set(checks) == {
        "sqlite", "permissions", "owner", "file_system", "keys", "erasures", "disk", "deliverer", "restore", "wal",
        "versions", "opens", "tail", "secrets", "clock", "integrity", "audit", "erased", "laws", "waiting", "contents",
        "destinations",
    }  # fmt: skip
    assert {frozenset(each) for each in checks.values()} == {frozenset({"name", "ok", "detail"})}
    assert "integrity_check" in checks["integrity"]["detail"]
    assert "quick_check" in doctor(capsys, made, "--quick")[1]["integrity"]["detail"]


def test_looking_changes_no_file(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def files() -> dict[str, tuple[bytes, int]]:
        return {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in made.iterdir()
            if not path.name.endswith(("-shm", "-wal"))
        }

    before = files()
    doctor(capsys, made)

    assert files() == before


def test_a_log_that_was_left_full_is_left_as_it_is(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(script(DIES, made), check=True)
    before = (made / "turnout.db-wal").read_bytes()

    assert doctor(capsys, made)[0] == 0
    assert before
    assert (made / "turnout.db-wal").read_bytes() == before


# -- around the database -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "keys", "turnout.db", "erasures", "tail", f"{swap.ASIDE}20261126T000000"])
def test_what_others_may_read_is_found(made: Path, ill: Callable[[], Checks], name: str) -> None:
    path = made / name if name else made
    if name.startswith(swap.ASIDE):
        path.touch()
    path.chmod(0o755)

    assert ill()["permissions"]["do"] == f"chmod go= {path}"


def test_a_file_of_another_user_is_found(made: Path) -> None:
    assert surroundings.owner(made).ok
    if os.geteuid() == 0:  # root alone may give a file away; to everybody else the root folder is a stranger's
        os.chown(made / "tail", 4321, 4321)

    found = surroundings.owner(made if os.geteuid() == 0 else Path("/"))

    assert "belongs to another user" in found.detail


def test_missing_or_damaged_keys_are_found(made: Path, ill: Callable[[], Checks]) -> None:
    text = (made / "keys").read_bytes()
    (made / "keys").write_bytes(text[:40])
    assert {"keys", "opens"} <= set(ill())
    (made / "keys").unlink()

    assert {"keys", "opens"} <= set(ill())


def test_foreign_keys_are_found(made: Path, tmp_path: Path, ill: Callable[[], Checks]) -> None:
    open_store(tmp_path / "other").close()
    (made / "keys").write_bytes((tmp_path / "other" / "keys").read_bytes())

    assert {"secrets", "erasures"} <= set(ill())


def test_secrets_that_the_keys_do_not_open_are_found(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        here.connect("segment")
    change(made, "UPDATE secrets SET sealed = zeroblob(60)")

    assert "cannot be opened" in ill()["secrets"]["detail"]


def test_a_missing_list_of_the_erased_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    (made / "erasures").unlink()

    assert "turnout serve" in ill()["erasures"]["do"]


def test_a_stopped_process_that_should_deliver_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    with subprocess.Popen(script(HOLDS, made), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert "deliverer" not in ill()
        other.send_signal(signal.SIGSTOP)
        if sys.platform == "linux":  # elsewhere nobody tells
            until(lambda: surroundings.is_stopped(other.pid))
            assert ill()["deliverer"]["do"].startswith(f"kill -CONT {other.pid}")

        other.send_signal(signal.SIGCONT)
        other.kill()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_a_restore_left_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    young, old = (f"{swap.ASIDE}{swap.stamp(SystemClock().now() - days * DAY)}" for days in (29, 31))
    (made / young).touch(0o600)
    assert "restore" not in ill()
    (made / old).touch(0o600)
    assert ill()["restore"]["do"] == f"rm {made / old}"
    (made / swap.STAGE).mkdir()

    assert {"restore", "opens"} <= set(ill())


def test_while_it_is_restored_that_is_said(made: Path, ill: Callable[[], Checks]) -> None:
    lock = FileLock(made / "open.lock")
    assert lock.try_acquire()

    (made / swap.STAGE).mkdir()

    bad = ill()
    assert "being restored" in bad["opens"]["detail"]
    assert "restore" not in bad


def test_a_reader_that_holds_the_log_is_named(made: Path) -> None:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen(script(WRITES, made), **pipes) as writer,
        subprocess.Popen(script(READS, made), **pipes) as reader,
    ):
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert reader.stdout is not None
        writer.stdout.readline()
        reader.stdout.readline()
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        writer.stdout.readline()

        log = shm.read(made / "turnout.db-shm")

        writer.kill()
        reader.kill()
    assert [pid for pid, _ in log.readers] == ([reader.pid] if sys.platform == "linux" else [])
    assert log.pages > 0


def test_a_log_that_was_taken_away_from_under_who_delivers_is_found(made: Path) -> None:
    lock = FileLock(made / "delivery.lock")
    assert lock.try_acquire()
    assert not (made / "turnout.db-wal").exists()

    found = surroundings.wal(made)

    lock.close()
    assert (found.ok, "taken away" in found.detail) == (False, True)
    assert surroundings.wal(made).ok


def test_a_database_with_what_turnout_never_writes_is_no_fault_of_the_doctors(
    made: Path, ill: Callable[[], Checks]
) -> None:
    change(made, "UPDATE lanes SET state = 77")

    found = ill()

    assert {"laws", "destinations"} & found.keys()
    assert all("nothing that Turnout writes (ValueError)" in each["detail"] for each in found.values())
    assert all("turnout restore FILE" in each["do"] for each in found.values())


def test_a_tail_that_is_no_file_is_no_fault_of_the_doctors(made: Path, ill: Callable[[], Checks]) -> None:
    (made / "tail").unlink()
    (made / "tail").mkdir(0o700)

    found = ill()

    assert found.keys() == {"tail", "permissions"}
    assert "Is a directory" in found["tail"]["detail"]
    assert "no plain file" in found["permissions"]["detail"]


def test_whoever_opens_a_database_that_lost_events_is_told(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made / "turnout.db").unlink()

    code = run(["usage", "--data", str(made), "--json"])

    told = capsys.readouterr()
    assert (code, json.loads(told.out)["events"]) == (0, 0)
    assert "2 acknowledged events are missing; see turnout doctor" in told.err


@pytest.mark.parametrize("name", ["keys", "erasures", "delivery.lock", "write.lock"])
def test_what_stands_in_the_place_of_a_file_is_named(made: Path, ill: Callable[[], Checks], name: str) -> None:
    (made / name).unlink(missing_ok=True)
    (made / name).mkdir(0o700)

    found = ill()

    assert str(made / name) in found["permissions"]["do"]
    assert ("opens" in found) == (name == "keys")


@pytest.mark.parametrize("text", [None, b"", b"\xff" * 21, b"-5"])
def test_a_tail_that_says_nothing_is_found_until_it_is_written_again(
    made: Path, ill: Callable[[], Checks], text: bytes | None
) -> None:
    (made / "tail").unlink()
    if text is not None:
        (made / "tail").write_bytes(text)
        (made / "tail").chmod(0o600)

    assert ill().keys() == {"tail"}
    with bench(made) as here:
        here.record({"userId": "u3"})
    assert ill() == {}


def test_shared_memory_with_anything_in_it_tells_nothing(made: Path, ill: Callable[[], Checks]) -> None:
    (made / "turnout.db-shm").write_bytes(bytes(range(256)) * 128)
    (made / "turnout.db-shm").chmod(0o600)

    assert ill() == {}


def test_a_log_that_grew_too_long_is_found(made: Path, tmp_path: Path) -> None:
    head = bytearray(136)
    head[16:20] = head[64:68] = (60_000).to_bytes(4, sys.byteorder)
    (tmp_path / "turnout.db-shm").write_bytes(head)

    assert surroundings.wal(tmp_path).do.startswith("Start `turnout serve`")
    assert surroundings.wal(made).ok


# -- in the database -----------------------------------------------------------------------------------------


def test_a_damaged_header_is_one_reason_everywhere(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(data_dir).close()
    with (data_dir / "turnout.db").open("r+b") as file:
        file.write(b"x" * 100)

    code, checks = doctor(capsys, data_dir)
    assert run(["usage", "--data", str(data_dir)]) == 1

    said = capsys.readouterr().err
    assert code == 1
    for words in (checks["opens"]["detail"], said):
        assert "the database cannot be read (file is not a database); see `turnout doctor`" in words


def test_a_damaged_page_is_a_check_that_fails(data_dir: Path, ill: Callable[[], Checks]) -> None:
    open_store(data_dir).close()
    size = (data_dir / "turnout.db").stat().st_size
    with (data_dir / "turnout.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 8192))

    assert {"integrity", "opens"} & set(ill())


def test_an_index_that_lacks_rows_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    with sqlite3.connect(made / "turnout.db") as connection:
        connection.execute("PRAGMA writable_schema=ON")
        sql = "SELECT rootpage, sql FROM sqlite_master WHERE name = 'identifiers_person'"
        page, text = connection.execute(sql).fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'identifiers_person'")
    connection.close()
    change(made, "DELETE FROM identifiers")
    with sqlite3.connect(made / "turnout.db") as connection:
        connection.execute("PRAGMA writable_schema=ON")
        row = ("index", "identifiers_person", "identifiers", page, text)
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)
    connection.close()

    assert "identifiers_person" in ill()["integrity"]["detail"]


def test_an_event_that_the_history_of_its_person_lacks_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    change(made, "UPDATE recent SET person = 99 WHERE seq = 2")

    assert "(2)" in ill()["laws"]["detail"]


def test_a_damaged_event_is_found_and_named(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        damage(here, 2)

    assert ill()["contents"]["detail"] == "damaged: 1 event (number 2)"
    assert "under other message ids" in ill()["contents"]["do"]


def test_of_many_events_a_quick_look_takes_the_newest(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with bench(made) as here:
        damage(here, 1)
    change(
        made,
        "WITH RECURSIVE n(x) AS (SELECT 3 UNION ALL SELECT x + 1 FROM n WHERE x < ?) INSERT INTO events SELECT x, "
        "received, source, kind, name, namespace, person, 1, x'', x'', NULL FROM n, events WHERE seq = 2",
        QUICK + 2,
    )
    change(made, "UPDATE counter SET seq = ?", QUICK + 3)

    assert doctor(capsys, made, "--quick")[1]["contents"]["ok"]
    assert not doctor(capsys, made)[1]["contents"]["ok"]


def test_damaged_evidence_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        lanes = carrier(here)
        lanes.deliver(here.destination("Webhook"))
        damage_frames(here)

    assert ill()["contents"]["detail"] == "damaged: 1 frame of evidence"


def test_a_damaged_document_of_the_configuration_is_found_and_named(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        damage_document(here, DESTINATION)

    bad = ill()
    assert "damaged: the configuration of destination dst_" in bad["contents"]["detail"]
    assert "turnout restore" in bad["contents"]["do"]
    assert "is damaged" in bad["destinations"]["detail"]


@pytest.mark.parametrize(("name", "before"), [("keys", b'"wrap":"'), ("tail", b""), ("erasures", b'"since":')])
def test_a_bit_that_flipped_beside_the_database_is_found(
    made: Path, ill: Callable[[], Checks], name: str, before: bytes
) -> None:
    raw = (made / name).read_bytes()
    (made / name).write_bytes(flipped(raw, (raw.index(before) + len(before)) * 8))

    assert name in ill()


def test_a_newer_schema_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    change(made, "PRAGMA user_version = 99")

    assert ill()["versions"]["do"] == "Install the newer Turnout"


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_workspace_of_an_earlier_schema_is_well_and_is_looked_through_when_it_has_been_brought_up_to_date(
    data_dir: Path, ill: Callable[[], Checks], capsys: pytest.CaptureFixture[str], schema: int
) -> None:
    earlier.leave(data_dir, schema)
    tail.write(data_dir / "tail", 2)

    assert ill() == {}
    assert "then look again" in doctor(capsys, data_dir)[1]["versions"]["detail"]
    open_store(data_dir).close()
    assert ill() == {}
    assert "laws" in doctor(capsys, data_dir)[1]


def test_lost_events_are_found(made: Path, ill: Callable[[], Checks]) -> None:
    tail.write(made / "tail", 10)

    assert "7 acknowledged events are missing" in ill()["tail"]["detail"]


def test_a_clock_that_was_set_back_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    change(made, "UPDATE events SET received = ? WHERE seq = 2", SystemClock().now() + HOUR)

    assert "clock" in ill()


def test_a_changed_audit_row_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    change(made, "UPDATE audit SET operation = 'nothing'")

    assert "row 1 of 1" in ill()["audit"]["detail"]


def erase(here: Bench) -> None:
    here.call(
        deletions.operation(here.eyes), Deletion(user_id="u1", kind="suppress", namespace="live"), PERSON, sure=True
    )
    here.look(lambda view: erasures.mend(here.store.folder / "erasures", view))


def test_somebody_who_is_suppressed_no_more_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        erase(here)
    assert "erased" not in ill()
    change(made, "DELETE FROM suppressions")

    assert "1 identifier" in ill()["erased"]["detail"]


def test_somebody_who_was_erased_and_is_there_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        key = here.look(lambda view: view.session.rows("SELECT key FROM identifiers ORDER BY seq LIMIT 1"))[0][0]
        done = "INSERT INTO regulations VALUES ('del_1', 1, 'erase', 'live', 'finished', 0, ?, 2, ?, 5)"
        here.store.commit(lambda unit: unit.session.run(done, (key, b'{"steps":[]}')))
        here.look(lambda view: erasures.mend(here.store.folder / "erasures", view))

    assert "came back" in ill()["erased"]["detail"]


def test_an_old_database_that_was_put_back_by_hand_is_found(
    made: Path, tmp_path: Path, ill: Callable[[], Checks]
) -> None:
    with bench(made) as here:
        take(here.store, tmp_path / "b.db")
        erase(here)
    (made / "turnout.db").write_bytes((tmp_path / "b.db").read_bytes())

    assert "turnout restore" in ill()["erased"]["do"]


def test_a_list_that_lacks_somebody_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    with bench(made) as here:
        erase(here)
    change(made, "UPDATE regulations SET finished = 5")
    erasures.write(made / "erasures", erasures.Book(erasures.read(made / "erasures").workspace, 1))

    assert "turnout serve" in ill()["erased"]["do"]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE runs SET cursor = 2 WHERE run = 0",
        "INSERT INTO owed VALUES (1, 0, 2, 7, 0, 5, 5, 1, 1, 0, 0, NULL)",
    ],
    ids=["nowhere", "beyond"],
)
def test_an_event_that_is_in_no_place_is_found(made: Path, ill: Callable[[], Checks], sql: str) -> None:
    change(made, sql)

    assert ill().keys() == {"laws"}


def test_an_event_that_is_final_and_owed_is_found(made: Path, ill: Callable[[], Checks]) -> None:
    change(made, "UPDATE runs SET cursor = 2 WHERE run = 0")
    change(made, "INSERT INTO deliveries VALUES (1, 0, 1, 7, 2, 100, 0, 1)")
    assert "laws" not in ill()
    change(made, "INSERT INTO owed VALUES (1, 0, 1, 7, 0, 5, 5, 1, 1, 0, 0, NULL)")

    assert ill().keys() == {"laws"}


def test_what_should_have_left_long_ago_is_found(made: Path) -> None:
    number = lane(made)
    with bench(made) as here:
        assert here.look(lambda view: soundness.waiting(view, delivers=True)).ok
        now = here.clock.now()
        late = Owed(number, 0, 1, 7, 0, now - 2 * HOUR, now - 2 * HOUR, 1, OwedState.RETRY, 0, 0)
        here.store.commit(lambda unit: unit.owed.put([late]))

        assert here.look(lambda view: soundness.waiting(view, delivers=False)).ok
        assert "Webhook" in here.look(lambda view: soundness.waiting(view, delivers=True)).detail


def test_a_window_that_nobody_closes_is_found(made: Path) -> None:
    number = lane(made)
    with bench(made) as here:
        window = WindowRow(number, 0, 1, 2, 1, 1, here.clock.now() - 2 * HOUR)
        here.store.commit(lambda unit: unit.lanes.open_window(window))

        assert not here.look(lambda view: soundness.waiting(view, delivers=True)).ok


def test_a_destination_that_fails_is_found_and_one_that_is_paused_is_told(
    made: Path, ill: Callable[[], Checks]
) -> None:
    number = lane(made)
    with bench(made) as here:
        here.store.commit(lambda unit: unit.lanes.set_state(number, LaneState.PAUSED, "paused"))
        assert "Webhook paused" in here.look(soundness.destinations).detail
        here.store.commit(lambda unit: unit.lanes.set_state(number, LaneState.RUNNING, "credentials"))

    assert ill()["destinations"]["detail"] == "Webhook refuses its credentials"


# -- no workspace --------------------------------------------------------------------------------------------


def test_a_file_in_the_place_of_the_directory_is_no_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").touch()
    monkeypatch.setenv("TURNOUT_DATA", str(tmp_path / "data"))

    assert run(["doctor"]) == 1
    assert "is no directory" in capsys.readouterr().out
    assert run(["usage"]) == 1
    assert f"unavailable: the data directory {tmp_path}/data cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("month", ["9999-12", "0000-01", "1969-12", "2025-13"])
def test_a_month_that_cannot_be_is_a_reason(data_dir: Path, month: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["usage", "--data", str(data_dir), "--month", month]) == 1
    assert "`month` is no month" in capsys.readouterr().err
