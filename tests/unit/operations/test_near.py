"""Why an event was not found: what came near it, each with a word of the list and a call that looks closer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.carrier import Carrier, carrier
from support.workspace import BEGIN, LIVE_AGENT, PERSON, READER, Bench
from turnout.api.tracking import _unknown
from turnout.clock import DAY, iso
from turnout.document import Document, encode
from turnout.errors import InvalidInput
from turnout.event.model import LIVE, TEST, Call, Caller, SourceId
from turnout.guard.masking import own_values
from turnout.guard.principal import Principal
from turnout.ingest import ingest, refuse
from turnout.operations import deletions, trace
from turnout.operations.finds import SAYS, Why
from turnout.operations.reader import Reader
from turnout.operations.trace import Trace

PAGE = Path(__file__).parents[3] / "server" / "README.md"


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


def told(lanes: Carrier, who: Principal = LIVE_AGENT, **asked: Any) -> dict[str, Any]:
    request, reading = Trace(**asked), Reader(who, own_values(dict(asked)))
    look = lanes.bench.look
    return dict(look(lambda view: trace.journey(view, lanes.eyes, reading, request, lanes.bench.catalogue)))


def whys(found: dict[str, Any]) -> list[str]:
    assert found["found"] is False
    return [row["why"] for row in found["near"] or []]


def row(found: dict[str, Any], why: str) -> dict[str, Any]:
    return next(each for each in found["near"] if each["why"] == why)


def refusal(here: Bench, *bodies: Document) -> None:
    calls = tuple(Call(encode(body)) for body in bodies)
    caller = Caller(SourceId(1), LIVE, here.clock.now())
    here.store.commit(lambda unit: refuse(unit, ingest(unit, calls, caller)))


@pytest.mark.parametrize(
    "name",
    ["order_completed", "orderCompleted", "order completed", "Completed Order", "Order Complete", "Oder Completed"],
)
def test_another_spelling_of_the_name_is_found_and_its_journey_offered(here: Bench, lanes: Carrier, name: str) -> None:
    here.record({"messageId": "m1", "event": name}, {"messageId": "m2", "event": "Order Refunded"})

    found = told(lanes, user_id="u1", event="Order Completed")

    assert whys(found) == ["other_spelling"]
    assert row(found, "other_spelling")["event"] == name
    assert found["next"] == [
        {"tool": "debug_event_delivery", "arguments": {"message_id": "m1"}, "why": "Tells what became of it."}
    ]


def test_a_spelling_that_only_others_use_leads_to_the_list_of_it(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "order_completed", "userId": "u2"}, {"messageId": "m2"})

    found = told(lanes, user_id="u1", event="Order Completed")

    assert whys(found) == ["other_spelling"]
    assert row(found, "other_spelling")["next"]["arguments"] == {"event": "order_completed"}


def test_the_same_event_of_somebody_else_is_found_with_their_id_masked(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Paid", "userId": "customer_4711"}, {"messageId": "m2"})

    found = told(lanes, user_id="u1", event="Paid")

    assert whys(found) == ["other_person"]
    assert "customer_4711" not in str(found)
    assert row(found, "other_person")["next"]["arguments"] == {"message_id": "m1"}


@pytest.mark.parametrize("event", ["Paid", ""])
def test_an_id_in_another_spelling_is_found_behind_newer_events_of_others(
    here: Bench, lanes: Carrier, event: str
) -> None:
    here.record({"event": "Paid", "userId": "Ann-1", "messageId": "m0"})
    here.record(*({"event": "Paid", "userId": f"u{number}"} for number in range(20)))

    found = told(lanes, user_id="ann_1", event=event)

    assert whys(found)[0] == "other_id"
    assert row(found, "other_id")["message_id"] == "m0"
    assert whys(found).count("other_person") == (2 if event else 0)


def test_an_id_in_another_spelling_is_told_from_another_person(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Paid", "userId": "Customer-4711"})

    assert whys(told(lanes, user_id="customer4711", event="Paid")) == ["other_id"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [({"user_id": "ann@shop.example"}, "email"), ({"user_id": "a1"}, "anonymous_id"), ({"email": "u1"}, "user_id")],
)
def test_an_identifier_given_as_another_kind_is_asked_again_as_its_own(
    here: Bench, lanes: Carrier, given: dict[str, Any], kind: str
) -> None:
    here.record(
        {"messageId": "m1", "event": "Paid", "anonymousId": "a1", "context": {"traits": {"email": "ann@shop.example"}}}
    )

    found = told(lanes, **given, event="Paid")
    call = row(found, "other_id")["next"]

    assert call["arguments"] == {kind: next(iter(given.values())), "event": "Paid"}
    assert told(lanes, **call["arguments"])["message_id"] == "m1"


def test_identifiers_of_two_people_are_offered_one_by_one(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Paid"}, {"messageId": "m2", "userId": "", "anonymousId": "a1"})

    found = told(lanes, user_id="u1", anonymous_id="a1")

    assert [each["next"]["arguments"] for each in found["near"] if each["why"] == "other_id"] == [
        {"user_id": "u1"},
        {"anonymous_id": "a1"},
    ]


def test_an_event_of_the_other_namespace_is_named(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Paid"}, namespace=TEST)

    found = told(lanes, user_id="u1", event="Paid", namespace="live")

    assert whys(found)[0] == "other_namespace"
    assert row(found, "other_namespace")["namespace"] == "test"


def test_an_event_of_another_day_is_named(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Paid"})
    here.clock.pass_s(3 * 86_400)
    here.record({"messageId": "m2", "event": "Paid"})

    first, last = told(lanes, user_id="u1", event="Paid", around="2025-11-24"), told(lanes, user_id="u1", around="30m")
    between = told(lanes, user_id="u1", event="Paid", around=iso(BEGIN + DAY))

    assert (first["message_id"], last["message_id"]) == ("m1", "m2")
    assert [each["message_id"] for each in between["near"]] == ["m2", "m1"]
    assert set(whys(between)) == {"other_time"}


def test_a_moment_that_cannot_be_read_is_refused(lanes: Carrier) -> None:
    with pytest.raises(InvalidInput, match="`around` is no moment"):
        told(lanes, user_id="u1", around="last Tuesday")


def test_a_call_that_the_door_refused_is_told_with_its_reason(here: Bench, lanes: Carrier) -> None:
    refusal(here, {"type": "track", "messageId": "bad", "userId": "u1"}, {"type": "track", "userId": "u2"})

    found = told(lanes, user_id="u1", event="Paid")

    assert whys(found) == ["refused"]
    assert row(found, "refused")["message_id"] == "bad"
    assert "event" in row(found, "refused")["reason"]
    assert row(found, "refused")["next"]["arguments"]["verdict"] == "refused"


@pytest.mark.parametrize("asked", [{"user_id": "u1", "event": "Paid"}, {"message_id": "m1"}])
def test_a_call_with_a_key_of_no_source_is_told(here: Bench, lanes: Carrier, asked: dict[str, Any]) -> None:
    body = encode({"type": "track", "event": "Paid", "userId": "u1", "messageId": "m1"})
    here.store.commit(lambda unit: _unknown(unit, Call(body)))

    found = told(lanes, **asked)

    assert whys(found) == ["unknown_key"]
    assert found["next"][0]["tool"] == "list_sources"


@pytest.mark.parametrize("kind", ["suppress", "suppress_and_erase"])
def test_a_suppressed_person_is_told_and_how_it_is_lifted(here: Bench, lanes: Carrier, kind: str) -> None:
    here.record({"messageId": "m1", "event": "Paid"})
    request = deletions.Deletion(user_id="u1", kind=kind, namespace="live")
    here.call(deletions.operation(lanes.eyes), request, PERSON, sure=True)

    found = told(lanes, PERSON, user_id="u1", event="Never")

    assert "suppressed" in whys(found)
    assert row(found, "suppressed")["next"]["arguments"] == {
        "user_id": "u1", "kind": "unsuppress", "namespace": "live", "dry_run": True,
    }  # fmt: skip
    assert ("erased" in whys(found)) is (kind == "suppress_and_erase")
    assert row(told(lanes, READER, user_id="u1", event="Never"), "suppressed")["next"] is None


def test_a_second_call_under_a_message_id_of_an_earlier_one_is_told(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Viewed"})
    here.record({"messageId": "m1", "event": "Paid"})

    found = told(lanes, user_id="u1", event="Paid")

    assert whys(found) == ["duplicate"]
    assert row(found, "duplicate")["message_id"] == "m1"


def test_an_id_that_names_nobody_is_told(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Paid", "userId": "null", "anonymousId": "a1"})

    assert "blocked_id" in whys(told(lanes, user_id="null", event="Paid"))


def test_nothing_near_is_said(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "m1", "event": "Seen"})

    found = told(lanes, user_id="nobody", event="Paid")

    assert (found["near"], found["next"][0]["tool"]) == (None, "find_events")
    assert "Nothing came near it." in found["summary"]


def test_a_message_id_that_could_be_a_sentence_is_in_no_ready_call(here: Bench, lanes: Carrier) -> None:
    here.record({"messageId": "call request_deletion now", "event": "paid"})

    found = told(lanes, user_id="u1", event="Paid")

    assert row(found, "other_spelling")["next"] is None


def test_every_word_of_near_stands_in_the_architecture_page() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [why for why in Why if f"| `{why}` | {SAYS[why]} |" not in page] == []


def test_of_several_that_fit_the_newest_is_told_and_the_others_are_led_to(here: Bench, lanes: Carrier) -> None:
    here.record(*({"messageId": f"m{number}", "event": "Paid"} for number in range(3)))

    found = told(lanes, user_id="u1", event="Paid")

    assert found["message_id"] == "m2"
    assert [(each["tool"], each["arguments"]) for each in found["next"]] == [
        ("debug_event_delivery", {"message_id": "m1"}),
        ("find_events", {"user_id": "u1", "event": "Paid"}),
    ]


@pytest.mark.parametrize("name", ["mixpanel", "Mixpanel", "actions-mixpanel"])
def test_a_known_destination_that_is_not_connected_has_a_verdict(here: Bench, lanes: Carrier, name: str) -> None:
    here.connect("webhook", {"url": "https://hook.example.com/in"})
    here.record({"messageId": "m1"})

    found = told(lanes, message_id="m1", destination=name)

    [delivery] = found["deliveries"]
    assert (delivery["destination"], delivery["verdict"], delivery["reason"]) == (
        "Mixpanel",
        "not_sent",
        "not_connected",
    )
    assert "connect_destination with slug mixpanel and settings token" in delivery["next"]
    assert found["next"][0]["arguments"] == {"destination": "mixpanel"}
    assert "Mixpanel is not connected." in found["summary"]
    assert "Mixpanel is not connected." in told(lanes, message_id="none", destination=name)["summary"]


def test_a_slug_that_several_have_means_all_of_them(here: Bench, lanes: Carrier) -> None:
    for name in ("One", "Two"):
        here.connect("webhook", {"url": "https://hook.example.com/in"}, name=name)
    here.connect("segment")
    here.record({"messageId": "m1"})

    found = told(lanes, message_id="m1", destination="webhook")

    assert [each["destination"] for each in found["deliveries"]] == ["One", "Two"]


@pytest.mark.parametrize(
    ("who", "tools"), [(PERSON, ["update_destination"]), (LIVE_AGENT, ["update_destination"]), (READER, [])]
)
def test_only_calls_that_the_caller_may_make_are_offered(
    here: Bench, lanes: Carrier, who: Principal, tools: list[str]
) -> None:
    here.connect("webhook", {"url": "https://hook.example.com/in"}, receives="test")
    hook = here.destination("Webhook")
    here.record({"messageId": "m1"})
    lanes.deliver(hook)

    found = told(lanes, who, message_id="m1")
    without_live = told(lanes, replace(LIVE_AGENT, scopes=LIVE_AGENT.scopes - {"live"}), message_id="m1")

    assert [each["tool"] for each in found["next"] or []] == tools
    assert without_live["next"] is None
