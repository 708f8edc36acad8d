from __future__ import annotations

import pytest

from turnout.clock import DAY, HOUR
from turnout.identity.forecast import Expected, Method, expect
from turnout.identity.meter import bounds, forecast

NOVEMBER = 202511
FIRST, AFTER = bounds(NOVEMBER)
"""November 2025 begins on a Saturday, October on a Wednesday; October has 31 days."""


def on(day: int, hours: int = 0) -> int:
    """Give a moment of November: so many hours into a day that counts from 1."""
    return FIRST + (day - 1) * DAY + hours * HOUR


def ends(days: list[int], before: list[int], now: int, today: int = 0) -> Expected:
    return expect(sum(days) + today, days, before, now, NOVEMBER)


def test_a_month_like_the_one_before_ends_like_it() -> None:
    found = ends([10] * 14, [10] * 31, on(15))

    assert (found.users, found.method, found.days) == (300, Method.MONTH_BEFORE, 14)


def test_a_month_twice_as_busy_ends_twice_as_high() -> None:
    assert ends([20] * 14, [10] * 31, on(15)).users == 600


def test_days_to_come_bring_what_their_weekdays_brought() -> None:
    """Weekends of October brought nothing: those of November that are left bring nothing either."""
    october = [0 if (2 + day) % 7 in {5, 6} else 10 for day in range(31)]
    november = [0 if (5 + day) % 7 in {5, 6} else 10 for day in range(30)]

    assert ends(november[:14], october, on(15)).users == pytest.approx(sum(november), rel=0.02)


def test_newcomers_that_grow_fewer_are_not_extended_in_proportion() -> None:
    """A month's first days count its regulars: what follows are the new ones."""
    october = [100] * 7 + [10] * 24

    found = ends([100] * 7 + [10] * 3, october, on(11))

    assert abs(found.users - (730 + 200)) < 60
    assert forecast(730, on(11), NOVEMBER) > 2000


def test_the_rest_of_today_counts_as_a_part_of_a_day() -> None:
    assert ends([10] * 14, [10] * 31, on(15, 12), today=5).users == 300


def test_without_the_month_before_the_last_week_goes_on() -> None:
    found = ends([90] * 7 + [10] * 7, [], on(15))

    assert (found.users, found.method, found.days) == (700 + 160, Method.DAYS_SO_FAR, 7)


def test_a_month_before_that_brought_nobody_says_nothing() -> None:
    assert ends([10] * 5, [0] * 31, on(6)).method is Method.DAYS_SO_FAR


def test_the_range_is_wider_the_more_days_stray() -> None:
    calm, wild = (ends(days, [10] * 31, on(9)) for days in ([10] * 8, [2, 18] * 4))

    assert calm.users == wild.users
    assert wild.low < calm.low < calm.users < calm.high < wild.high


def test_the_range_is_narrower_the_nearer_the_end() -> None:
    early, late = (ends([10] * day, [10] * 31, on(day + 1)) for day in (6, 26))

    assert late.high - late.low < early.high - early.low


def test_the_range_never_ends_below_what_is_counted() -> None:
    found = ends([0, 0, 90], [], on(4))

    assert found.low >= 90


@pytest.mark.parametrize("days", [[], [10], [10, 10]])
def test_of_few_days_it_is_told_in_proportion_and_without_a_range(days: list[int]) -> None:
    found = ends(days, [10] * 31, on(len(days) + 1), today=3)

    users = forecast(sum(days) + 3, on(len(days) + 1), NOVEMBER)
    assert found == Expected(users, users, users, Method.PROPORTION, len(days))


def test_a_month_that_is_over_stays_as_it_is() -> None:
    assert ends([10] * 30, [], AFTER) == Expected(300, 300, 300, Method.OVER, 30)


@pytest.mark.parametrize("month", [202502, 202503, 202401, 202412])
def test_every_day_of_any_month_has_a_twin(month: int) -> None:
    first, after = bounds(month)
    before = [10] * ((first - bounds(month - 1 if month % 100 > 1 else month - 89)[0]) // DAY)

    assert expect(50, [10] * 5, before, first + 5 * DAY, month).users == 10 * (after - first) // DAY
