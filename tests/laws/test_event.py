from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from hypothesis import example, given
from hypothesis import strategies as st

from support.events import CALLER, RECEIVED, accepted
from turnout.clock import iso
from turnout.document import Document, Json, encode
from turnout.event.items import outline
from turnout.event.skew import EARLIEST, LATEST, correct, parse
from turnout.event.stored import document
from turnout.event.wire import DEPTH, KEY_BYTES, Fields, Flaw, envelope, read

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INTEGERS = st.integers(-(2**64), 2**64)
LEAVES = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | TEXT
KEYS = TEXT | st.integers(KEY_BYTES - 30, KEY_BYTES + 30).map(lambda size: 'q"' * 15 + "k" * (size - 30))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)
WRAPS = st.integers(0, DEPTH + 2)
MOMENTS = st.integers(-(10**17), 10**17)
WRITABLE = st.integers(EARLIEST, LATEST)


def wrapped(value: Json, levels: int) -> Json:
    for level in range(levels):
        value = [value] if level % 2 else {"w": value}
    return value


def fault(value: object, depth: int = 1) -> bool:
    """Say by plain recursion whether a value holds what the door refuses."""
    if isinstance(value, dict):
        long = any(len(key.encode()) > KEY_BYTES for key in value)
        return depth > DEPTH or long or any(fault(inner, depth + 1) for inner in value.values())
    if isinstance(value, list):
        return depth > DEPTH or any(fault(inner, depth + 1) for inner in value)
    return isinstance(value, int) and not -(2**63) <= value < 2**63


@given(value=VALUES, levels=WRAPS, ascii_only=st.booleans())
def test_the_door_keeps_what_it_takes_byte_for_byte_and_refuses_exactly_what_holds_a_trap(
    *, value: Json, levels: int, ascii_only: bool
) -> None:
    event = {"userId": "u1", "properties": wrapped(value, levels)}
    body = json.dumps(event, ensure_ascii=ascii_only).encode()
    answer = read(body)
    assert isinstance(answer, Flaw) == fault(event)
    if isinstance(answer, Fields):
        assert answer.body == body
        assert answer.properties == event["properties"]


@given(st.lists(VALUES, max_size=6), VALUES, st.sampled_from([None, 1]))
def test_items_told_apart_by_brackets_are_those_that_a_reader_finds(
    batch: list[Json], other: Json, indent: int | None
) -> None:
    body = json.dumps({"a": other, "batch": batch, 'b"[': [other]}, indent=indent).encode()
    outlined, items = outline(body)
    found = json.loads(outlined)
    assert [json.loads(items[number]) for number in found["batch"]] == batch
    assert envelope(body[:-1].rstrip() + b', "c":[NaN]}').items == envelope(body).items


@given(st.binary(max_size=200) | TEXT.map(str.encode))
@example(b'{"\xff":1}')
def test_no_bytes_make_the_door_raise(body: bytes) -> None:
    answer = read(body)
    assert isinstance(answer, Flaw | Fields)


@given(
    st.dictionaries(TEXT.filter(lambda key: key not in {"userId", "messageId", "type", "event"}), LEAVES, max_size=5)
)
def test_the_round_trip_through_door_and_log_is_the_identity_on_what_is_accepted(extra: Document) -> None:
    body: Document = {"messageId": "m1", "properties": {"inner": extra}, "context": {"inner": extra}}
    if fault(body):
        return
    event = accepted(body)
    made = document(event.body, event.meta, received=RECEIVED, kind=event.kind)
    assert made["properties"] == body["properties"]
    assert made["context"] == body["context"]
    assert read(encode(made)).__class__ is Fields  # a document is an event again: it can be forwarded


@given(st.lists(MOMENTS, min_size=2), st.none() | MOMENTS, MOMENTS)
def test_skew_correction_preserves_the_order_of_the_events_of_one_call(
    originals: list[int], sent: int | None, received: int
) -> None:
    corrected = [correct(original, sent, received) for original in sorted(originals)]
    assert corrected == sorted(corrected)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_a_clock_that_is_wrong_by_any_constant_is_corrected_alike(original: int, sent: int, wrong: int) -> None:
    assert correct(original, sent, RECEIVED) == correct(original + wrong, sent + wrong, RECEIVED)


@given(TEXT | st.integers() | st.none() | st.lists(TEXT))
def test_no_value_makes_the_reading_of_a_moment_raise(value: Json) -> None:
    moment = parse(value)
    assert moment is None or isinstance(value, str)


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_that_is_written_and_read_is_the_same(at: datetime) -> None:
    read_back = parse(at.isoformat())
    assert read_back is not None
    assert parse(iso(correct(read_back, None, RECEIVED))) == correct(read_back, None, RECEIVED) // 1000 * 1000


@given(WRITABLE, WRITABLE | st.none(), WRITABLE | st.none())
def test_the_log_says_of_an_event_that_it_happened_when_the_rule_says(
    own: int, sent: int | None, envelope: int | None
) -> None:
    body: Document = {"timestamp": iso(own)} if sent is None else {"timestamp": iso(own), "sentAt": iso(sent)}
    event = accepted(body, replace(CALLER, sent_at="" if envelope is None else iso(envelope)))
    made = document(event.body, event.meta, received=RECEIVED, kind=event.kind)
    stamp = envelope if sent is None else sent
    expected = correct(parse(iso(own)), None if stamp is None else parse(iso(stamp)), RECEIVED)
    assert made["timestamp"] == iso(expected)
