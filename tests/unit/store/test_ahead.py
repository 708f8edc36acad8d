"""Room in the WAL ahead of what is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.engine import open_store
from turnout.store.ahead import STEP
from turnout.store.store import Store
from turnout.store.unit import Unit

TEXT = "x" * 3_000


def wal(store: Store) -> Path:
    return store.path.with_name(f"{store.path.name}-wal")


def write(store: Store, number: int) -> None:
    def insert(unit: Unit) -> None:
        unit.session.connection.execute("INSERT INTO reasons(code, text) VALUES (?, ?)", (number, TEXT)).close()

    store.commit(insert)


def count(store: Store) -> int:
    return store.look(lambda view: int((view.session.row("SELECT count(*) FROM reasons") or (0,))[0]))


def test_the_file_ends_at_a_step_and_a_commit_that_goes_over_it_is_followed_by_the_next_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    write(store, 0)
    sizes = set()
    for number in range(1, 700):
        write(store, number)
        sizes.add(wal(store).stat().st_size)
    whole = {size for size in sizes if size % STEP == 0}
    assert whole == {STEP * step for step in range(1, max(sizes) // STEP + 1)}
    assert len(sizes) - len(whole) <= len(whole) + 1, "one commit a step is longer than the file, and no more"
    store.close()


def test_what_stands_before_the_zeros_is_read_after_a_crash(tmp_path: Path) -> None:
    store = open_store(tmp_path / "one")
    before = count(store)
    for number in range(40):
        write(store, number)
    assert wal(store).stat().st_size % STEP == 0
    shutil.copytree(tmp_path / "one", tmp_path / "two")  # as a process that was killed leaves it
    left = open_store(tmp_path / "two")
    assert count(left) == before + 40
    left.close()
    store.close()


def test_two_who_write_in_turn_make_room_once(tmp_path: Path) -> None:
    one, other = open_store(tmp_path), open_store(tmp_path)
    for number in range(0, 24, 2):
        write(one, number)
        write(other, number + 1)
    assert wal(one).stat().st_size == STEP
    assert count(one) == count(other) >= 24
    one.close()
    other.close()
