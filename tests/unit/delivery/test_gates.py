"""Where requests wait that have limits of their own: who leaves when, on a clock that stands until moved."""

from __future__ import annotations

from collections.abc import Callable

from support.workspace import StillClock
from turnout.delivery.gates import Gates
from turnout.exchange import Answer, Append, Ask, Pace, Reply, Request


class Way:
    """What left, in order, and what the gates want to be called for later."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.left: list[str] = []
        self.answers: dict[str, Callable[[Reply], None]] = {}
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.heard: list[str] = []
        self.gates = Gates(self.carry, self.clock, lambda seconds, call: self.later.append((seconds, call)))

    def carry(self, ask: Ask, done: Callable[[Reply], None]) -> None:
        name = ask.url if isinstance(ask, Request) else "file"
        self.left.append(name)
        self.answers[name] = done

    def ask(self, name: str, *paces: Pace, lane: int = 1) -> None:
        self.gates.carry(Request("POST", name, paces=paces), lambda _: self.heard.append(name), lane)

    def answer(self, name: str) -> None:
        self.answers[name](Answer(200))

    def wait(self) -> float:
        """Let the time pass that the gates ask for."""
        ((seconds, call),) = self.later
        self.later.clear()
        self.clock.pass_s(seconds)
        call()
        return seconds


TWO = Pace(((2, 1.0),))


def test_a_rate_lets_so_many_leave_and_the_others_in_their_order_when_it_has_room() -> None:
    way = Way()
    for name in "abcd":
        way.ask(name, TWO)
    at_once = list(way.left)
    waits = [way.wait(), way.wait()]

    assert (at_once, way.left) == (["a", "b"], ["a", "b", "c", "d"])
    assert waits == [0.5, 0.5]
    assert way.later == []


def test_so_many_at_once_are_on_their_way_and_an_answer_lets_the_next_leave() -> None:
    way = Way()
    one = Pace(concurrency=1)
    way.ask("a", one)
    way.ask("b", one)
    before = list(way.left)

    way.answer("a")

    assert (before, way.left, way.heard) == (["a"], ["a", "b"], ["a"])


def test_what_has_no_limits_passes_those_that_wait() -> None:
    way = Way()
    for name in "abc":
        way.ask(name, TWO)
    way.ask("free")
    way.ask("other", Pace(((9, 1.0),)))
    way.gates.carry(Append("f", (b"x",)), lambda _: None, 1)

    assert way.left == ["a", "b", "free", "other", "file"]


def test_destinations_share_a_pace_by_its_key_alone() -> None:
    way = Way()
    keyed = Pace(((1, 1.0),), key="k")
    for lane, name in enumerate("ab", 1):
        way.ask(name, keyed, lane=lane)
        way.ask(f"own {name}", Pace(((1, 1.0),)), lane=lane)

    assert way.left == ["a", "own a", "own b"]


def test_a_request_with_two_paces_waits_for_both() -> None:
    way = Way()
    one = Pace(concurrency=1)
    way.ask("a", TWO, one)
    way.ask("b", TWO, one)
    way.answer("a")

    assert (way.left, way.heard) == (["a", "b"], ["a"])
