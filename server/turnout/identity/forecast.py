"""How many a month will have counted by its end, and how sure that is.

1. With three whole days or more, and the whole month before: each day to come brings what its twin brought (the same
   weekday of the month before, the nearest day), times how this month's whole days compare with their twins.
2. With three whole days or more alone: each day to come brings what the last seven whole days did on average.
3. With fewer: in proportion to the time gone, without a range, for there is too little to tell.

The range holds the end in four months of five, if days go on to stray as they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import sqrt

from turnout.clock import DAY, SECOND
from turnout.identity.meter import bounds, forecast

ENOUGH = 3
"""Whole days from which on a range is given."""
WEEK = 7
FOUR_OF_FIVE = 1.2816
"""Standard deviations to either side that hold 80 % of a normal distribution."""


class Method(StrEnum):
    """How the end of a month was told."""

    OVER = "over"
    MONTH_BEFORE = "month_before"
    DAYS_SO_FAR = "days_so_far"
    PROPORTION = "proportion"


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected: `days` whole days it rests on; `low` and `high` are `users` where there is no range."""

    users: int
    low: int
    high: int
    method: Method
    days: int


def expect(counted: int, days: Sequence[int], before: Sequence[int], now: int, month: int) -> Expected:
    """Tell the end of a month that has counted so many. Shape: `days` end with yesterday, `before` is a month or empty.

    `days` are how many each whole day counted first, from the first whole day of which it is known.
    """
    first, after = bounds(month)
    if now >= after:
        return Expected(counted, counted, counted, Method.OVER, len(days))
    if len(days) < ENOUGH:
        users = forecast(counted, now, month)
        return Expected(users, users, users, Method.PROPORTION, len(days))
    today = (now - first) // DAY
    rest = 1 - (now - first) % DAY / DAY
    to_come = (after - first) // DAY - today - 1 + rest
    twins = _twins(before, month)
    known = twins[today - len(days) : today]
    if sum(known):
        more, weight, strays = _beside(days, known, rest * twins[today] + sum(twins[today + 1 :]))
        method = Method.MONTH_BEFORE
    else:
        more, weight, strays = _alone(days[-WEEK:], to_come)
        method = Method.DAYS_SO_FAR
    spread = FOUR_OF_FIVE * _stray(strays, more / to_come) * sqrt(to_come + weight**2 * len(strays))
    ends = counted + more
    return Expected(round(ends), max(counted, round(ends - spread)), round(ends + spread), method, len(strays))


def _beside(days: Sequence[int], twins: Sequence[int], ahead: float) -> tuple[float, float, list[float]]:
    """Give what days to come bring whose twins brought `ahead`, the weight of a day in that, and how days strayed."""
    scale = sum(days) / sum(twins)
    strays = [day - scale * twin for day, twin in zip(days, twins, strict=True)]
    return scale * ahead, ahead / sum(twins), strays


def _alone(days: Sequence[int], to_come: float) -> tuple[float, float, list[float]]:
    """Give the same where nothing but these days is known."""
    mean = sum(days) / len(days)
    return mean * to_come, to_come / len(days), [day - mean for day in days]


def _stray(strays: Sequence[float], mean: float) -> float:
    """Give how far a day strays: as days did, and never less than counts do by chance."""
    return sqrt(max(sum(each**2 for each in strays) / max(1, len(strays) - 1), mean))


def _twins(before: Sequence[int], month: int) -> list[int]:
    """Give for each day of a month what its twin of the month before brought."""
    if not before:
        return []
    first, after = bounds(month)
    count = (after - first) // DAY
    shift = (_weekday(first) - _weekday(first - len(before) * DAY)) % WEEK
    shift = shift - WEEK if shift > WEEK // 2 else shift
    return [before[_within(day + shift, len(before))] for day in range(count)]


def _within(day: int, count: int) -> int:
    """Move a day by whole weeks until the month has it."""
    while day < 0:
        day += WEEK
    while day >= count:
        day -= WEEK
    return day


def _weekday(moment: int) -> int:
    return datetime.fromtimestamp(moment // SECOND, UTC).weekday()
