from __future__ import annotations

import sys
import unicodedata

import pytest

from turnout.document import Document, Json
from turnout.guard.masking import mask, mask_beside, mask_document, own_values, untrusted, untrusted_json


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("ann@example.com", "a…@example.com"),
        ("a@example.com", "…@example.com"),
        ("u_8842", "u_…42"),
        ("user_88421234", "user_…34"),
        ("550e8400-e29b-41d4-a716-446655440000", "5…00"),
        ("8842001", "…01"),
        ("@ann_smith", "@…th"),
        ("Ann @ Bath", "A… @… B…"),
        ("cus_1", "c…"),
        ("Ann", "A…"),
        ("Al", "…"),
        ("Ann Maria Smith", "A… M… S…"),
        ("(202) 555-0142", "…42"),
        ("203.0.113.9", "203.0.…"),
        ("2001:db8::1", "2001:0db8:…"),
        ("", "…"),
    ],
)
def test_a_value_is_masked_by_its_shape(value: str, masked: str) -> None:
    assert mask(value) == masked


def test_personal_fields_of_an_event_are_masked_and_the_rest_is_not() -> None:
    event: Document = {
        "type": "identify",
        "messageId": "m-1",
        "userId": "u_8842",
        "name": "Pricing",
        "traits": {
            "name": "Ann Smith",
            "first_name": "Ann",
            "age": 37,
            "address": {"street": "1 High Street", "city": "Bath"},
            "phone": "+1 202 555 0142",
            "plan": "pro",
        },
        "context": {"ip": "203.0.113.9", "library": {"name": "analytics.js"}},
    }

    assert mask_document(event) == {
        "type": "identify",
        "messageId": "m-1",
        "userId": "u_…42",
        "name": "Pricing",
        "traits": {
            "name": "A… S…",
            "first_name": "A…",
            "age": "…",
            "address": {"street": "1… H… S…", "city": "B…"},
            "phone": "…42",
            "plan": "pro",
        },
        "context": {"ip": "203.0.…", "library": {"name": "analytics.js"}},
    }


def test_emails_and_known_ids_are_masked_within_other_texts() -> None:
    event: Document = {"userId": "u_8842", "properties": {"url": "https://x.io/u_8842?e=ann%40x.io", "ann@x.io": 1}}

    assert mask_document(event)["properties"] == {"url": "https://x.io/u_…42?e=a…%40x.io", "a…@x.io": 1}


def test_what_the_caller_put_in_comes_back_as_it_is() -> None:
    event: Document = {"userId": "u_8842", "anonymousId": "anon-5512", "traits": {"email": "ann@x.io"}}

    masked = mask_document(event, own_values({"user_id": "u_8842", "emails": ["Ann@X.io"]}))

    assert masked == {"userId": "u_8842", "anonymousId": "anon-…12", "traits": {"email": "ann@x.io"}}


def test_a_callers_own_values_are_all_texts_and_numbers_of_its_call() -> None:
    arguments: Json = {"a": "x", "b": [{"c": 7}, None, True], "d": {}}

    assert own_values(arguments) == {"x", "7"}


def test_a_field_of_another_shape_than_expected_is_masked_all_through() -> None:
    assert mask_document({"traits": {"email": ["ann@x.io", {"work": "bob@x.io"}], "name": None}}) == {
        "traits": {"email": ["a…@x.io", {"work": "b…@x.io"}], "name": None}
    }


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("Order Completed", "Order Completed"),
        ("Grüße 🙂", "Grüße 🙂"),
        ("a\nb\tc\x00", "a\\u000ab\\u0009c\\u0000"),
        ("\x1b[31mred\x9b", "\\u001b[31mred\\u009b"),
        ("\u202eevil\u2066\u200b\ufeff", "evil"),
        ("hi\U000e0041\U000e0042\U000e0100", "hi"),
        ("row\u2028row", "row\\u2028row"),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_strangers_text_is_made_harmless(text: str, harmless: str) -> None:
    assert untrusted(text) == harmless


def test_no_character_that_hides_or_commands_is_forgotten() -> None:
    every = untrusted("".join(map(chr, range(sys.maxunicode + 1))), limit=sys.maxsize)

    assert not {one for one in every if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


def test_a_long_text_is_capped_and_says_so() -> None:
    assert untrusted("x" * 512) == "x" * 512
    assert untrusted("x" * 513) == "x" * 511 + "…"
    assert untrusted("abcdef", limit=4) == "abc…"


def test_texts_and_keys_of_json_are_made_harmless() -> None:
    assert untrusted_json({"a\u200b": ["\x07", 1, None, True, 1.5]}) == {"a": ["\\u0007", 1, None, True, 1.5]}


def test_json_that_is_nested_too_deep_is_cut() -> None:
    deep: Json = "end"
    for _ in range(2_000):
        deep = [deep]

    assert '"…"' in repr(untrusted_json(deep)).replace("'", '"')


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +12025550142 now", "call …42 now"),
        ("call +44 (20) 7946-0958.", "call …58."),
        ("https://x.io/?tel=%2B12025550142", "https://x.io/?tel=…42"),
        ("1+12345678 is a sum, +1234567 too short", "1+12345678 is a sum, +1234567 too short"),
        ("2025-11-24T17:00:00.123+01:00", "2025-11-24T17:00:00.123+01:00"),
    ],
)
def test_a_phone_number_in_any_text_is_masked_by_its_looks(text: str, masked: str) -> None:
    assert mask_document({"properties": {"note": text}}) == {"properties": {"note": masked}}


def test_beside_an_event_its_names_streets_and_addresses_are_masked_wherever_they_stand() -> None:
    event: Document = {
        "userId": "u_8842",
        "traits": {"name": "Ann Smith", "firstName": "Ann", "age": 37, "address": {"street": "1 High Street"}},
        "context": {"ip": "203.0.113.9"},
    }
    answer: Json = {
        "say": "Ann Smith (Ann) of 1 HIGH STREET, annual plan, from 198.51.100.7 or 2001:db8::1 at 10:15:30",
        "got": [37, 38, "u_8842"],
    }

    assert mask_beside(event, answer) == {
        "say": "A… S… (A…) of 1… H… S…, annual plan, from 198.51.… or 2001:0db8:… at 10:15:30",
        "got": ["…", 38, "u_…42"],
    }


def test_beside_an_event_what_the_caller_put_in_stays() -> None:
    event: Document = {"traits": {"name": "Ann Smith"}}

    assert mask_beside(event, "no Ann Smith here", own_values({"name": "Ann Smith"})) == "no Ann Smith here"
