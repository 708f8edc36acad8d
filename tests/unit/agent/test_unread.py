from __future__ import annotations

import json

import pytest

from turnout.agent.unread import A_BATCH, INVALID_REQUEST, PARSE_ERROR, IdScan, answer, read_id


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'{"params":{"id":"inner","a":["id"]},"x":"\\ud83d","id":7}', 7),
        (b'{"id" : "a\\"b" , "x": NaN}', 'a"b'),
        (b'{"x":"\\"id\\":1","y":[[[', None),
        (b'{"id":1', None),
        (b'{"id":1.5,"x":', None),
        (b'{"id":' + b"1" * 30 + b"}", None),
        (b'{"id":"\\ud83d"}', None),
        (b'[{"id":1}', None),
        (b'{"a":"unterminated \\', None),
        (b'{"id":"' + b"y" * 600 + b'"}', None),
        (b"nonsense", None),
    ],
)
def test_an_id_is_found_only_where_it_is_the_requests_own(line: bytes, found: str | int | None) -> None:
    assert read_id(line) == found


@pytest.mark.parametrize("size", [1, 7, 1_023, 1_024, 1_025, 4_000])
def test_an_id_is_found_wherever_the_pieces_end(size: int) -> None:
    line = json.dumps(
        {"p": {"id": 1, "t": '\\"' * 3_000, "l": [[["]"]]] * 300}, "jsonrpc": "2.0", "id": "x-1"}
    ).encode()
    scan = IdScan()

    for at in range(0, len(line), size):
        scan.feed(line[at : at + size])
    scan.feed(b"", last=True)

    assert scan.found == "x-1"


@pytest.mark.parametrize("part", [b"[", b'"', b"\\", b'{"', b"[]", b'\\"'])
def test_a_line_made_to_be_slow_is_read_in_one_pass(part: bytes) -> None:
    assert read_id(b'{"x":"' + part * 300_000) is None


def test_an_answer_to_nothing_is_not_answered() -> None:
    assert answer(b'{"jsonrpc":"2.0","id":1,"result":[]}', is_json=True) is None


def test_a_batch_is_an_invalid_request_and_told_so() -> None:
    said = answer(b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', is_json=True)

    assert said == {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": A_BATCH}}


def test_what_is_no_json_is_a_parse_error_with_the_id_that_was_found() -> None:
    said = answer(b'{"method":"\\ud83d","id":4}', is_json=False)

    assert said is not None
    assert (said["id"], said["error"]["code"]) == (4, PARSE_ERROR)  # type: ignore[index, call-overload]
