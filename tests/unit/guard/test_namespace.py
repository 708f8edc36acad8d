from __future__ import annotations

import pytest

from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.event.model import LIVE, TEST, Namespace
from turnout.guard.namespace import choose, is_test, namespace, pooled

MEMBER = "turnout-test-test-7"
MAIL = f"{MEMBER}@example.com"


def sent(document: Document) -> Document:
    return pooled(document, 17, TEST)


@pytest.mark.parametrize("name", ["live", "test", "ci-7", "0", "a" * 32])
def test_a_short_plain_word_is_a_namespace(name: str) -> None:
    assert namespace(name) == name


@pytest.mark.parametrize("name", ["", "Test", "a b", "a" * 33, "täst", "test\n", "../live"])
def test_anything_else_is_refused_without_being_repeated(name: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 32") as refused:
        namespace(name)

    assert not name.strip() or name not in refused.value.message


def test_a_call_names_its_namespace_or_takes_the_principals() -> None:
    assert choose("", LIVE) == LIVE
    assert choose("ci", LIVE) == "ci"
    with pytest.raises(InvalidInput):
        choose("No", TEST)


def test_only_live_is_not_test() -> None:
    assert not is_test(LIVE)
    assert is_test(Namespace("live-2"))


def test_each_place_of_an_id_holds_the_member() -> None:
    event: Document = {
        "userId": "u_8842",
        "anonymousId": "a-1",
        "previousId": "old",
        "groupId": "g1",
        "traits": {"id": 42, "company": {"id": "acme"}},
        "context": {
            "device": {"id": "D", "advertisingId": "A", "token": "T", "type": "ios"},
            "externalIds": [{"id": "x", "type": "crm", "collection": "users"}],
            "groupId": "g1",
        },
        "integrations": {"All": True, "GA4": {"clientId": 12.5, "sessionId": 99}, "Braze": {"braze_id": "b"}},
    }

    assert sent(event) == {
        "userId": MEMBER,
        "anonymousId": MEMBER,
        "previousId": MEMBER,
        "groupId": MEMBER,
        "traits": {"id": MEMBER, "company": {"id": MEMBER}},
        "context": {
            "device": {"id": MEMBER, "advertisingId": MEMBER, "token": MEMBER, "type": "ios"},
            "externalIds": [{"id": MEMBER, "type": "crm", "collection": "users"}],
            "groupId": MEMBER,
        },
        "integrations": {"All": True, "GA4": {"clientId": MEMBER, "sessionId": 99}, "Braze": {"braze_id": MEMBER}},
    }


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("ann@shop.example", MAIL),
        ("mail Ann <ann.b+x@shop.co.uk>, now", f"mail Ann <{MAIL}>, now"),
        ("https://x.io/?e=ann%40shop.io&p=1", f"https://x.io/?e={MAIL.replace('@', '%40')}&p=1"),
        ("r=https%3A%2F%2Fx.io%3Fe%3Dann%40shop.io", f"r=https%3A%2F%2Fx.io%3Fe%3D{MAIL.replace('@', '%40')}"),
        ("e=ann%2540shop.io", f"e={MAIL.replace('@', '%2540')}"),
        ("3 pens @ 2.50, see a@b", "3 pens @ 2.50, see a@b"),
        ("100% off", "100% off"),
    ],
)
def test_an_email_is_exchanged_within_any_text(text: str, leaves: str) -> None:
    assert sent({"properties": {"note": [text]}}) == {"properties": {"note": [leaves]}}


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("user u/88 42 paid", f"user {MEMBER} paid"),
        ("https://x.io/u%2f88%2042/cart", f"https://x.io/{MEMBER}/cart"),
        ("https://x.io/?u=U/88+42", f"https://x.io/?u={MEMBER}"),
        ("u%252F88%252042", MEMBER),
    ],
)
def test_the_persons_own_id_is_exchanged_within_texts(text: str, leaves: str) -> None:
    assert sent({"userId": "u/88 42", "properties": {"url": text}}) == {"userId": MEMBER, "properties": {"url": leaves}}


def test_a_short_id_is_exchanged_only_where_it_is_the_whole_text() -> None:
    leaves = sent({"userId": "pro", "event": "product viewed", "properties": {"who": "pro", "n": 3}})

    assert leaves == {"userId": MEMBER, "event": "product viewed", "properties": {"who": MEMBER, "n": 3}}


def test_an_id_that_stands_again_as_a_number_is_exchanged() -> None:
    leaves = sent({"userId": "8842001", "properties": {"customer": 8842001, "price": 10, "paid": True}})

    assert leaves["properties"] == {"customer": MEMBER, "price": 10, "paid": True}


def test_keys_and_event_names_are_exchanged_where_they_hold_an_email() -> None:
    leaves = sent({"type": "track", "event": "ann@x.io paid", "properties": {"ann@x.io": 1, "n": 2}})

    assert leaves == {"type": "track", "event": f"{MAIL} paid", "properties": {MAIL: 1, "n": 2}}


def test_phones_leave_as_numbers_that_belong_to_nobody() -> None:
    assert sent({"traits": {"phone": "+49 170 1234567"}}) == {"traits": {"phone": "+12025550107"}}


def test_what_identifies_nobody_stays_as_it_is() -> None:
    event: Document = {
        "type": "identify",
        "userId": "identify",
        "messageId": "m-1",
        "timestamp": "2025-11-24T16:00:00.123Z",
        "event": "Order Completed",
        "properties": {"id": "sku", "order_id": "o-1", "userId": "", "anonymous_id": None},
    }

    assert sent(event) == event | {"userId": MEMBER}


def test_two_messages_that_named_their_people_stay_two_messages() -> None:
    first = sent({"messageId": "order-ann@x.io"})["messageId"]
    second = sent({"messageId": "order-bob@x.io"})["messageId"]

    assert first != second
    assert "ann" not in str(first)


def test_live_events_are_never_pooled() -> None:
    with pytest.raises(AssertionError):
        pooled({}, 1, LIVE)
