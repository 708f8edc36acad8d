"""JSON as no client should write it: what is JSON is taken and kept as it is, all else refused, and nothing breaks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.doors import Door, opened, value
from turnout.api.reading import BODY_BYTES

# Kinds of cases after the JSONTestSuite of Nicolas Seriot (github.com/nst/JSONTestSuite, MIT); the texts are our own.
TAKEN = [
    b"[]", b"{}", b"null", b"true", b"false", b'""', b"0", b"-0", b"[[]]", b"[{}]", b'{"":0}', b'{"a":[]}',
    b" [ 1 ,\t2\r\n, 3 ] ", b"1", b"-1", b"123456789", b"9007199254740993", b"9223372036854775807",
    b"-9223372036854775808", b"0.1", b"-0.0", b"1.0", b"1e0", b"1E+2", b"1e-2", b"20e1", b"1.5e+308", b"5e-324",
    b"0.1e1", b"123.456789012345678", b"100000000000000000000000.0", b"1.7976931348623157e308",
    b"-0.0000000000000000000000000000000000000000000000000000000000000000000000000001",
    b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', b'"\\u0000"', b'"\\u0012"', b'"\\u00e9"', b'"\\uD83D\\uDE00"', b'"\\ud83d\\ude00\\ud83d\\ude00"',
    b'"\\\\ud83d"', b'"\\uFFFF"', b'"\\uFDD0"', b'"\\u200B"', b'"\\u2028\\u2029"', b'"\\uDBFF\\uDFFF"',
    '"é€😀"'.encode(), b'"\x7f"', '"\u2028\u2029\ufeff"'.encode(), '"\U0010ffff"'.encode(), b'"/* no comment */"',
    b'{"a":1,"a":2}', b'{"a":{"b":[1,{"c":null}]}}', b'{"\\u0000":1}', b'{"__proto__":{"a":1}}', b'{"\\ud83d\\ude00":1}',
    b'{"NaN":"Infinity"}', b'[1,"a",null,true,{"x":[-1.5e3]}]', b'{"a": "' + b"x" * 20_000 + b'"}', b"[" * 60 + b"]" * 60,
]  # fmt: skip
NO_JSON = [
    b"", b" ", b"nul", b"True", b"+NaN", b"-NaN", b"1NaN", b"nan", b"Inf", b"--Infinity", b"+1", b"01", b"-01", b"1.", b".1", b"-.1", b"1.e1",
    b"1e", b"1e+", b"1eE2", b"0x1", b"1_000", b"- 1", b"--1", b"1 000", b"1-2", b"\xef\xbc\x91", b"[1", b"[1,]", b"[,1]", b"[1,,2]",
    b"[1 2]", b"[1:2]", b"1]", b"[1}", b"[", b"{", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{"a":1,,"b":2}', b"{a:1}", b"{'a':1}", b"{1:1}",
    b'{"a" 1}', b'{"a"::1}', b'{"a":1 "b":2}', b'{"a":1]', b'{"a":/**/1}', b"[1]//", b"#", b"'a'", b'"a', b'"', b'"\\', b'"\\x41"',
    b'"\\u00"', b'"\\u00g0"', b'"\\U0041"', b'"\\0"', b'"\\\x00"', b'"a\nb"', b'"a\tb"', b'"\x00"', b'"\x1f"', b"\x00", b"[\x00]",
    b"[1]\x00", b"\x0c[]", b"[\xc2\xa0]", b"\xe2\x81\xa0[]", b"<null>", b"*", b"\\u0061", b'{"a":true}x', b"[][]", b'""""', b'{"a":"b"}#',
    b'{"a":"b"}/**/', b"[1,\n1\n,1", b'["\\u00A"]', b'[\\u000A""]', b"\xff", b"[\xff]", b"\xe5", b"[" * 100_000, b'[{"":' * 50_000,
    b"{" * 100_000,
]  # fmt: skip
FOREIGN = [b"NaN", b"Infinity", b"-Infinity", b'{"a":[NaN]}', b'["NaN",Infinity]']  # as Python's json writes
HALVES = [
    b'"\\ud800"', b'"\\udc00"', b'"\\ud83d\\ud83d"', b'"\\ude00\\ud83d"', b'"\\ud83dx"', b'"\\ud83d\\n"', b'"\\ud83d\\u0041"',
    b'{"\\udead":1}', b'"\\ud800\\ud800\\udc00"',
]  # fmt: skip
BAD_TEXT = [
    b'"\xff"',
    b'"\xc0\x80"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"\x80"',
    b'"\xe9"',
    b'"\xe2\x82"',
    b'{"\xff":1}',
]
TOO_MUCH = [
    b"1e999", b"-1e999", b"1" + b"0" * 400, b"123456789e400", b"9223372036854775808", b"-9223372036854775809",
    b"18446744073709551615", b"18446744073709551616", b"1" * 4_300, b"1" * 4_301, b"-" + b"9" * 30_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("json")) as door:
        yield door


def single(text: bytes) -> bytes:
    return b'{"userId":"u","event":"E","properties":{"v":%b}}' % text


def batch(text: bytes) -> bytes:
    """The trap in the middle of three."""
    other = b'{"type":"track","userId":"u","event":"E"}'
    return b'{"batch":[%b,%b,%b]}' % (other, b'{"type":"track",' + single(text)[1:], other)


def test_what_is_json_is_taken_and_no_value_is_changed(door: Door) -> None:
    for text in TAKEN:
        before = len(door.bodies())
        assert door.post("/v1/track", single(text)).status == 200
        assert door.post("/v1/batch", batch(text)).status == 200
        kept = [value(body)["properties"]["v"] for body in door.bodies()[before:] if b'"properties"' in body]
        assert kept == [value(text)] * 2


def test_a_value_that_is_no_call_costs_itself_alone(door: Door) -> None:
    other = b'{"type":"track","userId":"u","event":"E"}'
    for text in TAKEN:
        events, reasons = len(door.bodies()), len(door.reasons())
        said = door.post("/v1/track", text)
        assert said.status == (200 if text.strip().startswith(b"{") else 400)
        assert door.post("/v1/batch", b'{"batch":[%b,%b,%b]}' % (other, text, other)).status == 200
        assert len(door.bodies()) - events == 2
        assert len(door.reasons()) - reasons == 2


@pytest.mark.parametrize("path", ["/v1/track", "/v1/identify", "/v1/batch", "/v1/import", "/v1/t", "/api/s/track"])
def test_what_is_no_json_is_refused_whole(door: Door, path: str) -> None:
    before = door.bodies()
    for text in NO_JSON:
        for body in (text, single(text) if path != "/v1/batch" else batch(text)):
            said = door.post(path, body)
            assert (said.status, said.told["success"]) == (400, False), body[:100]
            assert said.code in {"not_json", "too_large", "no_batch", "bad_text"}, (body[:100], said.code)
    assert door.bodies() == before


@pytest.mark.parametrize(
    ("texts", "status", "reasons"),
    [
        (FOREIGN, 400, {"not_json"}),
        (HALVES, 400, {"bad_text"}),
        (BAD_TEXT, 400, {"bad_text"}),
        (TOO_MUCH, 200, {"number_out_of_range", "too_large"}),
    ],
    ids=["no-numbers", "half-pairs", "bad-utf-8", "numbers"],
)
def test_a_trap_costs_its_own_event_and_says_why(
    door: Door, texts: list[bytes], status: int, reasons: set[str]
) -> None:
    for text in texts:
        events, refused = len(door.bodies()), len(door.reasons())
        assert door.post("/v1/track", single(text)).status == status, text[:50]
        assert door.post("/v1/batch", batch(text)).status == 200, text[:50]
        assert len(door.bodies()) - events == 2, text[:50]
        assert set(door.reasons()[refused:]) <= reasons, text[:50]
        assert len(door.reasons()) - refused == 2, text[:50]


def test_what_is_nested_64_deep_is_taken_and_deeper_is_refused(door: Door) -> None:
    events = len(door.bodies())
    for deep in (62, 63, 64, 100, 500, 5_000):
        inner = b"[" * deep + b"]" * deep
        assert door.post("/v1/track", single(inner)).status == 200
        assert door.post("/v1/batch", batch(inner)).status == 200
    kept = [value(body)["properties"]["v"] for body in door.bodies()[events:] if b'"properties"' in body]

    assert kept == [value(b"[" * 62 + b"]" * 62)] * 2
    assert door.reasons()[-10:] == ["too_deep"] * 10


@pytest.mark.parametrize("deep", [1_000, 100_000, 2_000_000])
def test_what_is_nested_without_end_is_refused(door: Door, deep: int) -> None:
    for shape in (b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep, b'{"batch":' + b"[" * deep):
        for path in ("/v1/track", "/v1/batch"):
            said = door.post(path, shape)
            assert said.status in {200, 400}
            assert said.status == 400 or door.reasons()[-1] in {"too_deep", "too_large"}


def test_what_is_no_call_in_a_batch_costs_itself_alone(door: Door) -> None:
    events = len(door.bodies())
    for items in (b"null", b"[null]", b'["x"]', b"[1]", b"[[]]", b"[true]", b"[]", b"{}", b'"x"', b"1", b"[{}]"):
        said = door.post("/v1/batch", b'{"batch":%b}' % items)
        assert said.status == (200 if items.startswith(b"[") else 400)
    for body in (b"{}", b"[]", b'{"batch":[],"batch":null}', b'{"Batch":[]}'):
        assert door.post("/v1/batch", body).status == 400

    assert len(door.bodies()) == events


BOMBS = {
    "zeros": (gzip.compress(b"\0" * 200_000_000), "body_too_large"),
    "twice": (gzip.compress(gzip.compress(b"\0" * 200_000_000)), "not_json"),
    "members": (gzip.compress(b"\0" * 4_000_000) * 50, "body_too_large"),
    "empty-members": (gzip.compress(b"") * 200_000, "not_json"),
    "one-too-many": (gzip.compress(b" " * (BODY_BYTES + 1)), "body_too_large"),
    "cut": (gzip.compress(single(b"1"))[:-9], "bad_gzip"),
    "trailing": (gzip.compress(single(b"1")) + b"more", "bad_gzip"),
    "wrong-sum": (gzip.compress(single(b"1"))[:-8] + bytes(8), "bad_gzip"),
    "magic-alone": (b"\x1f\x8b", "bad_gzip"),
    "plain-too-large": (b" " * (BODY_BYTES + 1), "body_too_large"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_costs_little_memory(door: Door, name: str) -> None:
    body, code = BOMBS[name]
    before = most_memory(door)

    for headers in ((), ("Content-Encoding: gzip",), ("Content-Encoding: br",)):
        said = door.post("/v1/batch", body, *headers)
        assert (said.status, said.code) == (400, code)

    assert most_memory(door) - before < 60_000_000


def most_memory(door: Door) -> int:
    """Read the most bytes of memory that the server ever had."""
    lines = Path(f"/proc/{door.server.process.pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_a_body_of_many_gzip_members_is_one_body(door: Door) -> None:
    body = batch(b'"members"')
    cut = len(body) // 2

    said = door.post("/v1/batch", gzip.compress(body[:cut]) + gzip.compress(body[cut:]))

    assert said.told == {"success": True}
    assert json.loads(door.bodies()[-2])["properties"] == {"v": "members"}
