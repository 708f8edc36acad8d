"""The file `erasures`: who was suppressed or erased, as HMACs, for the day a backup from before is restored.

Its first line says whose it is, and since when it is whole. Then a line a regulation, appended and synced before
it is answered, and so before anything of it is erased. Doing it twice adds nothing: a crash between the commit, the
line and its note in the database is harmless. A line that a crash cut short is left behind; one that is whole and not
as it was written is counted, for whom it names could come back. Who writes it is inside the turnstile, so that no two
processes do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from turnout import document
from turnout.document import Document
from turnout.errors import Unavailable
from turnout.folders import sync_folder
from turnout.store.privacy import Regulation
from turnout.store.unit import View
from turnout.store.vault import write_whole

VERSION = 1
_HEX = re.compile("(?:[0-9a-f]{2})*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One regulation as the file has it: `keys` are those of the person's identifiers, none for a whole namespace."""

    id: str
    at: int
    kind: str
    namespace: str
    keys: tuple[bytes, ...]
    until: int


@dataclass(frozen=True, slots=True)
class Book:
    """The file as read. `workspace` is empty where no first line says whose it is; `since` in microseconds.

    `damaged` counts the lines that are not as they were written.
    """

    workspace: str = ""
    since: int = 0
    version: int = VERSION
    entries: tuple[Entry, ...] = ()
    damaged: int = 0

    def merged(self, other: Iterable[Entry]) -> Book:
        """Add the entries that are not here yet, after those that are."""
        known = {each.id for each in self.entries}
        added = tuple(each for each in other if each.id not in known)
        return Book(self.workspace, self.since, self.version, (*self.entries, *added), self.damaged)


def entry(regulation: Regulation) -> Entry:
    """Give what the file says of a regulation."""
    return Entry(regulation.id, regulation.at, regulation.kind, regulation.namespace, regulation.keys, regulation.until)


def write(path: Path, book: Book) -> None:
    """Write a whole file, 0600 and synced with its folder; a reader finds the one before, or this one."""
    first: Document = {"version": book.version, "workspace": book.workspace, "since": book.since}
    text = b"".join(map(_written, (first, *map(_line, book.entries))))
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(text)
        out.flush()
        os.fsync(file)
    draft.replace(path)
    sync_folder(path.parent)


def note(view: View, path: Path, regulation: str) -> None:
    """Make sure that a regulation stands in the file before it is answered. Raises: Unavailable."""
    found = view.privacy.get(regulation)
    assert found is not None, "what was accepted is there"
    try:
        write_down(view, path, found)
    except OSError as error:
        raise Unavailable(
            f"the deletion {regulation} is accepted and will be carried out, but `erasures` cannot be written "
            f"({error.strerror}): until it is, a restored backup knows nothing of it; make room, or mend permissions",
            deletion_id=regulation,
        ) from error


def write_down(view: View, path: Path, regulation: Regulation) -> None:
    """Add a regulation to the file, or write that anew where it is gone. Raises: OSError."""
    if path.exists():
        append(path, regulation)
    else:
        mend(path, view)


def append(path: Path, regulation: Regulation) -> None:
    """Add a regulation to a file that is there, unless it stands in it already; make sure that it is on disk.

    Raises: FileNotFoundError.
    """
    text = path.read_bytes()
    there = regulation.id.encode() in text and any(each.id == regulation.id for each in _read(text).entries)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        if not there:
            apart = b"" if not text or text.endswith(b"\n") else b"\n"
            write_whole(file, apart + _written(_line(entry(regulation))))
        os.fsync(file)
    finally:
        os.close(file)


def mend(path: Path, view: View) -> int:
    """Write what the file should say and does not, by the database, which forgets no regulation; give how many."""
    book = read(path) if path.exists() else Book()
    whole = book.merged(entry(each) for each in view.privacy.all())
    missing = len(whole.entries) - len(book.entries)
    if not book.workspace:
        write(path, Book(view.counter.workspace, view.entities.since() or view.now, VERSION, whole.entries))
    elif missing or book.damaged:
        write(path, whole)
    return missing


def read(path: Path) -> Book:
    """Read the lines that are whole, oldest first. Raises: FileNotFoundError."""
    return _read(path.read_bytes())


def _read(text: bytes) -> Book:
    book = Book()
    found: list[Entry] = []
    damaged = 0
    for raw in text.split(b"\n"):
        match line := _line_of(raw):
            case {"version": int(version), "workspace": str(workspace), "since": int(since)}:
                book = Book(workspace, since, version)
            case {
                "id": str(key), "at": int(at), "kind": str(kind), "namespace": str(space), "until": int(until),
                "keys": list(keys),
            }:  # fmt: skip
                found.append(Entry(key, at, kind, space, tuple(map(bytes.fromhex, keys)), until))
            case _:  # cut short, damaged, or what a later version says
                damaged += line is None and raw.endswith(b"}")
    return Book(book.workspace, book.since, book.version, tuple(found), damaged)


def _written(line: Document) -> bytes:
    return document.encode({**line, "sum": document.sum_of(line)}) + b"\n"


def _line_of(raw: bytes) -> Document | None:
    """Read a line that is as it was written; the first ones had no sum."""
    try:
        line = document.decode(raw)
    except ValueError:
        return None
    if not isinstance(line, dict):
        return None
    noted = line.pop("sum", None)
    return line if noted == document.sum_of(line) or (noted is None and _reads(line)) else None


def _reads(line: Document) -> bool:
    """Tell whether keys of before there were sums are keys."""
    keys = line.get("keys", [])
    return isinstance(keys, list) and all(isinstance(each, str) and _HEX.fullmatch(each) for each in keys)


def _line(each: Entry) -> Document:
    return {
        "id": each.id,
        "at": each.at,
        "kind": each.kind,
        "namespace": each.namespace,
        "until": each.until,
        "keys": [key.hex() for key in each.keys],
    }
