"""The file `erasures`: who was suppressed or erased, as HMACs, for the day a backup from before is restored.

A line a regulation, appended and synced before anything of it is erased. Doing it twice adds nothing, and syncs
again: a crash between the line and its note in the database is harmless, also one before the sync, and the line is
on disk when it is noted. A line that a crash cut short is left behind.
"""

from __future__ import annotations

import os
from pathlib import Path

from turnout import document, folders
from turnout.document import Document
from turnout.store.privacy import Regulation


def append(path: Path, regulation: Regulation) -> None:
    """Add a regulation unless it stands there already; make sure that it is on disk."""
    line: Document = {
        "id": regulation.id,
        "at": regulation.at,
        "kind": regulation.kind,
        "namespace": regulation.namespace,
        "until": regulation.until,
        "keys": [key.hex() for key in regulation.keys],
    }
    there = any(line.get("id") == regulation.id for line in read(path))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if not there:
            os.write(file, b"" if _ends_well(path) else b"\n")
            os.write(file, document.encode(line) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    folders.sync_names(path)


def read(path: Path) -> tuple[Document, ...]:
    """Read the lines that are whole, oldest first."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return ()
    found: list[Document] = []
    for raw in text.split(b"\n"):
        try:
            line = document.decode(raw) if raw else None
        except ValueError:
            continue
        if isinstance(line, dict):
            found.append(line)
    return tuple(found)


def _ends_well(path: Path) -> bool:
    text = path.read_bytes()
    return not text or text.endswith(b"\n")
