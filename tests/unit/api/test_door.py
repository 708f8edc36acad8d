from __future__ import annotations

from dataclasses import dataclass

import pytest

from turnout.api import limits
from turnout.api.door import Door, Held

MOST = limits.BYTES_IN_FLIGHT


@dataclass(eq=False, slots=True)
class Somebody:
    """A connection as those beside it see it."""

    since: float = 0.0
    is_idle: bool = True
    is_barred: bool = False
    left: bool = False

    def look(self, now: float) -> None:
        self.since = now

    def leave(self) -> None:
        self.left = True

    def bar(self) -> None:
        self.is_barred = True

    def unbar(self) -> None:
        self.is_barred = False


@pytest.fixture
def door() -> Door:
    """Give a door with as many connections as there may be, all at work."""
    made = Door()
    for _ in range(limits.CONNECTIONS):
        made.joined(Somebody(is_idle=False))
    return made


def test_where_all_are_at_work_a_new_connection_is_closed(door: Door) -> None:
    new = Somebody(since=100.0)

    door.joined(new)

    assert [each for each in door.members if isinstance(each, Somebody) and each.left] == [new]


def test_the_connection_that_is_idle_for_longest_leaves_for_a_new_one(door: Door) -> None:
    longest, shorter = list(door.members)[:2]
    for each, since in ((longest, 10.0), (shorter, 20.0)):
        assert isinstance(each, Somebody)
        each.is_idle, each.since = True, since
    new = Somebody(since=100.0)

    door.joined(new)

    assert [each for each in door.members if isinstance(each, Somebody) and each.left] == [longest]


def test_who_came_just_now_and_was_not_read_yet_is_not_taken_for_idle(door: Door) -> None:
    young = next(iter(door.members))
    assert isinstance(young, Somebody)
    young.is_idle, young.since = True, 99.9
    new = Somebody(since=100.0)

    door.joined(new)

    assert (young.left, new.left) == (False, True)


def test_whoever_brings_more_than_there_is_room_for_waits_but_one() -> None:
    held, first, second, third = Held(), Somebody(), Somebody(), Somebody()
    held.add(first, MOST)

    for each in (second, third, first):
        held.add(each, 1)

    assert [each.is_barred for each in (first, second, third)] == [True, False, True]


def test_who_may_go_on_is_followed_by_the_next_when_answered() -> None:
    held, full, *waiting = Held(), Somebody(), Somebody(), Somebody(), Somebody()
    held.add(full, MOST)
    for each in waiting:
        held.add(each, 10)

    held.give(waiting[0], 10)
    held.add(waiting[1], 10)

    assert [each.is_barred for each in waiting] == [False, False, True]


def test_all_go_on_when_there_is_room_again() -> None:
    held, full, *waiting = Held(), Somebody(), Somebody(), Somebody(), Somebody()
    held.add(full, MOST)
    for each in waiting:
        held.add(each, 10)

    held.give(full, MOST)

    assert [each.is_barred for each in waiting] == [False, False, False]
    assert held.bytes == 30


def test_who_is_gone_holds_up_nobody() -> None:
    held, full, *waiting = Held(), Somebody(), Somebody(), Somebody(), Somebody()
    held.add(full, MOST)
    for each in waiting:
        held.add(each, 10)

    held.give(waiting[1], 10)  # it waited, and its client left
    held.give(waiting[0], 10)

    assert [waiting[0].is_barred, waiting[2].is_barred] == [False, False]
