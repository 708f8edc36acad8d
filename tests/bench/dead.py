"""A destination that is down for the whole run: what it costs in memory, what its neighbour feels, and its return.

The deliverer's memory with 1,000,000 events waiting (`--events`) against 10,000; the time from `track` to arrival at a
healthy neighbour, alone and beside the dead one, interleaved in one run; then somebody listens where nobody did, and
the backlog drains. The dead one takes batches, as a destination with such a backlog would.
"""

from __future__ import annotations

import socket
import statistics
import time
from pathlib import Path

from bench import corpus, fanout, sink
from bench.ingest import commit_all, grouped
from bench.measure import cores
from support.destination import Recorder
from support.program import Program
from turnout import Turnout
from turnout.config import load
from turnout.opening import open_store

ALLOW = (("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"), ("TURNOUT_RETRY_BASE_S", "0.2"), ("TURNOUT_RETRY_CAP_S", "2"))
FEW = 10_000
MANY = 1_000_000
CHUNK = 50_000
PROBES = 100
PACE_S = 0.01
SETTLES_S = 3
RETURNS_S = 1_800
"""Until when the backlog must be drained."""


def closed_port() -> int:
    """Give a port of loopback where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def memory_mb(process: int) -> float:
    """Give the resident memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process has ended")


def serves(data: Path) -> int:
    """Give the process that serves, as soon as it has its lock."""
    lock = data / "serve.lock"
    until = time.monotonic() + 60
    while not (lock.exists() and lock.read_text().strip()):
        assert time.monotonic() < until, "nobody serves"
        time.sleep(fanout.LOOK_S)
    return int(lock.read_text().strip())


def fill(data: Path, start: int, end: int) -> None:
    """Record events for the dead destination alone, 100 a commit."""
    store = open_store(load(data, {}))
    try:
        for at in range(start, end, CHUNK):
            commit_all(store, grouped(corpus.calls(min(CHUNK, end - at), seed=at), 100))
    finally:
        store.close()


def probe(turnout: Turnout, receiver: Recorder, tag: str) -> list[float]:
    """Track events one by one; give the seconds until each arrived."""
    took = []
    for number in range(PROBES):
        before = len(receiver.received)
        began = time.monotonic()
        turnout.track(f"probe-{tag}-{number}", "Arrives")
        while len(receiver.received) == before:
            assert time.monotonic() - began < 10, "nothing arrives"
            time.sleep(0.0005)
        took.append(time.monotonic() - began)
        time.sleep(PACE_S)
    return took


def p99(samples: list[float]) -> float:
    """Give the 99th percentile in milliseconds."""
    return statistics.quantiles(samples, n=100)[98] * 1000


def run(rounds: int, room: Path, events: int = MANY) -> None:
    """Run it and print the figures."""
    port = closed_port()
    with Recorder() as receiver:
        program = Program(room / "dead", ALLOW)
        connect = ("--yes", "--receives", "live", "--name")
        alive = ("--set", f"url={receiver.url}/", "--filter", "$.event == 'Arrives'")
        program.tell("destination", "connect", "webhook", *connect, "Alive", *alive)
        dead = ("--set", "write_key=w", "--set", f"endpoint=http://127.0.0.1:{port}")
        program.tell("destination", "connect", "segment", *connect, "Dead", *dead, "--filter", "$.event != 'Arrives'")
        with program.serving():
            serving = serves(program.data)
            fill(program.data, 0, FEW)
            time.sleep(SETTLES_S)
            few = memory_mb(serving)
            began = time.monotonic()
            fill(program.data, FEW, events)
            taken_in = (events - FEW) / (time.monotonic() - began)
            time.sleep(SETTLES_S)
            many = memory_mb(serving)
            print(
                f"\nmemory: {few:.1f} MB with {FEW:,} waiting, {many:.1f} MB with {events:,}; bound 300 MB", flush=True
            )
            neighbour(program, receiver, rounds)
            drained = returned(program.data, port)
            ratio = drained / taken_in
            print(
                f"back again: {drained:,.0f} events/s, taken in at {taken_in:,.0f}/s: {ratio:.2f}x, bound 2x; "
                f"{memory_mb(serving):.1f} MB afterwards",
                flush=True,
            )


def neighbour(program: Program, receiver: Recorder, rounds: int) -> None:
    """Ask in turn how long an event takes to the healthy one, alone and beside the dead one."""
    found: list[tuple[list[float], list[float]]] = []
    with Turnout(data=program.data) as turnout:
        for round_ in range(rounds):
            program.tell("destination", "pause", "Dead")
            alone = probe(turnout, receiver, f"alone-{round_}")
            program.tell("destination", "resume", "Dead")
            found.append((alone, probe(turnout, receiver, f"beside-{round_}")))
    ratios = [p99(beside) / p99(alone) for alone, beside in found]
    alone, beside = ([seconds for each in side for seconds in each] for side in zip(*found, strict=True))
    print(
        f"neighbour: p99 {p99(alone):.1f} ms alone, {p99(beside):.1f} ms beside it: "
        f"{statistics.median(ratios):.2f}x, {min(ratios):.2f} to {max(ratios):.2f}, bound 2x; "
        f"p50 {statistics.median(alone) * 1000:.1f} and {statistics.median(beside) * 1000:.1f} ms",
        flush=True,
    )


def returned(data: Path, port: int) -> float:
    """Listen where nobody did: events a second from the first that leaves to the last verdict."""
    with fanout.following(data / "turnout.db") as behind, sink.receiving(cores()[1], port=port):
        waiting = behind.now()
        until = time.monotonic() + RETURNS_S
        while behind.now() >= waiting:
            assert time.monotonic() < until, "nothing leaves"
            time.sleep(fanout.LOOK_S)
        began = time.monotonic()
        while behind.now():
            assert time.monotonic() < until, "the backlog does not drain"
            time.sleep(fanout.LOOK_S)
        return waiting / (time.monotonic() - began)
