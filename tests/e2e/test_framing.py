"""Where a request ends is never in doubt: what could be read in two ways is refused, and nothing behind it runs."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from support.program import Program, Served
from support.raw import Raw, Said, ask, request
from turnout.api import limits

START = b"POST /v1/track HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ALIVE = request("/healthz", "Connection: close")


def sent(*headers: bytes, start: bytes = START, host: bytes = HOST) -> bytes:
    """Write a head; the hidden request is put behind it."""
    return start + host + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


def chunked(body: bytes, path: str = "/v1/track") -> bytes:
    """Write a chunked request, its body as it stands."""
    return request(path, "Transfer-Encoding: chunked", method="POST") + body


# What each of them would be to a careless server: a request that ends early, and the hidden one behind it.
REFUSED: dict[str, bytes] = {
    "length-and-chunked": sent(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunked-and-length": sent(b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n",
    "two-lengths": sent(b"Content-Length: 0", b"Content-Length: 300"),
    "same-length-twice": sent(b"Content-Length: 0", b"Content-Length: 0"),
    "list-of-lengths": sent(b"Content-Length: 0, 300"),
    "signed-length": sent(b"Content-Length: +0"),
    "negative-length": sent(b"Content-Length: -1"),
    "hexadecimal-length": sent(b"Content-Length: 0x0"),
    "empty-length": sent(b"Content-Length:"),
    "broken-length": sent(b"Content-Length: 0 0"),
    "huge-length": sent(b"Content-Length: 18446744073709551616"),
    "unknown-encoding": sent(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "chunked-then-identity": sent(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "identity": sent(b"Transfer-Encoding: identity"),
    "gzip-then-chunked": sent(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "chunked-twice": sent(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "two-encodings": sent(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "encoding-twice": sent(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "quoted-encoding": sent(b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n",
    "vertical-tab-encoding": sent(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "empty-encoding": sent(b"Transfer-Encoding:") + b"0\r\n\r\n",
    "chunked-in-1.0": sent(b"Transfer-Encoding: chunked", start=b"POST /v1/track HTTP/1.0\r\n") + b"0\r\n\r\n",
    "folded-header": sent(b"X: a\r\n b"),
    "folded-encoding": sent(b"Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n",
    "folded-first": sent(host=b" " + HOST),
    "space-before-colon": sent(b"Content-Length : 300"),
    "no-colon": sent(b"Content-Length 300"),
    "no-name": sent(b": 300"),
    "line-feed-alone": sent(b"X: a\nContent-Length: 300"),
    "line-feed-ends-head": START + HOST + b"\n",
    "line-feed-ends-start": START.replace(b"\r", b"") + HOST + b"\r\n",
    "carriage-return-alone": sent(b"X: a\rContent-Length: 300"),
    "two-carriage-returns": sent(b"X: a\r"),
    "nul-in-value": sent(b"X: a\0b"),
    "nul-in-name": sent(b"X\0: a"),
    "nul-in-target": sent(start=b"POST /v1/track\0 HTTP/1.1\r\n"),
    "control-in-value": sent(b"X: a\x01b"),
    "absolute-target": sent(start=b"POST http://127.0.0.1/v1/track HTTP/1.1\r\n"),
    "authority-target": sent(start=b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n"),
    "asterisk-target": sent(start=b"OPTIONS * HTTP/1.1\r\n"),
    "bytes-in-target": sent(start=b"POST /v1/track\xff HTTP/1.1\r\n"),
    "no-host": sent(host=b""),
    "two-hosts": sent(host=HOST + b"Host: evil.example\r\n"),
    "same-host-twice": sent(host=HOST + HOST),
    "lower-case-method": sent(start=b"post /v1/track HTTP/1.1\r\n"),
    "unknown-method": sent(start=b"SMUGGLE /v1/track HTTP/1.1\r\n"),
    "tabs-in-start": sent(start=b"POST\t/v1/track\tHTTP/1.1\r\n"),
    "lower-case-version": sent(start=b"POST /v1/track http/1.1\r\n"),
    "unknown-version": sent(start=b"POST /v1/track HTTP/1.2\r\n"),
    "prior-knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "chunk-size-no-number": chunked(b"g\r\nabc\r\n0\r\n\r\n"),
    "chunk-size-0x": chunked(b"0x0\r\n\r\n"),
    "chunk-size-signed": chunked(b"+0\r\n\r\n"),
    "chunk-size-negative": chunked(b"-1\r\n\r\n"),
    "chunk-size-huge": chunked(b"10000000000000000\r\n\r\n"),
    "chunk-size-space": chunked(b"0 \r\n\r\n"),
    "chunk-size-line-feed": chunked(b"3\nabc\r\n0\r\n\r\n"),
    "chunk-too-long": chunked(b"3\r\nabcd\r\n0\r\n\r\n"),
    "chunk-ends-in-line-feed": chunked(b"3\r\nabc\n0\r\n\r\n"),
    "extension-ends-in-line-feed": chunked(b"0;a\n\r\n\r\n"),
    "extension-quotes-line-end": chunked(b'0;a="\r\n\r\n"\r\n\r\n'),
    "trailer-ends-in-line-feed": chunked(b"0\r\nX: a\n\r\n"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and a request that would leave an event if it were ever read as one."""

    server: Served
    hidden: bytes

    def ask(self, text: bytes, step: int = 0, *, ends: bool = False) -> list[Said]:
        return ask(self.server.address, text, step, ends=ends)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Serve for all tests here; at the end no hidden event was recorded, and nothing broke."""
    folder = tmp_path_factory.mktemp("framing")
    program = Program(folder / "data", (("TURNOUT_LOG", "debug"),))
    key = program.tell("source", "create", "Web")["write_key"]
    basic = base64.b64encode(f"{key}:".encode()).decode()
    body = json.dumps({"event": "Hidden", "userId": "u"}).encode()
    hidden = partial(request, "/v1/track", f"Authorization: Basic {basic}", method="POST", body=body)
    with program.served(folder / "log") as server:
        assert [said.status for said in ask(server.address, hidden("Connection: close"))] == [200]
        yield Target(server, hidden())
        assert [event for event in server.events() if event["level"] == "error"] == []
        assert server.stop() == 0
    assert program.tell("usage")["events"] == 1  # the one that shows that the hidden ones would have been


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused_once_and_ends_the_connection(target: Target, name: str) -> None:
    step = random.randint(1, 40)  # noqa: S311  # of the run's seed

    for said in (target.ask(REFUSED[name] + target.hidden), target.ask(REFUSED[name] + target.hidden, step)):
        assert [each.status for each in said] == [400]
        assert set(said[0].told) >= {"success", "code", "message"}
        assert said[0].headers["connection"] == "close"


@pytest.mark.parametrize("start", ["GET /healthz", "GET /healthz HTTP/0.9", "GET /healthz HTTP/2.0"])
def test_another_version_of_http_is_refused(target: Target, start: str) -> None:
    said = target.ask(f"{start}\r\n".encode() + HOST + b"\r\n" + target.hidden)

    assert [(each.status, each.code) for each in said] == [(400, "unsupported_version")]


WISH = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize(
    "headers",
    [(), ("X-Length: 300",), ("Content-Encoding: chunked",), WISH, ("Upgrade: websocket", "Connection: upgrade")],
    ids=["plain", "other-length", "other-encoding", "http-2", "websocket"],
)
def test_a_body_that_looks_like_a_request_is_a_body(target: Target, headers: tuple[str, ...], step: int) -> None:
    hidden = target.hidden
    known = request("/healthz", *headers, method="POST", body=hidden)
    parts = request("/healthz", *headers, "Transfer-Encoding: chunked", method="POST")
    parts += b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)

    for text in (known, parts):
        assert [said.status for said in target.ask(text + ALIVE, step)] == [405, 200]


@pytest.mark.parametrize("step", [0, 1])
def test_behind_a_wish_to_upgrade_the_next_request_is_a_request(target: Target, step: int) -> None:
    wish = request("/healthz", *WISH)

    assert [said.status for said in target.ask(wish + wish + request("/nowhere") + ALIVE, step)] == [200, 200, 404, 200]


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("framing", ["Content-Length: 2", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("end", ["Connection: Upgrade, close", "Connection: close, Upgrade"])
def test_the_body_of_a_last_request_that_wishes_to_upgrade_is_read(
    target: Target, step: int, framing: str, end: str
) -> None:
    body = b"2\r\n{}\r\n0\r\n\r\n" if "chunked" in framing else b"{}"
    wish = request("/healthz", end, "Upgrade: websocket", framing, method="POST") + body

    said = target.ask(wish + target.hidden, step)

    assert [(each.status, each.headers["connection"]) for each in said] == [(405, "close")]


@pytest.mark.parametrize(
    "last", [request("/healthz", "Connection: close"), b"GET /healthz HTTP/1.0\r\n" + HOST + b"\r\n"]
)
def test_nothing_follows_the_request_that_ends_a_connection(target: Target, last: bytes) -> None:
    said = target.ask(last + target.hidden)

    assert [(each.status, each.headers["connection"]) for each in said] == [(200, "close")]


@pytest.mark.parametrize("asked", [b"GET /readyz", b"OPTIONS /v1/track"])
def test_a_proxys_check_in_http_1_0_that_names_no_host_is_answered(target: Target, asked: bytes) -> None:
    assert [said.status for said in target.ask(asked + b" HTTP/1.0\r\n\r\n")] == [200]
    assert [said.status for said in target.ask(asked + b" HTTP/1.0\r\nHost: evil.example\r\n\r\n")] == [421]


@pytest.mark.parametrize("count", [1, 5])
def test_who_ends_the_sending_side_is_answered_before_the_connection_ends(target: Target, count: int) -> None:
    stranger = target.hidden.replace(b"Basic d", b"Basic x")

    assert [said.status for said in target.ask(stranger * count, ends=True)] == [401] * count


@pytest.mark.parametrize("half", [1, 40, -1])
@pytest.mark.parametrize("count", [1, 5])
def test_what_is_whole_is_answered_where_half_a_request_follows_it(target: Target, count: int, half: int) -> None:
    stranger = target.hidden.replace(b"Basic d", b"Basic x")

    assert [said.status for said in target.ask(stranger * count + target.hidden[:half], ends=True)] == [401] * count


def test_half_a_request_whose_sender_ends_is_none(target: Target) -> None:
    assert target.ask(target.hidden[:-1], ends=True) == []


def test_trailers_and_extensions_of_chunks_change_nothing(target: Target) -> None:
    odd = b'3;name="value"\r\nabc\r\n0;last\r\nHost: evil.example\r\nAuthorization: Basic x\r\n\r\n'

    assert [said.status for said in target.ask(chunked(odd, "/healthz") + ALIVE)] == [405, 200]


def test_a_key_in_a_trailer_is_none(target: Target) -> None:
    key = next(line for line in target.hidden.split(b"\r\n") if line.startswith(b"Authorization"))
    body = target.hidden.partition(b"\r\n\r\n")[2]
    late = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, key)

    assert [said.status for said in target.ask(chunked(late) + ALIVE)] == [401, 200]


@pytest.mark.parametrize("step", [0, 1, 50])
def test_pipelined_requests_are_answered_in_their_order(target: Target, step: int) -> None:
    kinds = [(target.hidden.replace(b"Basic d", b"Basic x"), 401), (request("/nowhere"), 404), (request(), 200)]
    drawn = random.choices(kinds, k=20)  # noqa: S311  # of the run's seed

    said = target.ask(b"".join(text for text, _ in drawn) + ALIVE, step)

    assert [each.status for each in said] == [status for _, status in drawn] + [200]


@pytest.mark.parametrize("wrong", ["two-hosts", "chunk-too-long", "two-lengths"])
def test_what_came_before_a_refused_request_is_answered_before_the_refusal(target: Target, wrong: str) -> None:
    strange = target.hidden.replace(b"Basic d", b"Basic x")

    said = target.ask(strange * 5 + REFUSED[wrong] + target.hidden)

    assert [each.status for each in said] == [401] * 5 + [400]


def test_too_many_requests_ahead_of_their_answers_are_told_to_come_again(target: Target) -> None:
    strange = target.hidden.replace(b"Basic d", b"Basic x")

    said = target.ask(strange * 200)

    assert [each.status for each in said] == [401] * (limits.AHEAD + 1) + [429]
    assert said[-1].headers["retry-after"] == "1"


def test_a_body_is_asked_for_where_the_client_waits_to_be_asked(target: Target) -> None:
    body = b"x" * 100_000
    head = request("/healthz", "Expect: 100-continue", f"Content-Length: {len(body)}", method="POST")
    with Raw(target.server.address) as raw:
        raw.send(head)
        assert [said and said.status for said in [raw.answer()]] == [100]
        raw.send(body + ALIVE)
        assert [said.status for said in raw.answers()] == [405, 200]


def test_no_body_is_asked_for_that_would_be_refused(target: Target) -> None:
    head = request("/v1/track", "Expect: 100-continue", f"Content-Length: {limits.BODY_BYTES + 1}", method="POST")

    assert [(said.status, said.code) for said in target.ask(head)] == [(400, "body_too_large")]


HEADS = {
    "long-target": (request("/" + "x" * limits.URI_BYTES), 414, "uri_too_long"),
    "endless-target": (b"GET /" + b"x" * 300_000, 414, "uri_too_long"),
    "long-header": (request("/healthz", "X: " + "x" * limits.HEAD_BYTES), 431, "headers_too_large"),
    "endless-header": (START + HOST + b"X: " + b"x" * 300_000, 431, "headers_too_large"),
    "long-name": (START + HOST + b"x" * 300_000, 431, "headers_too_large"),
    "long-together": (request("/healthz", *["X: " + "x" * 1000] * 40), 431, "headers_too_large"),
    "many-headers": (request("/healthz", *["X: x"] * limits.HEADERS), 431, "headers_too_large"),
    "endless-headers": (START + HOST + b"X: x\r\n" * 50_000, 431, "headers_too_large"),
}


@pytest.mark.parametrize("step", [0, 500])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_beyond_its_limits_is_refused(target: Target, name: str, step: int) -> None:
    text, status, code = HEADS[name]

    for before in (b"", request("/healthz"), request("/healthz", method="POST", body=b"x" * 40_000)):
        said = target.ask(before + text, step)
        assert [(each.status, each.code) for each in said[bool(before) :]] == [(status, code)]


def test_a_head_at_its_limits_is_taken(target: Target) -> None:
    long = request("/nowhere?" + "x" * (limits.URI_BYTES - 9), *["X: x"] * (limits.HEADERS - 2))
    large = request("/nowhere", "X: " + "x" * (limits.HEAD_BYTES - 100))

    for step in (0, 500):
        assert [said.status for said in target.ask(long + large + long + ALIVE, step)] == [404, 404, 404, 200]


OPEN = START + HOST + CHUNKED + b"\r\n"
BODIES = {
    "said-to-be": (request("/v1/track", f"Content-Length: {limits.BODY_BYTES + 1}", method="POST"), b"", 0),
    "without-end": (OPEN, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 200),
    "one-chunk": (OPEN + b"ffffffff\r\n", b"x" * 65_536, 200),
    "small-chunks": (OPEN, b"1\r\nx\r\n" * 10_000, 200),
    "extensions": (OPEN + b"1", b";x" * 30_000, 20),
    "trailers": (OPEN + b"0\r\n", b"X: " + b"x" * 60_000 + b"\r\n", 20),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_without_end_is_refused_and_its_answer_reaches_the_client(target: Target, name: str) -> None:
    head, piece, count = BODIES[name]
    with Raw(target.server.address) as raw:
        raw.send(head)
        for _ in range(count):
            raw.send(piece)
        said = raw.answers()

    code = "malformed_request" if name in {"extensions", "trailers"} else "body_too_large"
    assert [(each.status, each.code) for each in said] == [(400, code)]


def test_an_answer_comes_in_one_piece(target: Target) -> None:
    pieces = 0
    with Raw(target.server.address) as raw:
        for _ in range(200):
            raw.send(request("/nowhere"))
            assert raw.more()
            pieces += raw.came.endswith(b"}")
            assert raw.answer() is not None

    assert pieces == 200


def test_an_answer_to_head_has_no_body_and_does_not_wait_for_one(target: Target) -> None:
    with Raw(target.server.address) as raw:
        for _ in range(3):
            raw.send(request(method="HEAD"))
            said = raw.answer("HEAD")
            assert said is not None
            assert (said.status, said.body, raw.came) == (200, b"", b"")
        raw.send(request("/healthz", "Connection: close", method="HEAD"))
        assert raw.answer("HEAD") is not None
        assert raw.answer() is None
