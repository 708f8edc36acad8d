"""A copy of a database: what is erased from it is in none of its bytes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from support.backups import unheard
from turnout.errors import InvalidInput
from turnout.store import backup, connect


def test_what_is_erased_from_a_copy_leaves_nothing_in_its_inner_pages(tmp_path: Path) -> None:
    """A page that becomes an inner one while it is copied keeps its rows, unless it is told to forget them."""
    with closing(connect.connect_writer(tmp_path / "a.db")) as writer:
        writer.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")
        writer.executemany("INSERT INTO t (b) VALUES (?)", [(b"sentinel" * 50,) for _ in range(200)])

    backup.copy(tmp_path / "a.db", tmp_path / "b.db", unheard)
    assert b"sentinel" in (tmp_path / "b.db").read_bytes()
    with closing(connect.connect_writer(tmp_path / "b.db")) as writer:
        writer.execute("UPDATE t SET b = zeroblob(400)").close()

    assert b"sentinel" not in (tmp_path / "b.db").read_bytes()


def test_a_copy_is_never_written_over_a_file(tmp_path: Path) -> None:
    connect.connect_writer(tmp_path / "a.db").close()
    (tmp_path / "b.db").write_text("mine")

    with pytest.raises(FileExistsError):
        backup.copy(tmp_path / "a.db", tmp_path / "b.db", unheard)

    assert (tmp_path / "b.db").read_text() == "mine"


def test_damage_is_found_by_reading_all_of_it(tmp_path: Path) -> None:
    with closing(connect.connect_writer(tmp_path / "a.db")) as writer:
        writer.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)").close()
        writer.executemany("INSERT INTO t (b) VALUES (?)", [(b"x" * 400,) for _ in range(200)]).close()
    backup.verify(tmp_path / "a.db", unheard)
    with (tmp_path / "a.db").open("r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 100)

    with pytest.raises(InvalidInput, match="is damaged"):
        backup.verify(tmp_path / "a.db", unheard)
