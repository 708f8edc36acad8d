"""What receives, cheaper than what sends: asyncio with httptools, which reads each request and says yes.

Run as `python -m bench.sink`: it prints its port, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import httptools
import uvloop
from typing_extensions import override

from bench.measure import environment, pinned

BODY = b'{"code":200,"status":"OK","success":true}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer; called by the parser."""
        assert self._transport is not None
        self._transport.write(ANSWER)


@dataclass(frozen=True, slots=True)
class Sink:
    """A running one."""

    process: int
    url: str


@contextmanager
def receiving(core: int) -> Iterator[Sink]:
    """Run one on a core."""
    with pinned(core):
        started = subprocess.Popen(
            (sys.executable, "-m", "bench.sink"), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    with started as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Sink(process.pid, f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
