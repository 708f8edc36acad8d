"""`turnout.analytics`: a program of segment-analytics-python after its import was changed, beside the real library."""

from __future__ import annotations

import inspect
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from segment import analytics as original
from segment.analytics.client import Client as Original
from segment.analytics.request import DatetimeSerializer

from support.embedded import held, message_ids, stored
from support.workspace import bench
from turnout import analytics
from turnout.analytics import Client
from turnout.errors import InvalidCall, InvalidInput, LimitExceeded, NotFound, TurnoutError
from turnout.workspace import Source

CALLS = ("track", "identify", "page", "screen", "group", "alias")
NEW = {"data"}


class Colour(Enum):
    RED = "red"


@pytest.fixture
def source(data_dir: Path) -> Source:
    """Make a workspace, and give its first source."""
    with bench(data_dir) as workspace:
        return workspace.look(lambda view: view.workspace.source("Local"))


@pytest.fixture
def module(data_dir: Path, source: Source) -> Iterator[Any]:
    """Give the module with its settings made, and put back what it was."""
    before = {name: getattr(analytics, name) for name in vars(analytics) if not name.startswith("_")}
    analytics.write_key, analytics.data = source.write_key, data_dir
    yield analytics
    analytics.shutdown()
    for name, value in before.items():
        setattr(analytics, name, value)


# -- what stays -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [*CALLS, "flush", "join", "shutdown"])
def test_methods_take_what_those_of_the_original_take(call: str) -> None:
    own, other = (inspect.signature(getattr(each, call)).parameters for each in (Client, Original))

    assert [(each.name, each.kind) for each in own.values()] == [(each.name, each.kind) for each in other.values()]
    assert callable(getattr(analytics, call))


def test_the_client_takes_the_options_of_the_original_in_their_order() -> None:
    own, other = (list(inspect.signature(each).parameters) for each in (Client, Original))

    assert own == [*other, *NEW]


def test_the_module_has_the_settings_of_the_original() -> None:
    settings = {name for name, value in vars(original).items() if value is None or isinstance(value, str | int)}
    settings = {name for name in settings if not name.startswith("_")} - {"VERSION"}

    assert settings == {name for name in settings if hasattr(analytics, name)}
    assert {"write_key", "on_error", "default_client", "host"} <= settings


def test_a_program_written_for_the_original_records_by_its_module(module: Any, data_dir: Path) -> None:
    ok, message = module.track("u", "Bought", {"n": 1}, message_id="m1")
    module.identify("u", {"plan": "pro"}, message_id="m2")
    module.page(user_id="u", name="Home", message_id="m3")
    module.flush()
    module.join()
    module.shutdown()
    module.alias("a", "u", message_id="m4")
    module.default_client.flush()

    assert ok
    assert (message["messageId"], message["type"], message["properties"]) == ("m1", "track", {"n": 1})
    assert message_ids(data_dir) == ["m1", "m2", "m3", "m4"]


def test_a_message_is_what_was_stored_with_the_id_and_the_time_that_were_made_up(
    data_dir: Path, source: Source
) -> None:
    client = Client(source.write_key, data=data_dir)

    _, message = client.track("u", "E", {"at": date(2025, 1, 2)})
    client.shutdown()

    [event] = stored(data_dir)
    assert (message["messageId"], message["timestamp"]) == (event["messageId"], event["timestamp"])
    assert message["properties"] == event["properties"] == {"at": "2025-01-02"}


def test_shutdown_leaves_nothing_open_and_the_next_call_is_taken(data_dir: Path, source: Source) -> None:
    client = Client(source.write_key, data=data_dir)
    client.track("u", "E", message_id="m1")

    client.shutdown()

    assert held(data_dir) == []
    assert client.track("u", "E", message_id="m2")[0]
    client.shutdown()
    assert message_ids(data_dir) == ["m1", "m2"]


def test_a_test_key_marks_events_as_test(data_dir: Path, source: Source) -> None:
    client = Client(source.test_write_key, data=data_dir)
    client.track("u", "E")
    client.shutdown()

    assert [each["namespace"] for each in stored(data_dir)] == ["test"]


def test_nothing_is_stored_where_send_is_off(data_dir: Path, tmp_path: Path, source: Source) -> None:
    client = Client(source.write_key, send=False, data=tmp_path / "none")

    assert client.track("u", "E")[0]
    assert not (tmp_path / "none").exists()
    assert stored(data_dir) == []


# -- values, beside the original ------------------------------------------------------------------------------

VALUES: list[object] = [
    {"a": [1, {"b": None}], "t": (1, 2), "ü": "grüße"},
    {
        "d": datetime(2025, 1, 2, 3, 4, 5, 678901, UTC),
        "n": datetime.fromisoformat("2025-01-02"),
        "day": date(2025, 1, 2),
    },
    {"price": Decimal("19.99"), "big": 2**53 + 1, "list": [Decimal(1)]},
    {"set": {"one"}, "enum": Colour.RED, "bytes": b"text"},
    {"took": timedelta(1), "kept": 1},
    {"id": UUID(int=1), "kept": 1},
    {"inner": {"odd": object(), "kept": 1}, "list": [1, object()], "kept": 1},
    {1: "a", 2.5: "b", False: "c", None: "d"},
    {"nan": float("nan")},
    {"huge": 2**70},
    {"half": "\ud800"},
    {"complex": 1j},
    {"fraction": Fraction(1, 2)},
    {"latin": b"\xff"},
    {(1, 2): 3},
    {"frozen": frozenset({1})},
]
BETTER = {"id": str(UUID(int=1)), "fraction": 0.5, "frozen": [1]}
"""What the original leaves out or raises at, and we say."""


def jsons(text: str) -> Any:
    """Read JSON; what is none in it, or what no event may hold, reads as absent."""
    return json.loads(text, parse_constant=lambda _: ABSENT, parse_int=bounded)


ABSENT = "\0absent"


def bounded(text: str) -> int | str:
    return int(text) if -(2**63) <= int(text) < 2**63 else ABSENT


def without_absent(value: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if each not in (ABSENT, "\ud800")}


@pytest.mark.parametrize("properties", VALUES, ids=lambda value: str(next(iter(value))))
def test_values_become_what_they_were_with_the_original_and_what_no_event_can_hold_is_left_out(
    properties: Any, data_dir: Path, source: Source
) -> None:
    client = Client(source.write_key, data=data_dir)

    ok, message = client.track("u", "E", properties)
    client.shutdown()

    try:
        _, theirs = Original("key", send=False).track("u", "E", properties)
        expected = without_absent(jsons(json.dumps(theirs["properties"], cls=DatetimeSerializer)))
    except (TypeError, ValueError):  # it raised in the program's face
        expected = {}
    better = {name: value for name, value in BETTER.items() if name in properties}
    assert ok
    assert message.get("properties", {}) == expected | better
    assert [each.get("properties", {}) for each in stored(data_dir)] == [expected | better]


def test_a_value_that_is_left_out_is_told(data_dir: Path, source: Source, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(source.write_key, data=data_dir)

    client.track("u", "E", {"secret": timedelta(1)})
    client.shutdown()

    assert caplog.messages == [
        "A value was left out of a call of track, for an event cannot hold it: it is of type timedelta"
    ]


CALLED: list[Callable[[Any], Any]] = [
    lambda c: c.track("u", "E"),
    lambda c: c.track("u"),
    lambda c: c.track(event="E"),
    lambda c: c.track("", "E"),
    lambda c: c.track("u", ""),
    lambda c: c.track(7, "E"),
    lambda c: c.track(["u"], "E"),
    lambda c: c.track(float("nan"), "E"),
    lambda c: c.track("u", "E", timestamp=datetime(1, 1, 1)),  # noqa: DTZ001 - one without a zone is meant
    lambda c: c.track("u", 7),
    lambda c: c.track("u", "E", "text"),
    lambda c: c.track("u", "E", []),
    lambda c: c.track("u", "E", context="text"),
    lambda c: c.track("u", "E", integrations=[1]),
    lambda c: c.track("u", "E", timestamp="2025-01-01"),
    lambda c: c.track("u", "E", timestamp=datetime(2025, 1, 1, tzinfo=UTC)),
    lambda c: c.track("u", "E", message_id=UUID(int=1)),
    lambda c: c.track("u", "E", message_id=("order", 17)),
    lambda c: c.track("u", "E", message_id=datetime(2025, 1, 1, tzinfo=UTC)),
    lambda c: c.track(None, "E", anonymous_id=""),
    lambda c: c.track("", "", anonymous_id=""),
    lambda c: c.track("", None, anonymous_id=""),
    lambda c: c.track("u", "E" * 2_000),
    lambda c: c.track("u\ud800", "E"),
    lambda c: c.identify("u", "text"),
    lambda c: c.identify("u"),
    lambda c: c.identify(),
    lambda c: c.page("u", "", ""),
    lambda c: c.page("u", 7),
    lambda c: c.screen("u", name=7),
    lambda c: c.group("u"),
    lambda c: c.group("u", ""),
    lambda c: c.group("u", 7),
    lambda c: c.group("u", "g", "text"),
    lambda c: c.alias("a"),
    lambda c: c.alias(user_id="u"),
    lambda c: c.alias("", "u"),
    lambda c: c.alias(1, 2),
]


@pytest.mark.parametrize("call", CALLED, ids=map(str, range(len(CALLED))))
def test_a_call_raises_only_where_that_of_the_original_does(
    call: Callable[[Any], Any], data_dir: Path, source: Source
) -> None:
    client, told = Client(source.write_key, on_error=lambda *_: None, data=data_dir), "nothing"
    theirs = Original("key", send=False)

    try:
        call(client)
    except InvalidCall:
        told = "raised"
    client.shutdown()

    if told == "raised":
        with pytest.raises(AssertionError):
            call(theirs)
    else:
        assert call(theirs)[0]


# -- what cannot be stored ------------------------------------------------------------------------------------


def test_on_error_is_told_at_once_of_what_could_not_be_stored(data_dir: Path, source: Source) -> None:
    told: list[tuple[Exception, list[Any]]] = []
    client = Client(source.write_key, on_error=lambda error, items: told.append((error, items)), data=data_dir)

    ok, message = client.track("u", "E", {"x": "x" * 40_000}, message_id="m")
    client.shutdown()

    [(error, items)] = told
    assert not ok
    assert items == [message]
    assert message["messageId"] == "m"
    assert str(error).startswith("The event has 40,")
    assert stored(data_dir) == []


def test_a_full_disk_is_told_to_on_error_and_not_raised(data_dir: Path, source: Source) -> None:
    told: list[Exception] = []
    client = Client(source.write_key, on_error=lambda error, _: told.append(error), data=data_dir)
    client._door._store._space_at, client._door._store._low = 1e12, True  # as a look at a full disk leaves it

    assert not client.track("u", "E")[0]
    client.shutdown()

    assert [type(error) for error in told] == [LimitExceeded]


def test_without_on_error_it_is_logged_and_with_sync_mode_raised(
    data_dir: Path, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = Client(source.write_key, data=data_dir)
    loud = Client(source.write_key, sync_mode=True, data=data_dir)

    assert not quiet.track("u", "E" * 2_000)[0]
    with pytest.raises(InvalidCall, match="longer than"):
        loud.track("u", "E" * 2_000)
    quiet.shutdown()
    loud.shutdown()

    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, "A call of track was not stored, and there is no on_error to be told: invalid_call")
    ]


# -- making one -----------------------------------------------------------------------------------------------


def test_options_without_a_use_are_named(data_dir: Path, source: Source) -> None:
    with pytest.warns(UserWarning, match="Turnout has no use for host, gzip, timeout: events go into its data dir"):
        Client(source.write_key, "https://api.segment.io", gzip=True, timeout=3, data=data_dir).shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Client(source.write_key, host=None, gzip=False, send=True, data=data_dir).shutdown()


@pytest.mark.parametrize(
    ("key", "error", "says"),
    [
        (None, InvalidInput, "`write_key` is missing; set it"),
        ("", InvalidInput, "`write_key` is missing; set it"),
        ("wk_of_segment", NotFound, "No source has this write key"),
    ],
)
@pytest.mark.usefixtures("source")
def test_a_key_that_is_missing_or_unknown_is_refused(
    key: str | None, error: type[TurnoutError], says: str, module: Any, data_dir: Path
) -> None:
    with pytest.raises(error, match=says):
        Client(key, data=data_dir)
    module.write_key = key
    with pytest.raises(error, match=says):
        module.track("u", "E")
    assert module.default_client is None


def test_a_client_of_the_programs_own_takes_the_calls_of_the_module(module: Any, data_dir: Path) -> None:
    taken: list[tuple[Any, ...]] = []

    class Fake:
        def track(self, **given: Any) -> tuple[bool, dict[str, Any]]:
            taken.append((given["user_id"], given["event"]))
            return True, {}

        def shutdown(self) -> None: ...

    module.default_client = Fake()
    module.track("u", "E")

    assert taken == [("u", "E")]
    assert stored(data_dir) == []
