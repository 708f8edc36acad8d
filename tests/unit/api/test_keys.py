from __future__ import annotations

import pytest

from turnout.api.keys import in_body, in_headers, in_query


@pytest.mark.parametrize(
    "given",
    [
        b"", b"Basic", b"Basic ", b"Basic \xff\xfe", "Basic é".encode(), b"Basic a", b"Basic /w==", b"Basic {}",
        b"basic\t", b"Digest x",
    ],
)  # fmt: skip
def test_a_header_that_holds_no_key_is_none(given: bytes) -> None:
    assert [key for key in in_headers({b"authorization": given}) if key] == []


def test_a_query_of_more_fields_than_anybody_sends_holds_no_key() -> None:
    assert in_query(b"writeKey=k&a=%FF&b") == ["k"]
    assert in_query(b"writeKey=k" + b"&a=1" * 2_000) == []


@pytest.mark.parametrize("cut", [b"\\ud83d", b"\\\\\\udc00 \\\\ud83d", b"\\ud83d" * 10_000])
def test_a_text_cut_within_a_character_does_not_hide_the_key(cut: bytes) -> None:
    assert in_body(b'{"event":"%b","writeKey":"k\\"","userId":"u"}' % cut) == 'k"'


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"writeKey":1}', b'{"writeKey":"\\ud800"}', b'{"writeKey":null}', b"[" * 100_000]
)
def test_a_body_without_a_key_that_is_a_text_holds_none(body: bytes) -> None:
    assert in_body(body) == ""
