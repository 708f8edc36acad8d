from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from support.events import CALLER, RECEIVED, accepted
from turnout.clock import HOUR, iso
from turnout.document import Document, Json
from turnout.event.model import Caller
from turnout.event.stored import document


def stored(body: Mapping[str, Json], caller: Caller = CALLER) -> Document:
    event = accepted(body, caller)
    return document(event.body, event.meta, received=event.received, kind=event.kind, message_id=event.message_id)


def test_a_document_is_the_event_as_destinations_get_it() -> None:
    body: Document = {
        "messageId": "m1",
        "timestamp": "2025-11-24T09:00:00+01:00",
        "properties": {"n": 9007199254740993},
        "version": 2,
    }
    assert stored(body) == {
        "type": "track",
        "event": "Signed Up",
        "userId": "u1",
        "messageId": "m1",
        "timestamp": "2025-11-24T08:00:00.000Z",
        "originalTimestamp": "2025-11-24T09:00:00+01:00",
        "receivedAt": "2025-11-24T16:00:00.000Z",
        "properties": {"n": 9007199254740993},
        "version": 2,
    }


def test_a_document_shows_the_corrected_time_and_the_envelopes_stamp() -> None:
    caller = replace(CALLER, sent_at=iso(RECEIVED - HOUR))
    made = stored({"timestamp": "2025-11-24T14:59:58Z"}, caller)
    assert made["timestamp"] == "2025-11-24T15:59:58.000Z"
    assert made["originalTimestamp"] == "2025-11-24T14:59:58Z"
    assert made["sentAt"] == "2025-11-24T15:00:00.000Z"


def test_an_identify_without_traits_has_those_of_its_context() -> None:
    made = stored({"type": "identify", "context": {"traits": {"plan": {"name": "gold"}}}})

    assert made["traits"] == {"plan": {"name": "gold"}}
    assert made["context"] == {"traits": {"plan": {"name": "gold"}}}
    assert isinstance(made["traits"], dict)
    made["traits"].clear()
    assert made["context"] == {"traits": {"plan": {"name": "gold"}}}


@pytest.mark.parametrize("type_", ["identify", "group", "track"])
def test_traits_of_the_context_are_no_others_traits(type_: str) -> None:
    own: Document = {} if type_ == "track" else {"traits": {}}
    made = stored({"type": type_, "groupId": "g1", "event": "E", "context": {"traits": {"plan": "gold"}}, **own})
    assert made.get("traits", {}) == {}


def test_a_time_that_only_the_library_stamped_is_the_original() -> None:
    made = stored({"originalTimestamp": "2025-11-24T14:00:00Z"})
    assert (made["timestamp"], made["originalTimestamp"]) == ("2025-11-24T14:00:00.000Z", "2025-11-24T14:00:00Z")


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        ("2025-11-24T14:00:00.123Z", "2025-11-24T14:00:00.123Z"),
        ("2024-02-29T14:00:00.123Z", "2024-02-29T14:00:00.123Z"),
        ("2025-W48-1T14:00:00.123Z", "2025-11-24T14:00:00.123Z"),
        ("2025-11-24 14:00:00.123Z", "2025-11-24T14:00:00.123Z"),
        ("2025-11-31T14:00:00.123Z", "2025-11-24T16:00:00.000Z"),
        ("2025-11-24T14:00:60.123Z", "2025-11-24T16:00:00.000Z"),
        ("0000-11-24T14:00:00.123Z", "2025-11-24T16:00:00.000Z"),
    ],
)
def test_a_time_is_shown_as_we_write_it_and_one_that_is_none_is_not_shown(timestamp: str, shown: str) -> None:
    assert stored({"timestamp": timestamp})["timestamp"] == shown


def test_without_any_time_an_event_happened_when_it_was_received() -> None:
    made = stored({})
    assert made["timestamp"] == made["receivedAt"] == "2025-11-24T16:00:00.000Z"
    assert "originalTimestamp" not in made
    assert "sentAt" not in made


def test_ids_that_are_null_or_empty_are_gone() -> None:
    made = stored({"userId": "", "anonymousId": "a1", "groupId": None, "previousId": ""})
    assert made["anonymousId"] == "a1"
    assert not {"userId", "groupId", "previousId"} & made.keys()


def test_an_items_context_wins_over_the_envelopes_deeply() -> None:
    shared = b'{"library":{"name":"go","version":"3"},"ip":"192.0.2.1","locale":"de"}'
    made = stored({"context": {"library": {"version": "4"}, "locale": None}}, replace(CALLER, context=shared))
    assert made["context"] == {"library": {"name": "go", "version": "4"}, "ip": "192.0.2.1", "locale": None}


def test_integrations_of_the_envelope_hold_where_the_item_says_nothing() -> None:
    caller = replace(CALLER, integrations=b'{"All":false,"Mixpanel":true}')
    assert stored({"integrations": {"Mixpanel": False}}, caller)["integrations"] == {"All": False, "Mixpanel": False}
    assert stored({}, caller)["integrations"] == {"All": False, "Mixpanel": True}


def test_an_address_that_was_asked_for_stands_in_the_context() -> None:
    caller = replace(CALLER, ip="203.0.113.9", client_side=True)
    assert stored({}, caller)["context"] == {"ip": "203.0.113.9"}
    assert stored({"context": {"ip": "::1"}}, caller)["context"] == {"ip": "::1"}
    assert stored({"context": {"ip": None, "os": {}}}, caller)["context"] == {"ip": "203.0.113.9", "os": {}}


def test_a_numeric_message_id_is_text_in_the_document() -> None:
    event = accepted({"messageId": 17})
    assert document(event.body, event.meta, received=RECEIVED, kind=event.kind)["messageId"] == "17"


def test_what_is_no_object_where_one_belongs_is_left_out() -> None:
    made = stored({"context": "x", "integrations": [], "traits": 1, "properties": None})
    assert not {"context", "integrations", "traits", "properties"} & made.keys()


def test_each_document_is_a_fresh_one() -> None:
    event = accepted({"context": {"os": {}}}, replace(CALLER, context=b'{"app":{}}'))

    def make() -> Document:
        return document(event.body, event.meta, received=RECEIVED, kind=event.kind)

    first = make()
    first["context"] = "changed"
    assert make()["context"] == {"os": {}, "app": {}}
