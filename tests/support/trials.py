"""Faults by the dozen: each trial in one of two processes, each found broken or whole, and all of it counted.

`told` is the line that the end of the test run shows: `tests/conftest.py` prints what tests record as `faults`.
"""

from __future__ import annotations

import os
import random
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from support.aftermath import Known, known, survive
from support.destination import Received, Scripted
from support.powercut import Disk
from support.recording import Recording, Step
from support.worker import HERE

AT_ONCE = 2
LIFE_S = 240


class Trial(Protocol):
    """One fault. `kind` is counted; its text is enough to try it again."""

    @property
    def kind(self) -> str: ...

    def broken(self) -> list[str]:
        """Let it happen; give what was broken."""
        ...


def drawn_seed() -> int:
    """Draw the seed of a run, or take the one to replay."""
    return int(os.environ.get("SEED", "0")) or secrets.randbits(32)


@dataclass(slots=True)
class Rude:
    """A destination that takes most; some it refuses for now, some it drops, some it answers late."""

    draw: random.Random

    def decide(self, _: Received) -> Scripted:
        fate = self.draw.random()
        if fate < 0.08:
            return Scripted(status=503)
        if fate < 0.12:
            return Scripted(act="reset")
        if fate < 0.14:
            return Scripted(status=502)
        return Scripted(delay_s=0.03 if fate > 0.85 else 0.002)


def start_life(
    recording: Recording, url: str, *words: str, die_at: int = 0, after: bool = False, beside: bool = False
) -> subprocess.Popen[bytes]:
    """Start a life of the program that is recorded, and dies at a step."""
    command = (sys.executable, "-m", "support.life", str(recording.root), url, *words)
    environment = recording.environment(die_at=die_at, after=after, beside=beside)
    return subprocess.Popen(command, env=environment, cwd=HERE, stdin=subprocess.DEVNULL)


def lived(process: subprocess.Popen[bytes], *ends: int) -> int:
    """Wait for its end, which is one of these."""
    code = process.wait(LIFE_S)
    assert code in ends, f"a life ended with {code}, not as one of {ends}"
    return code


@dataclass(frozen=True, slots=True)
class Cut:
    """The power fails after `at` steps of a recording.

    `engine` is not ours, but one that would have been caught: `blind`, whose syncs of the WAL do nothing, or `hasty`,
    which answers before it commits.
    """

    home: Path
    at: int
    style: str
    seed: int
    engine: str = ""

    @property
    def kind(self) -> str:
        return f"power cut, {self.style}"

    def broken(self) -> list[str]:
        recording = Recording(self.home)
        steps = _steps(recording)
        disk, promised = Disk(recording.root), known(steps[: self.at])
        blind = self.engine == "blind"
        disk.follow(
            each for each in steps[: self.at] if not (blind and each.kind == "E" and each.path.endswith("-wal"))
        )
        if self.engine == "hasty":
            promised.told = {each: seq for each, seq in known(steps).told.items() if each in promised.called}
        return _survived(disk, promised, self.style, self.seed)


def _survived(disk: Disk, promised: Known, style: str, seed: int) -> list[str]:
    folder = Path(tempfile.mkdtemp(prefix="turnout-cut-"))
    try:
        disk.stand(folder / "root", style, random.Random(seed))  # noqa: S311 - chance that must replay
        return survive(folder / "root" / "data", promised)
    finally:
        shutil.rmtree(folder)


@lru_cache(maxsize=2)
def _steps(recording: Recording) -> tuple[Step, ...]:
    return recording.steps()


@dataclass(frozen=True, slots=True)
class Crash:
    """A life dies at a step; then its successor is looked at. One that ended before dies earlier next time."""

    home: Path
    url: str
    words: tuple[str, ...]
    at: int
    after: bool

    @property
    def kind(self) -> str:
        return "kill -9 after a step" if self.after else "kill -9 before a step"

    def broken(self) -> list[str]:
        recording = Recording(self.home)
        at = self.at
        try:
            while lived(start_life(recording, self.url, *self.words, die_at=at, after=self.after), -9, 0) == 0:
                shutil.rmtree(self.home)
                at = max(1, at * 9 // 10)
            return survive(recording.root / "data", known(recording.steps()))
        finally:
            shutil.rmtree(self.home)


@dataclass(frozen=True, slots=True)
class Heritage:
    """A life dies before it syncs a folder, or a file beside the database; the next goes on; then the power fails.

    Nothing is left but what was synced: what the first one wrote, the second has to have synced to rest on it.
    """

    home: Path
    url: str
    words: tuple[str, ...]
    then: tuple[str, ...]
    at: int

    @property
    def kind(self) -> str:
        return "kill -9 before a sync beside the database, then a power cut"

    def broken(self) -> list[str]:
        recording = Recording(self.home)
        try:
            lived(start_life(recording, self.url, *self.words, die_at=self.at, beside=True), -9, 0)
            lived(start_life(recording, self.url, *self.then), 0)
            steps = recording.steps()
            disk = Disk(recording.root)
            disk.follow(steps)
            return _survived(disk, known(steps), "nothing", self.at)
        finally:
            shutil.rmtree(self.home)


def _allow_files() -> None:
    """A checkpointer keeps its database's descriptor for life, and a process here sees hundreds of databases."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _try(trial: Trial) -> tuple[Trial, list[str]]:
    return trial, trial.broken()


@dataclass(slots=True)
class Tally:
    """What was tried, and what was broken."""

    seed: int
    tried: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[Trial, list[str]]] = field(default_factory=list)

    @property
    def told(self) -> str:
        """The line for the end of the test run."""
        lost = Counter(trial.kind for trial, _ in self.broken)
        kinds = ", ".join(f"{kind}: {n - lost[kind]} of {n}" for kind, n in sorted(self.tried.items()))
        return f"{self.tried.total() - len(self.broken)} of {self.tried.total()} survived ({kinds}) SEED={self.seed}"

    @property
    def words(self) -> str:
        """What was broken, by which trial."""
        return "\n".join(f"{trial}:\n    " + "\n    ".join(found[:6]) for trial, found in self.broken[:10])


def try_all(trials: Iterable[Trial], seed: int) -> Tally:
    """Try them, two at once."""
    tally = Tally(seed)
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn"), initializer=_allow_files) as pool:
        for trial, found in pool.map(_try, trials):
            tally.tried[trial.kind] += 1
            if found:
                tally.broken.append((trial, found))
    return tally
