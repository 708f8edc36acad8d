"""`turnout doctor`: what can be wrong with a workspace, looked at one by one; it changes nothing."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import RenderableType

from turnout.cli import output, version
from turnout.cli.here import Command, Here, pass_here
from turnout.clock import SystemClock
from turnout.config import Settings
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.errors import TurnoutError, Unavailable
from turnout.opening import open_store
from turnout.operations import damage, soundness, surroundings
from turnout.operations.checked import BACK, Check, ill, looked, unread, well
from turnout.store import backup, connect, swap, tail, vault
from turnout.store.locks import FileLock
from turnout.store.reader import Readers
from turnout.store.store import SCHEMA
from turnout.store.unit import View


@click.command(cls=Command, help="Check whether all is well with the data.")
@click.option("--quick", is_flag=True, help="Do not compare every index with its table.")
@click.option("--accept-loss", is_flag=True, help="Go on without the events that the database lost.")
@pass_here
def doctor(here: Here, *, quick: bool, accept_loss: bool) -> int:
    """Look at everything; give exit code 1 where something is wrong."""
    settings = here.settings()
    if accept_loss and settings.data.is_dir():
        open_store(settings, accept_loss=True).close()
    there = settings.data.is_dir()
    checks = [surroundings.library(), *(workspace(settings, quick=quick) if there else [nothing(settings.data)])]
    ok = all(each.ok for each in checks)
    told: Document = {"ok": ok, "data": str(settings.data), "checks": [each.told() for each in checks]}
    output.answer(here, told, show)
    return 0 if ok else 1


def nothing(folder: Path) -> Check:
    """Say that there is no workspace."""
    return surroundings.nothing(folder)


def workspace(settings: Settings, *, quick: bool) -> list[Check]:
    """Look at a data directory, from the outside in: what reads the log's locks comes before it is opened."""
    folder, clock = settings.data, SystemClock()
    outside: dict[str, Callable[[], Check]] = {
        "permissions": partial(surroundings.permissions, folder),
        "owner": partial(surroundings.owner, folder),
        "file_system": partial(surroundings.file_system, folder),
        "keys": partial(surroundings.keys, folder),
        "erasures": partial(surroundings.noted, folder),
        "disk": partial(surroundings.disk, folder),
        "deliverer": partial(surroundings.deliverer, folder),
        "restore": partial(surroundings.restored, folder, clock.now()),
        "wal": partial(surroundings.wal, folder),
    }
    checks = [looked(name, look) for name, look in outside.items()]
    if not (folder / "turnout.db").is_file():
        return [*checks, surroundings.gone(folder) if tail.read(folder / "tail") > 1 else nothing(folder)]
    checks.append(looked("versions", partial(versions, folder)))
    try:
        with opened(folder, clock) as readers:
            readers.look(lambda view: view.counter)
            checks.append(well("opens", "yes"))
            if backup.schema(folder / "turnout.db") < SCHEMA:
                return checks + before(readers, folder, quick=quick)
            return checks + inside(readers, folder, quick=quick)
    except TurnoutError as error:
        return [*checks, ill("opens", error.message, str(error.attributes.get("fix") or BACK))]
    except OSError as error:
        return [*checks, unread("opens", error)]


def before(readers: Readers, folder: Path, *, quick: bool) -> list[Check]:
    """Look at what can be looked at before the database has the schema of this program."""
    integrity = partial(soundness.integrity, tell=output.say, quick=quick)
    whole = looked("tail", partial(_whole, readers, folder))
    return [whole, looked("integrity", partial(readers.look, integrity))]


def inside(readers: Readers, folder: Path, *, quick: bool) -> list[Check]:
    """Look at what is in the database, in one look each: none of them holds up a checkpoint for the others."""
    looks: dict[str, Callable[[View], Check]] = {
        "secrets": soundness.secrets,
        "clock": soundness.clock,
        "integrity": partial(soundness.integrity, tell=output.say, quick=quick),
        "audit": soundness.audit,
        "erased": partial(soundness.erased, folder=folder),
        "laws": soundness.engine,
        "waiting": lambda view: soundness.waiting(view, delivers=surroundings.delivering(folder) > 0),
        "destinations": soundness.destinations,
    }
    whole = looked("tail", partial(_whole, readers, folder))
    found = [looked(name, partial(readers.look, look)) for name, look in looks.items()]
    return [whole, *found, looked("contents", partial(damage.contents, readers, output.say, quick=quick))]


def _whole(readers: Readers, folder: Path) -> Check:
    """Compare the database with what was promised, which is read before it."""
    promised, torn = tail.read(folder / "tail"), tail.is_torn(folder / "tail")
    return readers.look(partial(soundness.whole, promised=promised, torn=torn))


def versions(folder: Path) -> Check:
    """Look whether this program knows the schema."""
    found = backup.schema(folder / "turnout.db")
    mine = f"Turnout {version.number()}, Python {platform.python_version()}, schema {found}"
    if found > SCHEMA:
        return ill("versions", f"{mine}, of which this program knows {SCHEMA}", "Install the newer Turnout")
    return well(
        "versions", mine if found == SCHEMA else f"{mine}, brought to {SCHEMA} at the next opening: then look again"
    )


@contextmanager
def opened(folder: Path, clock: SystemClock) -> Iterator[Readers]:
    """Read the database, and nothing but that: no lock is taken that keeps anybody out, but from a restore."""
    lock = FileLock(folder / "open.lock")
    try:
        if (folder / swap.STAGE).exists() or not lock.try_share():
            raise Unavailable("it is being restored or migrated, or was and is not put right")
        keys = vault.read(folder / "keys")
        # Read-only as the system sees it: the last close of such a connection moves nothing out of the log.
        readers = Readers(folder / "turnout.db", keys, SystemEntropy(), clock.now, connect.connect_file)
        try:
            yield readers
        finally:
            readers.close()
    except FileNotFoundError as error:
        raise Unavailable(f"{error.filename} is missing", fix="Put it back from where you keep it") from error
    finally:
        lock.close()


def show(told: Document) -> Iterable[RenderableType]:
    """Draw the list."""
    yield output.facts(told, "data")
    rows = [
        {"": "ok" if row["ok"] else "error", "check": row["name"], "detail": row["detail"], "do": row.get("do") or ""}
        for row in output.rows(told["checks"])
    ]
    yield output.table(("", "check", "detail", "do"), rows)
