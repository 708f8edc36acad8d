from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

import pytest

from support.events import CALLER, RECEIVED, accepted, call, refused, take
from turnout.clock import HOUR, SECOND, iso
from turnout.document import Document, Json
from turnout.event import rules
from turnout.event.accept import accept
from turnout.event.model import LIVE, TEST, Call, Caller, Event, Kind, MessageId, Namespace, Refused
from turnout.event.rules import By, Rule
from turnout.event.stored import document, message_id, rule


def happened(event: Event) -> Json:
    """Say when, as every reader of the stored event will have it."""
    return document(event.body, event.meta, received=event.received, kind=event.kind)["timestamp"]


def test_a_call_with_nothing_to_derive_keeps_its_bytes_and_has_no_meta() -> None:
    body: Document = {"messageId": "m1", "timestamp": "2025-11-24T10:00:00Z", "properties": {"plan": "pro"}}
    event = accepted(body)
    assert event.body == call(body).body
    assert event.meta == b""
    assert (event.kind, event.name, event.user_id, event.message_id) == (Kind.TRACK, "Signed Up", "u1", "m1")


def test_one_bad_item_leaves_the_others_events() -> None:
    items = (call({}), Call(b"null"), Call(b'["x"]'), Call(b"\xff"), call({"userId": 1}), call({"messageId": "last"}))
    made = count(1)
    answers = accept(items, CALLER, fresh_id=lambda: f"made-{next(made)}")
    assert [isinstance(answer, Event) for answer in answers] == [True, False, False, False, False, True]
    assert [answer.message_id for answer in answers] == ["made-1", "", "", "", "", "last"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("m1", "m1"),
        (17, "17"),
        (9007199254740993, "9007199254740993"),
        (1.5, "1.5"),
        (None, "made-1"),
        ("", "made-1"),
        ("x" * 300, "x" * 300),
    ],
)
def test_a_message_id_is_kept_written_out_or_made(given: Json, expected: str) -> None:
    event = accepted({"messageId": given})
    assert event.message_id == expected
    assert message_id(event.body, event.meta) == expected


def test_a_doors_own_message_id_goes_before_the_bodys() -> None:
    one = Call(call({"messageId": "theirs"}).body, message_id=MessageId("ours"))
    (event,) = accept((one,), CALLER, fresh_id=lambda: "made")
    assert isinstance(event, Event)
    assert (event.message_id, message_id(event.body, event.meta)) == ("ours", "ours")


def test_a_refused_call_shows_the_id_it_came_with() -> None:
    assert refused({"messageId": "m1", "userId": 1}).message_id == "m1"
    assert refused({"userId": 1}).message_id == ""


def test_the_kind_that_the_path_says_wins_over_the_bodys() -> None:
    (event,) = accept((Call(call({"type": "track"}).body, Kind.IDENTIFY),), CALLER, fresh_id=lambda: "made")
    assert isinstance(event, Event)
    assert (event.kind, event.name) == (Kind.IDENTIFY, "")


def test_a_null_or_empty_user_id_is_absent() -> None:
    for nobody in (None, ""):
        event = accepted({"userId": nobody, "anonymousId": "a1"})
        assert (event.user_id, event.anonymous_id) == ("", "a1")


def test_an_events_time_is_corrected_by_its_own_time_of_sending_before_the_envelopes() -> None:
    caller = replace(CALLER, sent_at=iso(RECEIVED - HOUR))
    stamped = accepted({"timestamp": iso(RECEIVED - HOUR - SECOND)}, caller)
    own = accepted({"timestamp": iso(RECEIVED - HOUR - SECOND), "sentAt": iso(RECEIVED - HOUR + SECOND)}, caller)
    assert happened(stamped) == iso(RECEIVED - SECOND)
    assert happened(own) == iso(RECEIVED - 2 * SECOND)


def test_times_that_cannot_be_read_make_it_the_time_of_receiving() -> None:
    event = accepted({"timestamp": "soon", "sentAt": 12})
    assert happened(event) == iso(RECEIVED)


@pytest.mark.parametrize(
    ("body", "emails"),
    [
        ({"type": "identify", "traits": {"email": " Ann@Example.COM "}}, ("ann@example.com",)),
        ({"context": {"traits": {"email": "ann@example.com"}}}, ("ann@example.com",)),
        (
            {"traits": {"email": "a@example.com"}, "context": {"traits": {"email": "b@example.com"}}},
            ("a@example.com", "b@example.com"),
        ),
        (
            {"traits": {"email": "a@example.com"}, "context": {"traits": {"email": "A@example.com"}}},
            ("a@example.com",),
        ),
        ({"traits": {"email": "no address"}}, ()),
        ({"traits": {"email": 7}, "context": {"traits": ["x"]}}, ()),
        ({"properties": {"email": "other@example.com"}}, ()),
        ({"type": "group", "groupId": "g1", "traits": {"email": "office@example.com"}}, ()),
    ],
)
def test_emails_are_read_where_traits_of_the_person_stand(body: dict[str, Json], emails: tuple[str, ...]) -> None:
    assert accepted(body).emails == emails


def test_an_address_is_recorded_only_for_calls_that_ask_for_it() -> None:
    caller = replace(CALLER, ip="203.0.113.9")
    assert b"203.0.113.9" not in accepted({}, caller).meta
    assert b"203.0.113.9" in accepted({"context": {"direct": True}}, caller).meta
    assert b"203.0.113.9" in accepted({}, replace(caller, client_side=True)).meta
    assert b"203.0.113.9" not in accepted({"context": {"ip": "::1"}}, replace(caller, client_side=True)).meta


QA = Rule(7, By.ID, "qa-*", TEST, 0)
OFFICE = Rule(8, By.IP, "192.0.2.0/24", Namespace("office"), 0)


def placed(bodies: Sequence[Mapping[str, Json]], caller: Caller = CALLER) -> list[Event]:
    """Accept calls in a workspace with these two rules."""
    answers = accept(tuple(map(call, bodies)), caller, fresh_id=lambda: "made", place=rules.place([QA, OFFICE]))
    assert all(isinstance(answer, Event) for answer in answers)
    return [answer for answer in answers if isinstance(answer, Event)]


def test_a_rule_moves_a_live_event_to_its_test_namespace_and_is_noted() -> None:
    made = placed(({"userId": "qa-1"}, {"userId": "u1"}, {"context": {"ip": "192.0.2.1"}}))

    assert [(each.namespace, rule(each.meta)) for each in made] == [(TEST, 7), (LIVE, 0), (Namespace("office"), 8)]


def test_what_a_rule_notes_leaves_what_else_was_derived() -> None:
    caller = replace(CALLER, context=b'{"locale":"de"}', sent_at=iso(RECEIVED - HOUR))
    body: Document = {"userId": "qa-1", "timestamp": iso(RECEIVED - HOUR)}

    (moved,), stayed = placed((body,), caller), accepted(body, caller)

    assert (rule(moved.meta), rule(stayed.meta)) == (7, 0)
    assert document(moved.body, moved.meta, received=RECEIVED, kind=moved.kind) == {
        **document(stayed.body, stayed.meta, received=RECEIVED, kind=stayed.kind),
        "userId": "qa-1",
        "messageId": "made",
    }


def test_a_test_event_stays_where_its_caller_put_it() -> None:
    caller = replace(CALLER, namespace=Namespace("ci"))

    (made,) = placed(({"userId": "qa-1"},), caller)

    assert (made.namespace, rule(made.meta)) == ("ci", 0)


def test_a_connections_address_counts_only_where_it_is_the_persons() -> None:
    from_office = replace(CALLER, ip="192.0.2.9")
    itself: Document = {"context": {"direct": True}}
    elsewhere: Document = {"context": {"ip": "203.0.113.9"}}

    assert [each.namespace for each in placed(({}, itself, elsewhere), from_office)] == [LIVE, "office", LIVE]
    browser = replace(from_office, client_side=True)
    assert [each.namespace for each in placed(({}, elsewhere), browser)] == ["office", LIVE]


def test_the_envelopes_address_and_e_mails_count_for_its_items() -> None:
    caller = replace(CALLER, context=b'{"ip":"192.0.2.9"}')

    assert [each.namespace for each in placed(({}, {"context": {"ip": "203.0.113.9"}}), caller)] == ["office", LIVE]


def test_a_call_that_is_refused_stays_where_it_came() -> None:
    (answer,) = accept((call({"userId": "qa-1", "event": 7}),), CALLER, fresh_id=str, place=rules.place([QA]))

    assert isinstance(answer, Refused)
    assert answer.namespace == LIVE


def test_an_envelope_that_holds_a_trap_refuses_its_items() -> None:
    for context in (b'{"n":1e999}', b"{", b'{"n":9223372036854775808}'):
        assert isinstance(take({}, replace(CALLER, context=context)), Refused)


def test_an_envelope_whose_context_is_no_object_counts_as_none() -> None:
    caller = replace(CALLER, context=b"null", integrations=b"[]", sent_at="soon")
    assert accepted({"messageId": "m1"}, caller).meta == b""


def test_an_item_shares_its_limit_with_what_it_takes_over_from_the_envelope() -> None:
    context = json.dumps({"filler": "x" * 20_000}).encode()
    properties: Json = {"filler": "x" * 20_000}
    assert accepted({"properties": properties}).name == "Signed Up"
    assert refused({"properties": properties}, replace(CALLER, context=context)).reason == "too_large"


def test_what_stands_around_items_and_is_larger_than_an_event_is_not_read() -> None:
    trap = b'{"n":' + b"1" * 40_000 + b"}"
    assert refused({}, replace(CALLER, context=trap)).reason == "too_large"
    assert refused({}, replace(CALLER, integrations=trap)).reason == "too_large"
    assert accepted({"messageId": "m1"}, replace(CALLER, context=b"[" + trap + b"]")).meta == b""


def test_a_refused_body_that_is_too_large_is_cut() -> None:
    answer = refused(b"[" + b"1," * 40_000 + b"1]")
    assert (answer.reason, len(answer.body)) == ("too_large", 32 * 1024)


def test_a_write_key_is_not_stored_with_what_is_refused() -> None:
    assert b"secret" not in refused({"userId": 1, "writeKey": "secret"}).body
