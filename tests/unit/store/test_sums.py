"""Checksums of what is stored: of one event, of the configuration, of the files beside the database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.damaged import damage, damage_document, flipped
from support.workspace import Bench, bench
from turnout.entropy import SystemEntropy
from turnout.errors import Unavailable
from turnout.event.model import LIVE, Call, Caller, SourceId, Stored
from turnout.ingest import Recorded, ingest
from turnout.store import erasures, sums, tail, vault
from turnout.store.erasures import Book, Entry
from turnout.workspace import DESTINATION

ONE = Entry("del_1", 5, "erase", "live", (b"k" * 16,), 9)
TWO = Entry("del_2", 6, "suppress", "live", (b"l" * 16, b"m" * 16), 9)


@pytest.fixture
def here(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as opened:
        yield opened


def log(here: Bench) -> list[Stored]:
    return list(here.look(lambda view: view.log.after(0, 10)))


def change(here: Bench, sql: str) -> None:
    """Change the second event beneath its checksum."""
    here.store.commit(lambda unit: unit.session.run(f"UPDATE events SET {sql} WHERE seq = 2"))  # noqa: S608 - ours


# -- events ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "body = CAST('A' || substr(body, 2) AS BLOB)", "body = x''", "body = CAST(body AS TEXT)",
        "meta = x'7b7d'", "received = received + 1", "received = received | (1 << 62)", "received = -5",
        "received = 'x'", "source = 3", "source = 2.5", "kind = 3", "kind = 99", "name = 7", "namespace = 'live '",
        "namespace = CAST(x'6ce97665' AS TEXT)", "namespace = x'6c697665'", "person = 9", "person = 'x'",
        "sum = sum + 1", "sum = 'x'", "flags = flags | 1",
    ],
)  # fmt: skip
def test_whatever_is_changed_in_the_row_of_an_event_that_event_alone_is_damaged(here: Bench, sql: str) -> None:
    here.record({}, {"context": {"ip": "1.1.1.1"}}, {})
    change(here, sql)

    first, second, third = log(here)

    assert [each.damaged for each in (first, second, third)] == [False, True, False]
    assert (second.seq, second.meta, second.body, second.blank, second.erased) == (2, b"", b"{}", True, False)


def test_every_bit_of_meta_and_body_is_covered() -> None:
    row = sums.row(5, 1_764_000_000_000_000, 1, 2, 3, "live", 7, b'{"id":"m1"}', b'{"userId":"u1"}')
    read = (*row[:4], "Paid", *row[5:7], 0, *row[7:9], row[4], row[9])
    assert sums.holds(read)

    for column in (8, 9):
        for bit in range(len(read[column]) * 8):
            bent = (*read[:column], flipped(read[column], bit), *read[column + 1 :])
            assert not sums.holds(bent), (column, bit)


def test_a_tombstone_that_lost_its_mark_is_damaged(here: Bench) -> None:
    here.record({}, {})
    here.store.commit(lambda unit: unit.log.bury([2]))
    assert [each.erased for each in log(here)] == [False, True]

    change(here, "flags = 0")

    assert [each.damaged for each in log(here)] == [False, True]


def test_a_repeat_leaves_an_event_as_whole_as_it_was(here: Bench) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m2"})
    here.record({"messageId": "m2", "event": "Other"})

    assert [each.flags for each in log(here)] == [0, 2]


def test_of_a_damaged_event_a_repeat_does_not_differ(here: Bench) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m2"})
    damage(here, 2)

    call = Call(b'{"type":"track","event":"Signed Up","userId":"u1","messageId":"m2"}')
    caller = Caller(SourceId(1), LIVE, here.clock.now())
    (told,) = here.store.commit(lambda unit: ingest(unit, (call,), caller)).entries

    assert isinstance(told, Recorded)
    assert (told.seq, told.repeated, told.differs) == (2, True, False)


def test_a_name_that_is_no_text_any_more_stops_nothing(here: Bench) -> None:
    here.record({"event": "Paid"}, {"event": "Other"})
    here.store.commit(lambda unit: unit.session.run("UPDATE names SET name = CAST(x'50e96964' AS TEXT) WHERE id = 1"))

    assert [each.name for each in log(here)] == ["P\ufffdid", "Other"]
    assert here.look(lambda view: view.session.connection.text_factory) is str


# -- the configuration ---------------------------------------------------------------------------------------------


def test_a_damaged_document_is_an_error_that_names_whose_it_is(data_dir: Path) -> None:
    with bench(data_dir) as here:
        hook = here.connect("webhook", {"url": "https://hook.example.com/in"})
        damage_document(here, DESTINATION)
        said = f"configuration of destination {hook.id} is damaged.*turnout restore"
        with pytest.raises(Unavailable, match=said):
            here.look(lambda view: view.entities.last(DESTINATION, hook.id))
    with pytest.raises(Unavailable, match=said), bench(data_dir):
        pass


@pytest.mark.parametrize(
    "sql",
    ["kind = 'sourcd' WHERE kind = 'source'", "id = '3' WHERE kind = 'source'", "digest = NULL", "digest = x'00'"],
)
def test_a_leaf_that_is_changed_is_the_same_error(data_dir: Path, sql: str) -> None:
    with bench(data_dir) as here:
        here.store.commit(lambda unit: unit.session.run(f"UPDATE entities SET {sql}"))  # noqa: S608 - ours

    with pytest.raises(Unavailable, match="is damaged"), bench(data_dir):
        pass


def test_a_document_that_is_missing_is_the_same_error(data_dir: Path) -> None:
    with bench(data_dir) as here:
        hook = here.connect("webhook", {"url": "https://hook.example.com/in"})
        here.store.commit(lambda unit: unit.session.run("DELETE FROM documents"))

        with pytest.raises(Unavailable, match=f"{hook.id} is damaged"):
            here.look(lambda view: view.entities.last(DESTINATION, hook.id))


# -- beside the database -------------------------------------------------------------------------------------------


def bends(raw: bytes, draw: random.Random) -> list[bytes]:
    """Flip each of two hundred bits, one at a time."""
    return [flipped(raw, draw.randrange(len(raw) * 8)) for _ in range(200)]


def test_a_flip_in_the_keys_is_noticed_or_changes_no_key(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())
    raw = (tmp_path / "keys").read_bytes()
    noticed = 0

    for bent in bends(raw, random.Random(7)):  # noqa: S311 - a seed that replays
        (tmp_path / "keys").write_bytes(bent)
        try:
            assert vault.read(tmp_path / "keys") == made
        except Unavailable:
            noticed += 1
    assert noticed > 150


def test_keys_of_before_there_were_checksums_are_read(tmp_path: Path) -> None:
    made = vault.make(tmp_path / "keys", SystemEntropy())
    raw = (tmp_path / "keys").read_bytes()
    (tmp_path / "keys").write_bytes(raw[: raw.index(b',"sum"')] + b"}\n")

    assert vault.read(tmp_path / "keys") == made


def test_a_flip_in_the_list_of_the_erased_changes_nobody_it_names(tmp_path: Path) -> None:
    path, whole = tmp_path / "erasures", Book("w", 3, entries=(ONE, TWO))
    erasures.write(path, whole)
    counted = 0

    for bent in bends(path.read_bytes(), random.Random(7)):  # noqa: S311 - a seed that replays
        path.write_bytes(bent)
        book = erasures.read(path)
        assert set(book.entries) <= set(whole.entries)
        assert book.workspace in {"w", ""}
        counted += bool(book.damaged)
    assert counted > 150


def test_lines_of_before_there_were_checksums_are_read(tmp_path: Path) -> None:
    path = tmp_path / "erasures"
    path.write_bytes(
        b'{"version":1,"workspace":"w","since":3}\n'
        b'{"id":"del_1","at":5,"kind":"erase","namespace":"live","until":9,"keys":["' + b"6b" * 16 + b'"]}\n'
        b'{"id":"del_2","at":5,"kind":"erase","namespace":"live","until":9,"keys":["xx"]}\n'
    )

    assert erasures.read(path) == Book("w", 3, entries=(ONE,), damaged=1)


def test_a_damaged_line_is_written_again_from_the_database(data_dir: Path) -> None:
    with bench(data_dir) as here:
        path = data_dir / "erasures"
        path.write_bytes(path.read_bytes() + b'{"id":"del_1","sum":"00000000"}\n')
        assert erasures.read(path).damaged == 1

        here.look(lambda view: erasures.mend(path, view))

        assert erasures.read(path).damaged == 0


@pytest.mark.parametrize("left", [0, 1, 19, 21, 25, 29])
def test_a_tail_that_a_power_cut_tore_is_unknown(tmp_path: Path, left: int) -> None:
    path = tmp_path / "tail"
    tail.write(path, 123_456)
    assert not tail.is_torn(path)

    path.write_bytes(path.read_bytes()[:left])

    assert (tail.read(path), tail.is_torn(path)) == (0, True)


def test_a_flip_in_the_tail_is_unknown_and_one_that_is_not_there_promises_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tail"
    assert (tail.read(path), tail.is_torn(path)) == (0, False)
    tail.write(path, 123_456)
    raw = path.read_bytes()

    for bit in range(len(raw) * 8):
        path.write_bytes(flipped(raw, bit))
        assert (tail.read(path), tail.is_torn(path)) == (0, True)


def test_a_tail_of_before_there_were_checksums_is_read_and_the_next_has_one(tmp_path: Path) -> None:
    path = tmp_path / "tail"
    path.write_bytes(b"%-20d\n" % 207)
    assert (tail.read(path), tail.is_torn(path)) == (207, False)

    tail.write(path, 208)

    assert (tail.read(path), path.stat().st_size) == (208, 30)
