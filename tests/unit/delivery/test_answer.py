"""What is written for libcurl, and what its callbacks make of what comes back."""

from __future__ import annotations

import errno

import pytest

from turnout.delivery.answer import BODY_BYTES, HEAD_BYTES, Incoming, header_lines, kind_after, kind_before
from turnout.exchange import NEVER_LEFT, Answer, FaultKind, Request


def with_headers(*headers: tuple[str, str]) -> Request:
    return Request("POST", "http://example.com/", headers)


def took(*lines: bytes) -> Incoming:
    incoming = Incoming()
    for line in lines:
        assert incoming.take_line(line) is None
    return incoming


def whole(incoming: Incoming) -> Answer:
    answer = incoming.answer(0, 0)
    assert answer is not None
    assert answer.whole
    return answer


@pytest.mark.parametrize("value", ["a\r\nx-other: b", "a\nb", "a\rb", "a\0b", "\x7f"])
def test_a_value_that_ends_its_line_is_refused(value: str) -> None:
    assert isinstance(header_lines(with_headers(("x-user", value))), str)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    assert isinstance(header_lines(with_headers((name, "value"))), str)


@pytest.mark.parametrize("method", ["", "PO ST", "GET /x HTTP/1.1\r\n", "ＰＯＳＴ"])  # noqa: RUF001 - the trap itself
def test_a_method_that_is_no_word_is_refused(method: str) -> None:
    assert isinstance(header_lines(Request(method, "http://example.com/")), str)


def test_headers_are_written_as_libcurl_wants_them() -> None:
    request = with_headers(("x-a", " 1\t"), ("x-empty", ""), ("x-name", "Börse"))

    assert header_lines(request) == [b"Expect:", b"x-a: 1", b"x-empty;", "x-name: Börse".encode()]


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "EXPECT", "Connection", "Upgrade"])
def test_framing_is_not_taken_from_outside(name: str) -> None:
    assert header_lines(with_headers((name, "7"))) == [b"Expect:"]


def test_a_head_is_complete_at_its_empty_line() -> None:
    incoming = took(b"HTTP/1.1 503 Busy\r\n", b"Retry-After:  7 \r\n")
    assert incoming.answer(0, 12) is None

    incoming.take_line(b"\r\n")

    assert incoming.answer(0, 12) == Answer(503, (("Retry-After", "7"),), b"", 12, whole=True)


def test_an_interim_head_is_not_an_answer() -> None:
    incoming = took(b"HTTP/1.1 103 Early Hints\r\n", b"link: </a>\r\n", b"\r\n")
    assert incoming.answer(0, 0) is None

    for line in (b"HTTP/1.1 200\r\n", b"x-a: 1\r\n", b"\r\n"):
        incoming.take_line(line)

    assert whole(incoming).headers == (("x-a", "1"),)


def test_trailers_are_passed_over() -> None:
    incoming = took(b"HTTP/1.1 200 OK\r\n", b"\r\n", b"x-late: 1\r\n")

    assert whole(incoming).headers == ()


def test_a_body_stops_at_its_cap() -> None:
    incoming = took(b"HTTP/1.1 200 OK\r\n", b"\r\n")

    taken = [incoming.take_body(b"x" * 40_000), incoming.take_body(b"x" * 40_000), incoming.take_body(b"x")]

    assert taken == [40_000, BODY_BYTES - 40_000, 0]
    assert len(whole(incoming).body) == BODY_BYTES
    assert incoming.answer(23, 0) != whole(incoming)


def test_a_head_stops_at_its_cap() -> None:
    incoming = took(b"HTTP/1.1 200 OK\r\n", b"x: " + b"a" * (HEAD_BYTES - 30) + b"\r\n")

    assert incoming.take_line(b"y: another line\r\n") == 0
    assert incoming.answer(23, 0) is None


@pytest.mark.parametrize("code", range(1, 100))
def test_every_error_is_on_its_side_of_the_line(code: int) -> None:
    assert kind_before(code, 0) in NEVER_LEFT
    assert kind_after(code) not in NEVER_LEFT


def test_a_refusal_is_told_from_an_unreachable_host() -> None:
    assert kind_before(7, errno.ECONNREFUSED) is FaultKind.REFUSED
    assert kind_before(7, errno.EHOSTUNREACH) is FaultKind.UNREACHABLE
