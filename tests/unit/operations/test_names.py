from __future__ import annotations

import pytest

from turnout.errors import Conflict, InvalidInput
from turnout.operations import names


def test_white_space_in_a_name_becomes_single_spaces() -> None:
    assert names.fit("source", "  Web \n shop ") == "Web shop"


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\u202eb", "a\x1bb", "42"])
def test_a_name_that_is_empty_long_hidden_or_a_number_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        names.fit("source", name)


def test_a_taken_name_is_refused_whatever_its_case() -> None:
    with pytest.raises(Conflict, match="choose another"):
        names.unused("source", "WEB", ["Web"])


def test_a_free_name_takes_the_first_number_that_is_left() -> None:
    assert names.free("Webhook", []) == "Webhook"
    assert names.free("Webhook", ["webhook", "WEBHOOK 2"]) == "Webhook 3"
