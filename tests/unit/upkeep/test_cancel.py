"""A removed lane ends at once; of much that it owed upkeep cancels the rest, a page a commit."""

from __future__ import annotations

import pytest

from support import law
from support.carrier import Carrier, carrier
from support.workspace import PERSON, Bench
from turnout.delivery import verdict
from turnout.delivery.endings import AT_ONCE
from turnout.operations import update
from turnout.operations.update import Update
from turnout.store.lanes import LaneState
from turnout.store.owed import Owed, OwedState
from turnout.upkeep import cancel
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

MANY = AT_ONCE + 2 * cancel.ROWS + 7


@pytest.fixture
def hook(here: Bench) -> Destination:
    """Connect a destination that owes much, and has one more on its way."""
    made = here.connect("webhook", {"url": "https://hook.example.com/in"})
    here.record(*[{} for _ in range(MANY + 1)])
    states = [*[OwedState.RETRY] * MANY, OwedState.SENDING]
    rows = [
        Owed(made.lane, 0, seq, 7, 0, 1 if state is OwedState.RETRY else None, 1, 1, state, 0, 0)
        for seq, state in enumerate(states, 1)
    ]
    here.store.commit(lambda unit: unit.owed.put(rows))
    here.store.commit(lambda unit: unit.lanes.move(made.lane, 0, MANY + 1))
    return made


def remove(here: Bench, hook: Destination) -> str:
    operation = update.operation(here.catalogue, here.binder)
    return str(here.call(operation, Update(hook.id, action="remove"), PERSON, sure=True).answer["summary"])


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


def test_a_removal_cancels_some_and_says_how_many_will_be(here: Bench, hook: Destination) -> None:
    said = remove(here, hook)

    assert f"{MANY} deliveries were cancelled" in said
    assert here.lane(hook).state is LaneState.REMOVED
    assert here.look(lambda view: view.owed.count(hook.lane)) == MANY + 1 - AT_ONCE


def test_upkeep_cancels_the_rest_and_leaves_what_is_on_its_way(here: Bench, lanes: Carrier, hook: Destination) -> None:
    remove(here, hook)

    rests = [cancel.advance(Reign(here.store, lanes.epoch)) for _ in range(4)]

    assert rests == [0.0, 0.0, cancel.IDLE_S, cancel.IDLE_S]
    assert here.look(lambda view: view.owed.states()) == {hook.lane: {OwedState.SENDING: 1}}
    codes = here.look(lambda view: [code for *_, code in view.deliveries.codes(hook.lane, (0,), 1, MANY + 1)])
    assert codes == [verdict.CANCELLED_REMOVED] * MANY
    assert here.look(law.broken) == []


def test_a_lane_that_goes_on_is_not_touched(here: Bench, lanes: Carrier, hook: Destination) -> None:
    cancel.advance(Reign(here.store, lanes.epoch))

    assert here.look(lambda view: view.owed.count(hook.lane)) == MANY + 1
