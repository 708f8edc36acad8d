"""Names that outlive a power cut: a file's bytes are synced by the file, its name by the folder it stands in."""

from __future__ import annotations

import os
from pathlib import Path


def sync_names(path: Path) -> None:
    """Make the name of a file durable, and those of the folders above it, as far as its file system reaches.

    All of them, and whoever made them: a process that died may have made any, and not have come to sync it.
    """
    device = path.parent.stat().st_dev
    for folder in path.parents:
        if folder.stat().st_dev != device:
            return
        try:
            file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:  # not ours to read, and so not of our making
            continue
        try:
            os.fsync(file)
        finally:
            os.close(file)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
