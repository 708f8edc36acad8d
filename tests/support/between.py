"""What stands between a client and the server: a proxy that knows requests, and lets them meet with accidents.

    with Between(server.url) as between:
        between.accidents = [ANSWERED_500, Accident("drop")]
        ...
        between.asked        # each request as it came, and the status that the client was answered

Each POST takes the next accident from the list; when none is left, and for everything that is no POST, the request
passes. What an accident may do (`act`):

    pass      the request reaches the server, and its answer the client, `delay_s` later
    answer    the client is answered by us; the server never hears of it
    drop      the server answers, and the client finds the connection closed
    cut       the request reaches the server; `and_then` is called at once, and the client finds the connection closed
    refuse    nothing passes and nobody can connect for `delay_s`

`and_then` is called in a thread, when the act is done but before the client hears of it: there a test kills the
server, or waits for something. What comes while an accident happens that is to be `alone` waits for its end.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import httptools

LIMIT_S = 120.0
PIECE = 1 << 16
IDLE_S = 2.0
"""A connection to the server that was idle for longer is not used again: the server may just be closing it."""


@dataclass(frozen=True, slots=True)
class Accident:
    """What happens to one request."""

    act: str = "pass"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_s: float = 0.0
    and_then: Callable[[], object] | None = None
    alone: bool = False


@dataclass(slots=True)
class Asked:
    """One request, `at` seconds of a clock. `status`: what the client was answered, 0 where nothing reached it.

    `reached`: it was passed on to the server.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    status: int = 0
    reached: bool = False
    answered: dict[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def json(self) -> Any:
        """Read the body, whatever it is called and however it is packed."""
        packed = self.header("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)

    def messages(self) -> list[dict[str, Any]]:
        """Give the events in it."""
        told: dict[str, Any] = self.json() if self.method == "POST" else {}
        one = [told] if "type" in told else []
        return list(told.get("batch", one))


class Between:
    """The proxy, in a thread of this process. `upstream` may be changed at any time."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.accidents: list[Accident] = []
        self.asked: list[Asked] = []
        self._kept = _bound(0)
        """Never listens: the port is ours while nobody is heard, and who connects is refused."""
        self.port: int = self._kept.getsockname()[1]
        self._socket = _listening(self.port)
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.calm = asyncio.Event()
        self.calm.set()
        self._talks: dict[asyncio.Task[None], socket.socket] = {}
        self._thread = threading.Thread(target=self._run, name="between", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()

    def posts(self) -> list[Asked]:
        """Give the requests that carried events, in the order in which they came."""
        return [each for each in list(self.asked) if each.method == "POST"]

    def wait_until(self, holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Wait until something holds about what was asked and answered."""
        with self._changed:
            assert self._changed.wait_for(holds, limit_s), [(each.path, each.status) for each in self.posts()]

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()
            self._kept.close()

    async def _serve(self) -> None:
        self._hear()
        await self._stop.wait()
        await self._deafen()
        for _ in range(5):
            await asyncio.sleep(0)  # what was broken off hears of it in the loop's next rounds

    def _hear(self) -> None:
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = self._socket.accept()
            self._talks[self._loop.create_task(self._talk(connection))] = connection

    async def _talk(self, connection: socket.socket) -> None:
        talk = _Talk(self)
        try:
            await talk.run(*await asyncio.open_connection(sock=connection))
        except OSError:
            return
        finally:
            await talk.close()

    async def _deafen(self) -> None:
        """Close the port, and break every connection off but the one that asks for it."""
        if self._socket.fileno() >= 0:  # else it is refusing already
            self._loop.remove_reader(self._socket)
            self._socket.close()
        others = [talk for talk in self._talks if talk is not asyncio.current_task()]
        for talk in others:
            talk.cancel()
        ended = await asyncio.gather(*others, return_exceptions=True)
        for talk in others:
            self._talks.pop(talk).close()  # one that was cancelled before it began has closed nothing
        for broken in [each for each in ended if isinstance(each, Exception)]:
            raise broken

    async def refuse(self, seconds: float) -> None:
        """Refuse everybody for a while."""
        await self._deafen()
        await asyncio.sleep(seconds)
        self._socket = _listening(self.port)
        self._hear()

    def change(self, change: Callable[[], None]) -> None:
        """Write something down, and tell who waits for it."""
        with self._changed:
            change()
            self._changed.notify_all()


def _bound(port: int) -> socket.socket:
    """Take a port that others of us may have, too."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def _listening(port: int) -> socket.socket:
    made = _bound(port)
    made.listen(512)
    return made


class _Heard:
    """Reads one message after the other out of a stream of bytes, and keeps the bytes."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks
        self._begin()

    def _begin(self) -> None:
        request = httptools.HttpRequestParser(self) if self._asks else None
        self._parser = request or httptools.HttpResponseParser(self)
        self.raw, self.url, self.body = b"", b"", b""
        self.headers: list[tuple[str, str]] = []
        self.whole = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True

    @property
    def method(self) -> str:
        assert isinstance(self._parser, httptools.HttpRequestParser)
        return self._parser.get_method().decode()

    @property
    def status(self) -> int:
        assert isinstance(self._parser, httptools.HttpResponseParser)
        return self._parser.get_status_code()

    async def read(self, reader: asyncio.StreamReader) -> bool:
        """Read one message; False where the other side has closed."""
        self._begin()
        while not self.whole:
            data = await reader.read(PIECE)
            if not data:
                return False
            self.raw += data
            self._parser.feed_data(data)
        return True


class _Talk:
    """One connection of a client, and the one that belongs to it on the other side."""

    def __init__(self, between: Between) -> None:
        self.between = between
        self._to_client: asyncio.StreamWriter | None = None
        self._server: asyncio.StreamReader | None = None
        self._to_server: asyncio.StreamWriter | None = None
        self._used = 0.0
        self._request = _Heard(asks=True)
        self._answer = _Heard(asks=False)

    async def run(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Take requests for as long as the client has some and none is cut off."""
        self._to_client = to_client
        goes_on = True
        while goes_on and await self._request.read(client):
            heard = self._request
            asked = Asked(heard.method, heard.url.decode("latin-1"), tuple(heard.headers), heard.body, time.monotonic())
            self.between.change(lambda asked=asked: self.between.asked.append(asked))  # type: ignore[misc]
            accidents = self.between.accidents
            accident = accidents.pop(0) if accidents and asked.method == "POST" else Accident()
            await self.between.calm.wait()
            if accident.alone:
                self.between.calm.clear()
            try:
                goes_on = await self._meet(asked, accident)
            finally:
                if accident.alone:
                    self.between.calm.set()

    async def _meet(self, asked: Asked, accident: Accident) -> bool:
        """Let one request pass or not; give whether the connection goes on."""
        answer: tuple[int, bytes] | None = None
        match accident.act:
            case "pass" | "drop":
                answer = await self._ask(asked)
            case "answer":
                answer = _own(asked, accident)
            case "cut":
                await self._pass_on(asked)
            case "refuse":
                await self.between.refuse(accident.delay_s)
                return False
            case _:
                raise AssertionError(accident)
        if accident.and_then is not None:
            await asyncio.to_thread(accident.and_then)
        await asyncio.sleep(accident.delay_s)
        if answer is None or accident.act == "drop":
            return False
        assert self._to_client is not None
        self._to_client.write(answer[1])
        await self._to_client.drain()
        self.between.change(lambda: setattr(asked, "status", answer[0]))
        return True

    async def _ask(self, asked: Asked) -> tuple[int, bytes] | None:
        await self._pass_on(asked)
        assert self._server is not None
        if not await self._answer.read(self._server):
            return None
        asked.answered = {name.lower(): value for name, value in self._answer.headers}
        return self._answer.status, self._answer.raw

    async def _pass_on(self, asked: Asked) -> None:
        now = asyncio.get_running_loop().time()
        if self._to_server is None or now - self._used > IDLE_S:
            if self._to_server is not None:
                self._to_server.close()
            to = urlsplit(self.between.upstream)
            self._server, self._to_server = await asyncio.open_connection(to.hostname, to.port)
        self._to_server.write(self._request.raw)
        await self._to_server.drain()
        self._used = now
        self.between.change(lambda: setattr(asked, "reached", True))

    async def close(self) -> None:
        """Break off both connections, and wait until they are."""
        for writer in (self._to_client, self._to_server):
            if writer is not None:
                writer.transport.abort()
                with suppress(OSError):
                    await writer.wait_closed()


def _own(asked: Asked, accident: Accident) -> tuple[int, bytes]:
    """Write an answer of ours, which a page of any origin may read."""
    headers = [*accident.headers, ("content-length", str(len(accident.body)))]
    if origin := asked.header("origin"):
        headers.append(("access-control-allow-origin", origin))
    lines = [f"HTTP/1.1 {accident.status} Scripted", *(f"{name}: {value}" for name, value in headers)]
    return accident.status, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + accident.body
