from __future__ import annotations

from pathlib import Path

import pytest

from support.workspace import bench
from turnout.errors import LimitExceeded
from turnout.operations.ready import hindrances
from turnout.store import space


def test_nothing_in_the_way_is_ready() -> None:
    assert hindrances(low=False, lost=0, failed="") == ()


def test_each_thing_in_the_way_is_said() -> None:
    found = hindrances(low=True, lost=1, failed="the commit failed")

    assert found == (
        "free disk is under 1 GB or 5 %",
        "1 acknowledged event is missing; --accept-loss goes on without them",
        "the commit failed",
    )


def test_whoever_is_refused_for_want_of_room_reads_the_same(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "FLOOR", 1 << 60)
    monkeypatch.setattr(space, "SHARE", 2.0)
    (told,) = hindrances(low=True, lost=0, failed="")

    with bench(data_dir) as here, pytest.raises(LimitExceeded) as refused:
        here.store.require_room()

    assert refused.value.message.startswith(told)
