"""The breaker: when it opens, how it probes, how many requests may be on their way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.breaker import PROBE_S, START, Breaker, Throttle, Throttles
from turnout.exchange import Class, Outcome, Pace

OK = Outcome(Class.SUCCESS, "delivered", 200)
BUSY = Outcome(Class.RETRY, "http_503", 503)
LOST = Outcome(Class.UNKNOWN, "timeout")
REFUSED = Outcome(Class.FINAL, "http_400", 400)
DENIED = Outcome(Class.CREDENTIALS, "http_401", 401)


def hear(breaker: Breaker, *outcomes: Outcome, now: float = 0.0) -> list[bool]:
    """Tell it how requests ended: while it is open, those of probes."""
    return [breaker.heard(outcome, now, short=True, probe=breaker.open) for outcome in outcomes]


@pytest.mark.parametrize("outcome", [BUSY, LOST], ids=["retry", "unknown"])
def test_ten_troubles_in_a_row_open_it(outcome: Outcome) -> None:
    breaker = Breaker()

    assert hear(breaker, *[outcome] * 9) == [False] * 9
    assert hear(breaker, outcome) == [True]
    assert (breaker.open, breaker.allows(0.0, 0)) == (True, 0)


def test_more_than_half_of_the_last_fifty_open_it() -> None:
    breaker = Breaker()
    hear(breaker, *[OK, BUSY] * 24, OK)
    assert not breaker.open

    hear(breaker, BUSY, BUSY)

    assert breaker.open


def test_final_refusals_do_not_open_it() -> None:
    breaker = Breaker()
    hear(breaker, *[REFUSED] * 100)

    assert not breaker.open


def test_while_open_one_probe_goes_out_at_longer_and_longer_intervals() -> None:
    breaker = Breaker()
    hear(breaker, *[BUSY] * 10)
    now = 0.0
    for step in (*PROBE_S, PROBE_S[-1]):
        assert breaker.allows(now + step - 0.01, 0) == 0
        now += step
        assert breaker.allows(now, 0) == 1
        assert breaker.allows(now, 1) == 0
        hear(breaker, BUSY, now=now)


@pytest.mark.parametrize("outcome", [BUSY, LOST, DENIED], ids=["retry", "unknown", "credentials"])
def test_what_had_left_before_it_opened_puts_no_probe_off(outcome: Outcome) -> None:
    breaker = Breaker()
    hear(breaker, *[BUSY] * 10)
    for _ in range(54):
        breaker.heard(outcome, 0.0, short=True)

    assert (breaker.allows(PROBE_S[0], 0), breaker.why) == (1, "trouble")


def test_a_probe_that_passes_closes_it() -> None:
    breaker = Breaker()
    hear(breaker, *[BUSY] * 10)
    hear(breaker, OK, now=5.0)

    assert not breaker.open
    assert breaker.allows(5.0, 0) > 0


def test_refused_credentials_open_it_at_once_and_one_that_passes_is_remembered() -> None:
    breaker = Breaker()

    assert hear(breaker, DENIED) == [True]
    assert breaker.why == "credentials"
    hear(breaker, OK, now=5.0)
    assert breaker.passed_credentials


def test_retry_after_holds_the_whole_lane() -> None:
    breaker = Breaker()
    hear(breaker, Outcome(Class.RETRY, "http_429", 429, after_s=30))

    assert (breaker.allows(29.0, 0), breaker.wait_s(29.0)) == (0, 1.0)
    assert breaker.allows(30.0, 0) > 0


def test_slots_grow_while_work_waits_and_halve_on_trouble() -> None:
    breaker = Breaker(max_in_flight=64)
    hear(breaker, *[OK] * START)
    assert breaker.slots == 2 * START

    hear(breaker, BUSY)

    assert breaker.slots == START


def test_slots_keep_within_what_is_allowed() -> None:
    breaker = Breaker(max_in_flight=3)
    hear(breaker, *[OK] * 1000)
    assert breaker.slots == 3

    hear(breaker, *[BUSY] * 9)
    assert breaker.slots == 1


def test_a_throttle_lets_its_rate_pass_and_no_more() -> None:
    throttle = Throttle(((2, 1.0),))
    assert throttle.room(0.0) == 2
    throttle.take()
    throttle.take()

    assert (throttle.room(0.0), throttle.wait_s(0.0)) == (0, 0.5)
    assert (throttle.room(0.5), throttle.wait_s(0.5)) == (1, 0)
    assert throttle.room(60.0) == 2


def test_a_rate_below_one_request_a_period_still_passes() -> None:
    throttle = Throttle(((0.5, 1.0),))
    assert throttle.room(0.0) == 1
    throttle.take()

    assert throttle.wait_s(0.0) == 2.0
    assert throttle.room(2.0) == 1


def test_of_two_rates_both_hold() -> None:
    throttle = Throttle(((5, 1.0), (8, 60.0)))
    throttle.room(0.0)
    for _ in range(5):
        throttle.take()

    assert throttle.room(1.0) == 3
    for _ in range(3):
        throttle.take()
    assert throttle.wait_s(1.0) == pytest.approx((1 - 8 / 60) * 60 / 8)


def test_a_throttle_that_is_held_lets_nothing_pass_until_then() -> None:
    throttle = Throttle(((100, 1.0),))
    throttle.hold(30.0)

    assert (throttle.room(29.0), throttle.wait_s(29.0)) == (0, 1.0)
    assert throttle.room(30.0) == 100


# Whatever is taken and whenever, no stretch of time sees more requests than its share and one bucket full.
@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(1, 20), st.floats(0.1, 10))
def test_no_stretch_of_time_sees_more_than_the_rate_and_one_bucket(gaps: list[float], n: int, per_s: float) -> None:
    throttle, now, sent = Throttle(((n, per_s),)), 0.0, []
    for gap in gaps:
        now += gap
        for _ in range(throttle.room(now)):
            throttle.take()
            sent.append(now)

    for first, began in enumerate(sent):
        assert len(sent) - first <= n + (now - began) * n / per_s + 1e-6


def test_paces_with_one_key_share_a_throttle_and_others_do_not() -> None:
    throttles = Throttles()
    one, other = Pace(((2, 1.0),), key="k1"), Pace(((2, 1.0),), key="k2")
    first = throttles.of(one, None)

    assert throttles.of(one, None) is first
    assert throttles.of(other, None) is not first
    assert throttles.of(Pace(), first) is None


def test_a_throttle_stays_while_its_rate_does() -> None:
    throttles = Throttles()
    plain = throttles.of(Pace(((2, 1.0),)), None)

    assert throttles.of(Pace(((2, 1.0),), concurrency=4), plain) is plain
    assert throttles.of(Pace(((3, 1.0),)), plain) is not plain


def test_what_was_on_its_way_together_halves_the_slots_once() -> None:
    breaker = Breaker(max_in_flight=64)
    hear(breaker, *[OK, BUSY] * 8)
    assert breaker.slots == START // 2

    hear(breaker, OK, BUSY)

    assert breaker.slots == START // 4
