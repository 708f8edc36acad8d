"""Files that are damaged at rest: bits that flipped, ends that are gone, pages of zeros, what is missing or another's.

Each damage is either noticed (opening refuses, or `doctor` says what is wrong), or harmless: every acknowledged
event is there as it came, and every verdict. `DAMAGES` sets how many are tried (40); the seed is printed, `SEED`
replays it.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from support.destination import Recorder
from support.driven import Agent, connect
from support.engine import open_store, record, track
from support.faulty import seeded, tell
from support.worker import until
from turnout.cli import doctor
from turnout.config import load
from turnout.errors import TurnoutError
from turnout.event.model import Seq
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

DAMAGES = int(os.environ.get("DAMAGES", "40"))
Kept = tuple[dict[Seq, tuple[bytes, bytes]], set[tuple[int, ...]]]
"""Bodies and what was derived of them by seq; final verdicts."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace as a power cut leaves it: half of it in the database, half in the log file beside it."""
    folder = tmp_path_factory.mktemp("whole")
    data = folder / "data"
    with Recorder() as vendor:
        connect(data, vendor.url)
        with Agent(data) as agent:
            asked = [agent.track(f"k{at}", f"u{at}", properties={"note": "x" * 200}) for at in range(150)]
            assert all(not each.result(60).refused for each in asked)
            until(lambda: len(vendor.received) == 150)
            agent.end_input()
            assert agent.ended() == 0
    store = open_store(data)
    for at in range(0, 150, 5):
        record(store, *(track(f"later-{n}", f"u{n}", properties={"note": "y" * 200}) for n in range(at, at + 5)))
    time.sleep(1.1)  # the tail is written once a second
    record(store, track("last"))
    shutil.copytree(data, folder / "copy")
    store.close()
    assert (folder / "copy" / "turnout.db-wal").stat().st_size > 100_000
    return folder / "copy"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make another workspace, open, for files that do not belong."""
    data = tmp_path_factory.mktemp("other") / "data"
    store = open_store(data)
    for at in range(20):
        record(store, track(f"other-{at}"))
    shutil.copytree(data, data.parent / "copy")
    store.close()
    return data.parent / "copy"


def flip(path: Path, draw: random.Random) -> str:
    raw = bytearray(path.read_bytes())
    places = sorted(draw.randrange(len(raw)) for _ in range(draw.choice([1, 1, 4])))
    for at in places:
        raw[at] ^= 1 << draw.randrange(8)
    path.write_bytes(raw)
    return f"flipped at {places} of {len(raw)}"


def cut(path: Path, draw: random.Random) -> str:
    size = path.stat().st_size
    left = draw.choice([0, draw.randrange(size), size - draw.randrange(min(size, 5000)) - 1])
    os.truncate(path, left)
    return f"cut to {left} of {size}"


def zero(path: Path, draw: random.Random) -> str:
    raw = bytearray(path.read_bytes())
    first = draw.randrange(len(raw)) & ~4095
    raw[first : first + 4096] = bytes(len(raw[first : first + 4096]))
    path.write_bytes(raw)
    return f"zeros from {first} of {len(raw)}"


def remove(path: Path, _: random.Random) -> str:
    path.unlink()
    return "removed"


HARMS: tuple[Callable[[Path, random.Random], str], ...] = (flip, flip, cut, zero, remove)
FILES = ("turnout.db", "turnout.db", "turnout.db-wal", "turnout.db-wal", "keys", "tail", "turnout.db-shm")


def harm(folder: Path, other: Path, draw: random.Random) -> str:
    """Do one damage; say which."""
    name = draw.choice(FILES)
    if draw.random() < 0.1 and name != "tail":
        shutil.copy(other / name, folder / name)
        return f"{name}: another's"
    return f"{name}: {draw.choice(HARMS)(folder / name, draw)}"


def kept(view: View) -> Kept:
    events = {event.seq: (event.body, event.meta) for event in view.log.after(0, 10_000)}
    finals = view.session.rows("SELECT lane, run, seq, part, last, code FROM deliveries")
    return events, {tuple(row) for row in finals}


def look(folder: Path) -> Kept:
    """Read everything that is kept, as whoever opens it does, and hold the indexes against it."""
    store: Store = open_store(folder)
    try:
        assert store.look(lambda view: view.session.rows("PRAGMA integrity_check")) == [("ok",)]
        return store.look(kept)
    finally:
        store.close()


def outcome(folder: Path, before: Kept) -> str:
    """Tell what a damage came to: noticed, harmless, altered, or hidden."""
    if not all(check.ok for check in doctor.workspace(load(folder), quick=False)):
        return "noticed"
    try:
        events, finals = look(folder)
    except TurnoutError:
        return "noticed"
    if lost := before[0].keys() - events.keys():
        return f"hidden: {len(lost)} events are gone"
    if changed := [seq for seq in before[0] if events[seq] != before[0][seq]]:
        return f"altered: {len(changed)}"
    return "harmless" if before[1] <= finals else "hidden: verdicts are gone"


def test_no_damage_is_read_past_in_silence(whole: Path, other: Path, tmp_path: Path) -> None:
    draw = seeded("damage")
    shutil.copytree(whole, tmp_path / "untouched")
    before = look(tmp_path / "untouched")
    assert len(before[0]) == 301
    assert len(before[1]) == 150
    outcomes: Counter[str] = Counter()
    hidden = []

    for number in range(DAMAGES):
        folder = tmp_path / f"damaged-{number}"
        shutil.copytree(whole, folder)
        done = harm(folder, other, draw)
        came_to = outcome(folder, before)
        outcomes[came_to.partition(":")[0]] += 1
        if came_to.startswith(("hidden", "altered")):
            hidden.append(f"{done}: {came_to}")
        shutil.rmtree(folder)

    tell(f"{DAMAGES} damages tried: {dict(outcomes)}")
    assert not hidden, "\n".join(hidden)
