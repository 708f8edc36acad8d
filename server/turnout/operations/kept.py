"""What a restore needs besides the backup: the keys, who was erased since, whom the present database promised to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from turnout.clock import Clock
from turnout.entropy import Entropy
from turnout.errors import InvalidInput, Unavailable
from turnout.operations.counted import counted
from turnout.store import erasures, vault
from turnout.store.erasures import Book, Entry
from turnout.store.reader import Readers
from turnout.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Present:
    """The database that is there. `seq` is 0 where it cannot be read, and `why` says so."""

    seq: int = 0
    entries: tuple[Entry, ...] = ()
    why: str = ""


def read(kept: Path, folder: Path) -> tuple[Vault, Book]:
    """Read the keys and who was erased, also of the data directory. Raises: InvalidInput, naming what is missing."""
    missing = [name for name in ("keys", "erasures") if not (kept / name).is_file()]
    if missing:
        raise InvalidInput(
            f"{kept} has no file {' and no file '.join(f'`{name}`' for name in missing)}: a backup holds "
            "neither, and nothing is restored without them",
            fix="Say --keys DIR, with the directory where you keep `keys` and `erasures` of this workspace",
        )
    keys = vault.read(kept / "keys")
    book = _own(kept / "erasures", keys)
    own = folder / "keys"
    if own.exists() and vault.read(own) != keys:
        raise InvalidInput(f"{folder} has another workspace in it; give --data an empty directory")
    here = folder / "erasures"
    if here.exists() and kept != folder:
        other = _own(here, keys)
        first, second = sorted((book, other), key=lambda each: len(each.entries), reverse=True)
        merged = first.merged(second.entries)
        book = Book(merged.workspace, min(book.since, other.since), merged.version, merged.entries)
    return keys, book


def _own(path: Path, keys: Vault) -> Book:
    book = erasures.read(path)
    if book.version > erasures.VERSION:
        raise Unavailable(f"{path} was written by a newer Turnout; install that one")
    if book.damaged:
        raise InvalidInput(
            f"{path} has {counted(book.damaged, 'damaged line')}: whom they name could come back",
            fix="Put back another copy of it; `turnout serve` writes the one of a data directory again",
        )
    if book.workspace != str(keys.workspace):
        whose = "belongs to another workspace" if book.workspace else "does not say whose it is"
        raise InvalidInput(f"{path} {whose}; give --keys DIR with the one of this workspace")
    return book


def present(folder: Path, keys: Vault, entropy: Entropy, clock: Clock) -> Present | None:
    """Read of the database that is there what is to be kept of it: whom it promised to erase."""
    path = folder / "turnout.db"
    if not path.exists() or not path.stat().st_size:
        return None
    readers = Readers(path, keys, entropy, clock.now)
    try:
        return readers.look(lambda view: Present(view.counter.seq, tuple(map(erasures.entry, view.privacy.all()))))
    except Unavailable as error:
        return Present(why=error.message)
    finally:
        readers.close()
