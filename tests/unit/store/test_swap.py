"""A restored workspace takes the place of the present one: the old or the new, wherever it was cut off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.engine import open_store, record, track
from turnout import document
from turnout.clock import DAY
from turnout.errors import Unavailable
from turnout.store import swap, tail
from turnout.store.locks import FileLock


def messages(folder: Path) -> list[str]:
    store = open_store(folder)
    try:
        log = store.look(lambda view: view.log.after(0, 10))
        return [str(document.decode(event.body)["messageId"]) for event in log]  # type: ignore[call-overload,index]
    finally:
        store.close()


def make(folder: Path, *names: str) -> None:
    store = open_store(folder)
    for name in names:
        record(store, track(name))
    store.close()


def staged(folder: Path, *, ready: bool) -> None:
    """Have a new workspace in the folder where a restore builds it, decided for or not."""
    make(folder / swap.STAGE, "new")
    if ready:
        (folder / swap.STAGE / swap.READY).write_bytes(document.encode({"aside": f"{swap.ASIDE}x", "seq": 2}))


def test_what_was_not_decided_is_cleared_away_by_whoever_opens_next(data_dir: Path) -> None:
    make(data_dir, "old")
    staged(data_dir, ready=False)

    assert messages(data_dir) == ["old"]
    assert not (data_dir / swap.STAGE).exists()


def test_what_was_decided_is_finished_by_whoever_opens_next(data_dir: Path) -> None:
    make(data_dir, "old", "older")
    staged(data_dir, ready=True)

    assert messages(data_dir) == ["new"]
    assert tail.read(data_dir / "tail") == 2
    assert not (data_dir / swap.STAGE).exists()
    assert (data_dir / f"{swap.ASIDE}x").exists()


@pytest.mark.parametrize("text", [b"", b"junk", b"[]", b'{"aside": 1}'])
def test_a_decision_that_cannot_be_read_says_what_to_do_and_moves_nothing(data_dir: Path, text: bytes) -> None:
    make(data_dir, "old")
    staged(data_dir, ready=True)
    (data_dir / swap.STAGE / swap.READY).write_bytes(text)

    with pytest.raises(Unavailable, match=r"a restore was cut off, and .* is damaged: move .* elsewhere"):
        messages(data_dir)

    (data_dir / swap.STAGE).rename(data_dir / "moved")
    assert messages(data_dir) == ["old"]


def test_a_log_of_the_old_database_never_stands_beside_the_new_one(data_dir: Path) -> None:
    make(data_dir, "old")
    staged(data_dir, ready=True)
    (data_dir / "turnout.db-wal").write_bytes(b"frames of the old one")

    swap.recover(data_dir)

    assert not (data_dir / "turnout.db-wal").exists()
    assert (data_dir / f"{swap.ASIDE}x-wal").read_bytes() == b"frames of the old one"


def test_finishing_again_sets_nothing_else_aside(data_dir: Path) -> None:
    make(data_dir, "old")
    staged(data_dir, ready=True)
    told = (data_dir / swap.STAGE / swap.READY).read_bytes()
    swap.recover(data_dir)
    (data_dir / swap.STAGE).mkdir()
    (data_dir / swap.STAGE / swap.READY).write_bytes(told)  # the last thing that goes

    assert messages(data_dir) == ["new"]


def test_two_that_open_at_once_both_find_the_new_one(data_dir: Path) -> None:
    make(data_dir, "old")
    staged(data_dir, ready=True)
    look = (
        f"from turnout.cli.main import run; import sys; sys.exit(run(['usage', '--data', {str(data_dir)!r}, '--json']))"
    )
    both = [subprocess.Popen([sys.executable, "-c", look], stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [each.wait(120) for each in both] == [0, 0]
    assert messages(data_dir) == ["new"]


def test_while_it_is_restored_nobody_opens_it_and_the_process_is_named(data_dir: Path) -> None:
    make(data_dir, "old")
    lock = FileLock(data_dir / "open.lock")
    assert lock.try_acquire()

    with pytest.raises(Unavailable, match=f"process {os.getpid()} is migrating or restoring"):
        open_store(data_dir)


def test_the_processes_to_stop_are_named(data_dir: Path) -> None:
    make(data_dir, "old")
    hold = f"import time; f = open({str(data_dir / 'open.lock')!r}); print(flush=True); import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        lock = FileLock(data_dir / "open.lock")

        named = f"process {other.pid} has" if sys.platform == "linux" else "other processes have"
        assert lock.sharers() == named

        assert other.stdin is not None
        other.stdin.close()
    assert lock.sharers() == "other processes have"


def test_names_of_what_is_set_aside_sort_by_time(data_dir: Path) -> None:
    data_dir.mkdir()
    first = swap.free_name(data_dir, 20_000 * DAY)
    (data_dir / first).touch()

    again, later = swap.free_name(data_dir, 20_000 * DAY), swap.free_name(data_dir, 20_001 * DAY)

    assert first < again < later
