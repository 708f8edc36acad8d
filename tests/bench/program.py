"""What a `track` costs a program that has Turnout inside: one after the other, in 8 threads, in 100 tasks of a loop.

Each side: `python -m bench.program one|threads|tasks FOLDER`. CPU is the program's, the writer's thread included.
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio

from bench.measure import Cost, Mark, interleave, side
from turnout import AsyncTurnout, Turnout

EVENTS = 4_000
THREADS = 8
TASKS = 100
NAMES = {"one": "one after the other", "threads": f"in {THREADS} threads", "tasks": f"in {TASKS} tasks of a loop"}


def run(rounds: int, folder: Path) -> None:
    """Measure, and print."""
    found = interleave({name: partial(_one, name, folder) for name in NAMES}, rounds)
    print("\na durable `track` inside a program:", flush=True)
    for name, costs in found.items():
        cpu, rate = median(cost.cpu_us for cost in costs), median(cost.rate for cost in costs)
        print(f"  {NAMES[name]:<28} {cpu:5.0f} us of CPU, {rate:6,.0f} a second", flush=True)


def _one(name: str, folder: Path) -> Cost:
    with TemporaryDirectory(dir=folder) as room:
        return side("program", name, room)


def one(room: Path) -> Cost:
    """Track in a loop."""
    with Turnout(room / "data") as turnout:
        _track(turnout, 0, 200)
        begin = Mark.here()
        _track(turnout, 1, EVENTS)
        return begin.cost(EVENTS, Mark.here())


def threads(room: Path) -> Cost:
    """Track in threads at once."""
    with Turnout(room / "data") as turnout:
        _track(turnout, 0, 200)
        workers = [threading.Thread(target=_track, args=(turnout, at, EVENTS // THREADS)) for at in range(THREADS)]
        begin = Mark.here()
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        return begin.cost(EVENTS, Mark.here())


def _track(turnout: Turnout, prefix: int, count: int) -> None:
    for number in range(count):
        turnout.track(f"u_{number % 100}", "Order Completed", {"order_id": f"{prefix}-{number}", "total": 42.5})


def tasks(room: Path) -> Cost:
    """Track in the tasks of a loop at once."""
    return anyio.run(_tasks, room)


async def _tasks(room: Path) -> Cost:
    async with AsyncTurnout(room / "data") as turnout:
        await _await(turnout, 0, 200)
        begin = Mark.here()
        async with anyio.create_task_group() as group:
            for at in range(TASKS):
                group.start_soon(_await, turnout, at, EVENTS // TASKS)
        return begin.cost(EVENTS, Mark.here())


async def _await(turnout: AsyncTurnout, prefix: int, count: int) -> None:
    for number in range(count):
        await turnout.track(f"u_{number % 100}", "Order Completed", {"order_id": f"{prefix}-{number}", "total": 42.5})


if __name__ == "__main__":
    {"one": one, "threads": threads, "tasks": tasks}[sys.argv[1]](Path(sys.argv[2])).tell()
