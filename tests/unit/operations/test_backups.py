"""Taking a backup: a whole file or none, that says what it is without."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support import law
from support.backups import take
from support.damaged import damage_document
from support.workspace import Bench, bench
from turnout.errors import Conflict, InvalidInput
from turnout.store import backup


@pytest.fixture
def here(data_dir: Path) -> object:
    with bench(data_dir) as opened:
        opened.record({"userId": "u1"}, {"userId": "u2"})
        yield opened


def test_a_backup_says_what_is_in_it_and_what_must_be_kept_beside_it(here: Bench, tmp_path: Path) -> None:
    told = take(here.store, tmp_path / "b.db")

    assert (told["events"], told["last"], told["bytes"]) == (2, 2, (tmp_path / "b.db").stat().st_size)
    assert told["without"] == ["keys", "erasures", "tail"]
    assert [row["file"] for row in told["needs"]] == ["keys", "erasures"]  # type: ignore[union-attr,index,call-overload]
    assert "personal data" in str(told["summary"])
    assert (tmp_path / "b.db").stat().st_mode & 0o777 == 0o600


def test_neither_keys_nor_secrets_are_in_it(here: Bench, tmp_path: Path) -> None:
    here.connect("segment", {"write_key": "wk_sentinel_0123456789"})

    take(here.store, tmp_path / "b.db")

    text = (tmp_path / "b.db").read_bytes()
    vault = here.store.vault
    assert [value for value in (b"wk_sentinel", vault.pepper, vault.wrap) if value in text] == []


def test_what_was_erased_or_removed_is_in_no_free_page_of_it(here: Bench, tmp_path: Path) -> None:
    here.store.commit(lambda unit: unit.session.run("PRAGMA secure_delete=OFF"))
    here.record({"userId": "u3", "properties": {"note": "sentinel-of-a-deleted-row " * 50}})
    here.store.commit(lambda unit: unit.session.run("DELETE FROM events WHERE seq = 3"))

    there = b"".join(path.read_bytes() for path in here.store.folder.glob("turnout.db*"))
    assert b"sentinel-of-a-deleted-row" in there
    take(here.store, tmp_path / "b.db")

    assert b"sentinel-of-a-deleted-row" not in (tmp_path / "b.db").read_bytes()


def test_a_file_that_is_there_is_replaced_only_when_told(here: Bench, tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("mine")

    with pytest.raises(Conflict, match="is there already"):
        take(here.store, tmp_path / "b.db")
    assert (tmp_path / "b.db").read_text() == "mine"
    take(here.store, tmp_path / "b.db", replace=True)

    assert backup.look(tmp_path / "b.db").events == 2
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_damaged_configuration_is_told_and_takes_the_place_of_no_backup(here: Bench, tmp_path: Path) -> None:
    take(here.store, tmp_path / "b.db")
    whole = (tmp_path / "b.db").read_bytes()
    damage_document(here, "source")

    with pytest.raises(Conflict, match=r"the configuration of source 1 is damaged here, and .*b\.db may hold it whole"):
        take(here.store, tmp_path / "b.db", replace=True)
    told = take(here.store, tmp_path / "c.db", replace=True)

    assert (tmp_path / "b.db").read_bytes() == whole
    assert "Damaged in it, as here, is the configuration of source 1: keep the backups before." in str(told["summary"])


@pytest.mark.parametrize("place", ["data/b.db", "nowhere/b.db", "."])
def test_a_place_that_makes_no_sense_is_refused(here: Bench, data_dir: Path, tmp_path: Path, place: str) -> None:
    assert data_dir == tmp_path / "data"

    with pytest.raises(InvalidInput):
        take(here.store, tmp_path / place)


def test_what_a_backup_that_was_killed_left_goes_with_the_next(here: Bench, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, running = tmp_path / f".b.db.{dead.pid}.part", tmp_path / f".b.db.{os.getppid()}.part"
    left.touch()
    running.touch()

    take(here.store, tmp_path / "b.db")

    assert (left.exists(), running.exists()) == (False, True)


def test_a_copy_made_while_others_write_is_one_state_that_holds_every_law(here: Bench, tmp_path: Path) -> None:
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            here.record({"userId": "u1"}, {"userId": "u2"})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [take(here.store, tmp_path / f"{n}.db") for n in range(5)]
    finally:
        enough.set()
        writer.join()

    assert [each["events"] for each in copies] == [each["last"] for each in copies]
    assert all(int(str(each["events"])) % 2 == 0 for each in copies)
    assert here.look(law.broken) == []
