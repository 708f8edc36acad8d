from __future__ import annotations

from functools import partial

import pytest

from support import law
from support.carrier import BUSY, Carrier, carrier
from support.old import Counting, age, left
from support.workspace import PERSON, Bench
from turnout.clock import DAY, SECOND
from turnout.delivery import reigns, verdict
from turnout.operations import deletions
from turnout.store.keys import Kept, KeyState
from turnout.store.lanes import LaneState
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import Unit
from turnout.upkeep import erase, expire
from turnout.upkeep import prune as pruning
from turnout.upkeep.prune import Pruner
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

DAYS = 90
MONTHS = 100 * DAY / SECOND


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


@pytest.fixture
def hook(here: Bench) -> Destination:
    return here.connect("webhook", {"url": "https://hook.example.com/in"})


def prune(lanes: Carrier, trace_bytes: int = 1 << 30) -> None:
    pruner = Pruner(Reign(lanes.bench.store, lanes.epoch), DAYS, trace_bytes)
    while not pruner.advance():
        pass


def seqs(here: Bench) -> list[int]:
    return [each.seq for each in here.look(lambda view: view.log.after(0, 10_000))]


def test_what_is_older_than_retention_goes_with_its_ledger_and_message_ids(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"messageId": "m1", "event": "Old"}, {"messageId": "m2"})
    lanes.deliver(hook)
    here.clock.pass_s(MONTHS)
    here.record({"messageId": "m3"})
    lanes.deliver(hook)

    prune(lanes)

    assert seqs(here) == [3]
    assert here.look(lambda view: [view.messages.find(1, each) for each in ("m1", "m2", "m3")]) == [None, None, 3]
    assert here.look(lambda view: [bool(view.deliveries.of_event(hook.lane, 0, seq)) for seq in (1, 2, 3)]) == [
        False, False, True,
    ]  # fmt: skip
    assert {each.name for each in here.look(lambda view: view.log.names(9))} == {"Signed Up"}
    assert here.look(lambda view: len(view.deliveries.members(0, 99))) == 1


def test_many_pages_go_oldest_first(here: Bench, lanes: Carrier) -> None:
    here.record(*[{} for _ in range(450)])
    here.clock.pass_s(MONTHS)
    here.record({})

    prune(lanes)

    assert seqs(here) == [451]


def test_nothing_young_goes(here: Bench, lanes: Carrier) -> None:
    here.record({})
    here.clock.pass_s(MONTHS / 2)

    prune(lanes)

    assert seqs(here) == [1]


def test_an_event_that_a_running_lane_has_not_passed_stays(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    lanes.deliver(hook)
    here.record({})
    here.clock.pass_s(MONTHS)

    prune(lanes)

    assert seqs(here) == [2]


def test_an_event_that_a_lane_owes_stays(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    lanes.deliver(hook)
    here.record({})
    lanes.deliver(hook, BUSY)
    here.clock.pass_s(MONTHS)

    prune(lanes)

    assert seqs(here) == [2]


def test_a_standing_lane_holds_the_log_no_longer_than_retention(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    lanes.deliver(hook, BUSY)
    here.record({}, {})
    here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.PAUSED, "paused"))
    here.clock.pass_s(MONTHS)
    here.record({})

    rest = expire.advance(Reign(here.store, lanes.epoch), DAYS)
    came_to = here.look(lambda view: [view.deliveries.of_event(hook.lane, 0, seq)[0].code for seq in (1, 2, 3)])
    prune(lanes)

    assert rest == expire.EVERY_S
    assert came_to == [verdict.EXPIRED, verdict.RETENTION, verdict.RETENTION]
    assert seqs(here) == [4]


def test_nor_does_a_running_lane_that_does_not_come_on(here: Bench, lanes: Carrier, hook: Destination) -> None:
    """Its destination cannot be bound, or its breaker is open: ENGINE 6 asks for no reason."""
    here.record({})
    lanes.deliver(hook, BUSY)
    here.record({})
    here.clock.pass_s(MONTHS)
    here.record({})

    expire.advance(Reign(here.store, lanes.epoch), DAYS)
    rows = here.look(lambda view: [view.deliveries.of_event(hook.lane, 0, seq) for seq in (1, 2, 3)])
    broken = here.look(law.broken)
    prune(lanes)

    assert [row.code for found in rows for row in found] == [verdict.EXPIRED, verdict.RETENTION]
    assert seqs(here) == [3]
    assert broken == []


def test_a_lane_that_holds_nothing_old_is_left_alone(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    here.clock.pass_s(MONTHS / 2)

    expire.advance(Reign(here.store, lanes.epoch), DAYS)

    run = here.look(lambda view: view.lanes.run(hook.lane, 0))
    assert run is not None
    assert run.cursor == 0


def test_what_is_on_its_way_is_left_to_its_answer(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    lanes.deliver(hook, BUSY)
    here.clock.pass_s(MONTHS)
    lanes.mark(hook)

    rest = expire.advance(Reign(here.store, lanes.epoch), DAYS)

    assert rest == expire.EVERY_S
    assert here.look(lambda view: view.owed.states()) == {hook.lane: {OwedState.SENDING: 1}}
    assert here.look(lambda view: view.deliveries.of_event(hook.lane, 0, 1)) == ()


def test_a_window_that_nobody_can_read_any_more_ends_with_retention(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    """The deliverer died, and the destination was removed with its secrets: no reign can bind it again."""
    here.record({}, {})
    lanes.open(hook)
    here.store.commit(partial(reigns.take_over, look=lambda _view, _lane, _revision: None))
    here.clock.pass_s(MONTHS)
    here.record({})

    lanes.epoch += 1
    expire.advance(Reign(here.store, lanes.epoch), DAYS)
    rows = here.look(lambda view: [view.deliveries.of_event(hook.lane, 0, seq)[0] for seq in (1, 2)])
    broken = here.look(law.broken)
    prune(lanes)

    assert [(row.code, row.reason) for row in rows] == [(verdict.EXPIRED, reigns.CRASH)] * 2
    assert (broken, seqs(here)) == ([], [3])


def test_what_waited_behind_an_event_that_expired_may_go(here: Bench, lanes: Carrier, hook: Destination) -> None:
    owes = partial(Owed, hook.lane, 0, part=7, person=1, first=1, request=0, reason=0)
    rows = [owes(1, due=1, tries=1, state=OwedState.RETRY), owes(2, due=None, tries=0, state=OwedState.HELD)]
    here.record({})
    here.clock.pass_s(MONTHS)
    here.record({})
    here.store.commit(lambda unit: unit.owed.put(rows))
    here.store.commit(lambda unit: unit.lanes.move(hook.lane, 0, 2))

    expire.advance(Reign(here.store, lanes.epoch), DAYS)

    left = here.look(lambda view: view.owed.due(hook.lane, here.clock.now(), 9))
    assert [(row.seq, row.state) for row in left] == [(2, OwedState.RETRY)]


def test_the_message_id_of_a_tombstone_goes_too(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1"})
    request = deletions.Deletion(user_id="u1", kind="erase", namespace="live")
    here.call(deletions.operation(here.eyes), request, PERSON, sure=True)
    for _ in range(30):
        erase.advance(Reign(here.store, lanes.epoch), lambda: True)
    held = here.look(lambda view: view.messages.find(1, "m1"))
    here.clock.pass_s(MONTHS)
    here.record({"messageId": "m2", "userId": "u2"})

    prune(lanes)

    assert held == 1
    assert here.look(lambda view: view.messages.find(1, "m1")) is None
    assert here.look(lambda view: view.messages.find(1, "m2")) == 2


def test_the_ring_of_evidence_is_trimmed_to_its_size(here: Bench, lanes: Carrier, hook: Destination) -> None:
    for _ in range(5):
        here.record({})
        lanes.deliver(hook)
    size = here.look(lambda view: view.exchanges.ring_size())

    prune(lanes, size // 2)

    left = here.look(lambda view: view.exchanges.ring_size())
    assert 0 < left <= size // 2
    assert here.look(lambda view: view.exchanges.frames(5))


def test_evidence_and_keys_older_than_retention_go(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    lanes.deliver(hook)
    here.clock.pass_s(MONTHS)

    prune(lanes)

    assert here.look(lambda view: view.exchanges.ring_size()) == 0
    assert here.look(lambda view: view.counts.since(0)) == {}


# -- in steps ----------------------------------------------------------------------------------------------


def test_a_pruning_that_was_interrupted_goes_on_and_no_event_lacks_its_ledger_meanwhile(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    age(here, lanes, [hook], 4000)
    broken: list[str] = []
    rests = 0.0
    turns = 0

    while not rests:
        pruner = Pruner(Reign(here.store, lanes.epoch), DAYS, 1 << 30)  # each turn a new one, as after a crash
        rests = pruner.advance()
        turns += 1
        if turns % 10 == 0:
            here.store.close()
            broken += [each for each in here.look(law.broken) if "counted otherwise" not in each]

    assert turns > 20
    assert broken == []
    assert left(here) == ([4001], 1, 1)


def test_much_evidence_goes_about_a_megabyte_a_commit(here: Bench, lanes: Carrier) -> None:
    frame = b"x" * 100_000
    for first in range(1, 61):
        here.store.commit(
            lambda unit, first=first: unit.exchanges.keep(plain=first % 2 == 0, first=first, last=first, frame=frame)  # type: ignore[misc]
        )
    here.clock.pass_s(MONTHS)
    reign = Counting(here, lanes.epoch)
    pruner = Pruner(reign, DAYS, 1 << 30)

    while not pruner.advance():
        pass

    assert here.look(lambda view: view.exchanges.ring_size()) == 0
    assert max(reign.rows) * len(frame) <= pruning.BYTES + 2 * len(frame)


def test_a_key_goes_when_it_has_expired_and_one_on_events_when_they_do(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m2"})

    def keep(unit: Unit) -> None:
        for key, first, days in (
            ("on events", 1, DAYS),
            ("derived", 2, 0.01),
            ("on nothing", 0, 7),
            ("longer", 2, 200),
        ):
            ends = unit.now + int(days * DAY)
            unit.keys.keep("p", "track_event", key, Kept(b"", b"", first, first, unit.now, ends, KeyState.DONE))

    def stored() -> int:
        return int(here.look(lambda view: view.session.rows("SELECT count(*) FROM idempotency"))[0][0])

    here.store.commit(keep)
    counts = []
    for days in (0, 1, 8, DAYS, 200):
        here.clock.pass_s(days * DAY / SECOND)
        if days >= DAYS:
            here.record({})
        prune(lanes)
        counts.append(stored())

    assert counts == [4, 3, 2, 0, 0], "the longer one went with its event, too"
