"""The sender against the scripted destination: each way a talk can end, under both loops."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gc
import gzip
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.destination import Recorder, Script, Scripted, launch
from support.worker import until
from turnout.app import sender_for
from turnout.config import Settings
from turnout.delivery.answer import BODY_BYTES
from turnout.delivery.names import STALE_S
from turnout.delivery.places import HOST_CONNECTIONS
from turnout.delivery.proxy import Proxy, read_direct
from turnout.delivery.sender import CONNECTIONS, CurlSender
from turnout.egress import Policy, parse_networks
from turnout.exchange import NEVER_LEFT, Answer, Class, Fault, FaultKind, Reply, Request
from turnout.outcome import judge

LOOPBACK = Policy(parse_networks("127.0.0.0/8 ::1/128"))
POST = "POST"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def sender() -> AsyncIterator[CurlSender]:
    async with CurlSender(LOOPBACK) as sender:
        yield sender


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as vendor:
        yield vendor


def request(url: str, body: bytes = b'{"a":1}', timeout_s: float = 30.0, method: str = POST) -> Request:
    return Request(method, url, (("content-type", "application/json"),), body, timeout_s)


def answered(reply: Reply) -> Answer:
    assert isinstance(reply, Answer), reply
    return reply


def failed(reply: Reply) -> FaultKind:
    assert isinstance(reply, Fault), reply
    return reply.kind


@contextmanager
def refusing() -> Iterator[str]:
    """Give the address of a port where nobody listens, and which nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def descriptors() -> int:
    gc.collect()  # what tests before this one left goes now, and not in its midst
    return sum(1 for _ in Path("/dev/fd").iterdir())


def second_loopback() -> str:
    """Give one more address of this machine: all of 127.0.0.0/8 on Linux, ::1 elsewhere."""
    try:
        socket.create_server(("127.0.0.2", 0)).close()
    except OSError:
        return "::1"
    return "127.0.0.2"


async def test_a_request_arrives_as_it_was_given(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(202, (("x-id", "7"),), b'{"ok":true}'))

    answer = answered(
        await sender.send(
            Request(
                POST,
                f"{vendor.url}/v1/a%2Fb?c=d&e",
                (("x-key", "s3"), ("x-empty", ""), ("Host", "api.test")),
                b"\x00\xff",
            )
        )
    )

    got = vendor.received[0]
    assert (answer.status, answer.header("X-Id"), answer.body, answer.whole) == (202, "7", b'{"ok":true}', True)
    assert (got.method, got.path, got.body) == (POST, "/v1/a%2Fb?c=d&e", b"\x00\xff")
    assert (got.header("x-key"), got.header("x-empty"), got.header("host")) == ("s3", "", "api.test")
    assert (got.header("user-agent"), got.header("content-length"), got.header("expect")) == ("Turnout", "2", None)
    assert got.header("content-type") is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_each_method_leaves_with_and_without_a_body(sender: CurlSender, vendor: Recorder, method: str) -> None:
    for body in (b"", b"body", b"")[: 1 if method == "HEAD" else 3]:
        assert answered(await sender.send(request(vendor.url, body, method=method))).status == 200

    assert {got.method for got in vendor.received} == {method}
    assert [got.body for got in vendor.received] == [b"", b"body", b""][: len(vendor.received)]


async def test_a_large_body_leaves_whole_and_at_once(sender: CurlSender, vendor: Recorder) -> None:
    body = os.urandom(3_000_000)

    answered(await sender.send(request(vendor.url, body)))

    assert vendor.received[0].body == body


@pytest.mark.parametrize("status", [204, 400, 401, 404, 429, 500, 503])
async def test_any_status_is_an_answer(sender: CurlSender, vendor: Recorder, status: int) -> None:
    vendor.answer(Scripted(status, (("retry-after", "3"),), b""))

    answer = answered(await sender.send(request(vendor.url)))

    assert (answer.status, answer.header("retry-after")) == (status, "3")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(sender: CurlSender, vendor: Recorder, status: int) -> None:
    with Recorder() as other:
        vendor.answer(Scripted(status, (("location", other.url),)))

        answer = answered(await sender.send(request(vendor.url)))

        assert answer.status == status
        assert (len(vendor.received), other.connections) == (1, 0)


async def test_no_answer_in_time_is_a_timeout(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(act="hang"))

    reply = await sender.send(request(vendor.url, timeout_s=0.3))

    assert failed(reply) is FaultKind.TIMEOUT
    assert 250 <= reply.took_ms < 15_000
    assert len(await anyio.to_thread.run_sync(vendor.wait_for, 1)) == 1


@pytest.mark.parametrize("act", ["reset", "close", "half_close"])
async def test_a_connection_lost_without_an_answer_is_in_doubt(sender: CurlSender, vendor: Recorder, act: str) -> None:
    vendor.answer(Scripted(act=act))

    assert failed(await sender.send(request(vendor.url))) is FaultKind.RESET
    assert len(vendor.received) == 1


async def test_a_connection_reset_at_once_is_in_doubt(sender: CurlSender, vendor: Recorder) -> None:
    vendor.script.on_connect = "reset"

    reply = await sender.send(request(vendor.url))

    assert failed(reply) in {FaultKind.RESET, FaultKind.UNREACHABLE}  # as the kernel is quick or slow
    assert vendor.received == []


@pytest.mark.parametrize("body", [b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x15\x03\x01\x00\x02\x02P"])
async def test_what_is_not_http_is_no_answer(sender: CurlSender, vendor: Recorder, body: bytes) -> None:
    vendor.answer(Scripted(act="garbage", body=body))

    assert failed(await sender.send(request(vendor.url))) is FaultKind.GARBLED


@pytest.mark.parametrize(
    "line",
    [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", b"x-more: y\r\n"],
    ids=["continue", "hints", "header"],
)
async def test_what_never_comes_to_an_answer_is_none(sender: CurlSender, vendor: Recorder, line: bytes) -> None:
    vendor.answer(Scripted(status=0, body=line, act="endless"))

    reply = await sender.send(request(vendor.url))

    assert failed(reply) is FaultKind.GARBLED
    assert reply.took_ms < 3000


async def test_a_body_without_an_end_is_cut_at_the_cap(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(202, body=b"x" * 1000, act="endless"))

    answer = answered(await sender.send(request(vendor.url)))

    assert (answer.status, len(answer.body), answer.whole) == (202, BODY_BYTES, False)
    assert answer.took_ms < 3000


@pytest.mark.parametrize("coding", ["content-encoding", "transfer-encoding"])
async def test_what_comes_compressed_is_never_inflated(sender: CurlSender, vendor: Recorder, coding: str) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    vendor.answer(Scripted(headers=((coding, "gzip"),), body=bomb))

    reply = await sender.send(request(vendor.url))

    assert not isinstance(reply, Answer) or len(reply.body) == len(bomb) < BODY_BYTES
    assert vendor.received[0].header("accept-encoding") is None


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{}",
        b"<html>It works!</html>",
        b"HTTP/3 200\r\n\r\n",
        b"\0" * 100,
    ],
    ids=["two-lengths", "negative", "huge", "http09", "http3", "zeros"],
)
async def test_an_answer_that_contradicts_itself_never_breaks_the_sender(
    sender: CurlSender, vendor: Recorder, head: bytes
) -> None:
    vendor.answer(Scripted(act="garbage", body=head))

    reply = await sender.send(request(vendor.url))

    assert isinstance(reply, Answer) or reply.kind is FaultKind.GARBLED
    assert answered(await sender.send(request(vendor.url))).status == 200


async def test_an_answer_too_many_is_not_taken_for_the_next_request(sender: CurlSender, vendor: Recorder) -> None:
    one, other = (f"HTTP/1.1 {status} OK\r\ncontent-length: 2\r\n\r\n{{}}".encode() for status in (202, 418))
    vendor.answer(Scripted(act="raw", body=one + other), Scripted(act="raw", body=one + b"x" * 100_000 + other))

    replies = [answered(await sender.send(request(vendor.url))).status for _ in range(4)]

    assert replies == [202, 202, 200, 200]
    assert len({got.connection for got in vendor.received}) == 3


async def test_an_answer_before_the_request_was_read_is_one_or_leaves_doubt(sender: CurlSender) -> None:
    early = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    with Recorder(Script(default=Scripted(body=early), on_connect="early")) as vendor:
        for size in (10, 3_000_000):
            reply = await sender.send(request(vendor.url, b"x" * size))

            assert isinstance(reply, Answer) or reply.kind is FaultKind.RESET


async def test_an_endless_head_is_no_answer(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(headers=tuple((f"x-{n}", "y" * 1000) for n in range(60))))

    assert failed(await sender.send(request(vendor.url))) is FaultKind.GARBLED


@pytest.mark.parametrize("act", ["cut", "drip"])
async def test_a_body_broken_off_leaves_the_status(sender: CurlSender, vendor: Recorder, act: str) -> None:
    vendor.answer(Scripted(202, body=b"0123456789", act=act, every_s=0.2))

    answer = answered(await sender.send(request(vendor.url, timeout_s=0.7)))

    assert (answer.status, answer.whole) == (202, False)
    assert b"0123456789".startswith(answer.body)


async def test_a_slow_body_that_ends_in_time_is_whole(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(body=b"0123456789", act="drip", every_s=0.001))

    answer = answered(await sender.send(request(vendor.url)))

    assert (answer.body, answer.whole) == (b"0123456789", True)


async def test_a_body_over_the_cap_is_cut(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(body=b"x" * BODY_BYTES), Scripted(body=b"x" * 5_000_000))

    fits, over = [answered(await sender.send(request(vendor.url))) for _ in range(2)]

    assert (len(fits.body), fits.whole) == (BODY_BYTES, True)
    assert (over.status, len(over.body), over.whole) == (200, BODY_BYTES, False)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("body", [b"", b"body"])
@pytest.mark.parametrize("act", ["close", "reset"])
async def test_a_request_on_a_kept_connection_that_dies_is_sent_once(
    sender: CurlSender, vendor: Recorder, method: str, body: bytes, act: str
) -> None:
    vendor.answer(Scripted(), Scripted(act=act))
    answered(await sender.send(request(vendor.url, body, method=method)))

    reply = await sender.send(request(vendor.url, body, method=method))

    assert failed(reply) is FaultKind.RESET
    assert [got.connection for got in vendor.received] == [1, 1]
    assert answered(await sender.send(request(vendor.url, body, method=method))).status == 200


async def test_a_connection_closed_between_two_requests_leaves_no_doubt(sender: CurlSender, vendor: Recorder) -> None:
    vendor.answer(Scripted(headers=(("connection", "close"),)))

    for _ in range(2):
        answered(await sender.send(request(vendor.url)))

    assert [got.connection for got in vendor.received] == [1, 2]


async def test_a_refused_port_did_not_take_it(sender: CurlSender) -> None:
    with refusing() as url:
        assert failed(await sender.send(request(url))) is FaultKind.REFUSED


async def test_a_port_that_takes_no_connection_is_a_connect_timeout(sender: CurlSender) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())

        reply = await sender.send(request(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout_s=0.3))

    assert failed(reply) is FaultKind.CONNECT_TIMEOUT


async def test_an_unknown_name_has_no_address(sender: CurlSender) -> None:
    assert failed(await sender.send(request("http://nowhere.invalid/", timeout_s=5))) is FaultKind.NAME


async def test_a_name_is_resolved_and_its_allowed_address_used(sender: CurlSender, vendor: Recorder) -> None:
    replies = [await sender.send(request(f"http://localhost:{vendor.port}/")) for _ in range(2)]

    assert [answered(reply).status for reply in replies] == [200, 200]
    assert [(got.header("host"), got.connection) for got in vendor.received] == [(f"localhost:{vendor.port}", 1)] * 2


def test_each_request_goes_to_the_address_that_was_judged_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only our own resolver knows the name, and it moves: neither libcurl's nor a kept connection may decide."""
    leads = ["127.0.0.1", second_loopback(), "10.0.0.1"]
    monkeypatch.setattr(socket, "getaddrinfo", lambda _name, port, *_, **__: [(0, 0, 0, "", (leads[0], port))])

    async def talk(port: int) -> list[Reply]:
        replies = []
        async with CurlSender(LOOPBACK) as sender:
            while leads:
                replies.append(await sender.send(request(f"http://moving.test:{port}/")))
                sender._names._kept.clear()  # half a minute later
                leads.pop(0)
        return replies

    with Recorder() as first, Recorder(port=first.port, host=leads[1]) as second:
        *fine, blocked = asyncio.run(talk(first.port))

        assert [answered(reply).status for reply in fine] == [200, 200]
        assert failed(blocked) is FaultKind.FORBIDDEN
        assert [[got.header("host") for got in each.received] for each in (first, second)] == [
            [f"moving.test:{first.port}"]
        ] * 2


def test_a_name_whose_resolver_hangs_is_spoken_to_where_it_last_led(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, hangs = threading.Event(), threading.Event()
    hangs.set()

    def resolve(_name: object, port: int, *_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.set()
        assert hangs.wait(60)
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def talk(port: int) -> None:
        async with CurlSender(LOOPBACK) as sender:
            url = f"http://slow.test:{port}/"
            answered(await sender.send(request(url)))
            hangs.clear()
            asked.clear()
            kept = sender._names._kept
            kept["slow.test"] = (asyncio.get_running_loop().time() - 1, kept["slow.test"][1])  # half a minute later
            assert answered(await sender.send(request(url))).took_ms < 25_000
            assert await anyio.to_thread.run_sync(asked.wait, 60)
            kept["slow.test"] = (asyncio.get_running_loop().time() - STALE_S, kept["slow.test"][1])
            assert failed(await sender.send(request(url, timeout_s=0.3))) is FaultKind.NAME
            hangs.set()

    with Recorder() as vendor:
        asyncio.run(talk(vendor.port))
        assert len(vendor.received) == 2


def test_names_whose_resolver_hangs_hold_up_no_other_name_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = threading.Semaphore(0), threading.Event()

    def resolve(name: bytes, port: int, *_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if name.startswith(b"hangs"):
            asked.release()
            answers.wait(20)
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def talk(port: int) -> None:
        async with CurlSender(LOOPBACK) as sender, anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(sender.send, request(f"http://hangs{number}.test:{port}/"))
            for _ in range(40):
                assert await anyio.to_thread.run_sync(asked.acquire, True, 5)
            answered(await sender.send(request(f"http://well.test:{port}/", timeout_s=2)))
            group.cancel_scope.cancel()

    with Recorder() as vendor:
        asyncio.run(talk(vendor.port))
        assert not answers.is_set(), "nobody waited for them"
        answers.set()
        assert len(vendor.received) == 1


def test_another_address_is_tried_when_the_first_takes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    leads = [second_loopback(), "127.0.0.1"]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _name, port, *_, **__: [(0, 0, 0, "", (ip, port)) for ip in leads]
    )

    async def talk(port: int) -> Reply:
        async with CurlSender(LOOPBACK) as sender:
            return await sender.send(request(f"http://double.test:{port}/"))

    with Recorder() as vendor:
        assert answered(asyncio.run(talk(vendor.port))).status == 200
        assert len(vendor.received) == 1


def test_a_private_address_of_a_name_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    leads = [second_loopback(), "127.0.0.1"]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _name, port, *_, **__: [(0, 0, 0, "", (ip, port)) for ip in leads]
    )

    async def talk(port: int) -> Reply:
        async with CurlSender(Policy(parse_networks("127.0.0.1"))) as sender:
            return await sender.send(request(f"http://double.test:{port}/"))

    with Recorder() as allowed, Recorder(port=allowed.port, host=leads[0]) as private:
        assert answered(asyncio.run(talk(allowed.port))).status == 200
        assert (allowed.connections, private.connections) == (1, 0)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{}/",
        "http://localhost:{}/",
        "http://2130706433:{}/",
        "http://[::ffff:127.0.0.1]:{}/",
        "ftp://127.0.0.1:{}/",
    ],
)
async def test_a_forbidden_address_is_never_connected_to(vendor: Recorder, url: str) -> None:
    async with CurlSender(Policy()) as strict:
        reply = await strict.send(request(url.format(vendor.port)))

    assert failed(reply) is FaultKind.FORBIDDEN
    assert vendor.connections == 0


async def test_a_header_that_would_begin_another_is_never_sent(sender: CurlSender, vendor: Recorder) -> None:
    reply = await sender.send(Request(POST, vendor.url, (("x-user", "a\r\nx-admin: 1"),), b"x"))

    assert failed(reply) is FaultKind.FORBIDDEN
    assert vendor.connections == 0


async def test_no_proxy_of_the_environment_is_used(vendor: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    with Recorder() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with CurlSender(LOOPBACK) as sender:
            answered(await sender.send(request(vendor.url)))

        assert (len(vendor.received), proxy.connections) == (1, 0)


class Tunnels:
    """A proxy that opens tunnels, or refuses them, also to whom it does not know; `asked` says for what."""

    def __init__(self, *, refuses: bool = False, knows: str = "", certificate: Path | None = None) -> None:
        self.asked: list[bytes] = []
        self.users: list[bytes] = []
        self._refuses = refuses
        self._knows = b"proxy-authorization: basic " + base64.b64encode(knows.encode()) if knows else b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.proxy = Proxy(f"http://127.0.0.1:{self.port}")
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._listener = context.wrap_socket(self._listener, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._open, args=(self._listener.accept()[0],), daemon=True).start()

    def _open(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(4096)
            first, *lines = head.split(b"\r\n")
            self.asked.append(first)
            self.users.extend(line for line in lines if line.lower().startswith(b"proxy-authorization:"))
            known = not self._knows or any(_same(line, self._knows) for line in lines)
            if self._refuses or not known:
                status = b"403 No" if known else b"407 Who"
                near.sendall(b"HTTP/1.1 " + status + b"\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n")
                return
            host, _, port = head.split(b" ")[1].decode().rpartition(":")
            with socket.create_connection((host, int(port)), 5) as far:
                near.sendall(b"HTTP/1.1 200 Fine\r\nx-proxy: here\r\n\r\n")
                threading.Thread(target=_pass, args=(near, far), daemon=True).start()
                _pass(far, near)


def _same(line: bytes, known: bytes) -> bool:
    """Compare two headers of credentials, of which all but the last word is in any case."""
    given, wanted = line.rpartition(b" "), known.rpartition(b" ")
    return (given[0].lower(), given[2]) == (wanted[0].lower(), wanted[2])


def _pass(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)


async def test_a_proxy_that_is_named_is_asked_for_a_tunnel_to_the_judged_address(
    secure: Recorder, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with Tunnels() as proxy:
        async with CurlSender(LOOPBACK, ca_file=str(authority), proxy=proxy.proxy) as sender:
            answer = answered(await sender.send(request(f"https://localhost:{secure.port}/x")))
            blocked = await sender.send(request("https://10.0.0.1/"))

    host = f"127.0.0.1:{secure.port}"
    assert proxy.asked == [f"CONNECT {host} HTTP/1.1".encode()]
    assert (answer.status, answer.header("x-proxy"), failed(blocked)) == (200, None, FaultKind.FORBIDDEN)
    assert (secure.received[0].path, secure.received[0].header("host")) == ("/x", f"localhost:{secure.port}")


async def test_what_a_proxy_refuses_never_left(vendor: Recorder) -> None:
    with Tunnels(refuses=True) as proxy:
        async with CurlSender(LOOPBACK, proxy=proxy.proxy) as sender:
            reply = await sender.send(request(vendor.url))

    assert (failed(reply), judge(reply).what) == (FaultKind.PROXY, Class.RETRY)
    assert (len(proxy.asked), vendor.connections, FaultKind.PROXY in NEVER_LEFT) == (1, 0, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_hears_its_user_and_password_and_nobody_else_does(
    secure: Recorder, authority: Path, scheme: str
) -> None:
    certificate = authority if scheme == "https" else None
    with Tunnels(knows="ann@shop:p:s/1", certificate=certificate) as tunnels:
        proxy = Proxy(f"{scheme}://ann%40shop:p%3As%2F1@localhost:{tunnels.port}")
        async with CurlSender(LOOPBACK, ca_file=str(authority), proxy=proxy) as sender:
            answered(await sender.send(request(f"https://localhost:{secure.port}/")))

    assert (len(tunnels.users), len(secure.received)) == (1, 1)
    assert secure.received[0].header("proxy-authorization") is None
    assert "ann" not in repr(proxy)


@pytest.mark.parametrize("given", ["", "ann:wrong@"])
async def test_who_does_not_know_the_proxys_password_sends_nothing_and_says_whose_it_was(
    vendor: Recorder, given: str
) -> None:
    with Tunnels(knows="ann:right") as tunnels:
        async with CurlSender(LOOPBACK, proxy=Proxy(f"http://{given}127.0.0.1:{tunnels.port}")) as sender:
            reply = await sender.send(request(vendor.url))

    assert isinstance(reply, Fault)
    assert (reply.kind, vendor.connections) == (FaultKind.PROXY, 0)
    assert "wrong" not in reply.text


async def test_a_proxy_with_a_certificate_that_nobody_vouches_for_is_told_no_password(
    vendor: Recorder, authority: Path
) -> None:
    with Tunnels(certificate=authority) as tunnels:
        proxy = Proxy(f"https://ann:secret@localhost:{tunnels.port}")
        async with CurlSender(LOOPBACK, proxy=proxy) as sender:
            reply = await sender.send(request(vendor.url))

    assert (failed(reply), tunnels.asked, vendor.connections) == (FaultKind.TLS, [], 0)


@pytest.mark.parametrize("direct", ["127.0.0.1", "127.0.0.0/8", "localhost", ".localhost", "LOCALHOST."])
async def test_what_is_to_be_reached_without_the_proxy_is(vendor: Recorder, direct: str) -> None:
    with Tunnels() as tunnels:
        proxy = Proxy(tunnels.proxy.url, *read_direct([direct]))
        async with CurlSender(LOOPBACK, proxy=proxy) as sender:
            answered(await sender.send(request(f"http://localhost:{vendor.port}/")))

    assert (tunnels.asked, len(vendor.received)) == ([], 1)


async def test_one_handle_goes_through_the_proxy_and_past_it_by_turns(vendor: Recorder) -> None:
    with Tunnels() as tunnels, Recorder() as other:
        proxy = Proxy(tunnels.proxy.url, *read_direct(["localhost"]))
        async with CurlSender(LOOPBACK, proxy=proxy, connections=1) as sender:
            for _ in range(3):
                answered(await sender.send(request(f"http://localhost:{vendor.port}/")))
                answered(await sender.send(request(other.url)))

    assert (len(vendor.received), len(other.received)) == (3, 3)
    assert {line.split()[1] for line in tunnels.asked} == {f"127.0.0.1:{other.port}".encode()}


async def test_a_workspace_sends_as_its_settings_say(secure: Recorder, authority: Path, data_dir: Path) -> None:
    with Tunnels(knows="ann:secret") as tunnels:
        proxy = f"http://ann:secret@127.0.0.1:{tunnels.port}"
        networks = parse_networks("127.0.0.0/8 ::1/128")
        settings = Settings(data_dir, networks, proxy, ("127.0.0.1",), str(authority))
        async with sender_for(settings) as sender:
            answered(await sender.send(request(f"https://localhost:{secure.port}/past")))
        async with sender_for(replace(settings, no_proxy=())) as sender:
            answered(await sender.send(request(f"https://localhost:{secure.port}/through")))

    assert [got.path for got in secure.received] == ["/past", "/through"]
    assert len(tunnels.asked) == 1


async def test_a_proxy_that_is_not_there_is_no_way_around_it(vendor: Recorder) -> None:
    with refusing() as url:
        async with CurlSender(LOOPBACK, proxy=Proxy(url)) as sender:
            assert failed(await sender.send(request(vendor.url))) is FaultKind.REFUSED
    assert vendor.connections == 0


async def test_sixty_four_go_side_by_side_and_find_their_own_answers(sender: CurlSender, vendor: Recorder) -> None:
    holds = [True]
    vendor.script.decide = lambda got: Scripted(body=got.body, act="held" if holds else "answer")
    found: dict[int, bytes] = {}

    async def one(number: int) -> None:
        found[number] = answered(await sender.send(request(vendor.url, str(number).encode()))).body

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(one, number)
        await anyio.to_thread.run_sync(vendor.wait_until, lambda: vendor.open == 64)
        holds.clear()
        vendor.let_go()

    assert found == {number: str(number).encode() for number in range(100)}
    assert vendor.peak == 64
    assert vendor.connections == 64


async def test_a_slow_vendor_does_not_hold_another_up(sender: CurlSender, vendor: Recorder) -> None:
    with Recorder(Script(default=Scripted(act="hang"))) as slow:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(sender.send, request(slow.url, timeout_s=30))
            await anyio.to_thread.run_sync(slow.wait_for, 20)
            with anyio.fail_after(25):
                answered(await sender.send(request(vendor.url)))
            group.cancel_scope.cancel()


async def test_hosts_that_hang_leave_every_other_its_place(sender: CurlSender, vendor: Recorder) -> None:
    with ExitStack() as stack:
        hanging = [stack.enter_context(Recorder(Script(default=Scripted(act="hang")))) for _ in range(6)]
        async with anyio.create_task_group() as group:
            for slow in hanging:
                for _ in range(HOST_CONNECTIONS):
                    group.start_soon(sender.send, request(slow.url, timeout_s=30))
            await anyio.to_thread.run_sync(until, lambda: sum(slow.open for slow in hanging) >= CONNECTIONS * 6 // 7)
            with anyio.fail_after(25):
                for _ in range(3):
                    answered(await sender.send(request(vendor.url)))
            assert sum(slow.open for slow in hanging) <= CONNECTIONS
            group.cancel_scope.cancel()


async def test_a_place_that_is_free_again_goes_to_whoever_waits(vendor: Recorder) -> None:
    vendor.script.decide = lambda got: Scripted(body=got.body, delay_s=0.01)
    found: list[bytes] = []

    async def one(sender: CurlSender, number: int) -> None:
        found.append(answered(await sender.send(request(vendor.url, str(number).encode()))).body)

    with Recorder() as other:
        async with CurlSender(LOOPBACK, connections=4) as sender, anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(one, sender, number)
                group.start_soon(sender.send, request(other.url))

    assert sorted(map(int, found)) == list(range(40))
    assert len(other.received) == 40
    assert max(vendor.peak, other.peak) == 2


async def test_a_cancelled_request_gives_its_place_and_connection_back(vendor: Recorder) -> None:
    vendor.answer(*[Scripted(act="hang")] * 3)
    async with CurlSender(LOOPBACK, connections=1) as sender:
        for count in range(1, 4):
            async with anyio.create_task_group() as group:
                group.start_soon(sender.send, request(vendor.url, timeout_s=30))
                await anyio.to_thread.run_sync(vendor.wait_for, count)
                group.cancel_scope.cancel()
            await anyio.to_thread.run_sync(vendor.wait_until, lambda: vendor.open == 0)

        with anyio.fail_after(25):
            assert answered(await sender.send(request(vendor.url))).status == 200


async def test_closing_ends_what_is_on_its_way(vendor: Recorder) -> None:
    vendor.answer(Scripted(act="hang"))
    sender = CurlSender(LOOPBACK)
    replies: list[Reply] = []

    async def one() -> None:
        replies.append(await sender.send(request(vendor.url, timeout_s=30)))

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        await anyio.to_thread.run_sync(vendor.wait_for, 1)
        await sender.aclose()
    await sender.aclose()

    assert [failed(reply) for reply in replies] == [FaultKind.RESET]
    assert failed(await sender.send(request(vendor.url))) is FaultKind.UNREACHABLE


async def test_two_hundred_requests_leave_no_descriptor_behind(vendor: Recorder) -> None:
    vendor.script.decide = lambda got: Scripted(act=("answer", "close", "reset", "cut")[int(got.body) % 4])
    before = descriptors()

    async with CurlSender(LOOPBACK) as sender:
        for number in range(200):
            await sender.send(request(vendor.url, str(number).encode()))
        assert descriptors() - before <= 4  # a kept connection and its other end

    await anyio.to_thread.run_sync(vendor.wait_until, lambda: not vendor.live)
    await anyio.to_thread.run_sync(vendor.catch_up)  # a socket is closed after it is heard of
    assert len(vendor.received) == 200
    assert descriptors() == before


async def test_a_process_that_dies_keeps_what_it_wrote_down(sender: CurlSender, tmp_path: Path) -> None:
    with launch(tmp_path / "log", {"default": {"status": 201}}) as vendor:
        answer = answered(await sender.send(request(f"{vendor.url}/a")))
        vendor.process.kill()
        vendor.process.wait()

        assert answer.status == 201
        assert [got.path for got in vendor.received()] == ["/a"]


def certified(path: Path, host: str = "localhost", begins: int = -1, ends: int = 1) -> Path:
    """Write a key and a self-signed certificate into one file; `begins` and `ends` in days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begins))
        .not_valid_after(now + dt.timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("tls") / "localhost.pem")


def speaking(certificate: Path) -> Recorder:
    """Make a receiver that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return Recorder(tls=context)


@pytest.fixture
def secure(authority: Path) -> Iterator[Recorder]:
    with speaking(authority) as vendor:
        yield vendor


async def test_a_trusted_certificate_for_the_name_is_spoken_to(secure: Recorder, authority: Path) -> None:
    async with CurlSender(LOOPBACK, ca_file=str(authority)) as sender:
        replies = [await sender.send(request(f"https://localhost:{secure.port}/")) for _ in range(2)]

    assert [answered(reply).status for reply in replies] == [200, 200]
    assert [got.connection for got in secure.received] == [1, 1]


async def test_a_certificate_that_nobody_vouches_for_is_refused(sender: CurlSender, secure: Recorder) -> None:
    assert failed(await sender.send(request(f"https://localhost:{secure.port}/"))) is FaultKind.TLS
    assert secure.received == []


async def test_a_certificate_for_another_name_is_refused(secure: Recorder, authority: Path) -> None:
    async with CurlSender(LOOPBACK, ca_file=str(authority)) as sender:
        reply = await sender.send(request(f"https://127.0.0.1:{secure.port}/"))

    assert failed(reply) is FaultKind.TLS
    assert secure.received == []


@pytest.mark.parametrize(
    ("host", "begins", "ends"),
    [("localhost", -3, -1), ("localhost", 1, 3), ("localhost.example", -1, 1), ("*.localhost", -1, 1), ("*", -1, 1)],
    ids=["expired", "not-yet", "longer-name", "below", "any"],
)
async def test_a_certificate_of_a_trusted_one_that_does_not_hold_here_and_now_is_refused_before_anything_left(
    tmp_path: Path, host: str, begins: int, ends: int
) -> None:
    certificate = certified(tmp_path / "its.pem", host, begins, ends)
    with speaking(certificate) as vendor:
        async with CurlSender(LOOPBACK, ca_file=str(certificate)) as sender:
            reply = await sender.send(request(f"https://localhost:{vendor.port}/"))

        assert failed(reply) is FaultKind.TLS
        assert vendor.received == []
        assert (judge(reply).what, FaultKind.TLS in NEVER_LEFT) == (Class.RETRY, True)


async def test_a_port_without_tls_is_refused(sender: CurlSender, vendor: Recorder) -> None:
    assert failed(await sender.send(request(f"https://localhost:{vendor.port}/"))) is FaultKind.TLS
    assert vendor.received == []


async def test_an_answer_to_who_was_cancelled_in_the_same_breath_breaks_nothing(sender: CurlSender) -> None:
    broken: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, told: broken.append(told))
    waiting = asyncio.create_task(sender.send(request("ftp://nowhere.test/")))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert broken == []
