from __future__ import annotations

from support.workspace import Bench
from turnout.upkeep.reign import Reign
from turnout.upkeep.steady import HOLD_S, Steady

DAY_S = 86_400.0


def steady(here: Bench) -> Steady:
    """Begin as a keeper does, of events that are kept for 90 days."""
    return Steady(Reign(here.store, 0), 90)


def test_a_clock_that_goes_on_is_trusted(here: Bench) -> None:
    here.record({})
    keeper = steady(here)

    for _ in range(3):
        assert keeper.trusts()
        here.clock.pass_s(100 * DAY_S)


def test_a_clock_that_leaps_ahead_is_not_trusted_until_it_has_held_for_an_hour(here: Bench) -> None:
    keeper = steady(here)
    assert keeper.trusts()

    here.clock.leap_s(10 * DAY_S)

    assert not keeper.trusts()
    here.clock.pass_s(HOLD_S - 60)
    assert not keeper.trusts()
    here.clock.pass_s(61)
    assert keeper.trusts()


def test_a_night_asleep_and_a_clock_set_back_are_no_leap(here: Bench) -> None:
    keeper = steady(here)
    assert keeper.trusts()

    for seconds in (DAY_S, -400 * DAY_S):
        here.clock.leap_s(seconds)
        assert keeper.trusts()


def test_a_first_look_long_after_the_newest_event_waits_an_hour_too(here: Bench) -> None:
    here.record({})
    here.clock.leap_s(10 * DAY_S)
    keeper = steady(here)

    assert not keeper.trusts()
    here.clock.pass_s(HOLD_S + 1)
    assert keeper.trusts()


def test_where_there_is_nothing_to_lose_the_first_look_is_trusted(here: Bench) -> None:
    assert steady(here).trusts()
