"""Taking a backup: one file with everything but the keys, who was erased, and the tail; it says so."""

from __future__ import annotations

import os
from pathlib import Path

from turnout.clock import iso
from turnout.document import Document, Json
from turnout.errors import Conflict, InvalidInput
from turnout.folders import sync_folder
from turnout.operations.counted import counted
from turnout.store import backup, connect
from turnout.store.backup import Tell
from turnout.store.locks import is_alive
from turnout.store.store import Store

NEEDS = {
    "keys": "without it nobody is found and no secret of a destination opens; keep it where the backup is not",
    "erasures": "who was erased since is erased again from it; copy it after each erasure, the newest one counts",
}
"""Files that a restore wants beside the backup, and why."""


def take(store: Store, file: Path, tell: Tell, *, replace: bool) -> Document:
    """Write a backup, whole and synced, or none. Raises: Conflict where the file is there; LimitExceeded; Unavailable.

    It appears under its name when it is whole, checked and synced.
    """
    _require_place(store.folder, file, replace=replace)
    damaged = ", ".join(store.look(lambda view: view.entities.damaged()))
    if damaged and file.exists():
        raise Conflict(
            f"the configuration of {damaged} is damaged here, and {file} may hold it whole, so it was not replaced",
            fix="Restore that one, or name another file",
        )
    _sweep(file)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    taken = store.clock.now()
    try:
        tell(f"Copying the workspace to {file} …")
        backup.copy(store.path, part, tell)
        tell("Checking the copy …")
        backup.verify(part, tell)
        found = backup.look(part)
        _put(part, file, replace=replace)
    finally:
        part.unlink(missing_ok=True)
    needs: list[Json] = [{"file": name, "path": str(store.folder / name), "why": why} for name, why in NEEDS.items()]
    return {
        "summary": f"{counted(found.events, 'event')} and all settings are in {file}. It holds personal data, and "
        "neither the keys nor who was erased: a restore needs both."
        + (f" Damaged in it, as here, is the configuration of {damaged}: keep the backups before." if damaged else ""),
        "file": str(file),
        "bytes": found.bytes,
        "events": found.events,
        "last": found.last,
        "revision": found.counter.revision,
        "schema": found.schema,
        "workspace": found.counter.workspace,
        "taken_at": iso(taken),
        "without": ["keys", "erasures", "tail"],
        "needs": needs,
    }


def _require_place(folder: Path, file: Path, *, replace: bool) -> None:
    if file.resolve().parent == folder.resolve():
        raise InvalidInput(f"{folder} is the data directory itself; a backup there is lost with it, name another place")
    if not file.parent.is_dir():
        raise InvalidInput(f"{file.parent} is no directory; make it first")
    if file.is_dir() or (file.exists() and not file.is_file()):
        raise InvalidInput(f"{file} is no plain file; name one for the backup")
    if file.exists() and not replace:
        raise _taken(file)
    connect.refuse_network(file.parent, f"{file.parent}", "write the backup")


def _put(part: Path, file: Path, *, replace: bool) -> None:
    """Give the whole file its name."""
    if replace:
        part.replace(file)
    else:
        try:
            os.link(part, file)
        except FileExistsError:
            raise _taken(file) from None
    sync_folder(file.parent)


def _sweep(file: Path) -> None:
    """Remove what a backup that was killed left behind."""
    for part in file.parent.glob(f".{file.name}.*.part"):
        pid = part.name.split(".")[-2]
        if pid.isdigit() and not is_alive(int(pid)):
            part.unlink(missing_ok=True)


def _taken(file: Path) -> Conflict:
    return Conflict(f"{file} is there already", fix="Name another file, or say --replace")
