from __future__ import annotations

import pytest

from support.events import accepted, refused
from turnout.document import Json

LONG = "é" * 513
CONSENT = "Segment Consent Preference Updated"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"userId": None}, "no_user_anon_id"),
        ({"userId": ""}, "no_user_anon_id"),
        ({"userId": "", "anonymousId": None}, "no_user_anon_id"),
        ({"userId": 17}, "id_not_string"),
        ({"userId": False}, "id_not_string"),
        ({"userId": ["u1"]}, "id_not_string"),
        ({"anonymousId": {"a": 1}}, "id_not_string"),
        ({"event": None}, "event_not_defined"),
        ({"event": ""}, "event_not_defined"),
        ({"event": 0}, "event_not_string"),
        ({"event": ["E"]}, "event_not_string"),
        ({"event": LONG}, "name_too_long"),
        ({"properties": "p"}, "properties_not_object"),
        ({"properties": [1]}, "properties_not_object"),
        ({"type": "page", "properties": 1}, "properties_not_object"),
        ({"type": "page", "name": 1}, "name_not_string"),
        ({"type": "page", "name": ""}, "name_not_string"),
        ({"type": "screen", "name": LONG}, "name_too_long"),
        ({"type": "screen", "category": False}, "category_not_string"),
        ({"type": "identify", "traits": "t"}, "traits_not_object"),
        ({"type": "group", "groupId": "g", "traits": []}, "traits_not_object"),
        ({"type": "group"}, "group_id_missing"),
        ({"type": "group", "groupId": ""}, "group_id_missing"),
        ({"type": "group", "groupId": 3}, "id_not_string"),
        ({"type": "alias"}, "previous_id_missing"),
        ({"type": "alias", "previousId": None}, "previous_id_missing"),
        ({"type": "alias", "previousId": 1}, "id_not_string"),
        ({"type": "alias", "userId": None, "anonymousId": "a", "previousId": "p"}, "user_id_missing"),
        ({"type": None}, "unknown_type"),
        ({"type": "Track"}, "unknown_type"),
        ({"type": {"a": 1}}, "unknown_type"),
        ({"messageId": {"a": 1}}, "message_id_not_string"),
        ({"messageId": ["m"]}, "message_id_not_string"),
        ({"messageId": True}, "message_id_not_string"),
    ],
)
def test_a_call_that_breaks_a_rule_is_refused_with_its_reason(body: dict[str, Json], reason: str) -> None:
    assert refused(body).reason == reason


@pytest.mark.parametrize(
    "body",
    [
        {"userId": None, "anonymousId": "a1"},
        {"userId": "", "anonymousId": "a1"},
        {"userId": "u1", "anonymousId": None},
        {"properties": None},
        {"traits": "on a track nobody reads them"},
        {"groupId": 3},
        {"type": "page"},
        {"type": "page", "name": None, "category": None},
        {"type": "identify", "traits": {}},
        {"type": "group", "groupId": "g1"},
        {"type": "alias", "previousId": "old"},
        {"event": "x" * 1024},
        {"context": "no object", "integrations": []},
        {"unknown": {"field": 1}, "version": 2},
    ],
)
def test_a_call_that_keeps_the_rules_is_an_event(body: dict[str, Json]) -> None:
    assert accepted(body).body


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (None, "consent_categorypreferences_should_exist"),
        ({"consent": {}}, "consent_categorypreferences_should_exist"),
        ({"consent": {"categoryPreferences": [1]}}, "consent_categorypreferences_fields_should_be_object"),
        ({"consent": {"categoryPreferences": {"Ads": "yes"}}}, "consent_categorypreferences_fields_should_be_bool"),
        ({"consent": {"categoryPreferences": {"Ads": True}, "version": "2"}}, "consent_version_should_be_number"),
        (
            {"consent": {"categoryPreferences": {"Ads": True}}, "device": {"advertisingId": 7}},
            "device_advertisingid_should_be_string",
        ),
    ],
)
def test_consent_is_checked_on_the_consent_event_alone(context: Json, reason: str) -> None:
    assert refused({"event": CONSENT, "context": context}).reason == reason
    assert accepted({"event": "Signed Up", "context": context}).name == "Signed Up"


def test_a_consent_event_in_order_is_an_event() -> None:
    consent: Json = {"categoryPreferences": {"Ads": True, "Analytics": False}, "version": 2}
    assert accepted({"event": CONSENT, "context": {"consent": consent}}).name == CONSENT


def test_every_refusal_is_a_sentence_of_ours_without_the_value() -> None:
    answers = [refused({"userId": ["sentinel"]}), refused({"type": "sentinel"}), refused({"properties": "sentinel"})]
    for answer in answers:
        assert answer.say.endswith(".")
        assert "sentinel" not in answer.say
        assert b"sentinel" in answer.body
