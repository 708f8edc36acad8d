"""The end of a month as the meter tells it: its days so far, the month before, and what that comes to in words."""

from __future__ import annotations

from itertools import pairwise

from turnout.clock import DAY, month_of
from turnout.document import Document
from turnout.event.model import LIVE
from turnout.identity.forecast import ENOUGH, Expected, Method, expect
from turnout.identity.meter import bounds
from turnout.operations.counted import counted
from turnout.store.unit import View

_RANGE = "The range holds in four months of five; the count falls when visitors log in."


def outlook(view: View, month: int, users: int) -> Document:
    """Tell the end of a month that has counted so many users."""
    first, after = bounds(month)
    days = _days(view, month, first, min(view.now, after))
    earlier = month_of(first - DAY)
    begun = bounds(earlier)[0]
    whole = _oldest(view) <= begun and view.now < after
    found = expect(users, days, _days(view, earlier, begun, first) if whole else (), view.now, month)
    return {
        "forecast": found.users,
        "forecast_low": None if found.method is Method.PROPORTION else found.low,
        "forecast_high": None if found.method is Method.PROPORTION else found.high,
        "forecast_method": f"{found.method}: {_words(found)}",
    }


def _days(view: View, month: int, first: int, until: int) -> tuple[int, ...]:
    """Count whom each whole day counted first, from the first whole day that the log has."""
    begin = max(first, -(-_oldest(view) // DAY) * DAY)
    moments = list(range(begin, until + 1, DAY))
    last = view.counter.seq
    seqs = [last if (seq := view.log.first_since(moment)) is None else seq for moment in moments]
    return tuple(later - earlier for earlier, later in pairwise(view.people.counted_before(month, LIVE, seqs)))


def _oldest(view: View) -> int:
    """Give when the oldest event came; now, where there is none."""
    event = view.log.get(view.log.bounds()[0])
    return event.received if event else view.now


def _words(found: Expected) -> str:
    n = counted(found.days, "whole day")
    match found.method:
        case Method.OVER:
            return "The month is over; this is its count."
        case Method.MONTH_BEFORE:
            return f"{n} beside the same weekdays of the month before, and what came after those. {_RANGE}"
        case Method.DAYS_SO_FAR:
            return f"What the last {n} brought on average; the month before is not all there. {_RANGE}"
        case Method.PROPORTION:
            return f"In proportion to the time gone: {n} tell too little, {ENOUGH} are needed."
