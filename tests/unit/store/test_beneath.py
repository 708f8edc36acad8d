"""Files that somebody takes away or replaces beneath an open workspace: nothing is acknowledged and then not found."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.workspace import Bench, bench
from turnout.errors import Unavailable
from turnout.store.locks import FileLock


@pytest.fixture
def here(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as opened:
        opened.record({"messageId": "before"})
        yield opened


def refused(here: Bench) -> str:
    with pytest.raises(Unavailable) as raised:
        here.record({"messageId": "beneath"})
    return raised.value.message


def stored(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    finally:
        connection.close()


def test_to_a_database_that_was_taken_away_nothing_is_stored_and_none_is_made(here: Bench, tmp_path: Path) -> None:
    path = here.store.path
    path.rename(tmp_path / "aside")

    told = [refused(here), refused(here)]

    assert all("it was taken away or replaced while in use" in each for each in told)
    assert not path.exists()


def test_when_the_database_is_put_back_events_are_stored_again(here: Bench, tmp_path: Path) -> None:
    here.store.path.rename(tmp_path / "aside")
    refused(here)
    (tmp_path / "aside").rename(here.store.path)

    here.record({"messageId": "after"})

    assert here.look(lambda view: view.counter.seq) == 3


def test_into_a_database_that_took_its_place_nothing_is_stored(here: Bench, tmp_path: Path) -> None:
    shutil.copy(here.store.path, tmp_path / "copy")
    os.replace(tmp_path / "copy", here.store.path)  # noqa: PTH105 - what `mv` does

    assert "End every process that uses it" in refused(here)
    assert "End every process that uses it" in refused(here)


def test_to_a_log_that_was_taken_away_nothing_is_stored_and_what_was_is_there_at_the_end(here: Bench) -> None:
    assert here.look(lambda view: view.counter.seq) == 2
    here.store.path.with_name("turnout.db-wal").unlink()

    told = [refused(here), refused(here)]
    here.store.close()

    assert all("the file turnout.db-wal was taken away while in use" in each for each in told)
    assert stored(here.store.path) == 1


def test_a_workspace_that_lost_its_log_is_opened_again_once_it_was_closed(here: Bench) -> None:
    here.store.path.with_name("turnout.db-wal").unlink()
    refused(here)
    here.store.close()

    here.record({"messageId": "after"})

    assert here.look(lambda view: view.counter.seq) == 3


def test_of_a_lock_whose_file_was_taken_away_the_one_that_stands_there_counts(tmp_path: Path) -> None:
    first = FileLock(tmp_path / "delivery.lock")
    assert first.try_acquire()
    (tmp_path / "delivery.lock").unlink()
    second = FileLock(tmp_path / "delivery.lock")

    taken = second.try_acquire()
    first.release()

    assert (taken, first.try_acquire(), first.try_share()) == (True, False, False)
    second.release()
    assert first.try_acquire()


def test_a_lock_in_a_folder_that_is_gone_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lock = FileLock(tmp_path / "data" / "delivery.lock")
    shutil.rmtree(tmp_path / "data")

    assert not lock.try_acquire()
    (tmp_path / "data").mkdir()
    assert lock.try_acquire()
