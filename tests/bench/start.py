"""Starting: from the start of `turnout mcp` to its first answer, and its memory after `tools/list` and one call.

The call is there because the opening moves are answered before the program is all there; after it, it is.

On a workspace with 10,000 events, against `python -m bench.empty`, the SDK's low-level server with one tool that does
nothing. The client writes the protocol's lines itself, so that nothing of its own is timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import corpus, fanout
from bench.dead import memory_mb
from bench.ingest import commit_all, grouped
from bench.measure import cores, environment, pinned

STARTS = 20
EVENTS = 10_000
CALLED: Mapping[str, object] = {"name": "list_destinations", "arguments": {}}
"""Both sides take the call: the empty server does not look which tool it is."""
INITIALIZE: Mapping[str, object] = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


def run(rounds: int, folder: Path) -> None:  # noqa: ARG001 - twenty starts, whatever the rounds
    """Compare, and print."""
    with TemporaryDirectory(dir=folder) as place:
        room = Path(place)
        with fanout.opened(room) as store:
            commit_all(store, grouped(corpus.calls(EVENTS), 100))
        sides = {"ours": ("-m", "turnout", "mcp", "--data", str(room / "data")), "empty": ("-m", "bench.empty")}
        took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sides}
        for number in range(STARTS + 1):
            for name in sides if number % 2 else reversed(sides):
                one = started(sides[name], room)
                if number:  # the first fills the caches of the disk
                    took[name].append(one)
    mine, theirs = ([median(each) for each in zip(*took[name], strict=True)] for name in ("ours", "empty"))
    wall, listed, called = (one / other for one, other in zip(mine, theirs, strict=True))
    print(
        f"\n{STARTS} starts: first answer after {mine[0] * 1000:.0f} ms, the empty server {theirs[0] * 1000:.0f} ms: "
        f"{wall:.2f}x, bound 1.2x\nmemory after tools/list {mine[1]:.1f} and {theirs[1]:.1f} MB: {listed:.2f}x; after "
        f"one call {mine[2]:.1f} and {theirs[2]:.1f} MB: {called:.2f}x, bound 1.35x",
        flush=True,
    )


def started(words: tuple[str, ...], room: Path) -> tuple[float, float, float]:
    """Start a server: seconds to its first answer, megabytes after `tools/list` and after one call."""
    environ = {**environment(), "XDG_CACHE_HOME": str(room / "cache")}
    with pinned(cores()[0]):
        begin = time.perf_counter()
        process = subprocess.Popen(
            (sys.executable, *words), env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    with process:
        ask(process, {"id": 1, "method": "initialize", "params": INITIALIZE})
        took = time.perf_counter() - begin
        tell(process, {"method": "notifications/initialized"})
        listed = ask(process, {"id": 2, "method": "tools/list"})
        assert listed["result"]["tools"]
        size = memory_mb(process.pid)
        assert "result" in ask(process, {"id": 3, "method": "tools/call", "params": CALLED})
        called = memory_mb(process.pid)
        assert process.stdin is not None
        process.stdin.close()
    return took, size, called


def tell(process: subprocess.Popen[bytes], message: Mapping[str, object]) -> None:
    """Write one message."""
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()


def ask(process: subprocess.Popen[bytes], message: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Write one message, and read until its answer."""
    tell(process, message)
    assert process.stdout is not None
    while line := process.stdout.readline():
        answer: dict[str, dict[str, object]] = json.loads(line)
        if answer.get("id") == message["id"]:
            return answer
    raise AssertionError(f"the server ended ({os.waitstatus_to_exitcode(process.wait())})")
