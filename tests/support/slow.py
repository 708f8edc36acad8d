"""Clients that hold a server up, each in its way; one that is closed comes again.

By hand:  python -m support.slow http://127.0.0.1:8733 --count 200   (says when all are connected; ends with its input)
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import override

HERE = Path(__file__).resolve().parent.parent
HEAD = b"POST /v1/track HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Slow: yes\r\n"
BODY = HEAD + b"Content-Length: 30000\r\n\r\n"
GREEDY = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
DRIP_S = 1.0


class Slow(asyncio.Protocol):
    """One of them: `begins` with some bytes, then one of `drips` a second; `reads` or not."""

    def __init__(self, again: Callable[[], None], begins: bytes, drips: bytes, *, reads: bool) -> None:
        self._again, self._begins, self._drips, self._reads = again, begins, drips, reads

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._reads:
            transport.pause_reading()
        transport.write(self._begins)
        self._drip(0)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._again()

    def _drip(self, at: int) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._drips[at % len(self._drips) : at % len(self._drips) + 1])
            asyncio.get_running_loop().call_later(DRIP_S, self._drip, at + 1)


WAYS = ((HEAD, HEAD, True), (BODY, b"x", True), (GREEDY * 20, GREEDY, False), (b"", b"\n", True))
"""A head without end, a body without end, answers that nobody reads, a connection that says nothing."""


async def hold(host: str, port: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def come(number: int) -> None:
        task = loop.create_task(connect(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def connect(number: int) -> None:
        begins, drips, reads = WAYS[number % len(WAYS)]
        await loop.create_connection(lambda: Slow(lambda: come(number), begins, drips, reads=reads), host, port)

    await asyncio.gather(*[connect(number) for number in range(count)])
    print("slow", flush=True)  # noqa: T201 - it is waited for
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def slowed(address: str, count: int) -> Iterator[None]:
    """Have so many slow clients, in a process of their own."""
    words = (sys.executable, "-m", "support.slow", address, "--count", str(count))
    with subprocess.Popen(words, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"slow\n"
            yield
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    where = urlsplit(given.address)
    asyncio.run(hold(where.hostname or "", where.port or 0, given.count))


if __name__ == "__main__":
    main()
