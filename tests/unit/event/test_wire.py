from __future__ import annotations

import json

import pytest

from turnout.errors import InvalidCall
from turnout.event.items import STEPS
from turnout.event.wire import MOST_ITEMS, Fields, Flaw, envelope, read


def reason(body: bytes, event_bytes: int = 32 * 1024) -> str:
    answer = read(body, event_bytes)
    return answer.reason if isinstance(answer, Flaw) else ""


def inside(value: bytes) -> bytes:
    return b'{"type":"track","userId":"u1","event":"E","properties":{"p":' + value + b"}}"


def nested(levels: int) -> bytes:
    """An object `levels` deep, the root included."""
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (inside(b"NaN"), "not_json"),
        (inside(b"Infinity"), "not_json"),
        (inside(b"-Infinity"), "not_json"),
        (inside(b"1e999"), "number_out_of_range"),
        (inside(b"-1e999"), "number_out_of_range"),
        (inside(b"9" * 4301), "number_out_of_range"),
        (inside(b"9223372036854775808"), "number_out_of_range"),
        (inside(b"-9223372036854775809"), "number_out_of_range"),
        (inside(b"[" * 15_000 + b"]" * 15_000), "too_deep"),
        (b"[" * 15_000 + b"]" * 15_000, "too_deep"),
        (nested(65), "too_deep"),
        (inside(b'"\\ud800"'), "bad_text"),
        (inside(b'"\\ud800\\u0041"'), "bad_text"),
        (inside(b'"\\udc00"'), "bad_text"),
        (b'{"\\ud800":1}', "bad_text"),
        (inside(b'"\xff"'), "bad_text"),
        (inside(b'"\xed\xa0\x80"'), "bad_text"),
        (inside(b'"\xc0\x80"'), "bad_text"),
        (b"null", "not_object"),
        (b"[null]", "not_object"),
        (b'["x"]', "not_object"),
        (b'"x"', "not_object"),
        (b"", "not_json"),
        (b'{"a":1', "not_json"),
        (b'{"a":1} x', "not_json"),
        (b'{"' + b"k" * 1025 + b'":1}', "key_too_long"),
        (b'{"' + b'\\"' * 1025 + b'":1}', "key_too_long"),
        (b'{"' + "é".encode() * 513 + b'":1}', "key_too_long"),
    ],
)
def test_what_a_later_step_would_choke_on_is_refused(body: bytes, expected: str) -> None:
    assert reason(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        inside(b"9223372036854775807"),
        inside(b"-9223372036854775808"),
        inside(b"9007199254740993"),
        inside(b"1e-999"),
        inside(b'"99999999999999999999999"'),
        inside(b'"1e999 NaN"'),
        inside(b'"\\ud83d\\ude00"'),
        inside(b'"\\\\ud800"'),
        inside(b'"\\u0000"'),
        inside(b"[" + b"{}," * 100 + b"{}]"),
        inside(b'"' + b"x" * 5000 + b'"'),
        inside(b'"' + b'\\"' * 5000 + b'"'),
        nested(64),
        b'{"' + b"k" * 1024 + b'":1}',
        b' {"a":1}\n',
    ],
)
def test_what_is_only_near_a_trap_is_taken_as_it_came(body: bytes) -> None:
    fields = read(body)
    assert isinstance(fields, Fields)
    assert fields.body == body


def test_more_than_ten_thousand_keys_in_an_object_are_refused() -> None:
    def keys(count: int) -> bytes:
        return json.dumps({"properties": {f"k{i}": 1 for i in range(count)}}).encode()

    assert reason(keys(10_001), 512 * 1024) == "too_many_keys"
    assert reason(keys(10_000), 512 * 1024) == ""


def test_an_item_is_measured_in_bytes_and_a_setting_moves_the_limit() -> None:
    body = inside(b'"' + b"x" * 40_000 + b'"')
    assert reason(body) == "too_large"
    assert reason(body, 512 * 1024) == ""


def test_of_a_key_that_comes_twice_the_last_one_wins() -> None:
    fields = read(b'{"userId":"first","userId":"last"}')
    assert isinstance(fields, Fields)
    assert fields.user_id == "last"


def test_a_write_key_is_taken_out_of_the_stored_body_and_nothing_else() -> None:
    fields = read(b'{"userId":"u1","writeKey":"secret","properties":{"writeKey":"mine","n":9007199254740993}}')
    assert isinstance(fields, Fields)
    assert json.loads(fields.body) == {"userId": "u1", "properties": {"writeKey": "mine", "n": 9007199254740993}}


def test_a_refusal_names_no_value_that_came_with_the_event() -> None:
    for body in (b'{"' + b"secret" * 200 + b'":1}', b'{"secret":NaN}', b'"secret"', inside(b'"secret" 1e999')):
        flaw = read(body)
        assert isinstance(flaw, Flaw)
        assert "secret" not in flaw.say


def test_an_envelope_is_taken_apart_and_its_items_stay_bytes() -> None:
    body = b'{"batch":[{"a": 1},null,"x"],"sentAt":"2025-11-24","writeKey":"k","context":{"ip":"::1"},"x":1}'
    batch = envelope(body)
    assert batch.items == (b'{"a": 1}', b"null", b'"x"')
    assert (batch.sent_at, batch.write_key) == ("2025-11-24", "k")
    assert (batch.context, batch.integrations) == (b'{"ip":"::1"}', b"")


def test_a_text_cut_within_a_character_costs_its_own_item_alone() -> None:
    whole, escaped = b'{"a":"\\ud83d\\ude00"}', b'{"a":"\\\\ud83d"}'
    for half in (b'{"a":"\\ud83d"}', b'{"a":"\\\\\\uDC00"}', b'{"\\udfff":"\\ud83d\\ud83d"}'):
        batch = envelope(b'{"batch":[' + b",".join([whole, half, escaped, b"null"]) + b'],"sentAt":"2025-11-24"}')
        assert batch.items == (whole, half, escaped, b"null")
        assert [isinstance(read(item), Fields) for item in batch.items] == [True, False, True, False]
        assert batch.sent_at == "2025-11-24"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"a":NaN,"b":"]},{\\"["}', "not_json"),
        (b'{ "a" : [ 1, -Infinity ] }', "not_json"),
        (b"Infinity", "not_json"),
        (b'{"a":' + b"[" * 1_500 + b'"}"' + b"]" * 1_500 + b"}", "too_deep"),
        (b'{"a":' * 5_000 + b"{}" + b"}" * 5_000, "too_deep"),
    ],
    ids=["nan", "infinity", "alone", "lists", "objects"],
)
def test_an_item_that_real_clients_write_and_strict_readers_refuse_costs_itself_alone(bad: bytes, reason: str) -> None:
    good = b'{"a": "NaN, ]}\\"\\\\", "b": [{}, [1, "\xc3\xa9"]]}'
    batch = envelope(
        b' { "x":[0,NaN], "writeKey":"k\\"", "batch" : [ %b ,%b, %b\n], "sentAt":"2025-11-24"}' % (good, bad, good)
    )

    assert batch.items == (good, bad, good)
    assert [found.reason if isinstance(found := read(item), Flaw) else "" for item in batch.items] == ["", reason, ""]
    assert (batch.write_key, batch.sent_at) == ('k"', "2025-11-24")


@pytest.mark.parametrize("last", [b"1", b"NaN"])
def test_of_items_without_end_no_more_are_taken_apart_than_may_be_told(last: bytes) -> None:
    assert len(envelope(b'{"batch":[' + b"1," * 2 * MOST_ITEMS + last + b"]}").items) == MOST_ITEMS


def test_an_envelope_with_stamps_of_a_wrong_type_still_gives_its_items() -> None:
    for stamp in (b"17", b"[1e999]", b'{"n":' + b"1" * 4_000_000 + b"}"):
        batch = envelope(b'{"batch":[{}],"sentAt":%b,"writeKey":null}' % stamp)
        assert (batch.items, batch.sent_at, batch.write_key) == ((b"{}",), "", "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"batch":null}',
        b'{"batch":{}}',
        b'{"batch":[NaN}',
        b'{"batch":[NaN,]}',
        *(
            b'{"batch":[{"a":NaN},{"a":%b}]}' % no
            for no in (b"+NaN", b"-NaN", b"1NaN", b"NaN0", b"--Infinity", b"Infinity.1")
        ),
        b'{"batch":[{"a":NaN},{"a":"\xff"]}',
        b'{"batch":[{"a":NaN},{"a":1e999 1}]}',
        b'{"batch":[{"a":NaN}],"context":{"a":NaN}}',
        b'{"batch":[{"a":"NaN]}',
        b'{"batch":' + b"[" * 100_000,
        b'{"batch":[NaN' + b",1" * STEPS + b"]}",
        b'{"batch":["\\ud83d"}',
        b'{"batch":["\\ud83"]}',
        b"\xff",
    ],
)
def test_what_is_no_batch_raises_for_the_whole_request(body: bytes) -> None:
    with pytest.raises(InvalidCall):
        envelope(body)
