"""Waits between tries: bounded, growing, half of them chance."""

from __future__ import annotations

import pytest

from turnout.clock import HOUR, SECOND
from turnout.delivery.schedule import PROFILES, Schedule


@pytest.mark.parametrize("name", list(PROFILES))
def test_waits_grow_up_to_a_cap_and_half_of_each_is_chance(name: str) -> None:
    profile = PROFILES[name]
    least = [profile.delay_s(n, 0.0) for n in range(1, 40)]
    most = [profile.delay_s(n, 0.999999) for n in range(1, 40)]

    assert least == sorted(least)
    assert all(low * 1.99 < high < low * 2.01 for low, high in zip(least, most, strict=True))
    assert max(most) <= profile.cap


def test_the_webhook_profile_is_the_one_of_standard_webhooks() -> None:
    waits = [PROFILES["webhook"].delay_s(n, 0.999999) for n in range(1, 11)]

    assert [round(wait) for wait in waits] == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400]


def test_the_operator_sets_waits_and_not_when_it_expires() -> None:
    profile = Schedule(base_s=0.1, cap_s=1).profile("webhook")

    assert profile.delay_s(10, 0.999999) <= 1
    assert profile.expired(0, 10, 76 * HOUR)
    assert not profile.expired(0, 9, 76 * HOUR)


@pytest.mark.parametrize(("name", "hours"), [("api", 1), ("webhook", 24), ("bulk", 1)], ids=["api", "webhook", "bulk"])
def test_no_wait_sets_a_due_later_than_the_latest(name: str, hours: int) -> None:
    assert Schedule().latest(name, 5) == 5 + hours * 3600 * SECOND
