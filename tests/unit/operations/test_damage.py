"""Who reads a damaged event is told so, and reads the others; it is sent nowhere, and stops nothing."""

from __future__ import annotations

from typing import Any

import pytest

from support import law
from support.carrier import BUSY, Carrier, carrier
from support.damaged import damage, damage_frames
from support.workspace import PERSON, Bench
from turnout.clock import DAY, SECOND
from turnout.delivery.verdict import BY_NUMBER
from turnout.document import Document
from turnout.event.model import LIVE
from turnout.exchange import Request
from turnout.guard.masking import own_values
from turnout.operations import deletions, find, profile, replay, routes, rules, trace, usage
from turnout.operations.deletions import Deletion
from turnout.operations.find import Find
from turnout.operations.profile import Profile
from turnout.operations.reader import Reader
from turnout.operations.replay import Replay
from turnout.operations.routes import Audit
from turnout.operations.trace import Trace
from turnout.upkeep import erase
from turnout.upkeep.prune import Pruner
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

URL: Document = {"url": "https://hook.example.com/in"}


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


@pytest.fixture
def hook(here: Bench) -> Destination:
    return here.connect("webhook", URL)


@pytest.fixture
def three(here: Bench, hook: Destination) -> Bench:
    """Record three events of three people, of which the second is damaged. Nothing is delivered yet."""
    assert hook.lane
    here.record(*({"messageId": f"m{n}", "userId": f"u{n}", "event": f"E{n}"} for n in (1, 2, 3)))
    damage(here, 2)
    return here


def told(lanes: Carrier, **asked: Any) -> Document:
    reading = Reader(PERSON, own_values(dict(asked)))
    return lanes.bench.look(lambda view: trace.journey(view, lanes.eyes, reading, Trace(**asked)))


def rows(found: Document, name: str) -> list[dict[str, Any]]:
    listed = found[name] or []
    assert isinstance(listed, list)
    return [dict(each) for each in listed if isinstance(each, dict)]


def verdicts(here: Bench, hook: Destination, run: int = 0) -> dict[int, str]:
    """Give what each event came to, in the words of the published list."""
    rows = here.look(lambda view: [view.deliveries.of_event(hook.lane, run, seq) for seq in (1, 2, 3)])
    return {n: BY_NUMBER[row.code].word for n, each in enumerate(rows, 1) for row in each}


def sent(lanes: Carrier) -> str:
    return "".join(str(each.body) for each in lanes.sent if isinstance(each, Request))


# -- lanes -------------------------------------------------------------------------------------------------------


def test_it_is_discarded_and_its_neighbours_are_delivered(three: Bench, lanes: Carrier, hook: Destination) -> None:
    lanes.deliver(hook)

    assert verdicts(three, hook) == {1: "delivered", 2: "damaged", 3: "delivered"}
    assert ("m1" in sent(lanes), "m2" in sent(lanes), "m3" in sent(lanes)) == (True, False, True)
    assert len(lanes.sent) == 2
    assert three.look(law.broken) == []


def test_one_that_is_damaged_while_it_is_owed_is_tried_no_more(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"messageId": "m1"})
    lanes.deliver(hook, BUSY)
    damage(here, 1)
    here.clock.pass_s(60)

    lanes.again(hook)

    assert verdicts(here, hook) == {1: "damaged"}
    assert len(lanes.sent) == 1
    assert here.look(lambda view: view.owed.any(hook.lane)) is False


def test_one_that_was_on_its_way_in_a_crash_ends_in_the_ledger(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"messageId": "m1", "userId": "u1"}, {"messageId": "m2", "userId": "u2"})
    lanes.open(hook)
    damage(here, 1)
    lanes.eyes = here.eyes

    lanes.reign()

    assert verdicts(here, hook) == {1: "damaged"}
    delivery = rows(told(lanes, message_id="m1"), "deliveries")[0]
    assert (delivery["verdict"], delivery["rule"]) == ("discarded", "crash")
    assert here.look(law.broken) == []


def test_a_replay_of_it_comes_to_the_same(three: Bench, lanes: Carrier, hook: Destination) -> None:
    lanes.deliver(hook)
    three.call(replay.operation(three.eyes), Replay(event="E2", namespace="live"), sure=True)

    lanes.deliver(hook)

    (run,) = [each.run for each in three.look(lambda view: view.lanes.runs(hook.lane)) if each.run]
    assert verdicts(three, hook, run) == {2: "damaged"}
    assert len(lanes.sent) == 2


# -- what is asked -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    "asked",
    [
        {"message_id": "m2"},
        {"user_id": "u2"},
        {"message_id": "m2", "diff": True},
        {"message_id": "m2", "event": "Other"},
    ],
)
def test_its_journey_says_that_it_is_damaged_and_what_to_do(
    lanes: Carrier, hook: Destination, asked: dict[str, Any]
) -> None:
    lanes.deliver(hook)

    found = told(lanes, **asked)

    assert (found["found"], found["event"], found["reason"]) == (True, None, "damaged")
    assert "is damaged, so it is not shown" in str(found["summary"])
    (delivery,) = rows(found, "deliveries")
    assert (delivery["verdict"], delivery["reason"], delivery["attempts"]) == ("discarded", "damaged", [])
    assert "turnout doctor" in str(delivery["next"])


def test_a_message_id_that_leads_to_another_event_finds_none(three: Bench, lanes: Carrier) -> None:
    three.store.commit(lambda unit: unit.session.run("DELETE FROM recent WHERE seq = 3"))
    three.store.commit(lambda unit: unit.session.run("UPDATE recent SET seq = 3 WHERE seq = 1"))

    assert told(lanes, message_id="m1")["found"] is False


def test_in_a_list_it_is_a_row_that_says_so(three: Bench) -> None:
    listed = three.look(lambda view: find.find_events(view, three.eyes, Reader(PERSON), Find()))

    assert [(row["message_id"], row["event"], row.get("reason")) for row in rows(listed, "events")] == [
        ("m3", "E3", None), (None, "E2", "damaged"), ("m1", "E1", None),
    ]  # fmt: skip


def test_it_is_no_part_of_what_is_told_of_its_person(three: Bench, lanes: Carrier, hook: Destination) -> None:
    three.record({"messageId": "m4", "userId": "u2", "type": "identify", "traits": {"plan": "pro"}})
    lanes.deliver(hook)
    damage(three, 4)

    found = three.look(lambda view: profile.get_profile(view, three.eyes, Reader(PERSON), Profile(user_id="u2")))

    assert (found["found"], found["traits"], found["last_events"]) == (True, None, None)
    assert "pro" not in str(found)


def test_who_counted_by_it_is_counted_and_not_named(three: Bench) -> None:
    found = three.look(lambda view: usage.usage(view, "", Reader(PERSON)))

    assert found["mtu"] == 3
    named = [row.get("user_id") for row in rows(found, "counted_by")]
    assert sorted(map(str, named)) == ["None", "u1", "u3"]
    assert {"counted": "user_id", "event": None} in rows(found, "counted_by")


def test_an_audit_of_routing_goes_by_the_others(three: Bench, hook: Destination) -> None:
    audit = Audit(event="E2")
    found = three.look(lambda view: routes.audit_routing(view, three.eyes, Reader(PERSON), audit))

    (row,) = rows(found, "destinations")
    assert (row["destination"], row["reason"]) == (hook.name, None)


def test_a_rule_is_held_against_the_others(three: Bench) -> None:
    plan = three.call(rules.ADD, rules.AddRule(id="u*"), PERSON, dry_run=True)

    assert "2 of the last 2 live events" in str(plan.answer)


# -- what is kept true ---------------------------------------------------------------------------------------------


def test_an_erasure_reaches_it(three: Bench, lanes: Carrier) -> None:
    request = Deletion(kind="erase", namespace="live", user_id="u2")
    three.call(deletions.operation(three.eyes), request, PERSON, sure=True)

    for _ in range(60):
        erase.advance(Reign(three.store, lanes.epoch), lambda: True)

    log = three.look(lambda view: view.log.after(0, 10))
    assert [(each.erased, each.damaged) for each in log[:3]] == [(False, False), (True, False), (False, False)]


def test_what_is_old_goes_with_its_message_id(three: Bench, lanes: Carrier, hook: Destination) -> None:
    lanes.deliver(hook)
    three.clock.pass_s(100 * DAY / SECOND)
    three.record({"messageId": "m4"})
    lanes.deliver(hook)

    pruner = Pruner(Reign(three.store, lanes.epoch), 90, 1 << 30)
    while not pruner.advance():
        pass

    found = three.look(lambda view: [view.messages.find(1, f"m{n}") for n in (1, 2, 3, 4)])
    assert found == [None, None, None, 4]


# -- evidence ------------------------------------------------------------------------------------------------------


def test_evidence_that_is_damaged_is_told_as_that_and_not_shown(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"messageId": "m1"})
    lanes.deliver(hook)
    damage_frames(here)

    (delivery,) = rows(told(lanes, message_id="m1", diff=True), "deliveries")

    assert (delivery["verdict"], delivery["evidence"], delivery["untrusted"]) == ("delivered", "damaged", None)
    assert "not kept" in str(delivery["diff_of"])


def test_an_erasure_leaves_nothing_of_evidence_that_is_damaged(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"messageId": "m1"})
    lanes.deliver(hook)
    damage_frames(here)
    request = Deletion(kind="erase", namespace=LIVE, user_id="u1")
    here.call(deletions.operation(here.eyes), request, PERSON, sure=True)

    for _ in range(60):
        erase.advance(Reign(here.store, lanes.epoch), lambda: True)

    frames = here.look(lambda view: view.exchanges.newest(0, 1 << 60, 10))
    assert all(len(each) < 32 for _, each in frames)
    (delivery,) = rows(told(lanes, message_id="m1"), "deliveries")
    assert delivery["evidence"] == "not_kept"
