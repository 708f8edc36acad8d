"""Destinations are told of who is erased: what leaves for them, and what the receipt says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from support.carrier import BUSY, OK, Carrier, carrier
from support.workspace import PERSON, Bench, reader
from turnout import erasure
from turnout.clock import DAY
from turnout.delivery import endings
from turnout.delivery.schedule import PROFILES
from turnout.document import Document, Json, encode
from turnout.event.model import LIVE, TEST, Namespace
from turnout.evidence import frame
from turnout.exchange import Answer, Request
from turnout.manifest import talk
from turnout.operations import deletions, namespaces, replay, trace
from turnout.operations.deletions import Deletion, get_deletion
from turnout.operations.find import Find, find_events
from turnout.operations.namespaces import Clear
from turnout.operations.replay import Replay
from turnout.store.lanes import LaneState
from turnout.upkeep import erase
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

ANN: tuple[Mapping[str, Json], ...] = (
    {"type": "identify", "anonymousId": "a1", "traits": {"email": "Ann@Example.com", "phone": "+1 202 555 0101"}},
    {"anonymousId": "a2"},
)
BRAZE: Mapping[str, Json] = {
    "api_key": "braze-key-0123456789",
    "anonymous": True,
    "endpoint": "https://rest.example.com",
}
REFUSED = Answer(404, body=b'{"message": "no u1 here"}')


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


@pytest.fixture
def iterable(here: Bench) -> Destination:
    return here.connect("iterable", {"api_key": "iterable-key-0123456789"})


def ask(here: Bench, user: str = "u1", namespace: Namespace = LIVE) -> str:
    request = Deletion(user_id=user, namespace=namespace)
    return str(here.call(deletions.operation(here.eyes), request, PERSON, sure=True).answer["deletion_id"])


def keep(lanes: Carrier, turns: int = 40) -> None:
    """Let the keeper work until it waits for destinations alone, or rests."""
    for _ in range(turns):
        if erase.advance(Reign(lanes.bench.store, lanes.epoch), lambda: True) in {erase.HEAR_S, erase.IDLE_S}:
            return


def receipt(here: Bench, deletion: str) -> Document:
    return here.look(lambda view: get_deletion(view, deletion))


def step(here: Bench, deletion: str, name: str = "Iterable") -> Document:
    steps = receipt(here, deletion)["steps"]
    assert isinstance(steps, list)
    return next(each for each in steps if isinstance(each, dict) and each["where"] == f"destination {name}")


def left(lanes: Carrier) -> list[tuple[str, Json]]:
    """Give what left: method and path, and the body."""
    shown = [talk.shown(each) for each in lanes.sent if isinstance(each, Request)]
    return [(f"{each['method']} {str(each['url']).partition('.com')[2]}", each["body"]) for each in shown]


def test_a_destination_gets_its_own_request_for_each_of_their_ids_and_the_receipt_says_that_it_took_them(
    here: Bench, lanes: Carrier
) -> None:
    braze = here.connect("braze", BRAZE)
    here.record(*ANN, {"userId": "u2"})
    lanes.deliver(braze)
    lanes.sent.clear()

    deletion = ask(here)
    keep(lanes)
    waits = receipt(here, deletion)
    lanes.deliver(braze)
    keep(lanes)

    assert left(lanes) == [
        ("POST /users/delete", {"external_ids": ["u1"]}),
        ("POST /users/delete", {"user_aliases": [{"alias_name": "a1", "alias_label": "anonymous_id"}]}),
        ("POST /users/delete", {"user_aliases": [{"alias_name": "a2", "alias_label": "anonymous_id"}]}),
    ]
    assert waits["status"] == "running"
    assert "what is left is destination Braze" in str(waits["summary"])
    assert step(here, deletion, "Braze") == {"where": "destination Braze", "status": "done", "counts": {"accepted": 3}}
    assert receipt(here, deletion)["status"] == "finished"


def test_traits_of_their_newest_events_say_who_they_are(here: Bench, lanes: Carrier, iterable: Destination) -> None:
    here.record(*ANN, {"type": "identify", "traits": {"email": "ann.new@example.com"}})
    lanes.deliver(iterable)
    lanes.sent.clear()

    deletion = ask(here)
    keep(lanes)
    lanes.deliver(iterable)
    keep(lanes)

    deleted = {line for line, _ in left(lanes)}
    assert deleted == {f"DELETE /api/users/{each}" for each in ("ann.new%40example.com", "ann%40example.com")}
    assert step(here, deletion)["counts"] == {"accepted": 2}


def test_somebody_unknown_here_is_deleted_there_all_the_same(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    deletion = ask(here, "u9")

    keep(lanes)
    lanes.deliver(iterable)
    keep(lanes)

    assert left(lanes) == [("DELETE /api/users/byUserId/u9", None)]
    assert receipt(here, deletion)["status"] == "finished"


def test_nothing_of_them_is_kept_in_the_log_the_evidence_or_the_receipt(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    here.record({"userId": "user-of-ours", "anonymousId": "anonymous-of-ours"})
    lanes.deliver(iterable)
    deletion = ask(here, "user-of-ours")
    keep(lanes)

    def everything() -> bytes:
        rows = here.look(lambda view: view.log.after(0, 100))
        held = [each.body + each.meta for each in rows]
        talks = here.look(lambda view: [view.exchanges.frame(*place) for place in view.exchanges.holding(range(1, 20))])
        regulation = here.look(lambda view: view.privacy.get(deletion))
        assert regulation is not None
        return b"".join(
            [*held, *(encode(each) for each in told(talks)), regulation.steps, encode(receipt(here, deletion))]
        )

    before = everything()
    lanes.deliver(iterable, REFUSED)
    keep(lanes)
    after = everything()

    assert b"of-ours" not in before + after
    assert b'"status":404' in after
    assert b"https://api.iterable.com/[erased]" in after
    assert b"iterable-key" not in after


def told(frames: list[bytes]) -> list[Document]:
    return [turn for each in frames for one in frame.unpack(each) for turn in one.turns]


def test_what_is_told_lies_sealed_only_until_the_last_destination_has_ended(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    deletion = ask(here)
    keep(lanes)
    held = steps_of(here, deletion).notices

    lanes.deliver(iterable)
    keep(lanes)

    assert held
    assert steps_of(here, deletion).notices == ""


def steps_of(here: Bench, deletion: str) -> erasure.Steps:
    regulation = here.look(lambda view: view.privacy.get(deletion))
    assert regulation is not None
    return erasure.read(regulation.steps)


def test_the_receipt_stays_open_while_a_destination_fails_and_is_tried_for_a_week(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    deletion = ask(here)
    keep(lanes)
    lanes.deliver(iterable, BUSY)
    seen = set()
    for _ in range(7 * 24 - 1):
        here.clock.pass_s(3600)
        lanes.again(iterable, BUSY)
        keep(lanes)
        seen.add(receipt(here, deletion)["status"])
    waits = step(here, deletion)
    here.clock.pass_s(3600)
    lanes.again(iterable, BUSY)
    keep(lanes)

    assert (seen, waits["status"]) == ({"running"}, "waiting")
    assert PROFILES["deletion"].expires_us == 7 * DAY
    assert PROFILES["deletion"].cap <= 3600
    assert receipt(here, deletion)["status"] == "partial"
    assert step(here, deletion)["reason"] == "It did not delete (expired: http_503). Delete the person there yourself."


def test_while_only_destinations_are_awaited_no_event_is_asked_whether_it_is_theirs(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    here.record({"userId": "u1"})
    lanes.deliver(iterable)
    request = Deletion(user_id="u1", namespace=LIVE, kind="erase")
    here.call(deletions.operation(here.eyes), request, PERSON, sure=True)
    before = here.look(lambda view: dict(view.privacy.barred()))
    keep(lanes)

    assert (before, here.look(lambda view: dict(view.privacy.barred()))) == ({1: 1}, {})


def test_what_comes_late_is_still_told(here: Bench, lanes: Carrier, iterable: Destination) -> None:
    deletion = ask(here)
    keep(lanes)
    lanes.deliver(iterable, BUSY)
    here.clock.pass_s(3 * 24 * 3600)
    lanes.again(iterable)
    keep(lanes)

    assert receipt(here, deletion)["status"] == "finished"
    assert left(lanes) == [("DELETE /api/users/byUserId/u1", None)] * 2


def test_a_destination_that_refuses_is_named_with_what_is_left_to_do(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    deletion = ask(here)
    keep(lanes)
    lanes.deliver(iterable, REFUSED)
    keep(lanes)

    assert receipt(here, deletion)["status"] == "partial"
    assert step(here, deletion) == {
        "where": "destination Iterable",
        "status": "failed",
        "counts": {"discarded": 1},
        "reason": "It did not delete (refused: http_404). Delete the person there yourself.",
    }


def test_a_destination_that_needs_what_is_not_known_of_them_was_not_told(here: Bench, lanes: Carrier) -> None:
    hubspot = here.connect("hubspot", {"access_token": "hubspot-token-0123456789"})
    deletion = ask(here)
    keep(lanes)
    lanes.deliver(hubspot)
    keep(lanes)

    assert (step(here, deletion, "HubSpot")["status"], receipt(here, deletion)["status"]) == ("not told", "partial")
    assert "HubSpot finds contacts by e-mail and needs one" in str(step(here, deletion, "HubSpot")["reason"])


def test_a_destination_that_is_removed_before_it_was_told_is_named(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    deletion = ask(here)
    keep(lanes)
    here.store.commit(lambda unit: endings.remove_lane(unit, iterable.lane))
    keep(lanes)

    assert step(here, deletion)["reason"] == "It did not delete (removed). Delete the person there yourself."


def test_a_destination_that_stands_still_is_told_when_it_goes_on(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    here.store.commit(lambda unit: unit.lanes.set_state(iterable.lane, LaneState.PAUSED, "paused"))
    deletion = ask(here)
    keep(lanes)
    stands = step(here, deletion)["status"]
    here.store.commit(lambda unit: unit.lanes.set_state(iterable.lane, LaneState.RUNNING, ""))
    lanes.deliver(iterable)
    keep(lanes)

    assert (stands, step(here, deletion)["status"]) == ("waiting", "done")


def test_a_destination_without_a_deletion_says_why_and_where_to_read_how_it_is_done_by_hand(
    here: Bench, lanes: Carrier
) -> None:
    here.connect(
        "facebook-conversions-api", {"pixel_id": "1", "access_token": "facebook-token-0123456789"}, name="Meta"
    )
    here.connect("iterable", {"api_key": "iterable-key-0123456789"}, receives="test")
    deletion = ask(here)
    keep(lanes)

    assert step(here, deletion, "Meta") == {
        "where": "destination Meta",
        "status": "not supported",
        "counts": {},
        "reason": "It is not asked to delete (the Conversions API has none); what it got stays there until you delete "
        f"it. Its documentation: {here.catalogue.find('facebook-conversions-api').docs}",
    }
    assert step(here, deletion)["status"] == "not needed"
    assert receipt(here, deletion)["status"] == "finished"


def test_filters_and_sources_keep_nobody_at_a_destination(here: Bench, lanes: Carrier) -> None:
    picky = here.connect("iterable", {"api_key": "iterable-key-0123456789"}, filter="$.event == 'Order Completed'")
    deletion = ask(here)
    keep(lanes)
    lanes.deliver(picky)
    keep(lanes)

    assert step(here, deletion)["status"] == "done"


def test_what_is_on_its_way_arrives_before_the_deletion_leaves(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    here.record({"userId": "u1"})
    parts = lanes.open(iterable)
    ask(here)
    keep(lanes)
    early = here.look(lambda view: view.counter.seq)

    lanes.answer(iterable, parts)
    keep(lanes)

    assert (early, here.look(lambda view: view.counter.seq)) == (2, 3)


def test_a_crash_after_the_request_left_sends_it_again(here: Bench, lanes: Carrier, iterable: Destination) -> None:
    deletion = ask(here)
    keep(lanes)
    lanes.open(iterable)  # and here it dies
    lanes.reign()
    keep(lanes)
    doubts = step(here, deletion)["status"]
    lanes.again(iterable)
    keep(lanes)

    assert (doubts, receipt(here, deletion)["status"]) == ("waiting", "finished")
    assert left(lanes) == [("DELETE /api/users/byUserId/u1", None)]


def test_a_test_person_is_deleted_as_the_member_of_the_pool_that_they_left_as(here: Bench, lanes: Carrier) -> None:
    pooled = here.connect("iterable", {"api_key": "iterable-key-0123456789"}, receives="test")
    here.record({"userId": "u1"}, namespace=TEST)
    lanes.deliver(pooled)
    (known,) = re.findall(r"turnout-test-test-\d", str(left(lanes)[0][1]))[:1]
    lanes.sent.clear()

    ask(here, namespace=TEST)
    keep(lanes)
    lanes.deliver(pooled)

    assert left(lanes) == [(f"DELETE /api/users/byUserId/{known}", None)]


def test_notices_are_no_events(here: Bench, lanes: Carrier, iterable: Destination) -> None:
    before = here.look(lambda view: (view.log.volumes(202511), view.log.names(10)))
    ask(here)
    keep(lanes)
    lanes.deliver(iterable)

    found = here.look(lambda view: find_events(view, here.eyes, reader(), Find()))
    again = here.call(replay.operation(here.eyes), Replay(namespace="live"), PERSON, dry_run=True).answer
    assert found["events"] == []
    assert again["selected"] == 0
    assert here.look(lambda view: (view.log.volumes(202511), view.log.names(10))) == before


def test_a_trace_of_the_deletion_tells_what_each_destination_came_to_and_not_whom_it_is_about(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    deletion = ask(here, "user-of-ours")
    keep(lanes)
    lanes.deliver(iterable, REFUSED)

    asked = trace.Trace(message_id=deletion, diff=True)
    journey = here.look(lambda view: trace.journey(view, here.eyes, reader(PERSON), asked))

    assert b"of-ours" not in encode(journey)
    assert [(each["verdict"], each["rule"]) for each in journey["deliveries"]] == [("discarded", "http_404")]  # type: ignore[index, call-overload, union-attr]


def test_many_that_wait_for_a_destination_keep_no_new_erasure_waiting(
    here: Bench, lanes: Carrier, iterable: Destination
) -> None:
    for n in range(erase.AT_ONCE + 5):
        ask(here, f"u{n}")
    keep(lanes, 1_000)
    here.record({"userId": "late"})
    late = ask(here, "late")
    keep(lanes, 1_000)

    assert here.look(lambda view: view.log.after(0, 1_000))[-2].erased
    for _ in range(3):
        lanes.deliver(iterable)
        here.clock.pass_s(1)
        keep(lanes, 1_000)
    assert receipt(here, late)["status"] == "finished"
    assert here.look(lambda view: view.privacy.running()) == ()


def test_clearing_the_namespace_ends_what_a_destination_was_to_be_told(here: Bench, lanes: Carrier) -> None:
    here.connect("iterable", {"api_key": "iterable-key-0123456789"}, receives="test")
    here.record({"userId": "u1"}, namespace=TEST)
    deletion = ask(here, namespace=TEST)
    keep(lanes)
    here.call(namespaces.CLEAR, Clear(TEST), PERSON, sure=True)
    keep(lanes)
    lanes.deliver(here.destination("Iterable"), OK)
    keep(lanes)

    assert step(here, deletion)["reason"] == "It did not delete (erased). Delete the person there yourself."
