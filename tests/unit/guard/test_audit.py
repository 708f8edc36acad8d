from __future__ import annotations

from dataclasses import replace

import pytest

from turnout.guard.audit import BEGINNING, Entry, Row, append, verify


def chained(count: int) -> list[Row]:
    rows: list[Row] = []
    for at in range(count):
        entry = Entry(at, "local", "claude", "connect_destination", b"d" * 16, "done", {"destination": f"d{at}"})
        rows.append(append(rows[-1].hash if rows else BEGINNING, entry))
    return rows


def test_an_untouched_chain_holds() -> None:
    rows = chained(4)

    assert verify(rows) is None
    assert verify(rows, head=rows[-1].hash) is None
    assert verify([]) is None


def test_a_chain_whose_old_rows_were_pruned_holds_from_where_it_begins() -> None:
    rows = chained(4)

    assert verify(rows[2:], previous=rows[1].hash) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"at": 9},
        {"principal": "p"},
        {"client": "c"},
        {"operation": "o"},
        {"arguments": b"e" * 16},
        {"outcome": "undone"},
        {"detail": {}},
    ],
    ids=str,
)
def test_a_changed_row_is_found(changed: dict[str, object]) -> None:
    rows = chained(4)
    rows[2] = replace(rows[2], entry=replace(rows[2].entry, **changed))  # type: ignore[arg-type]  # one field a case

    assert verify(rows) == 2


def test_a_row_that_was_changed_with_its_hash_breaks_at_the_next() -> None:
    rows = chained(4)
    rows[1] = append(rows[0].hash, replace(rows[1].entry, outcome="undone"))

    assert verify(rows) == 2


def test_a_removed_row_is_found() -> None:
    rows = chained(4)

    assert verify(rows[:1] + rows[2:]) == 1


def test_swapped_rows_are_found() -> None:
    rows = chained(4)

    assert verify([rows[0], rows[2], rows[1], rows[3]]) == 1


def test_rows_removed_at_the_end_are_found_by_the_noted_head() -> None:
    rows = chained(4)

    assert verify(rows[:3], head=rows[-1].hash) == 3


def test_the_order_of_details_does_not_matter() -> None:
    entry = Entry(1, "p", "c", "o", b"", "done", {"a": 1, "b": 2})

    assert append(BEGINNING, entry).hash == append(BEGINNING, replace(entry, detail={"b": 2, "a": 1})).hash
