"""A connection against the clock: time is passed in, the sockets are real."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import anyio
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from turnout.api import limits
from turnout.api.connection import BODY, HEAD, NOTHING, START, Connection, Phase, bounded

LIMIT_S = 60
HEAD_OF = b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
WHOLE = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(slots=True)
class Application:
    """Answers with what it is told to, once it may; counts who came."""

    may: anyio.Event = field(default_factory=anyio.Event)
    body: bytes = b"ok"
    parts: int = 1
    reads: bool = True
    came: int = 0
    left: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came += 1
        while self.reads and (await self.heard(receive)).get("more_body"):
            pass
        if scope["path"] not in limits.ALWAYS:
            await self.may.wait()
        length = (b"content-length", b"%d" % (len(self.body) * self.parts))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        for part in range(1, self.parts + 1):
            await send({"type": "http.response.body", "body": self.body, "more_body": part < self.parts})

    async def heard(self, receive: Receive) -> Any:
        message = await receive()
        self.left += message["type"] == "http.disconnect"
        return message


@dataclass(slots=True)
class Client:
    """One side of a connection; `at` is the other."""

    at: Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self, text: bytes, then: Phase) -> None:
        """Send bytes, and wait until they put the connection into a phase."""
        self.writer.write(text)
        await until(lambda: self.at.phase is then)

    async def hears(self) -> bytes:
        """Give all that comes until the connection ends."""
        with anyio.fail_after(LIMIT_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b"reset"

    async def answer(self, end: bytes = b"ok") -> bytes:
        """Give what comes, up to the end of an answer."""
        with anyio.fail_after(LIMIT_S):
            return await self.reader.readuntil(end)


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(LIMIT_S):
        while not holds():  # noqa: ASYNC110 - what it looks at tells nobody
            await anyio.sleep(0.001)


def reaches(client: Client, size: int) -> bool:
    return client.at.body > size


Opens = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def served(app: Application) -> AsyncIterator[Opens]:
    """Give a way to open connections of one server."""
    loop, state = asyncio.get_running_loop(), ServerState()
    config = uvicorn.Config(app, http=bounded(), ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    async with AsyncExitStack() as stack:

        async def opens() -> Client:
            ours, theirs = socket.socketpair()
            made = cast("type[Connection]", config.http_protocol_class)(config, state, {}, loop)
            await loop.connect_accepted_socket(lambda: made, ours)
            reader, writer = await asyncio.open_connection(sock=theirs)
            stack.callback(writer.close)
            stack.callback(made.transport.abort)
            return Client(made, reader, writer)

        yield opens


@pytest.fixture
def app() -> Application:
    return Application()


@pytest.fixture
async def opens(app: Application) -> AsyncIterator[Opens]:
    async with served(app) as opens:
        yield opens


async def test_a_connection_that_says_nothing_is_closed_after_ten_seconds(opens: Opens) -> None:
    client = await opens()

    client.at.look(client.at.since + limits.HEAD_S - 0.1)
    assert not client.at.transport.is_closing()
    client.at.look(client.at.since + limits.HEAD_S + 0.1)

    assert await client.hears() == b""


async def test_a_head_that_is_not_complete_in_ten_seconds_is_told_so(opens: Opens) -> None:
    client = await opens()
    client.at.since = began = client.at.since - limits.HEAD_S / 2  # so long ago it was made
    await client.says(b"GET", HEAD)

    client.at.look(began + limits.HEAD_S - 0.1)
    assert client.at.phase is HEAD
    client.at.look(began + limits.HEAD_S + 0.1)

    assert (await client.hears()).startswith(b"HTTP/1.1 408 ")


async def test_the_next_head_has_ten_seconds_from_its_own_first_byte(opens: Opens, app: Application) -> None:
    app.may.set()
    client = await opens()
    await client.says(WHOLE % b"", START)
    await client.answer()
    client.at.since -= 70  # so long it was idle
    await client.says(b"G", HEAD)
    began = client.at.since
    await client.says(b"ET / HTTP/1.1\r\n", HEAD)

    client.at.look(began + limits.HEAD_S - 0.1)
    assert client.at.phase is HEAD
    client.at.look(began + limits.HEAD_S + 0.1)

    assert (await client.hears()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_hardly_moves_is_ended_after_ten_seconds(opens: Opens, app: Application) -> None:
    client = await opens()
    await client.says(HEAD_OF % 10_000, BODY)
    await client.says(b"x" * 500, BODY)

    client.at.look(client.at.since + limits.BODY_GRACE_S + 1)

    assert (await client.hears()).startswith(b"HTTP/1.1 408 ")
    assert app.came == 0


async def test_a_body_that_moves_has_half_a_minute(opens: Opens) -> None:
    client = await opens()
    await client.says(HEAD_OF % 100_000, BODY)
    client.writer.write(b"x" * 50_000)
    await until(lambda: client.at.wire >= 50_000)

    client.at.look(client.at.since + limits.BODY_S - 0.1)
    assert client.at.phase is BODY
    client.at.look(client.at.since + limits.BODY_S + 0.1)

    assert (await client.hears()).startswith(b"HTTP/1.1 408 ")


async def test_an_application_that_waits_for_the_rest_of_a_body_hears_that_nobody_sends_it(
    opens: Opens, app: Application
) -> None:
    client = await opens()
    await client.says(HEAD_OF % 1_000_000, BODY)
    client.writer.write(b"x" * 200_000)
    await until(lambda: app.came == 1 and client.at.wire >= 200_000 and not client.at.flow.read_paused)

    client.at.look(client.at.since + limits.BODY_S + 0.1)

    assert (await client.hears()).startswith(b"HTTP/1.1 408 ")
    await until(lambda: app.left == 1)


async def test_who_is_not_read_cannot_be_late(opens: Opens, app: Application) -> None:
    app.reads = False
    client = await opens()
    await client.says(HEAD_OF % 1_000_000, BODY)
    client.writer.write(b"x" * 1_000_000)
    await until(lambda: client.at.flow.read_paused)

    began = client.at.since
    for seconds in range(0, 300, 20):
        client.at.look(began + seconds)
    client.at.flow.resume_reading()
    client.at.look(began + 300)

    assert client.at.phase is BODY


async def test_a_connection_is_idle_for_75_seconds(opens: Opens, app: Application) -> None:
    app.may.set()
    client = await opens()
    await client.says(WHOLE % b"", START)
    await client.answer()

    client.at.look(client.at.since + limits.IDLE_S - 0.1)
    assert not client.at.transport.is_closing()
    client.at.look(client.at.since + limits.IDLE_S + 0.1)

    assert await client.hears() == b""


async def test_an_application_may_take_its_time(opens: Opens, app: Application) -> None:
    client = await opens()
    await client.says(WHOLE % b"", START)
    await until(lambda: app.came == 1)

    client.at.look(client.at.since + 3_600)
    app.may.set()

    assert (await client.answer()).startswith(b"HTTP/1.1 200 ")


async def test_who_reads_no_answer_is_closed_after_half_a_minute(opens: Opens, app: Application) -> None:
    app.body = b"x" * 10_000_000
    app.may.set()
    client = await opens()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]  # it reads into memory by itself
    await client.says(WHOLE % b"", START)
    await until(lambda: client.at.transport.get_write_buffer_size() > 0)
    now = client.at.loop.time()

    client.at.look(now)
    client.at.look(now + limits.UNREAD_S - 0.1)
    assert not client.at.transport.is_closing()
    client.at.look(now + limits.UNREAD_S + 0.1)

    assert client.at.transport.is_closing()


async def test_who_reads_an_answer_slowly_is_not_closed(opens: Opens, app: Application) -> None:
    app.body, app.parts = b"x" * 1_000_000, 20
    app.may.set()
    client = await opens()
    await client.says(WHOLE % b"", START)
    await until(lambda: client.at.transport.get_write_buffer_size() > 0)
    now = client.at.loop.time()
    client.at.look(now)

    with anyio.fail_after(LIMIT_S):
        await client.reader.readexactly(5_000_000)
    await until(lambda: client.at.unread_since is None)
    client.at.look(now + limits.UNREAD_S + 0.1)

    assert not client.at.transport.is_closing()


async def test_a_body_before_a_head_is_not_counted_as_a_part_of_it(opens: Opens, app: Application) -> None:
    app.may.set()
    client = await opens()
    size = 2 * limits.HEAD_BYTES
    await client.says(HEAD_OF % size, BODY)

    client.at.data_received(b"x" * size + b"GET / HT")  # in one piece, which a socket does not promise
    client.at.data_received(b"TP/1.1\r\nHost: a\r\n\r\n")

    assert [(await client.answer()).split()[1] for _ in range(2)] == [b"200", b"200"]


async def test_who_was_refused_and_stays_is_closed(opens: Opens) -> None:
    client = await opens()
    await client.says(b"no request\r\n\r\n", NOTHING)
    assert (await client.reader.readline()).startswith(b"HTTP/1.1 400 ")
    client.writer.write(b"x" * 100_000)

    client.at.look(client.at.since + limits.LINGER_S - 0.1)
    assert not client.at.transport.is_closing()
    client.at.look(client.at.since + limits.LINGER_S + 0.1)

    assert client.at.transport.is_closing()


async def test_nothing_is_at_work_for_who_sends_a_body_slowly(opens: Opens, app: Application) -> None:
    app.may.set()
    client = await opens()
    await client.says(HEAD_OF % 60_000, BODY)
    client.writer.write(b"x" * 59_999)
    await until(lambda: client.at.body == 59_999)
    assert app.came == 0

    client.writer.write(b"x")

    assert (await client.answer()).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_nobody_read_is_not_kept(opens: Opens, app: Application) -> None:
    app.reads = False
    app.may.set()
    client = await opens()
    client.writer.write(HEAD_OF % 200_000 + b"x" * 200_000)
    await client.answer()
    await until(lambda: client.at.phase is START)

    assert len(client.at.cycle.body) == 0
    assert client.at.door.held.bytes == 0


async def test_a_request_too_many_is_told_to_come_again_and_health_is_answered(opens: Opens, app: Application) -> None:
    clients = [await opens() for _ in range(limits.REQUESTS + 2)]
    for client in clients[:-2]:
        client.writer.write(WHOLE % b"")
    await until(lambda: app.came == limits.REQUESTS)

    clients[-2].writer.write(WHOLE % b"")
    clients[-1].writer.write(WHOLE % b"healthz")

    assert (await clients[-2].answer(b"}")).startswith(b"HTTP/1.1 429 ")
    assert (await clients[-1].answer()).startswith(b"HTTP/1.1 200 ")
    app.may.set()
    assert {(await client.answer())[:13] for client in clients[:-2]} == {b"HTTP/1.1 200 "}
    clients[-2].writer.write(WHOLE % b"")
    assert (await clients[-2].answer()).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
async def full(opens: Opens) -> list[Client]:
    """Give connections with three times the bodies that all may hold, as far as they are read."""
    size = 5_000_000
    clients = [await opens() for _ in range(3 * limits.BYTES_IN_FLIGHT // size)]
    for client in clients:
        client.writer.write(HEAD_OF % size + b"x" * size)
    await until(
        lambda: all(each.at.flow.read_paused or (each.at.phase is START and not each.at.fresh) for each in clients)
    )
    return clients


async def test_long_bodies_beyond_what_all_may_hold_are_read_one_after_the_other(
    full: list[Client], app: Application
) -> None:
    held = full[0].at.door.held
    most = held.bytes
    app.may.set()

    assert {(await client.answer())[:13] for client in full} == {b"HTTP/1.1 200 "}
    assert limits.BYTES_IN_FLIGHT < most < limits.BYTES_IN_FLIGHT + len(full) * 300_000
    assert held.bytes == 0


async def test_short_bodies_are_read_beside_them(full: list[Client], opens: Opens, app: Application) -> None:
    assert full
    came, client = app.came, await opens()
    for at in range(0, 60_000, 1_000):
        client.writer.write((b"" if at else HEAD_OF % 60_000) + b"x" * 1_000)
        await until(partial(reaches, client, at))

    await until(lambda: app.came == came + 1)


async def test_who_waits_for_room_for_half_a_minute_is_told_to_come_again(full: list[Client]) -> None:
    waiting = next(client for client in full if client.at.flow.barred)

    waiting.at.look(waiting.at.since + limits.BODY_S - 0.1)
    assert waiting.at.phase is BODY
    waiting.at.look(waiting.at.since + limits.BODY_S + 0.1)

    assert (await waiting.answer(b"}")).startswith(b"HTTP/1.1 429 ")
