"""Events over HTTP, into `turnout serve` on one core.

Singles: 32 connections, one `/v1/track` a request, against the same server whose handler reads the body and answers.
Batches: `/v1/batch` with 100 events a request on four connections, against the bare loop of `bench.ingest` that writes
the very rows that came of it. Counted is the server with its children; the load stands on another core.

Each side is a process: `python -m bench.door empty` serves the empty handler.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from urllib.parse import urlsplit

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from bench import corpus
from bench.ingest import MANY
from bench.measure import Cost, Mark, compare, cores, environment, heading, interleave, pinned, side, spent_by
from turnout.api import answers
from turnout.api.connection import bounded
from turnout.cli.serve import Server, listen
from turnout.config import Settings
from turnout.event.model import Call
from turnout.opening import open_store

EVENTS, CONNECTIONS = 6_000, 32
BATCH, SENDERS = 100, 4
WARMING = 500
LIMIT_S = 120
_LISTENS = re.compile(rb"http://127\.0\.0\.1:\d+")


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    heading("ours", "other")
    sides = {"ours": partial(singles, folder), "empty": partial(nothing, folder)}
    found = interleave(sides, rounds)
    compare("/v1/track, 32 connections", found["ours"], found["empty"], "bound 3.5x")
    with TemporaryDirectory(dir=folder) as room:
        batches(Path(room))
        sides = {"ours": partial(batches, Path(room)), "bare": partial(side, "ingest", "bare", room, MANY, BATCH)}
        found = interleave(sides, rounds)
    compare("/v1/batch, 100 events, per event", found["ours"], found["bare"], "bound 2.0x")


def singles(folder: Path) -> Cost:
    """Send one event a request, to a new workspace."""
    with TemporaryDirectory(dir=folder) as room:
        key = prepared(Path(room))
        warming = [request("/v1/track", key, call.body) for call in corpus.calls(WARMING, seed=1)]
        requests = [request("/v1/track", key, call.body) for call in corpus.calls(EVENTS)]
        with serving(Path(room), ("-m", "turnout", "serve", "--data", room, "--port", "0")) as (url, process):
            return loaded(url, process, warming, requests, CONNECTIONS, EVENTS)


def nothing(folder: Path) -> Cost:
    """Send the same to who does nothing with it."""
    requests = [request("/v1/track", "k", call.body) for call in corpus.calls(EVENTS)]
    words = ("-m", "bench.door", "empty")
    with TemporaryDirectory(dir=folder) as room, serving(Path(room), words) as (url, process):
        return loaded(url, process, requests[:WARMING], requests, CONNECTIONS, EVENTS)


def batches(room: Path) -> Cost:
    """Send batches to a new workspace, and leave it, and what it was before, for the bare loop."""
    shutil.rmtree(room / "ours", ignore_errors=True)
    with TemporaryDirectory(dir=room) as other:
        key = prepared(Path(other))
        with serving(Path(other), ("-m", "turnout", "serve", "--data", other, "--port", "0")) as (url, process):
            loaded(url, process, bodies(key, corpus.calls(WARMING, seed=1)), [], SENDERS, 1)
    key = prepared(room / "ours")
    shutil.copyfile(room / "ours" / "turnout.db", room / "before.db")
    with serving(room, ("-m", "turnout", "serve", "--data", str(room / "ours"), "--port", "0")) as (url, process):
        return loaded(url, process, [], bodies(key, corpus.calls(MANY)), SENDERS, MANY)


def prepared(data: Path) -> str:
    """Make a workspace; give a write key of it."""
    store = open_store(Settings(data))
    try:
        return store.look(lambda view: next(iter(view.workspace.sources.values()))).write_key
    finally:
        store.close()


def bodies(key: str, calls: Sequence[Call]) -> list[bytes]:
    """Write requests of 100 events each."""
    found = []
    for at in range(0, len(calls), BATCH):
        items = b",".join(call.body for call in calls[at : at + BATCH])
        found.append(request("/v1/batch", key, b'{"batch":[' + items + b"]}"))
    return found


def request(path: str, key: str, body: bytes) -> bytes:
    """Write a request as a client of ours would."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nX-Write-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def serving(room: Path, words: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Start a server on the core under test; give its address and process."""
    log = room / "log"
    with pinned(cores()[0]), log.open("wb") as err:
        process = subprocess.Popen((sys.executable, *words), env=environment(), stderr=err, stdout=err)
    try:
        url = _address(log, process)
        if "turnout" in words:
            _until_delivering(url)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_S)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + LIMIT_S
    while (found := _LISTENS.search(log.read_bytes())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, "the server does not listen"
        time.sleep(0.01)
    return found[0].decode()


def _until_delivering(url: str) -> None:
    """Wait until the process beside it has begun: what that takes is no part of a request."""
    until = time.monotonic() + LIMIT_S
    while not json.load(urllib.request.urlopen(f"{url}/readyz")).get("delivering"):  # noqa: S310 - our own server
        assert time.monotonic() < until, "nobody delivers"
        time.sleep(0.05)


def loaded(
    url: str, process: int, warming: Sequence[bytes], requests: Sequence[bytes], connections: int, n: int
) -> Cost:  # fmt: skip
    """Send, from another core, and count what the server took."""
    with pinned(cores()[1]):
        uvloop.run(_send(url, warming, connections))
        before = _spent(process)
        begin = Mark.of(process)
        uvloop.run(_send(url, requests, connections))
        cost = begin.cost(n, Mark.of(process))
    beside = _spent(process) - before
    return Cost(n, cost.cpu_s + beside, cost.wall_s)


def _spent(process: int) -> float:
    """CPU seconds of the children of a process."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return sum(spent_by(int(child)) for each in tasks for child in each.read_text().split())


async def _send(url: str, requests: Sequence[bytes], connections: int) -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    left = iter(requests)
    loop = asyncio.get_running_loop()
    senders = [loop.create_connection(partial(_Sender, left), host, port) for _ in range(connections)]
    found = await asyncio.gather(*senders)
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*[sender.done for _, sender in found])


class _Sender(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self, left: Iterable[bytes]) -> None:
        self._left = iter(left)
        self._got = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._next()

    @override
    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._got.endswith(answers.TAKEN.body):
            assert self._got.startswith(b"HTTP/1.1 200"), self._got
            self._got = b""
            self._next()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError(repr(self._got)))

    def _next(self) -> None:
        body = next(self._left, None)
        if body is None:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(body)


async def empty(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await answers.give(send, answers.TAKEN, b"")


def serve_empty() -> None:
    """Serve that, as `turnout serve` does."""
    door = listen("127.0.0.1", 0)
    print(f"http://127.0.0.1:{door.getsockname()[1]}", flush=True)
    server = Server(
        uvicorn.Config(
            empty, http=bounded(), ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
        )
    )
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    uvloop.run(server.serve([door]))


if __name__ == "__main__":
    assert sys.argv[1:] == ["empty"], json.dumps(sys.argv)
    serve_empty()
