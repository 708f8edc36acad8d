from __future__ import annotations

import pytest

from support.workspace import BEGIN
from turnout.clock import DAY, HOUR, MINUTE
from turnout.errors import InvalidInput
from turnout.operations.moments import moment, month, written


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-11-24T16:00:00Z", BEGIN),
        ("2025-11-24T17:00:00+01:00", BEGIN),
        ("2025-11-24", BEGIN - 16 * HOUR),
        ("30m", BEGIN - 30 * MINUTE),
        (" 24H ", BEGIN - DAY),
        ("7 d", BEGIN - 7 * DAY),
        ("2w", BEGIN - 14 * DAY),
    ],
)
def test_a_moment_is_a_date_or_so_long_ago(text: str, at: int) -> None:
    assert moment(text, BEGIN, name="since") == at


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-3d", "7y", "d", "9999999d", "٧d", "2025-13-01"])  # noqa: RUF001
def test_what_is_no_moment_names_the_argument_and_what_is_expected(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"`until`.*24h"):
        moment(text, BEGIN, name="until")


def test_a_month_is_read_and_written() -> None:
    assert (month("", BEGIN), month("2024-02", BEGIN)) == (202511, 202402)
    assert written(month("2024-02", BEGIN)) == "2024-02"
