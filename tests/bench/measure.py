"""What a run cost, how two sides are run in turn, and how that is told."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Self

LIMIT_S = 300
TESTS = Path(__file__).resolve().parents[1]
SCHEDULER_CLOCK = 2
"""The CPU clock of a process is named by its inverted id and this. Source: clock_getcpuclockid(3) in glibc."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What so many operations took: CPU of the process under test with its children, and wall time."""

    n: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.n * 1e6

    @property
    def wall_us(self) -> float:
        return self.wall_s / self.n * 1e6

    @property
    def rate(self) -> float:
        return self.n / self.wall_s

    def tell(self) -> None:
        """Hand it to the process that started this one."""
        print(json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment from which a cost is counted."""

    cpu_s: float
    wall_s: float

    @classmethod
    def here(cls) -> Self:
        """Begin to count this process."""
        return cls(_spent(), time.perf_counter())

    @classmethod
    def of(cls, process: int) -> Self:
        """Begin to count another process of this machine."""
        return cls(spent_by(process), time.perf_counter())

    def cost(self, n: int, later: Self) -> Cost:
        return Cost(n, later.cpu_s - self.cpu_s, later.wall_s - self.wall_s)


def _spent() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def spent_by(process: int) -> float:
    """Read the CPU seconds of another process, its ended threads included."""
    return time.clock_gettime((~process << 3) | SCHEDULER_CLOCK)


def cores() -> tuple[int, int]:
    """Give the core for the process under test, and the one for whatever loads it; the same on a machine of one."""
    found = sorted(os.sched_getaffinity(0))
    return found[-1], found[0]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Start what is started in here on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment() -> dict[str, str]:
    """Give the environment of a process of ours: paths go with it, settings of the person who runs this do not."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")}
    return {**kept, "PYTHONPATH": os.pathsep.join((str(TESTS), kept.get("PYTHONPATH", "")))}


def side(module: str, *words: object, core: int | None = None) -> Cost:
    """Run one side once, in a process of its own that tells its cost as its last line."""
    with pinned(cores()[0] if core is None else core):
        done = subprocess.run(
            (sys.executable, "-m", f"bench.{module}", *map(str, words)),
            env=environment(), stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=True,
        )  # fmt: skip
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def interleave(sides: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Run the sides in turn, every other round backwards."""
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        for name in names:
            found[name].append(sides[name]())
    return found


def compare(title: str, ours: Sequence[Cost], other: Sequence[Cost], bound: str) -> None:
    """Print one ratio: the median of the rounds' own, with the medians of both sides beside it."""
    ratios = [mine.cpu_us / theirs.cpu_us for mine, theirs in zip(ours, other, strict=True)]
    walls = [mine.wall_us / theirs.wall_us for mine, theirs in zip(ours, other, strict=True)]
    print(
        f"{title:<34} {middle(ours, 'cpu_us'):8.1f} {middle(other, 'cpu_us'):8.1f}  {median(ratios):5.2f}x"
        f"  {min(ratios):.2f} to {max(ratios):.2f}   wall {median(walls):5.2f}x"
        f"  {middle(ours, 'rate'):9,.0f}/s {middle(other, 'rate'):9,.0f}/s   {bound}",
        flush=True,
    )


def heading(ours: str, other: str) -> None:
    """Print what the columns of `compare` are."""
    print(f"\n{'us of CPU for one':<34} {ours:>8} {other:>8}  ratio  lowest, highest", flush=True)


def middle(costs: Sequence[Cost], what: str) -> float:
    """Give the median of one figure."""
    return float(median(getattr(cost, what) for cost in costs))
