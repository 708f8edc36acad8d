"""Restoring: what it refuses, what it erases again, what it doubts, and what it leaves beside."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support import earlier, law
from support.backups import restore, take
from support.carrier import BUSY, carrier
from support.traces import in_folder
from support.workspace import LIVE_AGENT, PERSON, Bench, bench, reader
from turnout.document import Document
from turnout.errors import Denied, LimitExceeded, NotFound, TurnoutError
from turnout.event.model import Call, Caller, Namespace, SourceId
from turnout.exchange import Request
from turnout.guard.audit import verify
from turnout.ingest import ingest, refuse
from turnout.operations import deletions, namespaces
from turnout.operations.deletions import Deletion
from turnout.operations.trace import Trace, journey
from turnout.store import backup, erasures, swap, tail, vault
from turnout.store.lanes import LaneState
from turnout.store.locks import FileLock
from turnout.store.owed import OwedState
from turnout.store.store import SCHEMA
from turnout.upkeep import erase
from turnout.upkeep.checkpoint import Checkpointer
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

ANN = ("user-ann", "anon-1", "ann@shop.example")
HOOK: Document = {"url": "https://hook.example.com/in"}


def after(here: Bench, kind: str = "suppress_and_erase", **whose: str) -> None:
    """Have somebody erased, to the end, as after a backup."""
    request = Deletion(kind=kind, namespace="live", **(whose or {"user_id": "user-ann"}))
    here.call(deletions.operation(here.eyes), request, PERSON, sure=True)
    finish(here)


def finish(here: Bench) -> None:
    reign = Reign(here.store, carrier(here).epoch)
    checkpointer = Checkpointer(here.store)
    while here.look(lambda view: bool(view.privacy.running())):
        erase.advance(reign, checkpointer.truncate)


def made(data: Path, file: Path, later: Callable[[Bench], None] = lambda _: None) -> None:
    """Make a workspace of two people, its backup, and then what comes later."""
    with bench(data) as here:
        here.record(
            {
                "type": "identify",
                "userId": "user-ann",
                "anonymousId": "anon-1",
                "traits": {"email": "ann@shop.example"},
            },
            {"userId": "user-ann", "event": "Order for ann@shop.example"},
            {"userId": "user-bob", "properties": {"note": "kept"}},
        )
        take(here.store, file)
        later(here)


# -- what it refuses -----------------------------------------------------------------------------------------


def refusal(file: Path, data: Path, kept: Path | None = None) -> TurnoutError:
    """Be refused; nothing of the workspace may have changed, and nothing lies about."""
    before = contents(data)
    with pytest.raises(TurnoutError) as raised:
        restore(file, data, kept)
    assert contents(data) == before
    return raised.value


def contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.iterdir() if not path.name.endswith((".lock", "-shm"))}


@pytest.mark.parametrize("name", ["keys", "erasures"])
def test_nothing_is_restored_without_the_keys_and_who_was_erased(data_dir: Path, tmp_path: Path, name: str) -> None:
    made(data_dir, tmp_path / "b.db")
    (data_dir / name).unlink()

    error = refusal(tmp_path / "b.db", data_dir)

    assert f"no file `{name}`" in error.message
    assert "--keys DIR" in str(error.attributes["fix"])


def test_the_keys_of_another_workspace_restore_nothing(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")
    made(tmp_path / "other", tmp_path / "c.db")

    assert "does not belong to this backup" in refusal(tmp_path / "c.db", data_dir).message
    assert "another workspace" in refusal(tmp_path / "b.db", tmp_path / "other", data_dir).message


def test_keys_that_do_not_open_the_secrets_restore_nothing(data_dir: Path, tmp_path: Path) -> None:
    with bench(data_dir) as here:
        here.connect("segment")
        take(here.store, tmp_path / "b.db")
    keys = vault.read(data_dir / "keys")
    (data_dir / "keys").unlink()
    vault.write(data_dir / "keys", replace(keys, wrap=bytes(32)))

    assert "cannot be opened" in refusal(tmp_path / "b.db", data_dir).message


def test_a_list_of_the_erased_that_is_another_workspaces_is_refused(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")
    made(tmp_path / "other", tmp_path / "c.db")
    shutil.copy(tmp_path / "other" / "erasures", data_dir / "erasures")

    assert "belongs to another workspace" in refusal(tmp_path / "b.db", data_dir).message


def test_a_list_of_the_erased_that_is_older_than_the_backup_is_refused(data_dir: Path, tmp_path: Path) -> None:
    with bench(data_dir) as here:
        here.record({"userId": "user-ann"})
        shutil.copy(data_dir / "erasures", tmp_path / "old")
        after(here)
        take(here.store, tmp_path / "b.db")
    shutil.copy(data_dir / "keys", tmp_path / "keys")
    (tmp_path / "old").rename(tmp_path / "erasures")
    (tmp_path / "elsewhere").mkdir()

    error = refusal(tmp_path / "b.db", tmp_path / "elsewhere", tmp_path)

    assert "older than the backup: it lacks 1 request" in error.message


def test_a_list_of_the_erased_that_was_begun_after_the_backup_is_refused(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")
    book = erasures.read(data_dir / "erasures")
    erasures.write(data_dir / "erasures", erasures.Book(book.workspace, book.since + 1_000_000))

    assert "was begun at" in refusal(tmp_path / "b.db", data_dir).message


def test_a_file_that_is_no_backup_or_is_damaged_is_refused(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")
    text = bytearray((tmp_path / "b.db").read_bytes())
    text[8192 : 8192 + 2000] = b"\xff" * 2000
    (tmp_path / "torn.db").write_bytes(text)
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be read as one" * 100)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (a)").connection.close()

    assert "damaged" in refusal(tmp_path / "torn.db", data_dir).message
    assert "no backup of Turnout" in refusal(tmp_path / "text.db", data_dir).message
    assert "no backup of Turnout" in refusal(tmp_path / "other.db", data_dir).message
    assert isinstance(refusal(tmp_path / "nothing.db", data_dir), NotFound)
    assert "itself" in refusal(data_dir / "turnout.db", data_dir).message


def test_a_backup_of_a_newer_program_is_refused(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")
    with sqlite3.connect(tmp_path / "b.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    assert "install the newer Turnout" in refusal(tmp_path / "b.db", data_dir).message


def test_who_may_not_is_refused(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")

    with pytest.raises(Denied):
        restore(tmp_path / "b.db", data_dir, principal=LIVE_AGENT)


def test_while_anybody_has_the_workspace_open_nothing_is_restored(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")
    other = FileLock(data_dir / "open.lock")
    assert other.try_share()

    assert "stop them first" in refusal(tmp_path / "b.db", data_dir).message


def test_without_room_nothing_is_begun(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db")

    with pytest.raises(LimitExceeded, match="nothing was written"):
        backup.require_room(tmp_path / "b.db", data_dir, 10**9)


# -- what it brings back -------------------------------------------------------------------------------------


def test_what_was_there_is_back_and_what_came_later_is_counted_and_gone(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db", lambda here: here.record({"userId": "user-cid"}, {"userId": "user-cid"}))

    told = restore(tmp_path / "b.db", data_dir)

    assert (told["events"], told["last"], told["lost"], told["deletions"]) == (3, 3, 2, 0)
    with bench(data_dir) as here:
        assert here.store.missing == 0
        assert [event.seq for event in here.look(lambda view: view.log.after(0, 10))] == [1, 2, 3]
        here.record({"userId": "user-cid"})
        assert here.look(lambda view: view.log.bounds()) == (1, 4)
    assert tail.read(data_dir / "tail") == 5


def test_a_workspace_is_restored_into_an_empty_directory_with_the_keys_kept_elsewhere(
    data_dir: Path, tmp_path: Path
) -> None:
    made(data_dir, tmp_path / "b.db")

    told = restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    assert (told["lost"], told["set_aside"]) == (None, None)
    assert (tmp_path / "new" / "keys").read_bytes() == (data_dir / "keys").read_bytes()
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "new").iterdir()} == {0}
    assert not (tmp_path / "new" / swap.STAGE).exists()


def test_the_database_that_was_there_is_kept_and_can_be_restored_itself(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db", lambda here: here.record({"userId": "user-cid"}))
    aside = Path(str(restore(tmp_path / "b.db", data_dir)["set_aside"]))

    told = restore(aside, data_dir)

    assert (aside.parent, told["events"]) == (data_dir, 4)


def test_a_restore_is_a_row_of_the_audit_that_is_restored(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db", after)

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        chain = here.look(lambda view: view.audit.all())
    assert (chain[-1].entry.operation, chain[-1].entry.principal) == ("restore", "local")
    assert chain[-1].entry.detail["deletions"] == 1
    assert verify(chain) is None


# -- who was erased ------------------------------------------------------------------------------------------


def test_who_was_erased_after_the_backup_is_in_no_byte_of_what_is_restored(data_dir: Path, tmp_path: Path) -> None:
    made(data_dir, tmp_path / "b.db", after)
    assert in_folder_of(tmp_path / "b.db", ANN)

    told = restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    assert told["deletions"] == 1
    assert in_folder(tmp_path / "new", ANN) == []
    with bench(tmp_path / "new") as here:
        assert [event.erased for event in here.look(lambda view: view.log.after(0, 10))] == [True, True, False]
        assert here.look(lambda view: view.privacy.all())[0].state == "finished"
        caller = Caller(SourceId(1), Namespace("live"), here.clock.now())
        call = Call(b'{"type": "track", "event": "Back", "userId": "user-ann"}')
        (refused,) = here.store.commit(lambda unit: ingest(unit, (call,), caller)).refused
        assert refused.reason == "suppressed"


ITERABLE: Document = {"api_key": "iterable-key-0123456789"}


def test_destinations_are_told_again_of_whom_the_backup_knows(data_dir: Path, tmp_path: Path) -> None:
    with bench(data_dir) as here:
        iterable = here.connect("iterable", ITERABLE)
        here.record({"userId": "user-ann"}, {"userId": "user-ann", "anonymousId": "anon-1"})
        take(here.store, tmp_path / "b.db")
        here.call(deletions.operation(here.eyes), Deletion(user_id="user-ann", namespace="live"), PERSON, sure=True)
        keep(here)

    restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    assert in_folder(tmp_path / "new", ANN) == []
    with bench(tmp_path / "new") as here:
        (regulation,) = here.look(lambda view: view.privacy.running())
        lanes = carrier(here)
        lanes.deliver(iterable)  # up to where the backup ends
        lanes.deliver(iterable)
        finish(here)
        paths = [urlsplit(each.url).path for each in lanes.sent if isinstance(each, Request)]
        assert paths == ["/api/users/byUserId/user-ann"]
        assert here.look(lambda view: deletions.get_deletion(view, regulation.id))["status"] == "finished"


def test_a_receipt_names_the_destinations_that_cannot_be_told_whom_the_backup_does_not_know(
    data_dir: Path, tmp_path: Path
) -> None:
    with bench(data_dir) as here:
        here.connect("iterable", ITERABLE)
        take(here.store, tmp_path / "b.db")
        here.record({"userId": "user-ann"})
        asked = Deletion(user_id="user-ann", namespace="live")
        deletion = here.call(deletions.operation(here.eyes), asked, PERSON, sure=True).answer["deletion_id"]
        keep(here)

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        receipt = here.look(lambda view: deletions.get_deletion(view, str(deletion)))
    assert receipt["status"] == "partial"
    assert receipt["steps"][-1] == {  # type: ignore[index]
        "where": "destination Iterable",
        "status": "not told",
        "counts": {},
        "reason": "The backup does not know who they were. Where it was not told before, delete the person there "
        "yourself.",
    }


def test_a_destination_that_was_being_told_when_the_backup_was_taken_is_told_again(
    data_dir: Path, tmp_path: Path
) -> None:
    with bench(data_dir) as here:
        iterable = here.connect("iterable", ITERABLE)
        here.call(deletions.operation(here.eyes), Deletion(user_id="user-ann", namespace="live"), PERSON, sure=True)
        keep(here)
        carrier(here).deliver(iterable, BUSY)
        take(here.store, tmp_path / "b.db")

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        lanes = carrier(here)
        lanes.again(iterable)
        finish(here)
        assert len(lanes.sent) == 1
        assert here.look(lambda view: view.privacy.all())[0].state == "finished"


def keep(here: Bench) -> None:
    """Do all that is ours of an erasure."""
    reign = Reign(here.store, carrier(here).epoch)
    while erase.advance(reign, lambda: True) != erase.HEAR_S:
        continue


def in_folder_of(file: Path, values: tuple[str, ...]) -> bool:
    text = file.read_bytes()
    return all(value.encode() in text for value in values)


def test_people_who_became_one_after_the_backup_are_erased_together(data_dir: Path, tmp_path: Path) -> None:
    def later(here: Bench) -> None:
        here.record({"userId": "user-ann", "anonymousId": "anon-2"})
        after(here)

    with bench(data_dir) as here:
        here.record({"userId": "user-ann"}, {"userId": "", "anonymousId": "anon-2"}, {"userId": "user-bob"})
        take(here.store, tmp_path / "b.db")
        later(here)

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        assert [event.erased for event in here.look(lambda view: view.log.after(0, 10))] == [True, True, False]


def test_text_with_an_identifier_that_the_backup_did_not_know_yet_goes_too(data_dir: Path, tmp_path: Path) -> None:
    """The key of the address is all that is left of it: names and refused calls are compared word by word."""
    with bench(data_dir) as here:
        here.record({"userId": "user-ann"}, {"userId": "user-bob", "event": "Invited <Ann@Shop.example>!"})
        bad = (Call(b'{"type": "track", "event": 5, "userId": "x", "mail": "ann@shop.example"}'),)
        caller = Caller(SourceId(1), Namespace("live"), here.clock.now())
        here.store.commit(lambda unit: refuse(unit, ingest(unit, bad, caller)))
        take(here.store, tmp_path / "b.db")
        here.record({"type": "identify", "userId": "user-ann", "traits": {"email": "ann@shop.example"}})
        after(here)

    restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    found = in_folder(tmp_path / "new", ("ann@shop.example",))
    assert [each for each in found if "names" in each or "refused" in each] == []
    assert len(found) > 0, "what somebody else sent about Ann, in the body of his event, is his"


def test_who_was_suppressed_is_and_whose_suppression_was_lifted_is_not(data_dir: Path, tmp_path: Path) -> None:
    def later(here: Bench) -> None:
        after(here, "suppress", user_id="user-bob")
        after(here, "unsuppress", user_id="user-ann")

    with bench(data_dir) as here:
        here.record({"userId": "user-ann"}, {"userId": "user-bob"})
        after(here, "suppress", user_id="user-ann")
        take(here.store, tmp_path / "b.db")
        later(here)

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        (key,) = here.look(lambda view: view.privacy.suppressions())
        bob = here.look(lambda view: view.people.keyed(key))
        assert bob is not None
        assert [event.person for event in here.look(lambda view: view.log.after(1, 1))] == [bob[0]]
        assert not any(event.erased for event in here.look(lambda view: view.log.after(0, 10)))


def test_a_test_namespace_that_was_cleared_stays_cleared(data_dir: Path, tmp_path: Path) -> None:
    with bench(data_dir) as here:
        here.record({"userId": "user-ann"}, namespace=Namespace("ci"))
        here.record({"userId": "user-bob"})
        take(here.store, tmp_path / "b.db")
        here.call(namespaces.CLEAR, namespaces.Clear("ci"), PERSON, sure=True)
        finish(here)

    restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    assert in_folder(tmp_path / "new", ("user-ann",)) == []
    with bench(tmp_path / "new") as here:
        assert [event.erased for event in here.look(lambda view: view.log.after(0, 10))] == [True, False]


def test_an_erasure_that_was_accepted_and_not_begun_is_carried_out(data_dir: Path, tmp_path: Path) -> None:
    """It stands in the database that is replaced alone: nobody delivered, so nobody noted it beside it."""

    def later(here: Bench) -> None:
        request = Deletion(user_id="user-ann", namespace="live")
        here.call(deletions.operation(here.eyes), request, PERSON, sure=True)

    made(data_dir, tmp_path / "b.db", later)
    assert erasures.read(data_dir / "erasures").entries == ()

    told = restore(tmp_path / "b.db", data_dir)

    assert told["deletions"] == 1
    assert len(erasures.read(data_dir / "erasures").entries) == 1
    with bench(data_dir) as here:
        assert [event.erased for event in here.look(lambda view: view.log.after(0, 2))] == [True, True]


def test_an_erasure_that_the_backup_has_begun_is_finished(data_dir: Path, tmp_path: Path) -> None:
    with bench(data_dir) as here:
        here.connect("webhook", HOOK)
        here.record({"userId": "user-ann"})
        lanes = carrier(here)
        lanes.open(here.destination("Webhook"))
        here.call(deletions.operation(here.eyes), Deletion(user_id="user-ann", namespace="live"), PERSON, sure=True)
        erase.advance(Reign(here.store, lanes.epoch), lambda: True)
        take(here.store, tmp_path / "b.db")

    restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    assert in_folder(tmp_path / "new", ("user-ann",)) == []
    with bench(tmp_path / "new") as here:
        assert here.look(lambda view: view.privacy.running()) == ()
        assert here.look(law.broken) == []


def test_no_erasure_waits_for_a_destination_that_cannot_be_asked_what_it_was_owed(
    data_dir: Path, tmp_path: Path
) -> None:
    """Its window stays open until its settings are whole; meanwhile nothing of it is on its way."""
    with bench(data_dir) as here:
        hook = here.connect("webhook", HOOK)
        here.record({"userId": "user-ann"}, {"userId": "user-bob"})
        lanes = carrier(here)
        lanes.open(hook)
        here.call(deletions.operation(here.eyes), Deletion(user_id="user-ann", namespace="live"), PERSON, sure=True)
        take(here.store, tmp_path / "b.db")
        here.call(deletions.operation(here.eyes), Deletion(user_id="user-bob", namespace="live"), PERSON, sure=True)
        erase.advance(Reign(here.store, lanes.epoch), lambda: True)  # it is noted; the window holds up the rest
    with sqlite3.connect(tmp_path / "b.db") as connection:
        connection.execute("UPDATE entities SET digest = NULL, sum = NULL WHERE kind = 'destination'")
    connection.close()

    restore(tmp_path / "b.db", tmp_path / "new", data_dir)

    assert in_folder(tmp_path / "new", ("user-ann", "user-bob")) == []


# -- what may have been sent since ---------------------------------------------------------------------------


@pytest.fixture
def hook(data_dir: Path) -> Destination:
    """Connect a destination to the workspace that a test makes."""
    with bench(data_dir) as here:
        return here.connect("webhook", HOOK)


def delivery(here: Bench, **wanted: Any) -> Any:
    """Give the one delivery of an event as the trace tells it."""
    told: Any = here.look(lambda view: journey(view, here.eyes, reader(PERSON), Trace(**wanted)))
    (found,) = told["deliveries"]
    return found


def state(here: Bench, user: str) -> str:
    return str(delivery(here, user_id=user)["state"])


def outcomes(here: Bench, **wanted: Any) -> list[str]:
    return [str(each["outcome"]) for each in delivery(here, **wanted)["attempts"]]


def test_what_the_backup_owed_is_in_doubt_and_leaves_under_the_same_id(
    data_dir: Path, tmp_path: Path, hook: Destination
) -> None:
    with bench(data_dir) as here:
        lanes = carrier(here)
        here.record({"userId": "user-1"})
        lanes.deliver(hook)
        here.record({"userId": "user-2"})
        lanes.deliver(hook, BUSY)
        here.record({"userId": "user-3"})
        lanes.open(hook)
        here.record({"userId": "user-4"})
        take(here.store, tmp_path / "b.db")
        here.clock.pass_s(100)
        lanes.again(hook)
        first = lanes.sent[-1]

    told = restore(tmp_path / "b.db", data_dir)

    assert told["doubts"] == 3
    with bench(data_dir) as here:
        assert here.look(law.broken) == []
        assert [state(here, user) for user in ("user-2", "user-3", "user-4")] == ["unknown"] * 3
        assert delivery(here, user_id="user-1")["verdict"] == "delivered"
        lanes = carrier(here)
        here.clock.pass_s(100)
        lanes.again(hook)
        lanes.deliver(hook)
        assert [ask for ask in lanes.sent if "user-2" in str(ask)] == [first]
        assert not [ask for ask in lanes.sent if "user-1" in str(ask)]
        assert outcomes(here, user_id="user-2") == ["http_503", "maybe sent", "delivered"]
        assert outcomes(here, user_id="user-3") == ["maybe sent", "delivered"]
        assert outcomes(here, user_id="user-4") == ["maybe sent", "delivered"]
        assert here.look(law.broken) == []


def test_what_waited_behind_an_earlier_event_is_in_doubt_too(data_dir: Path, tmp_path: Path, hook: Destination) -> None:
    with bench(data_dir) as here:
        lanes = carrier(here)
        here.record({"userId": "user-1", "messageId": "a"})
        lanes.deliver(hook, BUSY)
        here.record({"userId": "user-1", "messageId": "b"})
        lanes.open(hook)
        rows = here.look(lambda view: view.owed.of_lane(hook.lane, 10))
        assert [row.state for row in rows] == [OwedState.RETRY, OwedState.HELD]
        take(here.store, tmp_path / "b.db")

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        rows = here.look(lambda view: view.owed.of_lane(hook.lane, 10))
        assert [(row.state, row.tries) for row in rows] == [(OwedState.UNKNOWN, 2), (OwedState.HELD, 1)]
        assert here.look(law.broken) == []
        lanes = carrier(here)
        here.clock.pass_s(100)
        lanes.again(hook)
        lanes.again(hook)
        assert outcomes(here, message_id="b") == ["maybe sent", "delivered"]


def test_what_was_not_read_and_then_waits_behind_an_earlier_event_keeps_its_doubt(
    data_dir: Path, tmp_path: Path, hook: Destination
) -> None:
    with bench(data_dir) as here:
        lanes = carrier(here)
        here.record({"userId": "user-1", "messageId": "a"})
        lanes.deliver(hook, BUSY)
        here.record({"userId": "user-1", "messageId": "b"})
        take(here.store, tmp_path / "b.db")

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        lanes = carrier(here)
        assert lanes.open(hook) == ()
        here.clock.pass_s(100)
        lanes.again(hook)
        lanes.again(hook)
        assert outcomes(here, message_id="b") == ["maybe sent", "delivered"]


def test_events_that_come_after_a_restore_are_in_no_doubt(data_dir: Path, tmp_path: Path, hook: Destination) -> None:
    with bench(data_dir) as here:
        here.record({"userId": "user-1"})
        take(here.store, tmp_path / "b.db")

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        lanes = carrier(here)
        here.record({"userId": "user-2"})
        lanes.deliver(hook)
        lanes.deliver(hook)
        assert outcomes(here, user_id="user-1") == ["maybe sent", "delivered"]
        assert outcomes(here, user_id="user-2") == ["delivered"]


def test_what_a_paused_destination_had_not_read_is_in_doubt_when_it_is_resumed(
    data_dir: Path, tmp_path: Path, hook: Destination
) -> None:
    with bench(data_dir) as here:
        here.record({"userId": "user-1"})
        here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.PAUSED, "paused"))
        take(here.store, tmp_path / "b.db")

    restore(tmp_path / "b.db", data_dir)

    with bench(data_dir) as here:
        here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.RUNNING, ""))
        carrier(here).deliver(hook)
        assert outcomes(here, user_id="user-1") == ["maybe sent", "delivered"]


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_backup_of_an_earlier_schema_is_restored_with_whose_its_events_are(
    data_dir: Path, tmp_path: Path, schema: int
) -> None:
    file = earlier.leave(tmp_path / "earlier", schema)

    told = restore(file, data_dir, tmp_path / "earlier")

    assert told["events"] == 1
    with bench(data_dir) as here:
        assert here.look(lambda view: view.history.seqs((1,), 1, 9)) == (1,)
