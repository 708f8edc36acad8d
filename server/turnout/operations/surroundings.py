"""What stands around the database: the files beside it, their rights, the disk, the processes; nothing is opened."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from turnout.clock import DAY, Micros
from turnout.errors import TurnoutError
from turnout.operations.checked import Check, ill, well
from turnout.operations.counted import counted
from turnout.store import connect, erasures, shm, space, swap, vault
from turnout.store.locks import FileLock
from turnout.store.writer import WAL_PAGES

PRIVATE = ("turnout.db", "turnout.db-wal", "turnout.db-shm", "keys", "erasures", "tail")

"""Files that are for their owner alone."""
NOBODY = "nobody delivers; `turnout serve` or `turnout mcp` does"
LOG_GONE = "End every process that uses it, by TERM: the last one moves into the database what was committed"
ASIDE_DAYS = 30
"""How long a database that a restore set aside may be kept. Source: reliability-security.md 6.7."""


def library() -> Check:
    """Look at the SQLite that writes."""
    warning = connect.version_warning()
    if warning is None:
        return well("sqlite", f"{connect.version()}, a release without known faults")
    return ill("sqlite", warning, "pip install 'pysqlite3>=0.6.1'")


def nothing(folder: Path) -> Check:
    """Say that there is no workspace; that is how one begins."""
    above = next(each for each in (folder, *folder.parents) if each.exists())
    if not above.is_dir():
        return ill("workspace", f"{above} is no directory", "Give --data a directory")
    if not os.access(above, os.W_OK):
        return ill("workspace", f"this user may not write to {above}", "Give --data a directory of this user's")
    return well("workspace", f"none in {folder} yet: it is made at the first use")


def gone(folder: Path) -> Check:
    """Say that the database is missing where there was one."""
    return ill(
        "workspace", f"{folder / 'turnout.db'} is missing, and events were acknowledged",
        "Put it back, or restore a backup: turnout restore FILE",
    )  # fmt: skip


def permissions(folder: Path) -> Check:
    """Look whether what should be files are, and whether others can read what is private."""
    every = [folder, *(folder / name for name in PRIVATE), *folder.glob(f"{swap.ASIDE}*")]
    there = [path for path in every if path.exists()]
    strange = [path for path in (*there[1:], *folder.glob("*.lock")) if not path.is_file()]
    if strange:
        named = " ".join(map(str, strange))
        return ill("permissions", f"no plain file: {named}", f"Move away what stands there: {named}")
    open_ones = [path for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_ones:
        named = ", ".join(map(str, open_ones))
        return ill("permissions", f"others may read {named}", f"chmod go= {' '.join(map(str, open_ones))}")
    return well("permissions", "for the owner alone")


def owner(folder: Path) -> Check:
    """Look whether all of it is this user's: what another made, this one cannot always write."""
    mine = os.geteuid()
    strange = [path for path in (folder, *folder.iterdir()) if path.lstat().st_uid != mine]
    if not strange:
        return well("owner", "all of it is this user's")
    named = ", ".join(map(str, strange[:3]))
    return ill("owner", f"{named} belongs to another user", f"Run Turnout as one user only: chown -R that one {folder}")


def file_system(folder: Path) -> Check:
    """Look whether SQLite's locks hold where the data is."""
    connect.refuse_network(folder)
    return well("file_system", "local, as far as it tells")


def keys(folder: Path) -> Check:
    """Look at the file of keys."""
    path = folder / "keys"
    if not path.exists() and (folder / "turnout.db").exists():
        return ill("keys", "missing, and nothing can be read without it", "Put back the copy that you keep of it")
    if not path.exists():
        return well("keys", "made at the first use")
    try:
        vault.read(path)
    except TurnoutError as error:
        return ill("keys", error.message, "Put back the copy that you keep of it")
    return well("keys", "there; keep a copy apart from backups of the database")


def noted(folder: Path) -> Check:
    """Look at the file that says who was erased."""
    path = folder / "erasures"
    mend = "Start `turnout serve`: it writes the file again from the database"
    if not path.exists() and not (folder / "keys").exists():
        return well("erasures", "made with the keys")
    if not path.exists():
        return ill("erasures", "missing, so that no backup can be restored", mend)
    book = erasures.read(path)
    if not book.workspace:
        return ill("erasures", "it does not say whose it is", mend)
    if (folder / "keys").exists() and book.workspace != str(vault.read(folder / "keys").workspace):
        return ill("erasures", "it is another workspace's", "Put back the one of this workspace")
    if book.damaged:
        return ill(
            "erasures", f"{counted(book.damaged, 'line')} of it damaged, so that no backup can be restored", mend
        )
    n = counted(len(book.entries), "request")
    return well("erasures", f"{n}; keep a copy of the newest apart from backups")


def disk(folder: Path) -> Check:
    """Look at the free disk."""
    free = f"{shutil.disk_usage(folder).free / 1e9:,.1f} GB free"
    if space.low(folder):
        return ill("disk", f"{free}; too little, so that no event is taken in", "Free some disk; it goes on by itself")
    return well("disk", free)


def delivering(folder: Path) -> int:
    """Give the process that delivers; 0 for none."""
    return _alone(folder / "delivery.lock")


def restoring(folder: Path) -> int:
    """Give the process that restores or migrates; 0 for none."""
    return _alone(folder / "open.lock")


def _alone(path: Path) -> int:
    """Give the process that has a lock alone; 0 for none."""
    if not path.exists():
        return 0
    lock = FileLock(path)
    try:
        return 0 if lock.try_share() else lock.holder()
    finally:
        lock.close()


def deliverer(folder: Path) -> Check:
    """Look who delivers; nobody is no fault: events wait. One that is stopped keeps everybody else from it."""
    pid = delivering(folder)
    if not pid:
        return well("deliverer", NOBODY)
    if is_stopped(pid):
        return ill("deliverer", f"process {pid} should deliver and is stopped", f"kill -CONT {pid}, or end it")
    return well("deliverer", f"process {pid} delivers")


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped (Ctrl-Z, a debugger). Linux alone tells."""
    try:
        return Path("/proc", str(pid), "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] in {"T", "t"}
    except (OSError, IndexError):
        return False


def restored(folder: Path, now: Micros) -> Check:
    """Look for what a restore left: one that was cut off, and databases that no erasure reaches."""
    if (folder / swap.STAGE).exists():
        if pid := restoring(folder):
            return well("restore", f"process {pid} is at it")
        return ill("restore", "one was cut off", "Run `turnout usage`: whatever opens the workspace puts it right")
    asides = [path for path in sorted(folder.glob(f"{swap.ASIDE}*")) if not path.name.endswith(("-wal", "-shm"))]
    horizon = f"{swap.ASIDE}{swap.stamp(now - ASIDE_DAYS * DAY)}"
    old = [path for path in asides if path.name < horizon]
    if old:
        named = " ".join(map(str, old))
        return ill("restore", f"older than {ASIDE_DAYS} days, and no erasure reaches it: {named}", f"rm {named}")
    if asides:
        return well("restore", f"no erasure reaches {', '.join(path.name for path in asides)}: remove it when you can")
    return well("restore", "nothing is left over")


def wal(folder: Path) -> Check:
    """Look how long the WAL is, and who keeps it from beginning anew."""
    log = shm.read(folder / "turnout.db-shm")
    if not (folder / "turnout.db-wal").exists() and delivering(folder):
        return ill("wal", "it was taken away while the database is in use", LOG_GONE)
    size = f"{log.pages * 4096 / 1e6:,.0f} MB, of which {log.moved * 4096 / 1e6:,.0f} MB are in the database"
    if log.pages <= 2 * WAL_PAGES:
        return well("wal", size)
    if not log.readers:
        return ill("wal", f"{size}; nobody shortens it", "Start `turnout serve`; where one runs, look at its log")
    pids = ", ".join(sorted({str(pid) for pid, _ in log.readers}))
    return ill("wal", f"{size}; process {pids} reads from it and holds it", "Wait for that to end, or end it")
