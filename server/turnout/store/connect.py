"""Which SQLite, how it is opened, and where it is not.

One library a process: two copies on one file void each other's locks, and so does closing any other
descriptor of the database file: nobody opens it but this module (and the checkpointer, for life).
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from turnout.errors import Unavailable

try:
    import pysqlite3 as sqlite
except ImportError:  # a platform without a wheel: the interpreter's own
    import sqlite3 as sqlite

if TYPE_CHECKING:
    import sqlite3

    Connection: TypeAlias = sqlite3.Connection
    Error: TypeAlias = sqlite3.Error
    IntegrityError: TypeAlias = sqlite3.IntegrityError
    OperationalError: TypeAlias = sqlite3.OperationalError
else:
    Connection = sqlite.Connection
    Error = sqlite.Error
    IntegrityError = sqlite.IntegrityError
    OperationalError = sqlite.OperationalError

UNREADABLE = (Error, UnicodeDecodeError)
"""How it shows that a database is damaged; where it is the schema's text, the library cannot even write its message."""

# Without an adapter the library looks for how a blob or a null wants to be stored, and raises two errors: 1 us a value.
sqlite.register_adapter(bytes, bytes)
sqlite.register_adapter(type(None), {None: None}.get)

SAFE = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Releases without the WAL-reset fault, which can corrupt with two connections; SQLite's changelog of 2026-03."""

VERSION = sqlite.sqlite_version

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "9p", "ceph", "glusterfs", "lustre"})
"""File systems whose locks or shared memory SQLite's WAL cannot rely on; sqlite.org/wal.html."""

WRITER = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=0",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=OFF",
    "PRAGMA journal_size_limit=67108864",
)
CACHE_KB, LARGE_CACHE_KB = 8_192, 65_536
LOCK_PAGE = (1 << 30) // 4_096
"""The page at 1 GB, where SQLite's locks lie, of a database with pages of 4 KB. It moves pages by way of that one, and
until the file reaches so far, the commit after walks through all of its cache: 570 us of each for 64 MB (measured)."""
EVERY = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cell_size_check=ON",
)


GONE = (
    "the file turnout.db is not the one that was opened: it was taken away or replaced while in use. End every process "
    "that uses it, put the right one back, and start again"
)
LOG_GONE = (
    "the file turnout.db-wal was taken away while in use. End every process that uses it, by TERM: the last one moves "
    "what was committed into the database; then start again"
)


_bereft: set[tuple[int, int]] = set()
"""Databases whose log was taken away beneath this process: a new one would hold other pages than what it has open."""


def opened(path: Path) -> tuple[int, int]:
    """Give the identity of a database that is opened anew: nothing of it was open here before."""
    found = identity(path)
    _bereft.discard(found)
    return found


def identity(path: Path | str) -> tuple[int, int]:
    """Tell a file from another that takes its place."""
    found = os.stat(path)  # noqa: PTH116 - of a text, for each commit: a Path takes as long as the system
    return found.st_dev, found.st_ino


def require_same(path: Path | str, opened: tuple[int, int]) -> None:
    """Refuse to write where a database does not stand any more at its path, or has lost its log. Raises: Error."""
    if opened in _bereft:
        raise Error(LOG_GONE)
    try:
        same = identity(path) == opened
    except OSError:
        same = False
    if not same:
        raise Error(GONE)


def require_log(file: int, database: tuple[int, int]) -> None:
    """Refuse to write to a log, by its descriptor, that nobody finds again. Raises: Error."""
    if not os.fstat(file).st_nlink:
        _bereft.add(database)
        raise Error(LOG_GONE)


def unreadable(error: Exception) -> Unavailable:
    """Say that the database cannot be read: one that is damaged, or that this user may not open."""
    return Unavailable(f"the database cannot be read ({error}); see `turnout doctor`", cause=str(error))


def version() -> str:
    """Give the number of this SQLite."""
    return str(sqlite.sqlite_version)


def version_warning() -> str | None:
    """Say what is wrong with this SQLite, or None. Source: ENGINE.md 1, reliability-security.md 1."""
    found = sqlite.sqlite_version_info[:3]
    if found >= SAFE[0] or any(found[:2] == safe[:2] and found >= safe for safe in SAFE):
        return None
    return (
        f"SQLite {sqlite.sqlite_version} can corrupt a file that several processes write; install pysqlite3 0.6.1 or "
        "later, or a Python with SQLite 3.51.3 or later."
    )


def refuse_network(folder: Path, what: str = "the data directory", do: str = "give --data a directory") -> None:
    """Refuse a network file system. Raises: Unavailable. Units: Linux alone tells; elsewhere nothing is known."""
    if sys.platform != "linux":
        return
    kind = file_system(str(folder.resolve()), Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    if kind in NETWORK:
        raise Unavailable(
            f"{what} is on a network file system ({kind}), where SQLite's locks do not hold; {do} on a local disk"
        )


def file_system(folder: str, mounts: str) -> str:
    """Name the file system that a folder is on, from the text of mountinfo; the last mount over a place counts."""
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4].replace("\\040", " ")
        if (folder == point or folder.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def connect_writer(path: Path) -> Connection:
    """Open the one connection that writes; the file is made 0600 where it is missing."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _open(str(path), EVERY + WRITER)
    fit_cache(connection)
    return connection


def fit_cache(connection: Connection) -> None:
    """Keep as many pages of a database as pay, in a connection that writes."""
    pages = read_pragma(connection, "page_count")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KB if pages < LOCK_PAGE else LARGE_CACHE_KB}").close()


def read_pragma(connection: Connection, name: str) -> int:
    """Read a number of the library's: `data_version`, which others' commits change; `user_version`, the schema's."""
    cursor = connection.execute(f"PRAGMA {name}")
    number = int(cursor.fetchone()[0])
    cursor.close()
    return number


def connect_reader(path: Path) -> Connection:
    """Open a connection that cannot write, and makes no file."""
    return _open(f"{path.absolute().as_uri()}?mode=rw", (*EVERY, "PRAGMA query_only=ON"), uri=True)


def connect_file(path: Path) -> Connection:
    """Open a file that is only read, and whose rows may be copied into another (`query_only` forbids that, too).

    The copy inherits `secure_delete`: without it pages that became inner ones kept the rows of before (measured), and
    an erasure on the copy would not reach those.
    """
    place = f"{path.absolute().as_uri()}?mode=ro"
    return _open(place, (*EVERY, "PRAGMA secure_delete=ON"), uri=True)


def _open(place: str, pragmas: tuple[str, ...], *, uri: bool = False) -> Connection:
    connection: Connection = sqlite.connect(
        place, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=10, uri=uri
    )
    for pragma in pragmas:
        connection.execute(pragma).close()
    return connection


def unusable(folder: Path, error: OSError) -> Unavailable:
    """Say what the system refused of a data directory, and where."""
    where = error.filename or folder
    do = "give --data a directory that this user may write to"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        do = "close files that are not needed, or allow more (`ulimit -n`)"
    return Unavailable(f"the data directory {folder} cannot be used: {where}: {error.strerror or error}; {do}")
