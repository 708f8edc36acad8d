"""A destination that is down for the whole run: what it costs in memory, and what its neighbour feels.

`python -m bench dead`: the deliverer's memory with 200,000 events waiting against 10,000, and the time from
`track` to arrival at a healthy neighbour, alone and beside the dead one, interleaved in one run.
"""

from __future__ import annotations

import socket
import statistics
import time
from pathlib import Path

from support.destination import Recorder
from support.program import Program
from turnout import Turnout

ALLOW = (("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"), ("TURNOUT_RETRY_BASE_S", "0.2"), ("TURNOUT_RETRY_CAP_S", "2"))
FEW = 10_000
MANY = 200_000
PROBES = 100
PACE_S = 0.01


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


def fill(turnout: Turnout, count: int, start: int) -> None:
    """Record events for the dead destination alone."""
    for number in range(start, start + count):
        turnout.track(f"person-{number % 5000}", "Waits", {"number": number, "page": "/a/b/c", "title": "A title"})


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


def run(rounds: int, room: Path) -> None:
    """Run it and print the figures."""
    with Recorder() as receiver:
        program = Program(room / "dead", ALLOW)
        dead = f"url=http://127.0.0.1:{closed_port()}/"
        connect = ("destination", "connect", "webhook", "--yes", "--receives", "live")
        program.tell(*connect, "--name", "Alive", "--set", f"url={receiver.url}/", "--filter", "$.event == 'Arrives'")
        program.tell(*connect, "--name", "Dead", "--set", dead)
        with program.serving(), Turnout(data=program.data) as turnout:
            serving = int((program.data / "serve.lock").read_text().strip())
            alone: list[float] = []
            beside: list[float] = []
            fill(turnout, FEW, 0)
            time.sleep(3)
            few = memory_mb(serving)
            fill(turnout, MANY - FEW, FEW)
            time.sleep(3)
            many = memory_mb(serving)
            for round_ in range(rounds):
                program.tell("destination", "pause", "Dead")
                alone += probe(turnout, receiver, f"alone-{round_}")
                program.tell("destination", "resume", "Dead")
                beside += probe(turnout, receiver, f"beside-{round_}")
            state = program.tell("destination", "list")
    print(f"memory: {few:.1f} MB with {FEW} waiting, {many:.1f} MB with {MANY}: {many - few:+.1f} MB")
    print(
        f"neighbour: p99 {p99(alone):.1f} ms alone, {p99(beside):.1f} ms beside it: {p99(beside) / p99(alone):.2f}x; "
        f"p50 {statistics.median(alone) * 1000:.1f} and {statistics.median(beside) * 1000:.1f} ms"
    )
    print([(each["name"], each.get("health"), each.get("waiting")) for each in state["destinations"]])
