from __future__ import annotations

from uuid import UUID, uuid5

import pytest

from turnout.clock import DAY, MINUTE
from turnout.document import Json
from turnout.errors import InvalidInput, KeyReused
from turnout.guard.idempotency import (
    Fingerprint,
    Lasting,
    agree,
    derived_key,
    differing,
    expires,
    fingerprint,
    given_key,
    is_derived,
    message_id,
)

SECRET = b"s" * 32
WORKSPACE = "2f1c6a52-6f9e-4c57-9d4e-0c8d6f1f7a10"


def printed(**arguments: Json) -> Fingerprint:
    return fingerprint(SECRET, "track_event", arguments)


@pytest.mark.parametrize("key", ["a", " ", "~" * 255])
def test_printable_ascii_is_a_key(key: str) -> None:
    assert given_key(key) == key


@pytest.mark.parametrize("key", ["", "a" * 256, "ä", "a\n", "\x7f"])
def test_any_other_key_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 255 printable") as refused:
        given_key(key)

    assert not key or key not in refused.value.message


def test_the_order_of_arguments_and_how_the_call_waits_do_not_matter() -> None:
    first = printed(event="Paid", properties={"a": 1, "b": 2}, idempotency_key="k", wait_seconds=3)
    second = printed(confirm="t", properties={"b": 2, "a": 1}, event="Paid")

    assert first == second


def test_the_operation_and_the_secret_matter() -> None:
    first = fingerprint(SECRET, "a", {"x": 1})

    assert first.whole != fingerprint(SECRET, "b", {"x": 1}).whole
    assert first.whole != fingerprint(b"t" * 32, "a", {"x": 1}).whole


def test_the_arguments_that_differ_are_named() -> None:
    assert differing(printed(a=1, b=2, c=3), printed(a=1, b=9, d=3)) == ("b", "c", "d")


def test_a_key_with_other_arguments_is_reused_and_the_fields_are_named() -> None:
    with pytest.raises(KeyReused, match=r"\(event, user_id\)") as refused:
        agree(printed(event="Paid", user_id="secret-1"), printed(event="Lost", user_id="secret-2"))

    assert refused.value.attributes["fields"] == ("event", "user_id")
    assert "secret" not in refused.value.message


def test_a_key_with_the_same_arguments_agrees() -> None:
    agree(printed(event="Paid"), printed(event="Paid"))


def test_a_fingerprint_fits_one_column() -> None:
    stored = printed(event="Paid", properties={"größe": 1})

    assert Fingerprint.read(bytes(stored)) == stored
    assert Fingerprint.read(bytes(printed())) == printed()


def test_a_cut_column_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Fingerprint.read(bytes(printed(event="Paid"))[:-1])


def test_a_derived_key_is_one_that_nobody_can_give() -> None:
    key = derived_key(printed(event="Paid"))

    assert is_derived(key)
    assert key == derived_key(printed(event="Paid"))
    with pytest.raises(InvalidInput):
        given_key(key)


def test_keys_on_events_hold_as_long_as_events_derived_ones_ten_minutes_others_a_week() -> None:
    derived = derived_key(printed())

    assert expires("k", Lasting.EVENTS, 5, 90 * DAY) == 5 + 90 * DAY
    assert expires(derived, Lasting.EVENTS, 5, 90 * DAY) == 5 + 10 * MINUTE
    assert expires("k", Lasting.OTHER, 5, 90 * DAY) == 5 + 7 * DAY


def test_a_message_id_is_a_uuid_of_version_5_that_a_retry_makes_again() -> None:
    first = message_id(WORKSPACE, "local", "track_event", "k", first_used=7, index=0)
    library = uuid5(UUID(WORKSPACE), '["local","track_event","k",7,0]')

    assert UUID(first).version == 5
    assert first == str(library)
    assert first == message_id(WORKSPACE, "local", "track_event", "k", first_used=7, index=0)


def test_each_part_of_a_message_id_matters() -> None:
    other = "3f1c6a52-6f9e-4c57-9d4e-0c8d6f1f7a10"
    made = {
        message_id(WORKSPACE, "p", "o", "k", first_used=7, index=0),
        message_id(other, "p", "o", "k", first_used=7, index=0),
        message_id(WORKSPACE, "q", "o", "k", first_used=7, index=0),
        message_id(WORKSPACE, "p", "ok", "", first_used=7, index=0),
        message_id(WORKSPACE, "p", "o", "l", first_used=7, index=0),
        message_id(WORKSPACE, "p", "o", "k", first_used=8, index=0),
        message_id(WORKSPACE, "p", "o", "k", first_used=7, index=1),
    }

    assert len(made) == 7
