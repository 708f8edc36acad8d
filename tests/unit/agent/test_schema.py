from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field, JsonValue, ValidationError

from turnout.agent.model import Args, Json, Key
from turnout.agent.schema import input_schema, output_schema, teach
from turnout.agent.tools.send_events import SendEvents


class Example(Args):
    """A note for readers of the code."""

    event: str = Field(description="e.g. A")
    user_id: str | None = None
    properties: Json | None = None
    limit: int = Field(20, ge=1, le=100)
    kind: Literal["first", "second"] | None = None
    idempotency_key: Key = None


class Row(BaseModel):
    """A row."""

    id: str
    more: dict[str, JsonValue] | None = None


class Rows(BaseModel):
    rows: list[Row]
    first: Row | None = None


def fault(given: dict[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(given)
    return teach("example", caught.value, list(Example.model_fields))


def test_an_input_schema_is_lean_and_closed() -> None:
    assert input_schema(Example) == {
        "type": "object",
        "additionalProperties": False,
        "required": ["event"],
        "properties": {
            "event": {"type": "string", "description": "e.g. A"},
            "user_id": {"type": "string"},
            "properties": {"type": "object"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "kind": {"type": "string", "enum": ["first", "second"]},
            "idempotency_key": {"type": "string", "description": "same key again: no second effect"},
        },
    }


def test_an_output_schema_has_its_models_in_place() -> None:
    row = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "more": {"type": "object"}},
    }

    assert output_schema(Rows) == {
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": {"type": "array", "items": row}, "first": row},
    }


def test_an_unknown_argument_is_told_its_nearest_name() -> None:
    said = fault({"event": "A", "userid": "secret-value"})

    assert "unknown argument 'userid' (did you mean 'user_id'?)" in said
    assert said.startswith("invalid_input: example: ")
    assert said.endswith("Arguments: event, user_id, properties, limit, kind, idempotency_key.")


def test_a_missing_argument_is_named() -> None:
    assert "missing argument 'event'" in fault({})


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_required_argument_is_missing(empty: object) -> None:
    assert "missing argument 'event'" in fault({"event": empty})


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": 4815162342},
        {"event": "A", "limit": 4815162342},
        {"event": "A", "kind": "4815162342"},
        {"event": "A", "idempotency_key": "4815162342\n"},
        {"event": "A", "properties": "4815162342"},
    ],
)
def test_a_rejected_value_is_never_repeated(wrong: dict[str, object]) -> None:
    said = fault(wrong)

    assert "4815162342" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("given", "meant"), [("firts", "first"), ("SECOND", "second"), ("zzz", None), (["first"], None)]
)
def test_a_value_that_is_none_of_a_few_is_told_the_nearest(given: object, meant: str | None) -> None:
    said = fault({"event": "A", "kind": given})

    assert "'first' or 'second'" in said
    assert ("did you mean" in said) == (meant is not None)
    assert meant is None or f"(did you mean {meant!r}?)" in said


def test_a_name_of_an_argument_is_cleaned_and_cut() -> None:
    said = fault({"event": "A", "x\n\u202e" + "y" * 500: 1})

    assert said.isprintable()
    assert len(said) < 300


def test_of_many_faults_the_first_are_told() -> None:
    assert "5 more" in fault({"event": "A"} | {f"unknown_{n}": n for n in range(10)})


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("propertys", "properties"),
        ("user_id", "userId"),
        ("anonymousID", "anonymousId"),
        ("trait", "traits"),
        ("Event", "event"),
        ("times\u202etamp", "timestamp"),
    ],
)
def test_a_field_of_a_call_in_a_batch_that_is_nearly_another_is_told_its_nearest_name(slip: str, meant: str) -> None:
    call = {"type": "track", "event": "A", "userId": "u"}
    del call["event" if meant == "event" else "type"]
    calls = [call, {**{name: value for name, value in call.items() if name != meant}, slip: "4815162342"}]

    with pytest.raises(ValidationError) as raised:
        SendEvents.model_validate({"events": calls})
    said = teach("send_events", raised.value, ["events"])

    assert f"events: call 1 has no field {slip.replace(chr(0x202E), '')!r} (did you mean {meant!r}?)" in said
    assert "4815162342" not in said


def test_a_field_of_a_call_that_nobody_knows_is_kept() -> None:
    calls = [{"type": "track", "event": "A", "userId": "u", "rudderId": "r", "user_id": "u", "_metadata": {}}]

    assert SendEvents.model_validate({"events": calls}).events == calls


@pytest.mark.parametrize("absent", [None, "", "null"])
@pytest.mark.parametrize("name", ["user_id", "properties", "limit", "kind", "idempotency_key"])
def test_an_optional_argument_that_says_nothing_is_absent(name: str, absent: object) -> None:
    plain = Example.model_validate({"event": "A"})

    assert Example.model_validate({"event": "A", name: absent}) == plain


def test_an_event_may_be_called_null() -> None:
    assert Example.model_validate({"event": "null"}).event == "null"
