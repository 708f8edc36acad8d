"""What Python values become in an event, and how one that JSON cannot say is named."""

from __future__ import annotations

import pickle
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from typing_extensions import override

from turnout.document import Json, encode
from turnout.errors import InvalidCall
from turnout.event.model import Kind
from turnout.event.plain import Odd, plain

NOW = 1_764_000_000_000_000
"""2025-11-24T16:00:00Z."""


class Colour(Enum):
    RED = "red"
    BOTH = ("red", 2)


class Size(IntEnum):
    BIG = 3


class Word(StrEnum):
    YES = "yes"


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Thing:
    name: str


class NoTime(datetime):
    """As pandas' NaT, which is a datetime to isinstance."""

    year = float("nan")  # type: ignore[assignment]

    @override
    def utcoffset(self) -> None:
        raise ValueError("NaTType does not support utcoffset")

    @override
    def isoformat(self, *_: object) -> str:
        return "NaT"


class Text(str):
    __slots__ = ()


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


def track(**more: object) -> dict[str, Any]:
    return {"user_id": "u", "event": "E", **more}


def said(value: object) -> Json:
    properties = plain(Kind.TRACK, track(properties={"v": value}), NOW)["properties"]
    assert isinstance(properties, dict)
    assert encode(properties)
    value_said: Json = properties["v"]
    return value_said


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("grüße", "grüße"),
        (Text("t"), "t"),
        (True, True),
        (None, None),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (1.5, 1.5),
        (Decimal("19.99"), 19.99),
        (Fraction(1, 2), 0.5),
        (naive("2025-01-02T03:04:05.678901"), "2025-01-02T03:04:05.678901"),
        (datetime(2025, 1, 2, tzinfo=timezone(timedelta(hours=1))), "2025-01-02T00:00:00+01:00"),
        (date(2025, 1, 2), "2025-01-02"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"bytes", "bytes"),
        (bytearray("grün", "utf-8"), "grün"),
        (Colour.RED, "red"),
        (Colour.BOTH, ["red", 2]),
        (Size.BIG, 3),
        (Word.YES, "yes"),
        (Point(1, 2), [1, 2]),
        ({"one", "two", "four", "three", 5, None}, ["four", "one", "three", "two", 5, None]),
        (frozenset({1}), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": {Decimal(1)}}), {"a": [1.0]}),
        ({1: "a", 2.5: "b", False: "c", None: "d"}, {"1": "a", "2.5": "b", "false": "c", "null": "d"}),
    ],
)
def test_a_value_becomes_what_json_can_say(value: object, expected: Json) -> None:
    assert said(value) == expected


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        (timedelta(1), "properties.v", "of type timedelta"),
        (1j, "properties.v", "of type complex"),
        (type("bool", (), {"__module__": "numpy"})(), "properties.v", "of type numpy.bool"),
        (NoTime(2025, 1, 1), "properties.v", "no time (NaT, as data frames have it where there is none)"),
        (Thing("x"), "properties.v", "of type Thing"),
        (float("nan"), "properties.v", "not a finite number"),
        (Decimal("Infinity"), "properties.v", "not a finite number"),
        (Decimal("sNaN"), "properties.v", "not a finite number"),
        (Fraction(10**400), "properties.v", "not a finite number"),
        (2**63, "properties.v", "an integer beyond 64 bits"),
        (b"\xff", "properties.v", "bytes that are not UTF-8"),
        ("\ud800", "properties.v", "text with half a character (a lone surrogate)"),
        ({"cart": [1, {"price": object()}]}, "properties.v.cart[1].price", "of type object"),
        ({"a": [[1, [1j]]]}, "properties.v.a[0][1][0]", "of type complex"),
        ({"a": {(1, 2): 3}}, "properties.v.a.(1, 2)", "a key of type tuple"),
        ({"\ud800": 1}, "properties.v.\\ud800", "text with half a character (a lone surrogate)"),
    ],
)
def test_a_value_that_json_cannot_say_is_named_by_its_path(value: object, path: str, found: str) -> None:
    with pytest.raises(Odd, match="which an event cannot hold; send text") as raised:
        said(value)

    assert (raised.value.path, raised.value.found) == (path, found)
    assert raised.value.attributes == {"path": path, "found": found}
    assert raised.value.message.startswith(f"`{path}` is {found}")


def test_a_dict_that_holds_itself_is_named_and_the_name_stays_short() -> None:
    ring: dict[str, object] = {}
    ring["ring" * 100] = ring

    with pytest.raises(Odd, match="nested deeper than 64 levels") as raised:
        said(ring)

    assert len(raised.value.path) <= 240


def test_as_deep_as_an_event_may_be_is_taken() -> None:
    def nested(levels: int) -> Json:
        value: Json = 1
        for _ in range(levels):
            value = [value]
        return value

    assert said(nested(62)) == nested(62)  # with the event and its properties 64
    with pytest.raises(Odd):
        said(nested(63))


def test_what_is_odd_is_left_out_with_its_key_where_that_is_asked_for() -> None:
    left_out: list[str] = []
    properties = {"plan": "pro", "took": timedelta(1), "cart": {"ids": [1, 1j], "n": 2}, (1, 2): 3}

    body = plain(Kind.TRACK, track(properties=properties), NOW, left_out)

    assert body["properties"] == {"plan": "pro", "cart": {"n": 2}}
    assert left_out == ["of type timedelta", "of type complex", "a key of type tuple"]


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (Kind.TRACK, {"user_id": "u"}, "`event` is missing; a call of track needs it."),
        (Kind.TRACK, {"event": "E"}, "There is neither a user id nor an anonymous id; send one of them."),
        (Kind.PAGE, {"user_id": ""}, "There is neither a user id nor an anonymous id; send one of them."),
        (Kind.GROUP, {"user_id": "u"}, "`group_id` is missing; a call of group needs it."),
        (Kind.ALIAS, {"user_id": "u"}, "`previous_id` is missing; a call of alias needs it."),
        (Kind.ALIAS, {"previous_id": "u"}, "`user_id` is missing; a call of alias needs it."),
        (
            Kind.TRACK,
            {"user_id": {"userId": "u", "event": "E"}},
            "`user_id` is of type dict; send a string or a number.",
        ),
        (Kind.TRACK, track(event=7), "`event` is of type int; send a string."),
        (Kind.PAGE, {"user_id": "u", "name": 7}, "`name` is of type int; send a string."),
        (Kind.TRACK, track(user_id=["u"]), "`user_id` is of type list; send a string or a number."),
        (Kind.TRACK, track(message_id=b"m"), "`message_id` is of type bytes; send a string or a number."),
        (Kind.TRACK, track(properties="x"), "`properties` is of type str; send a dict."),
        (Kind.TRACK, track(context=[1]), "`context` is of type list; send a dict."),
        (Kind.IDENTIFY, {"user_id": "u", "traits": 1}, "`traits` is of type int; send a dict."),
        (Kind.TRACK, track(timestamp="now"), "`timestamp` is of type str; send a datetime."),
        (Kind.TRACK, track(timestamp=date(2025, 1, 2)), "`timestamp` is of type date; send a datetime."),
    ],
)
def test_an_argument_that_is_missing_or_of_the_wrong_type_is_named(
    kind: Kind, given: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidCall) as raised:
        plain(kind, given, NOW)

    assert raised.value.message == says


def test_ids_may_be_numbers_and_uuids_and_what_is_empty_is_absent() -> None:
    body = plain(
        Kind.GROUP,
        {"user_id": 42, "group_id": UUID(int=1), "message_id": 7, "anonymous_id": "", "traits": {}, "context": None},
        NOW,
    )

    assert body == {"type": "group", "userId": "42", "groupId": str(UUID(int=1)), "messageId": "7"}


@pytest.mark.parametrize(
    ("given", "path", "found"),
    [
        ({"user_id": float("nan")}, "user_id", "not a finite number"),
        ({"user_id": "u", "anonymous_id": Decimal("NaN")}, "anonymous_id", "not a finite number"),
        ({"user_id": Decimal("sNaN")}, "user_id", "not a finite number"),
        (
            {"user_id": "u", "timestamp": NoTime(2025, 1, 1)},
            "timestamp",
            "no time (NaT, as data frames have it where there is none)",
        ),
        ({"user_id": "u\ud800"}, "user_id", "text with half a character (a lone surrogate)"),
        ({"user_id": "u", "event": "E\ud800"}, "event", "text with half a character (a lone surrogate)"),
    ],
)
def test_an_id_or_a_name_that_no_event_can_hold_is_named(given: dict[str, object], path: str, found: str) -> None:
    with pytest.raises(Odd) as raised:
        plain(Kind.TRACK, {"event": "E", **given}, NOW)

    assert (raised.value.path, raised.value.found) == (path, found)


def test_an_id_that_is_a_number_of_any_size_is_written_whole() -> None:
    for number in (10**400, 7.5, Decimal("7.50"), Fraction(1, 3)):
        assert plain(Kind.TRACK, track(user_id=number), NOW)["userId"] == str(number)


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize("at", [datetime.min, datetime.max])  # noqa: DTZ901 - those that no zone can shift
def test_the_first_and_the_last_of_all_times_are_utc(at: datetime) -> None:
    assert plain(Kind.TRACK, track(timestamp=at), NOW)["timestamp"] == f"{at.isoformat()}+00:00"


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this machine into a zone nine hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (naive("2025-11-25T01:00:01"), "2025-11-25T01:00:01+09:00"),  # this moment, by the local clock
        (naive("2025-11-24T16:00:00"), "2025-11-24T16:00:00+00:00"),  # the same, by that of UTC
        (naive("2025-11-25T00:59:50"), "2025-11-25T00:59:50+00:00"),  # ten seconds are too long ago to tell
        (datetime(2025, 11, 24, 16, 0, tzinfo=UTC), "2025-11-24T16:00:00+00:00"),
    ],
)
def test_a_time_without_a_zone_is_local_only_when_it_is_now(given: datetime, expected: str) -> None:
    assert plain(Kind.TRACK, track(timestamp=given), NOW)["timestamp"] == expected


def test_what_was_odd_is_told_by_a_worker_process_in_the_same_words() -> None:
    with pytest.raises(Odd) as caught:
        plain(Kind.TRACK, {"user_id": "u", "event": "E", "properties": {"a": [object()]}}, 0)

    told = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own
    assert (str(told), told.path, told.attributes) == (str(caught.value), "properties.a[0]", caught.value.attributes)
