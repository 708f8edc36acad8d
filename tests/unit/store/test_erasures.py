"""The file that says who was erased: whole, once, and whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.workspace import Bench, bench
from turnout.store import erasures
from turnout.store.erasures import Book, Entry
from turnout.store.privacy import Regulation

ONE = Entry("del_1", 5, "erase", "live", (b"k" * 16,), 9)
TWO = Entry("del_2", 6, "suppress", "live", (b"l" * 16, b"m" * 16), 9)


def put(here: Bench, entry: Entry) -> None:
    regulation = Regulation(
        entry.id, entry.at, entry.kind, entry.namespace, "finished", 0, b"".join(entry.keys), entry.until,
        b'{"steps":[]}', 7,
    )  # fmt: skip
    here.store.commit(lambda unit: unit.privacy.put(regulation))


def test_a_new_workspace_has_one_that_says_whose_it_is(data_dir: Path) -> None:
    with bench(data_dir) as here:
        book = erasures.read(data_dir / "erasures")

        assert (book.workspace, book.entries) == (here.look(lambda view: view.counter.workspace), ())
        assert book.since == here.clock.now()
        assert (data_dir / "erasures").stat().st_mode & 0o777 == 0o600


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    book = Book("w", 3, entries=(ONE, TWO))

    erasures.write(tmp_path / "erasures", book)

    assert erasures.read(tmp_path / "erasures") == book


def test_lines_that_are_cut_short_or_unknown_are_left_out(tmp_path: Path) -> None:
    erasures.write(tmp_path / "erasures", Book("w", 3, entries=(ONE,)))
    with (tmp_path / "erasures").open("ab") as file:
        file.write(b'{"later": true}\n[]\n{"id": "del_9", "ke')

    assert erasures.read(tmp_path / "erasures").entries == (ONE,)


def test_two_of_them_are_one_with_each_request_once_in_order() -> None:
    assert Book("w", 3, entries=(ONE,)).merged((TWO, ONE)).entries == (ONE, TWO)


def test_one_that_is_missing_is_written_again_from_the_database(data_dir: Path) -> None:
    with bench(data_dir) as here:
        put(here, ONE)
        (data_dir / "erasures").unlink()

        here.look(lambda view: erasures.mend(data_dir / "erasures", view))

        book = erasures.read(data_dir / "erasures")
        assert (book.workspace, book.entries) == (here.look(lambda view: view.counter.workspace), (ONE,))
        assert book.since == here.look(lambda view: view.entities.since())


def test_what_it_lacks_is_added_and_what_it_has_stays(data_dir: Path) -> None:
    with bench(data_dir) as here:
        put(here, ONE)
        book = erasures.read(data_dir / "erasures")
        erasures.write(data_dir / "erasures", book.merged((TWO,)))

        added = here.look(lambda view: erasures.mend(data_dir / "erasures", view))

        assert (added, erasures.read(data_dir / "erasures").entries) == (1, (TWO, ONE))


def test_none_is_made_where_none_was_by_adding_to_it(data_dir: Path) -> None:
    with bench(data_dir) as here:
        put(here, ONE)
        (data_dir / "erasures").unlink()
        (row,) = here.look(lambda view: view.privacy.all())

        with pytest.raises(FileNotFoundError):
            erasures.append(data_dir / "erasures", row)
