from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.carrier import carrier
from support.workspace import LIVE_AGENT, Bench
from turnout.document import Document, Json, encode
from turnout.errors import InvalidCall, InvalidInput, NotFound
from turnout.event.model import TEST
from turnout.exchange import Request
from turnout.guard.principal import Principal
from turnout.operations import preview
from turnout.operations.asked import shown
from turnout.operations.preview import Preview
from turnout.operations.reader import Reader
from turnout.store.lanes import LaneState

TOKEN = "tk_0123456789abcdef"
SIGNED_UP = Preview(event="Signed Up", user_id="customer_4711", properties={"plan": "pro"}, namespace="live")
URL: Document = {"url": "https://hook.example.com/in"}


def previewed(here: Bench, request: Preview = SIGNED_UP, who: Principal = LIVE_AGENT) -> Document:
    return here.look(lambda view: preview.preview(view, here.eyes, Reader(who), request))


def only(here: Bench, request: Preview = SIGNED_UP) -> dict[str, Json]:
    found = previewed(here, request)["previews"]
    assert isinstance(found, list)
    (one,) = found
    assert isinstance(one, dict)
    return one


def body(one: dict[str, Json]) -> Document:
    requests = one["requests"]
    assert isinstance(requests, list)
    assert isinstance(requests[0], dict)
    found = requests[0]["body"]
    assert isinstance(found, dict)
    return found


def alone(batch: Json) -> Document:
    assert isinstance(batch, list)
    (one,) = batch
    assert isinstance(one, dict)
    return one


def test_a_request_is_shown_as_it_would_leave(here: Bench) -> None:
    here.connect("webhook", URL)

    one = only(here)
    requests = one["requests"]

    assert one["verdict"] == "would_send"
    assert isinstance(requests, list)
    (request,) = requests
    assert isinstance(request, dict)
    assert (request["method"], request["url"]) == ("POST", "https://hook.example.com/in")
    sent = body(one)
    assert (sent["type"], sent["event"], sent["userId"]) == ("track", "Signed Up", "customer_4711")
    assert sent["properties"] == {"plan": "pro"}


def test_it_shows_what_a_lane_then_sends(here: Bench) -> None:
    segment = here.connect("segment")
    lanes = carrier(here)
    foretold = only(here)
    here.record({"messageId": "m1", "userId": "customer_4711", "properties": {"plan": "pro"}})
    lanes.deliver(segment)

    (left,) = lanes.sent
    assert isinstance(left, Request)
    sent = shown(left, ())["body"]
    assert isinstance(sent, dict)
    mine, theirs = alone(body(foretold)["batch"]), alone(sent["batch"])
    assert {**mine, "messageId": "m1"} == theirs


def test_nothing_is_stored_or_sent(here: Bench) -> None:
    here.connect("webhook", URL)
    before = here.look(lambda view: (view.counter, view.log.bounds(), view.people.meter(202511)))

    previewed(here)

    assert here.look(lambda view: (view.counter, view.log.bounds(), view.people.meter(202511))) == before


def test_no_secret_is_shown(here: Bench) -> None:
    here.connect("segment", {"write_key": TOKEN})
    here.connect("mixpanel", {"token": TOKEN})
    here.connect("webhook", {**URL, "headers": {"x-own": TOKEN}})

    found = previewed(here, Preview(type="identify", user_id="u1", traits={"plan": "pro"}, namespace="live"))
    text = encode(found).decode()

    assert str(found["summary"]).startswith("3 of 3")
    assert TOKEN not in text
    assert '"$token":"[token]"' in text
    assert '"x-own":"[headers.x-own]"' in text


@pytest.mark.parametrize(
    ("settings", "request_", "reason", "rule"),
    [
        ({"filter": "$.event == 'Paid'"}, SIGNED_UP, "filtered", "filter: $.event == 'Paid'"),
        ({}, Preview(event="Paid", user_id="u1", namespace="test"), "namespace", "receives live"),
    ],
)
def test_what_would_not_be_sent_says_why(
    here: Bench, settings: dict[str, Any], request_: Preview, reason: str, rule: str
) -> None:
    here.connect("webhook", URL, **settings)

    one = only(here, request_)

    assert (one["verdict"], one["reason"], one["rule"]) == ("not_sent", reason, rule)
    assert "requests" not in one


def test_the_namespace_is_the_callers_own_unless_it_is_named(here: Bench) -> None:
    assert previewed(here, Preview(event="Paid", user_id="u1"))["namespace"] == "test"


def test_a_test_person_is_shown_as_the_member_of_the_pool_they_leave_as(here: Bench) -> None:
    here.connect("webhook", URL, receives="all")
    here.record({"userId": "somebody_else"}, {"userId": "customer_4711"}, namespace=TEST)
    person = here.look(lambda view: view.log.get(2)).person  # type: ignore[union-attr]
    asked = Preview(event="Paid", user_id="customer_4711", namespace="test")

    assert body(only(here, asked))["userId"] == f"turnout-test-test-{person % 10}"


def test_an_unknown_test_person_has_one_member_of_the_pool(here: Bench) -> None:
    here.connect("webhook", URL, receives="test")
    asked = Preview(event="Paid", user_id="customer_4711", namespace="test")

    first, second = body(only(here, asked))["userId"], body(only(here, asked))["userId"]

    assert first == second
    assert str(first).startswith("turnout-test-test-")


def test_one_destination_can_be_asked_for(here: Bench) -> None:
    here.connect("webhook", URL)
    segment = here.connect("segment")

    one = only(here, Preview(event="Paid", user_id="u1", destination=segment.name, namespace="live"))

    assert one["destination"] == segment.name
    with pytest.raises(NotFound):
        previewed(here, Preview(event="Paid", user_id="u1", destination="none such"))


def test_a_paused_destination_says_that_it_waits(here: Bench) -> None:
    hook = here.connect("webhook", URL)
    here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.PAUSED, "paused"))

    assert only(here)["verdict"] == "would_send"
    assert "paused" in str(only(here)["next"])


def test_a_paused_destination_promises_nothing_to_an_event_that_it_does_not_take(here: Bench) -> None:
    hook = here.connect("webhook", URL, receives="test")
    here.store.commit(lambda unit: unit.lanes.set_state(hook.lane, LaneState.PAUSED, "paused"))

    assert (only(here)["verdict"], only(here)["next"]) == ("not_sent", None)


def test_a_destination_that_cannot_be_bound_says_what_is_missing(here: Bench) -> None:
    segment = here.connect("segment")
    here.store.commit(lambda unit: unit.entities.unset(segment.id, "write_key"))

    one = only(here)

    assert (one["verdict"], one["reason"]) == ("not_sent", "paused")
    assert "write_key" in str(one["rule"])


@pytest.mark.parametrize(
    "request_",
    [
        Preview(user_id="u1"),
        Preview(event="Paid"),
        Preview(event="Paid", user_id="u1", properties={"n": 2**70}),
        Preview(type="group", user_id="u1"),
    ],
)
def test_what_the_door_would_refuse_is_an_error(here: Bench, request_: Preview) -> None:
    with pytest.raises(InvalidCall):
        previewed(here, request_)


def test_a_suppressed_person_is_refused(here: Bench) -> None:
    here.record({"userId": "customer_4711"})
    here.store.commit(
        lambda unit: unit.privacy.suppress(
            [unit.vault.identifier(each) for each in unit.people.get(1).identifiers], "del_1"
        )
    )

    with pytest.raises(InvalidCall, match="suppressed"):
        previewed(here)


def test_a_type_that_is_none_is_said(here: Bench) -> None:
    with pytest.raises(InvalidInput, match="identify"):
        previewed(here, Preview(type="purchase", user_id="u1"))


def test_every_text_is_bounded_and_without_controls(here: Bench) -> None:
    here.connect("webhook", URL)
    asked = Preview(event="Paid", user_id="u1", properties={"note": "\x1b[2J" + "x" * 5000}, namespace="live")

    properties = body(only(here, asked))["properties"]

    assert isinstance(properties, dict)
    assert len(str(properties["note"])) <= 512
    assert "\x1b" not in str(properties["note"])


def test_a_token_in_the_query_of_a_url_is_not_shown(here: Bench) -> None:
    here.connect("webhook", {"url": "https://hook.example.com/in?token=tk_01234567&v=2"})

    requests = only(here)["requests"]

    assert isinstance(requests, list)
    assert isinstance(requests[0], dict)
    assert requests[0]["url"] == "https://hook.example.com/in?token=[url.token]&v=2"


def test_what_leaves_of_the_person_is_named_as_it_is_or_hashed(here: Bench) -> None:
    here.connect("facebook-conversions-api", {"pixel_id": "1", "access_token": TOKEN})
    seen: Document = {"page": {"url": "https://shop.example/"}, "userAgent": "Mozilla/5.0"}
    context: Document = {**seen, "ip": "203.0.113.7", "traits": {"phone": "+12025550143"}}
    asked = Preview(
        event="Signed Up", user_id="u1", properties={"email": "ann@shop.example"}, context=context, namespace="live"
    )

    assert only(here, asked)["personal"] == {"plain": ["ip"], "hashed": ["email", "phone", "user id"]}


def test_a_destination_that_hands_the_event_on_says_that_all_of_it_leaves(here: Bench) -> None:
    here.connect("webhook", URL)
    here.connect("jsonl", {"path": "events.jsonl"})

    found = previewed(here)["previews"]

    assert isinstance(found, list)
    assert [each["personal"] for each in found if isinstance(each, dict)] == [{"plain": ["all of the event"]}] * 2


def test_of_what_is_not_sent_nothing_is_named(here: Bench) -> None:
    here.connect("webhook", URL, filter="$.event == 'Other'")

    assert "personal" not in only(here)


def test_it_says_which_override_made_which_field(here: Bench) -> None:
    overrides: Document = {
        "map": {"event:properties.plan": "= $was | upper", "people:$ip": "= null"},
        "events": {"Signed Up": "Joined"},
    }
    here.connect("mixpanel", {"token": TOKEN}, overrides=overrides)

    one = only(here)

    assert one["overrides"] == [
        {"field": "event", "override": "events", "key": "Signed Up", "value": "Joined"},
        {
            "field": "event:properties.plan",
            "override": "map",
            "key": "event:properties.plan",
            "value": "= $was | upper",
        },
    ]
    text = encode(one["requests"]).decode()
    assert '"event":"Joined"' in text
    assert '"plan":"PRO"' in text


def test_an_action_that_a_condition_leaves_out_says_by_which(here: Bench) -> None:
    here.connect("mixpanel", {"token": TOKEN}, overrides={"when": {"event": 'event = "Paid"'}})

    one = only(here)

    assert (one["verdict"], one["reason"], one["rule"]) == ("not_sent", "filtered", 'when event: event = "Paid"')


def test_a_lane_sends_what_the_overrides_make(here: Bench) -> None:
    overrides: Document = {"map": {"properties.plan": "= $was | upper"}, "events": {"Signed Up": "Joined"}}
    hook = here.connect("webhook", URL, overrides={**overrides, "when": {"forward": 'type = "track"'}})
    lanes = carrier(here)
    here.record({"messageId": "m1", "event": "Signed Up", "userId": "u1", "properties": {"plan": "pro"}})
    here.record({"messageId": "m2", "type": "page", "name": "Home", "userId": "u1"})

    lanes.deliver(hook)

    (left,) = lanes.sent
    assert isinstance(left, Request)
    sent = shown(left, ())["body"]
    assert isinstance(sent, dict)
    assert (sent["event"], sent["properties"]) == ("Joined", {"plan": "PRO"})


def test_a_preview_as_test_says_so_and_leads_to_the_live_one_where_that_differs(here: Bench) -> None:
    here.connect("webhook", URL)
    asked = Preview(event="Signed Up", user_id="u1", properties={"plan": "pro"})

    told = previewed(here, asked)
    live = previewed(here, replace(asked, namespace="live"))

    assert told["summary"] == "0 of 1 destination would get it as test. Nothing was stored or sent."
    assert told["next"] == [
        {
            "tool": "preview_event",
            "arguments": {
                "type": "track",
                "event": "Signed Up",
                "user_id": "u1",
                "properties": {"plan": "pro"},
                "namespace": "live",
            },
            "why": "Shows what each would get of it as a live event; nothing is stored or sent.",
        }
    ]
    assert live["summary"] == "1 of 1 destination would get it as live. Nothing was stored or sent."
    assert live["next"] is None
    assert previewed(here, replace(asked, properties={"long": "x" * 2_000}))["next"] is None
