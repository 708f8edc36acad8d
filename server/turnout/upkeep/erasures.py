"""The file `erasures`: who was suppressed or erased, as HMACs, for the day a backup from before is restored.

A line a regulation, appended and synced before anything of it is erased. Doing it twice adds nothing: a crash
between the line and its note in the database is harmless. A line that a crash cut short is left behind.
"""

from __future__ import annotations

import os
from pathlib import Path

from turnout import document
from turnout.document import Document
from turnout.store.privacy import Regulation
from turnout.store.vault import sync_folder, write_whole


def append(path: Path, regulation: Regulation) -> None:
    """Add a regulation unless it stands there already."""
    if any(line.get("id") == regulation.id for line in read(path)):
        return
    line: Document = {
        "id": regulation.id,
        "at": regulation.at,
        "kind": regulation.kind,
        "namespace": regulation.namespace,
        "until": regulation.until,
        "keys": [key.hex() for key in regulation.keys],
    }
    new = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        write_whole(file, (b"" if new or _ends_well(path) else b"\n") + document.encode(line) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    if new:
        sync_folder(path.parent)


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
