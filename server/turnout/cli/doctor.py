"""`turnout doctor`: what can be wrong with a workspace, looked at one by one; it changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click
from rich.console import RenderableType

from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.config import Settings
from turnout.document import Document
from turnout.errors import TurnoutError
from turnout.guard.audit import verify
from turnout.opening import open_store
from turnout.operations.counted import counted
from turnout.store import space, tail, vault
from turnout.store.connect import version_warning
from turnout.store.locks import FileLock
from turnout.store.store import Store

PRIVATE = ("turnout.db", "keys", "erasures", "tail")
"""Files that are for their owner alone."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


@click.command(cls=Command, help="Check whether all is well with the data.")
@click.option("--accept-loss", is_flag=True, help="Go on without the events that the database lost.")
@pass_here
def doctor(here: Here, *, accept_loss: bool) -> int:
    """Look at everything; give exit code 1 where something is wrong."""
    settings = here.settings()
    if accept_loss and settings.data.is_dir():
        open_store(settings, accept_loss=True).close()
    checks = [library(), *(workspace(settings) if settings.data.is_dir() else [nothing(settings.data)])]
    ok = all(each.ok for each in checks)
    told: Document = {"ok": ok, "data": str(settings.data), "checks": [asdict(each) for each in checks]}
    output.answer(here, told, show)
    return 0 if ok else 1


def library() -> Check:
    """Look at the SQLite that writes."""
    warning = version_warning()
    return Check("sqlite", warning is None, warning or "a release without known faults")


def nothing(folder: Path) -> Check:
    """Say that there is no workspace; that is how one begins."""
    above = next(each for each in (folder, *folder.parents) if each.exists())
    if not above.is_dir():
        return Check("workspace", False, f"{above} is no directory")
    if not os.access(above, os.W_OK):
        return Check("workspace", False, f"this user may not write to {above}")
    return Check("workspace", True, f"none in {folder} yet: it is made at the first use")


def gone(folder: Path) -> Check:
    """Say that the database is missing where there was one."""
    return Check("workspace", False, f"{folder / 'turnout.db'} is missing, and events were acknowledged: put it back")


def workspace(settings: Settings) -> list[Check]:
    """Look at a data directory, from the outside in."""
    folder = settings.data
    outside = {"permissions": permissions, "keys": keys, "disk": disk, "deliverer": deliverer}
    checks = [looked(name, partial(look, folder)) for name, look in outside.items()]
    if not (folder / "turnout.db").is_file():
        return [*checks, gone(folder) if tail.read(folder / "tail") > 1 else nothing(folder)]
    try:
        store = open_store(settings)
    except TurnoutError as error:
        return [*checks, Check("opens", False, error.message)]
    try:
        inside = {"tail": whole, "integrity": integrity, "audit": audit}
        checks += [Check("opens", True, "yes"), *(looked(name, partial(look, store)) for name, look in inside.items())]
        return checks
    finally:
        store.close()


def looked(name: str, look: Callable[[], Check]) -> Check:
    """Look at one thing; what cannot even be looked at is not well."""
    try:
        return look()
    except TurnoutError as error:
        return Check(name, False, error.message)
    except OSError as error:
        return Check(name, False, f"{error.filename or 'the data directory'}: {error.strerror or error}")


def permissions(folder: Path) -> Check:
    """Look whether others can read what is private."""
    looked = [folder, *(folder / name for name in PRIVATE)]
    open_ones = [path for path in looked if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    if not open_ones:
        return Check("permissions", True, "for the owner alone")
    named = ", ".join(str(path) for path in open_ones)
    return Check("permissions", False, f"others may read {named}; run: chmod go= {' '.join(map(str, open_ones))}")


def keys(folder: Path) -> Check:
    """Look at the file of keys."""
    path = folder / "keys"
    if not path.exists():
        there = (folder / "turnout.db").exists()
        words = "missing, and nothing can be read without it: put it back" if there else "made at the first use"
        return Check("keys", not there, words)
    try:
        vault.read(path)
    except TurnoutError as error:
        return Check("keys", False, error.message)
    return Check("keys", True, "there; keep a copy apart from backups of the database")


def disk(folder: Path) -> Check:
    """Look at the free disk."""
    free = shutil.disk_usage(folder).free
    low = space.low(folder)
    words = "; too little, so that no event is taken in" if low else ""
    return Check("disk", not low, f"{free / 1e9:,.1f} GB free{words}")


def deliverer(folder: Path) -> Check:
    """Look who delivers; nobody is no fault: events wait."""
    path = folder / "delivery.lock"
    if not path.exists():
        return Check("deliverer", True, "nobody delivers; `turnout serve` or `turnout mcp` does")
    lock = FileLock(path)
    try:
        if lock.try_share():
            return Check("deliverer", True, "nobody delivers; `turnout serve` or `turnout mcp` does")
        return Check("deliverer", True, f"process {lock.holder()} delivers")
    finally:
        lock.close()


def whole(store: Store) -> Check:
    """Look whether the database has every event that was acknowledged."""
    if store.missing:
        return Check("tail", False, tail.lost(store.missing))
    return Check("tail", True, f"every event is there, the next is number {tail.read(store.folder / 'tail')}")


def integrity(store: Store) -> Check:
    """Let SQLite look at its pages, and hold its indexes against its tables: what an index lacks, nobody finds."""
    found = store.look(lambda view: [str(row[0]) for row in view.session.rows("PRAGMA integrity_check(5)")])
    return Check("integrity", found == ["ok"], "integrity_check is ok" if found == ["ok"] else "; ".join(found))


def audit(store: Store) -> Check:
    """Follow the chain of audit rows."""
    chain = store.look(lambda view: view.audit.all())
    count, broken = len(chain), verify(chain)
    words = (
        f"{counted(count, 'row')}, the chain holds"
        if broken is None
        else f"the chain is broken at row {broken + 1} of {count}"
    )
    return Check("audit", broken is None, words)


def show(told: Document) -> Iterable[RenderableType]:
    """Draw the list."""
    yield output.facts(told, "data")
    rows = [
        {"": "ok" if row["ok"] else "error", "check": row["name"], "detail": row["detail"]}
        for row in output.rows(told["checks"])
    ]
    yield output.table(("", "check", "detail"), rows)
