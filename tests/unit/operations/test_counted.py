from __future__ import annotations

import pytest

from turnout.operations.counted import counted


@pytest.mark.parametrize(
    ("n", "nouns", "written"),
    [
        (0, ("event",), "0 events"),
        (1, ("event",), "1 event"),
        (2, ("event",), "2 events"),
        (1, ("person", "people"), "1 person"),
        (3, ("person", "people"), "3 people"),
    ],
)
def test_a_number_has_its_noun_in_the_right_form(n: int, nouns: tuple[str, ...], written: str) -> None:
    assert counted(n, *nouns) == written
