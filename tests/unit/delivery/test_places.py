"""Whose request may be on the way: what hangs leaves room for what does not."""

from __future__ import annotations

from turnout.delivery.places import HOST_CONNECTIONS, Places

ILL, WELL = ("ill.test", 443), ("well.test", 443)


def filled(places: Places[str], where: tuple[str, int]) -> int:
    """Take places until one is refused; give how many there were."""
    taken = 0
    while places.take(where, f"{where} {taken}"):
        taken += 1
    return taken


def test_a_host_takes_at_most_what_it_leaves_free() -> None:
    assert filled(Places(10), ILL) == 5


def test_hosts_that_hang_leave_one_more_host_its_place() -> None:
    places: Places[str] = Places(256)
    for n in range(9):
        filled(places, (f"ill-{n}.test", 443))

    assert places.take(WELL, "one")


def test_a_host_has_no_more_than_a_lane_may_have_in_flight() -> None:
    assert filled(Places(1000), ILL) == HOST_CONNECTIONS


def test_a_place_given_back_goes_to_who_has_waited_longest() -> None:
    places: Places[str] = Places(2)
    assert [places.take(ILL, who) for who in ("a", "b", "c")] == [True, False, False]

    assert places.give_back(ILL) == ["b"]
    assert places.give_back(ILL) == ["c"]
    assert places.give_back(ILL) == []


def test_hosts_that_wait_take_turns() -> None:
    places: Places[str] = Places(3)
    for where, who in ((ILL, "i1"), (WELL, "w1"), (ILL, "i2"), (ILL, "i3"), (WELL, "w2")):
        places.take(where, who)

    assert [places.give_back(ILL), places.give_back(WELL)] == [["i2"], ["w2"]]


def test_who_waits_no_more_is_passed_over() -> None:
    places: Places[str] = Places(2)
    for who in ("a", "b", "c"):
        places.take(ILL, who)

    assert places.leave(ILL, "b")
    assert not places.leave(ILL, "a")
    assert places.give_back(ILL) == ["c"]


def test_those_who_wait_are_named_when_it_closes() -> None:
    places: Places[str] = Places(2)
    for who in ("a", "b", "c"):
        places.take(ILL, who)

    assert places.close() == ["b", "c"]
