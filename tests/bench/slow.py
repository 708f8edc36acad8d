"""How long honest clients wait for `/v1/track` beside 200 that hold a server up, and without them.

Eight connections send one event after the other; the slow ones drip heads and bodies, read no answer or say nothing
(`support.slow`). The server stands on one core, all clients on the other. Interleaved; medians of the rounds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import uvloop

from bench import corpus
from bench.door import LIMIT_S, prepared, request, serving
from bench.measure import cores, pinned
from support.slow import slowed

EVENTS, CONNECTIONS, SLOW = 4_000, 8, 200
WARMING = 500
_ENDS = b"}"


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    print(f"\n/v1/track one after the other on {CONNECTIONS} connections, {SLOW} slow ones beside them")
    found: dict[str, list[tuple[float, float]]] = {"alone": [], "beside": []}
    for number in range(rounds):
        for name in tuple(found) if number % 2 == 0 else tuple(found)[::-1]:
            with TemporaryDirectory(dir=folder) as room:
                found[name].append(waited(Path(room), SLOW if name == "beside" else 0))
    for name, figures in found.items():
        p50, p99 = (median(each) for each in zip(*figures, strict=True))
        print(f"{name:<10} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    ratios = sorted(beside / alone for (_, beside), (_, alone) in zip(found["beside"], found["alone"], strict=True))
    print(f"p99 beside / alone: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), bound 2x", flush=True)


def waited(room: Path, slow: int) -> tuple[float, float]:
    """Give p50 and p99 in milliseconds."""
    key = prepared(room)
    requests = [request("/v1/track", key, call.body) for call in corpus.calls(EVENTS)]
    serve = serving(room, ("-m", "turnout", "serve", "--data", str(room), "--port", "0"))
    with serve as (url, _), pinned(cores()[1]), slowed(url, slow) if slow else nullcontext():
        times = uvloop.run(_ask(url, requests))
    return median(times) * 1000, quantiles(times, n=100)[-1] * 1000


async def _ask(url: str, requests: Sequence[bytes]) -> list[float]:
    left, times = iter(requests), list[float]()
    port = int(url.rpartition(":")[2])

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for text in left:
            began = time.perf_counter()
            writer.write(text)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(_ENDS)
            times.append(time.perf_counter() - began)
            assert head.startswith(b"HTTP/1.1 200"), head
        writer.close()

    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*[partial(one)() for _ in range(CONNECTIONS)])
    return times[WARMING:]
