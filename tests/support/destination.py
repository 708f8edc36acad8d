"""The scripted destination: a real HTTP server on loopback that answers, or misbehaves, as it is told.

In a thread:   with Recorder() as vendor: ...; vendor.wait_for(3); vendor.received
In a process:  with launch(log, script) as vendor: ...; vendor.received()
By hand:       python -m support.destination --port 0 --log FILE --script JSON   (prints its port)

A script is `Script(default, rules, on_connect)`, or the same as JSON:

    {"default": {"status": 200},
     "rules": [{"path": "/batch", "method": "POST", "contains": "order", "json": {"events.0.event": "Order"},
                "answers": [{"status": 503, "headers": {"retry-after": "1"}}, {"act": "hang"}]}]}

The first rule that matches and has an answer left gives it; each answer is given once, with `"repeat": true`
the last one for ever; then the default answers. While the process runs, `PUT /__script__` replaces the script
and `GET /__counts__` tells `{"received", "open", "peak", "connections"}`; neither is recorded.

What an answer may do (`act`):

    answer      status, headers and body, whole
    drip        the same, the body in pieces of `piece` bytes, `every_s` apart
    cut         announces `missing` bytes more than it sends, then closes
    reset       a TCP reset instead of an answer
    close       closes without an answer
    half_close  shuts its sending side without an answer and keeps the connection
    hang        no answer, ever; the connection stays
    garbage     the body as raw bytes, without any HTTP, then closes
    raw         the body as raw bytes; the connection stays
    held        the same as `answer`, as soon as `let_go` is called
    endless     status and headers, then the body again and again for as long as somebody listens; status 0: no head

Each comes `delay_s` after the request. `on_connect: "reset"` resets each connection before it reads a byte;
`"early"` answers before it reads a byte, with the default's body as raw bytes, and closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import httptools
from typing_extensions import override

from support.script import Received, Rule, Script, Scripted, read_log, read_script, write_line

__all__ = ["Launched", "Received", "Recorder", "Rule", "Script", "Scripted", "launch", "read_log", "read_script"]

LONGEST_WAIT_S = 120.0
HERE = Path(__file__).resolve().parent.parent


class Recorder:
    """The server in a thread of this process; also what the process runs.

    `received` grows as requests arrive; `open` counts those without an answer yet, `peak` the most there
    were at once, `connections` all that were ever made, `live` those that still stand. `script` may be
    changed at any time.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        log: Path | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.script = script or Script()
        self.received: list[Received] = []
        self.open = 0
        self.peak = 0
        self.connections = 0
        self.host = host
        self._scheme = "https" if tls else "http"
        self._tls = tls
        self._log: BinaryIO | None = log.open("ab", buffering=0) if log else None
        self._socket = socket.create_server((host, port), backlog=512, family=_family(host))
        self.port: int = self._socket.getsockname()[1]
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.live: set[_Connection] = set()
        self.held: list[tuple[_Connection, Scripted]] = []
        self._thread = threading.Thread(target=self.run, name="destination", daemon=True)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(LONGEST_WAIT_S)
        assert not self._thread.is_alive()

    def answer(self, *answers: Scripted, path: str | None = None, contains: str | None = None) -> None:
        """Give these answers, once each, to the next requests that match."""
        self.script.rules.append(Rule(list(answers), path=path, contains=contains))

    def wait_for(self, count: int) -> list[Received]:
        """Wait until that many requests have arrived, at most two minutes."""
        return self.wait_until(lambda: len(self.received) >= count)

    def wait_until(self, holds: Callable[[], bool]) -> list[Received]:
        """Wait until something about the counts holds, at most two minutes."""
        with self._arrived:
            assert self._arrived.wait_for(holds, LONGEST_WAIT_S), f"{len(self.received)} requests, {self.open} open"
        return list(self.received)

    def let_go(self) -> None:
        """Answer what is held."""
        self._loop.call_soon_threadsafe(self._answer_held)

    def _answer_held(self) -> None:
        held, self.held = self.held, []
        for connection, answer in held:
            connection.answer(answer)

    def catch_up(self) -> None:
        """Wait until all is read that was sent to it by now."""
        asyncio.run_coroutine_threadsafe(self._turns(), self._loop).result(LONGEST_WAIT_S)

    async def _turns(self) -> None:
        for _ in range(10):  # a connection that has just come takes some of the loop's
            await asyncio.sleep(0)

    def counts(self) -> dict[str, int]:
        return {
            "received": len(self.received),
            "open": self.open,
            "peak": self.peak,
            "connections": self.connections,
        }

    def run(self) -> None:
        """Serve until stopped: the thread's work, or a process's."""
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()
            if self._log:
                self._log.close()

    async def _serve(self) -> None:
        server = await self._loop.create_server(
            lambda: _Connection(self), sock=self._socket, ssl=self._tls, backlog=512
        )
        await self._stop.wait()
        server.close()
        while self.live or len(asyncio.all_tasks(self._loop)) > 1:  # one that came just now, too, says goodbye
            for connection in list(self.live):
                connection.abort()
            await asyncio.sleep(0)
        await server.wait_closed()

    def arrived(self, request: Received) -> None:
        """Write a request down, before any answer."""
        if self._log:
            self._log.write(write_line(request))
        self.change(request=request, opened=1)

    def change(self, *, request: Received | None = None, opened: int = 0, connected: int = 0) -> None:
        with self._arrived:
            self.connections += connected
            self.open += opened
            self.peak = max(self.peak, self.open)
            if request:
                self.received.append(request)
            self._arrived.notify_all()

    def enter(self, connection: _Connection) -> int:
        self.live.add(connection)
        self.change(connected=1)
        return self.connections

    def leave(self, connection: _Connection) -> None:
        self.live.discard(connection)
        self.change()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other, each answered by script."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.number = 0
        self._waiting = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.number = self.recorder.enter(self)
        if self.recorder.script.on_connect == "reset":
            self._reset()
        elif self.recorder.script.on_connect == "early":
            transport.write(self.recorder.script.default.body)
            transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._answered()
        for task in self._tasks:
            task.cancel()
        self.recorder.leave(self)

    @override
    def eof_received(self) -> bool:
        return False

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        request = Received(
            self._parser.get_method().decode(),
            self._url.decode("latin-1"),
            tuple(self._headers),
            bytes(self._body),
            time.time(),
            self.number,
        )
        self._url, self._headers, self._body = b"", [], bytearray()
        if request.path in {"/__script__", "/__counts__"}:
            self._send(self._control(request))
            return
        self._waiting = True
        self.recorder.arrived(request)
        self._begin_task(self.recorder.script.answer(request))

    def _control(self, request: Received) -> Scripted:
        if request.path == "/__script__" and request.method == "PUT":
            self.recorder.script = read_script(request.body.decode())
        return Scripted(body=json.dumps(self.recorder.counts()).encode())

    def _begin_task(self, answer: Scripted) -> None:
        if answer.act == "answer" and not answer.delay_s:
            self._send(answer)
            return
        if answer.act == "held":
            self.recorder.held.append((self, answer))
            return
        task = self.recorder._loop.create_task(self._act(answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _act(self, answer: Scripted) -> None:
        await asyncio.sleep(answer.delay_s)
        match answer.act:
            case "drip":
                await self._drip(answer)
            case "endless":
                await self._endless(answer)
            case _:
                self._do(answer)

    def _do(self, answer: Scripted) -> None:
        match answer.act:
            case "answer":
                self._send(answer)
            case "cut":
                self.transport.write(_head(answer, len(answer.body) + answer.missing) + answer.body)
                self.transport.close()
            case "reset":
                self._reset()
            case "close":
                self.transport.close()
            case "half_close":
                self.transport.write_eof()
            case "garbage":
                self.transport.write(answer.body)
                self.transport.close()
            case "raw":
                self._answered()
                self.transport.write(answer.body)
            case _:  # hang
                pass

    def answer(self, answer: Scripted) -> None:
        """Give an answer that was held, where somebody still waits for it."""
        if not self.transport.is_closing():
            self._send(answer)

    async def _drip(self, answer: Scripted) -> None:
        self.transport.write(_head(answer, len(answer.body)))
        for start in range(0, len(answer.body), answer.piece):
            await asyncio.sleep(answer.every_s)
            self.transport.write(answer.body[start : start + answer.piece])
        self._answered()

    async def _endless(self, answer: Scripted) -> None:
        if answer.status:
            self.transport.write(_head(answer, 1 << 40))
        while not self.transport.is_closing():
            if not self.transport.get_write_buffer_size():
                self.transport.write(answer.body * (1 + 4096 // len(answer.body)))
            await asyncio.sleep(0.001)

    def _send(self, answer: Scripted) -> None:
        self._answered()  # before the bytes: who has the answer finds the count right
        self.transport.write(_head(answer, len(answer.body)) + answer.body)
        if ("connection", "close") in ((name.lower(), value) for name, value in answer.headers):
            self.transport.close()

    def _answered(self) -> None:
        if self._waiting:
            self._waiting = False
            self.recorder.change(opened=-1)

    def _reset(self) -> None:
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def abort(self) -> None:
        self.transport.abort()


def _head(answer: Scripted, length: int) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Scripted", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True, slots=True)
class Launched:
    """The destination in a process of its own, which a test may kill."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def received(self) -> list[Received]:
        return read_log(self.log)

    def rewrite(self, script: Mapping[str, Any]) -> None:
        """Replace the script of the running process."""
        self._ask("/__script__", "PUT", json.dumps(script).encode())

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self._ask("/__counts__", "GET", None))
        return counts

    def _ask(self, path: str, method: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url + path, body, method=method)  # noqa: S310 - our own loopback URL
        with urllib.request.urlopen(request, timeout=LONGEST_WAIT_S) as answer:  # noqa: S310
            found: bytes = answer.read()
        return found


@contextmanager
def launch(log: Path, script: Mapping[str, Any] | None = None, port: int = 0) -> Iterator[Launched]:
    """Run the destination as a process; at the end it is stopped."""
    command = [sys.executable, "-m", "support.destination", "--port", str(port), "--log", str(log)]
    command += ["--script", json.dumps(script or {})]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=HERE)
    assert process.stdout is not None
    try:
        yield Launched(process, int(process.stdout.readline()), log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="support.destination", description="A scripted HTTP destination.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="append each request here, one JSON line each")
    parser.add_argument("--script", default="{}", help="the script as JSON, or @FILE")
    given = parser.parse_args()
    text = Path(given.script[1:]).read_text() if given.script.startswith("@") else given.script
    recorder = Recorder(read_script(text), log=given.log, port=given.port)
    sys.stdout.write(f"{recorder.port}\n")
    sys.stdout.flush()
    recorder.run()


if __name__ == "__main__":
    main()
