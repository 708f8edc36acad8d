"""Puts a restored workspace in the place of the present one: the old or the new, wherever it dies, never half.

1. The new one is built in the folder `restoring`. Until the file `ready` stands there nothing has happened, and
   whoever opens the workspace next clears the folder away.
2. From then on the workspace is the new one: whoever opens it next goes on with step 3, which may be done twice.
3. The present database and its log are set aside; the keys, the erasures and the database take their places, the
   database last; `tail` is written; the folder goes.

All of it under the exclusive `open.lock`; `enter` is how everybody takes the shared one.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from turnout import document
from turnout.clock import iso
from turnout.errors import Unavailable
from turnout.folders import sync_folder
from turnout.store import tail
from turnout.store.locks import AGAIN_S, FileLock

STAGE = "restoring"
READY = "ready"
ASIDE = "turnout.db.before-"
PATIENCE_S = 10.0
"""How long who opens a workspace waits for another who puts a restore right."""


def enter(folder: Path, opening: FileLock) -> None:
    """Hold `open.lock` together with others, a restore that was cut off being put right first. Raises: Unavailable."""
    until = time.monotonic() + PATIENCE_S
    while (folder / STAGE).exists() and time.monotonic() < until:
        if opening.try_acquire():
            recover(folder)
            break
        time.sleep(AGAIN_S)
    while not (shared := opening.try_share()) and time.monotonic() < until:
        time.sleep(AGAIN_S)  # who has put it right holds it alone for a moment more
    if not shared:
        raise Unavailable(f"process {opening.holder()} is migrating or restoring this workspace; wait for it to end")


def alone(folder: Path, opening: FileLock) -> None:
    """Hold `open.lock` alone, as `enter` does. Raises: Unavailable, naming the processes to stop."""
    if not opening.try_acquire():
        raise Unavailable(
            f"{opening.sharers()} this workspace open; stop them first (turnout serve, turnout mcp and their "
            "clients, programs that use Turnout), then restore again"
        )
    recover(folder)


def recover(folder: Path) -> None:
    """Finish a restore that had been decided, clear away one that had not; nothing where there is none."""
    stage = folder / STAGE
    if (stage / READY).exists():
        _finish(folder, stage)
    elif stage.exists():
        shutil.rmtree(stage)
        sync_folder(folder)


def begin(folder: Path) -> Path:
    """Make the folder in which the new workspace is built."""
    stage = folder / STAGE
    stage.mkdir(mode=0o700)
    return stage


def commit(folder: Path, aside: str, seq: int) -> None:
    """Decide for the workspace in `restoring`, whose next event is number `seq`, and put it in its place."""
    stage = folder / STAGE
    for name in ("turnout.db", "keys", "erasures"):
        _sync(stage / name)
    draft = stage / f"{READY}.draft"
    draft.write_bytes(document.encode({"aside": aside, "seq": seq}))
    _sync(draft)
    sync_folder(stage)
    sync_folder(folder)
    draft.rename(stage / READY)
    sync_folder(stage)
    _finish(folder, stage)


def stamp(moment: int) -> str:
    """Write a moment for a file's name, so that later ones sort after it."""
    return iso(moment)[:19].translate({ord("-"): None, ord(":"): None})


def free_name(folder: Path, moment: int) -> str:
    """Give the name under which the present database is set aside."""
    names = (f"{ASIDE}{stamp(moment)}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(name for name in names if not (folder / name).exists())


def _finish(folder: Path, stage: Path) -> None:
    aside, seq = _decided(stage / READY)
    database, new = folder / "turnout.db", stage / "turnout.db"
    if new.exists():  # else it has its place already, and what stands there is not the old one
        for suffix in ("", "-wal"):
            if (old := folder / f"turnout.db{suffix}").exists():
                old.rename(folder / f"{aside}{suffix}")
        (folder / "turnout.db-shm").unlink(missing_ok=True)
        sync_folder(folder)  # a log of the old one must never be found beside the new one
        for name in ("keys", "erasures"):
            if (stage / name).exists():
                (stage / name).replace(folder / name)
        new.rename(database)
        sync_folder(folder)
    tail.write(folder / "tail", seq)
    _sync(folder / "tail")
    for path in stage.iterdir():
        if path.name != READY:
            path.unlink()
    (stage / READY).unlink()
    stage.rmdir()
    sync_folder(folder)


def _decided(path: Path) -> tuple[str, int]:
    """Read what was decided. Raises: Unavailable."""
    try:
        told = document.decode(path.read_bytes())
    except ValueError:
        told = None
    match told:
        case {"aside": str(aside), "seq": int(seq)}:
            return aside, seq
        case _:
            raise Unavailable(
                f"a restore was cut off, and {path} is damaged: move {path.parent} elsewhere, and restore again"
            )


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
