"""Retention of very many events ends at once, as after a month in which nothing ran."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.carrier import carrier
from support.old import Counting, age, left
from support.workspace import Bench, bench
from turnout.upkeep import prune as pruning
from turnout.upkeep.prune import Pruner

MANY = 100_000
DAYS = 90


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Bench]:
    """Give a workspace, in memory where the machine has such a file system: rows are counted, no disk is waited for."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with (
        TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder,
        bench(Path(folder) / "data") as opened,
    ):
        yield opened


@pytest.mark.timeout(480)
def test_a_hundred_thousand_events_go_without_a_commit_of_more_than_a_page(here: Bench) -> None:
    lanes = carrier(here)
    hooks = [here.connect("webhook", {"url": f"https://hook.example.com/{at}"}, name=f"h{at}") for at in range(3)]
    age(here, lanes, hooks, MANY)
    reign = Counting(here, lanes.epoch)
    pruner = Pruner(reign, DAYS, 1 << 30)

    while not pruner.advance():
        pass

    assert max(reign.rows) <= pruning.ROWS
    assert sum(reign.rows) >= MANY * (2 + len(hooks))
    assert left(here) == ([MANY + 1], 1, len(hooks))
