"""How many a month will have counted by its end, and how sure that is.

1. With three whole days or more, and the whole month before: each day to come brings what that day of the month before
   did, evened out over a week and shaped by its own weekday, times how this month's whole days compare with theirs.
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


def _beside(days: Sequence[int], twins: Sequence[float], ahead: float) -> tuple[float, float, list[float]]:
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


def _twins(before: Sequence[int], month: int) -> list[float]:
    """Give for each day of a month what the month before lets expect: its day there, and its weekday."""
    if len(before) < WEEK:
        return []
    first, after = bounds(month)
    trend = [_evened(before, day) for day in range(len(before))]
    begun = _weekday(first - len(before) * DAY)
    brought, evened = [0.0] * WEEK, [0.0] * WEEK
    for day, (n, even) in enumerate(zip(before, trend, strict=True)):
        brought[(begun + day) % WEEK] += n
        evened[(begun + day) % WEEK] += even
    shape = [n / even if even else 1.0 for n, even in zip(brought, evened, strict=True)]
    days = range((after - first) // DAY)
    return [trend[min(day, len(trend) - 1)] * shape[(_weekday(first) + day) % WEEK] for day in days]


def _evened(before: Sequence[int], day: int) -> float:
    """Give the mean of the week around a day, all of it within the month."""
    begin = min(max(0, day - WEEK // 2), len(before) - WEEK)
    return sum(before[begin : begin + WEEK]) / WEEK


def _weekday(moment: int) -> int:
    return datetime.fromtimestamp(moment // SECOND, UTC).weekday()
