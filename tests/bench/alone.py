"""One durable event alone, through the in-process door, against a write of 4 KiB and `fdatasync` on the same disk.

Wall time, the median of 1,000 of each a round. Both processes: `python -m bench.alone ours|bare FOLDER`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.measure import Cost, Mark, interleave, side
from turnout import Turnout

EVENTS = 1_000
WARMING = 200
BLOCK = os.urandom(4096)


def run(rounds: int, folder: Path) -> None:
    """Compare, and print."""
    found = interleave({name: partial(one, name, folder) for name in ("ours", "bare")}, rounds)
    ratios = [mine.wall_us / bare.wall_us for mine, bare in zip(found["ours"], found["bare"], strict=True)]
    walls = {name: median(cost.wall_us for cost in each) for name, each in found.items()}
    print(
        f"\none durable event alone: p50 {walls['ours']:.0f} us, a 4 KiB write with fdatasync {walls['bare']:.0f} us: "
        f"{median(ratios):.2f}x, {min(ratios):.2f} to {max(ratios):.2f}; bound 3x",
        flush=True,
    )


def one(name: str, folder: Path) -> Cost:
    """Run one side in a new folder; its wall time is the median's."""
    with TemporaryDirectory(dir=folder) as room:
        return side("alone", name, room)


def ours(room: Path) -> Cost:
    """Track events."""
    with Turnout(data=room / "data") as turnout:

        def track(number: int) -> None:
            turnout.track(f"u_{number % 100}", "Order Completed", {"order_id": f"ord_{number}", "total": 42.5})

        return timed(track)


def bare(room: Path) -> Cost:
    """Write blocks."""
    file = os.open(room / "blocks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(_: int) -> None:
        os.write(file, BLOCK)
        os.fdatasync(file)

    return timed(write)


def timed(work: Callable[[int], None]) -> Cost:
    """Do it often: CPU of one, and the median of the wall time."""
    for number in range(WARMING):
        work(number)
    took: list[float] = []
    begin = Mark.here()
    for number in range(WARMING, WARMING + EVENTS):
        at = time.perf_counter()
        work(number)
        took.append(time.perf_counter() - at)
    return Cost(EVENTS, begin.cost(EVENTS, Mark.here()).cpu_s, median(took) * EVENTS)


if __name__ == "__main__":
    {"ours": ours, "bare": bare}[sys.argv[1]](Path(sys.argv[2])).tell()
