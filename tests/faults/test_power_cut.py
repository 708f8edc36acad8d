"""The power fails at any moment of several lives of the program, and what was not synced is gone, there, or torn.

One run is recorded, with all that it writes, syncs and sends (`support.recording`); the disk is then put together as
it may have stood at many moments of it (`support.powercut`), and each time a successor must keep what was promised
(`support.aftermath`). `CUTS` sets how many (120); `SEED` draws the same again, from another run; the folder of a run
that a failure names, given as `TRACE`, is cut again as it was. Linux only: elsewhere there is no such recorder.
"""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.destination import Recorder, Script
from support.powercut import STYLES, Disk
from support.recording import Recording, Step, marks
from support.trials import Cut, Heritage, Rude, drawn_seed, lived, start_life, try_all

CUTS = int(os.environ.get("CUTS", "120"))

pytestmark = pytest.mark.timeout(600 + CUTS)


@pytest.fixture(scope="module")
def seed() -> int:
    return drawn_seed()


@pytest.fixture(scope="module")
def lives(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Record lives that die early, in the middle and never, with a second process beside one of them."""
    if given := os.environ.get("TRACE"):
        return Recording(Path(given))
    recording = Recording(tmp_path_factory.mktemp("lives"))
    draw = random.Random(seed)  # noqa: S311 - chance that must replay
    with Recorder(Script(decide=Rude(random.Random(seed + 1)).decide)) as vendor:  # noqa: S311

        def live(*words: str, die_at: int = 0) -> None:
            ends = (-9, 0) if die_at else (0,)  # where many share a commit it may have ended before it comes so far
            lived(start_life(recording, vendor.url, *words, die_at=die_at), *ends)

        live("connect", die_at=draw.randint(1, 100))
        live("connect", "record:a:9", "drain", die_at=draw.randint(150, 500))
        live("connect", "record:b:6", "gone:b", "restart", "record:c:6", "drain", die_at=draw.randint(200, 900))
        beside = start_life(recording, vendor.url, "alone", "record:d:6")
        live("connect", "record:e:5", "gone:e", "restart", "erase:e", "record:f:4")
        lived(beside, 0)
        live("alone", "record:g:2")
        live("record:h:4", "restart", "record:i:3", "drain")
    return recording


def moments(steps: Sequence[Step], count: int, draw: random.Random) -> list[int]:
    """Draw moments: half of them anywhere, half of them by turns from each kind of step on each file."""
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, step in enumerate(steps):
        if not step.path.endswith(".lock"):
            kinds[step.kind, Path(step.path).name.partition("keys.")[0]].append(at)
    turns = [kinds[key] for key in sorted(kinds)]
    chosen = [draw.choice(turns[n % len(turns)]) + draw.randint(0, 1) for n in range(count // 2)]
    return chosen + [draw.randint(1, len(steps)) for _ in range(count - len(chosen))]


def test_a_power_cut_at_any_moment_loses_nothing_promised_and_repeats_nothing_confirmed(
    lives: Recording, seed: int, record_property: Callable[[str, object], None]
) -> None:
    draw = random.Random(seed + 2)  # noqa: S311
    steps = lives.steps()

    tally = try_all(
        (Cut(lives.home, at, draw.choice(STYLES), draw.getrandbits(32)) for at in moments(steps, CUTS, draw)), seed
    )

    record_property("faults", tally.told)
    assert not tally.broken, f"{tally.told}\nTRACE={lives.home}\n{tally.words}"


def test_what_a_dead_process_left_unsynced_is_on_disk_before_the_next_one_rests_on_it(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    words = ("connect", "gone:a", "record:a:1", "drain", "erase:a")
    then = words[:-1]  # the erasure that was accepted goes on by itself
    with Recorder() as vendor:
        whole = Recording(tmp_path / "whole")
        lived(start_life(whole, vendor.url, *words), 0)
        syncs = sum(step.kind == "B" and not Path(step.path).name.startswith("turnout.db") for step in whole.steps())

        tally = try_all(
            (Heritage(tmp_path / f"home-{at}", vendor.url, words, then, at) for at in range(1, syncs + 1)), seed
        )

    record_property("faults", tally.told)
    assert not tally.broken, f"{tally.told}\n{tally.words}"


def test_the_disk_that_is_followed_ends_as_the_disk_that_was(lives: Recording, tmp_path: Path) -> None:
    disk = Disk(lives.root)
    disk.follow(lives.steps())

    disk.stand(tmp_path / "root", "everything", random.Random(0))  # noqa: S311

    assert contents(tmp_path / "root" / "data") == contents(lives.root / "data")


def contents(folder: Path) -> dict[str, bytes]:
    files = [each for each in folder.rglob("*") if each.is_file() and not each.name.endswith("-shm")]
    return {str(each.relative_to(folder)): each.read_bytes() for each in files}


def test_an_engine_that_does_not_sync_its_log_would_be_caught(lives: Recording, seed: int) -> None:
    draw = random.Random(seed + 4)  # noqa: S311
    told = [at for at, step in enumerate(lives.steps(), 1) if step.path.endswith("marks") and b"told" in step.data]

    tally = try_all((Cut(lives.home, draw.choice(told), "nothing", 0, "blind") for _ in range(8)), seed)

    assert len(tally.broken) >= 4, "only a checkpoint can have saved any"


def test_an_engine_that_answers_before_its_commit_would_be_caught(lives: Recording, seed: int) -> None:
    draw = random.Random(seed + 5)  # noqa: S311
    steps = lives.steps()
    told = {each for mark in marks(steps) for each in mark.get("told", {})}
    calls = ((at, step) for at, step in enumerate(steps, 1) if step.path.endswith("marks") and b"call" in step.data)
    called = [at for at, step in calls if told.issuperset(json.loads(step.data)["call"])]

    tally = try_all((Cut(lives.home, draw.choice(called), "everything", 0, "hasty") for _ in range(4)), seed)

    assert len(tally.broken) == 4
