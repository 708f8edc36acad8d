"""Durable ingest, in process, against a bare loop that writes the very rows that it left.

Ours: one caller, `store.commit` of `ingest`, so many events a commit: decode, check, dedupe, identity, meter, log.
Bare: the rows that are in the file afterwards and were not before, read back, `executemany` a table and a commit,
with the same library, pragmas, schema and number of events a commit. A row that ours writes again in each commit
(the counter row, counts, names, volumes) the bare loop writes once.

Each side is a process: `python -m bench.ingest ours|bare FOLDER EVENTS GROUP`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from bench import corpus
from bench.measure import Cost, Mark, compare, cores, heading, interleave, pinned, side
from bench.profile import Threads, table
from turnout.config import Settings
from turnout.event.model import LIVE, Call, Caller, SourceId
from turnout.ingest import Receipt, ingest
from turnout.opening import open_store
from turnout.store.connect import Connection, connect_writer, sqlite  # type: ignore[attr-defined]  # looked inside
from turnout.store.store import Store
from turnout.store.unit import Unit

Row: TypeAlias = tuple[Any, ...]
Writes: TypeAlias = list[tuple[str, list[Row]]]
"""Of one commit: statements, each with its rows."""

MANY = 150_000
"""Events of which most come into the order of their ids and people meanwhile: of fewer, none do, and nobody would count
what ours puts off."""
SIZES = ((1, 2_000), (10, 10_000), (100, MANY))
"""Events a commit, events a round."""
VERBS = {"counter": "REPLACE"}
"""The one table whose row was there before."""
BOUNDS = {1: "", 10: "", 100: "bound 1.6x"}
WARMING = 300


def run(rounds: int, folder: Path) -> None:
    """Compare at each number of events a commit, and print."""
    heading("ours", "bare")
    for group, n in SIZES:
        with TemporaryDirectory(dir=folder) as room:
            words = (room, n, group)
            side("ingest", "ours", *words)  # leaves the rows that the first bare loop writes
            sides = {which: partial(side, "ingest", which, *words) for which in ("ours", "bare")}
            found = interleave(sides, rounds)
        title = f"durable ingest, {group} a commit"
        compare(title, found["ours"], found["bare"], BOUNDS[group])


def grouped(calls: Sequence[Call], group: int) -> list[tuple[Call, ...]]:
    """Cut calls into commits."""
    return [tuple(calls[at : at + group]) for at in range(0, len(calls), group)]


def record(unit: Unit, calls: tuple[Call, ...]) -> Receipt:
    """Do what a door does with one request."""
    return ingest(unit, calls, Caller(SourceId(1), LIVE, unit.now))


def commit_all(store: Store, commits: Sequence[tuple[Call, ...]]) -> None:
    """Record, one commit after the other."""
    for calls in commits:
        store.commit(partial(record, calls=calls), weight=len(calls))


def ours(room: Path, n: int, group: int) -> Cost:
    """Record, in a new workspace."""
    commits = grouped(corpus.calls(n), group)
    with_new_store(room / "warming", partial(commit_all, commits=grouped(corpus.calls(WARMING, seed=1), group)))
    folder = room / "ours"
    shutil.rmtree(folder, ignore_errors=True)
    open_store(Settings(folder)).close()
    shutil.copyfile(folder / "turnout.db", room / "before.db")
    store = open_store(Settings(folder))
    try:
        begin = Mark.here()
        commit_all(store, commits)
        return begin.cost(n, Mark.here())
    finally:
        store.close()


def profiled(folder: Path) -> None:
    """Record without the profiler and with it, and print where the time goes."""
    group, n = SIZES[-1]
    commits = grouped(corpus.calls(n), group)
    with TemporaryDirectory(dir=folder) as room, pinned(cores()[0]):
        cost = ours(Path(room), n, group)
        threads = Threads()
        with threads.on():
            with_new_store(Path(room) / "slow", partial(commit_all, commits=commits))
    print(f"\ningest, {group} events a commit")
    table(threads, n, cost.cpu_us)


def with_new_store(folder: Path, work: partial[None]) -> None:
    """Do something with a workspace that is thrown away."""
    store = open_store(Settings(folder))
    try:
        work(store)
    finally:
        store.close()
        shutil.rmtree(folder)


def bare(room: Path, n: int, group: int) -> Cost:
    """Write the rows that `ours` left."""
    commits = left(room, group)
    path = room / "bare.db"
    for old in room.glob("bare.db*"):
        old.unlink()
    shutil.copyfile(room / "before.db", path)
    connection = connect_writer(path)
    as_it_comes()
    warm(connection)
    begin = Mark.here()
    for writes in commits:
        connection.execute("BEGIN IMMEDIATE").close()
        for statement, rows in writes:
            connection.executemany(statement, rows).close()
        connection.execute("COMMIT").close()
    cost = begin.cost(n, Mark.here())
    missing = [name for name in tables(connection) if differs(connection, name, room / "ours" / "turnout.db")]
    connection.close()
    assert not missing, f"the bare loop left other rows in {missing}"
    return cost


def as_it_comes() -> None:
    """Use the library without what we told it of blobs and nulls: that is part of what is measured."""
    for known in (bytes, type(None)):
        sqlite.adapters.pop((known, sqlite.PrepareProtocol), None)


def warm(connection: Connection) -> None:
    """Begin the WAL and take its first sync, which ours has had when it opened."""
    connection.execute("BEGIN IMMEDIATE").close()
    connection.execute("UPDATE counter SET seq = seq").close()
    connection.execute("COMMIT").close()


def tables(connection: Connection) -> list[str]:
    """List the tables of ours, those first whose rows say to which commit they belong."""
    return [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]


def left(room: Path, group: int) -> list[Writes]:
    """Read the rows that were not there before, by the commit that brought them."""
    connection = connect_writer(room / "ours" / "turnout.db")
    connection.execute("ATTACH ? AS before", (str(room / "before.db"),)).close()
    (start,) = connection.execute("SELECT seq FROM before.counter").fetchone()
    commits: dict[int, dict[str, list[Row]]] = {}
    for name in tables(connection):
        for seq, row in came_with(connection, name, start):
            into = f"{VERBS.get(name, 'INSERT')} INTO {name} VALUES ({', '.join('?' * len(row))})"
            commits.setdefault((seq - start) // group, {}).setdefault(into, []).append(row)
    connection.close()
    return [list(commits[number].items()) for number in sorted(commits)]


def came_with(connection: Connection, table: str, start: int) -> list[tuple[int, Row]]:
    """List new rows, each with the event that brought it, in the order of events: as ours wrote them."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    fresh = connection.execute(f"SELECT * FROM main.{table} EXCEPT SELECT * FROM before.{table}").fetchall()  # noqa: S608 - our own schema
    if table == "profiles":
        first = dict(connection.execute("SELECT person, min(seq) FROM identifiers GROUP BY person").fetchall())
        found = [(first[row[0]], row) for row in fresh]
    elif "seq" in columns and table != "counter":
        found = [(row[columns.index("seq")], row) for row in fresh]
    else:
        found = [(start, row) for row in fresh]
    return sorted(found, key=itemgetter(0))


def differs(connection: Connection, table: str, path: Path) -> bool:
    """Tell whether the file at `path` has other rows than this one."""
    if "theirs" not in [row[1] for row in connection.execute("PRAGMA database_list")]:
        connection.execute("ATTACH ? AS theirs", (str(path),)).close()
    sides = (f"SELECT * FROM theirs.{table}", f"SELECT * FROM main.{table}")  # noqa: S608 - our own schema
    both = [" EXCEPT ".join(order) for order in (sides, sides[::-1])]
    return any(connection.execute(each).fetchone() is not None for each in both)


if __name__ == "__main__":
    SIDES = {"ours": ours, "bare": bare}
    SIDES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])).tell()
