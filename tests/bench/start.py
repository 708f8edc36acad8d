"""From the start of `turnout mcp` to its first answer, and its memory, against the SDK's empty server.

On a workspace of 10,000 events, each side started by turns. The first start of ours has no card yet. Memory is what
is resident after `tools/list` and one call of a tool, when the store is open too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import corpus
from bench.ingest import commit_all, grouped
from bench.measure import environment, spent_by
from bench.stdio import EMPTY, OURS, arguments
from turnout.config import Settings
from turnout.opening import open_store

STARTS = 20
EVENTS = 10_000
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds to the first answer, CPU seconds until a tool has answered, and MB resident then."""

    first_s: float
    cpu_s: float
    rss_mb: float


def run(_: int, folder: Path) -> None:
    """Start both sides by turns, and print."""
    with TemporaryDirectory(dir=folder) as room:
        store = open_store(Settings(Path(room)))
        commit_all(store, grouped(corpus.calls(EVENTS), 100))
        store.close()
        environ = {**environment(), "XDG_CACHE_HOME": str(Path(room) / "cache")}
        sides = {"ours": (*OURS, room), "empty": EMPTY}
        found: dict[str, list[Start]] = {name: [] for name in sides}
        for _round in range(STARTS):
            for name, words in sides.items():
                found[name].append(started(words, environ))
    ours, empty = found["ours"], found["empty"]
    print(f"\n{STARTS} starts, medians{'':<12} {'ours':>8} {'empty':>8}  ratio", flush=True)
    tell("first answer, ms", [each.first_s * 1e3 for each in ours], [each.first_s * 1e3 for each in empty])
    tell("CPU until a tool answered, ms", [each.cpu_s * 1e3 for each in ours], [each.cpu_s * 1e3 for each in empty])
    tell("resident then, MB", [each.rss_mb for each in ours], [each.rss_mb for each in empty])
    print(f"without a card: first answer after {ours[0].first_s * 1e3:.0f} ms, {ours[0].rss_mb:.0f} MB")


def tell(title: str, ours: list[float], empty: list[float]) -> None:
    """Print one line."""
    print(f"{title:<30} {median(ours):8.1f} {median(empty):8.1f}  {median(ours) / median(empty):5.2f}x", flush=True)


def started(words: tuple[str, ...], environ: Mapping[str, str]) -> Start:
    """Start a server, greet it, list its tools, call one."""
    began = time.perf_counter()
    with subprocess.Popen(
        (sys.executable, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environ)
    ) as process:
        ask(process, "initialize", HELLO)
        first = time.perf_counter() - began
        say(process, {"method": "notifications/initialized"})
        ask(process, "tools/list", {})
        ask(process, "tools/call", {"name": "track_event", "arguments": arguments(0)})
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        return Start(first, spent_by(process.pid), int(status.partition("VmRSS:")[2].split()[0]) / 1024)


def ask(process: subprocess.Popen[bytes], method: str, params: object) -> None:
    """Make a request and wait for its answer."""
    say(process, {"id": method, "method": method, "params": params})
    assert process.stdout is not None
    answer = json.loads(process.stdout.readline())
    assert answer["id"] == method, answer
    assert "result" in answer, answer


def say(process: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    """Write a message."""
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()
