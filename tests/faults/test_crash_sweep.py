"""kill -9 at the n-th write, sync or send of a life of the program, before it or after it, for n over the whole of it.

The process kills itself, so that the step is exact (`support.recording`); a successor must keep what was promised
(`support.aftermath`). `SWEEP` sets how many (60); the seed is printed, and `SEED` draws the same again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from support.destination import Recorder, Script
from support.recording import Recording
from support.trials import Crash, Rude, drawn_seed, lived, start_life, try_all

SWEEP = int(os.environ.get("SWEEP", "60"))
WORDS = ("connect", "record:a:5", "gone:a", "restart", "record:b:4", "erase:a", "record:c:2", "drain")


@pytest.mark.timeout(600 + 5 * SWEEP)
def test_a_crash_at_any_step_loses_nothing_promised_and_repeats_nothing_confirmed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = drawn_seed()
    draw = random.Random(seed)  # noqa: S311 - chance that must replay
    with Recorder(Script(decide=Rude(random.Random(seed + 1)).decide)) as vendor:  # noqa: S311
        whole = Recording(tmp_path / "whole")
        lived(start_life(whole, vendor.url, *WORDS), 0)
        steps = sum(step.kind in "WTBURLMS" and not step.path.endswith((".lock", "/marks")) for step in whole.steps())
        width = steps / SWEEP
        points = [1 + int(width * (n + draw.random())) for n in range(SWEEP)]

        tally = try_all(
            (
                Crash(tmp_path / f"crash-{n}", vendor.url, WORDS, at, after=draw.random() < 0.5)
                for n, at in enumerate(points)
            ),
            seed,
        )

    record_property("faults", tally.told)
    assert not tally.broken, f"{tally.told}\n{tally.words}"
