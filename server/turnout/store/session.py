"""One transaction as the tables see it: the connection, the numbers, the clock, and what waits for the commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from turnout.entropy import Entropy
from turnout.errors import Unavailable
from turnout.store.cache import Cache, Overlay
from turnout.store.connect import Connection
from turnout.store.vault import Vault

Row: TypeAlias = tuple[Any, ...]

NEWEST = (1 << 63) - 1
"""Beyond every seq, number and moment."""

COUNTER = (
    "SELECT workspace, keys, seq, request, person, lane, source, run, epoch, revision, people, regulations, lanes "
    "FROM counter WHERE id = 1"
)
SAVE = (
    "UPDATE counter SET seq = ?, request = ?, person = ?, lane = ?, source = ?, run = ?, epoch = ?, revision = ?, "
    "people = ?, regulations = ?, lanes = ? WHERE id = 1"
)


@dataclass(slots=True)
class Counter:
    """The counter row. The first six are the *next* numbers; the rest are generations.

    `lanes` rises when a lane is paused, resumed or removed, a run begun or ended, `regulations` when somebody
    is suppressed or erased, `people` after a merge or an erasure, `revision` with the configuration.
    """

    workspace: str
    keys: bytes
    seq: int
    request: int
    person: int
    lane: int
    source: int
    run: int
    epoch: int
    revision: int
    people: int
    regulations: int
    lanes: int


class Session:
    """What every table module is made of. `now` is the time of the commit, in microseconds."""

    __slots__ = ("_saved", "cache", "connection", "counter", "entropy", "now", "overlays", "vault")

    def __init__(
        self, connection: Connection, vault: Vault, cache: Cache, entropy: Entropy, now: int, counter: Counter
    ) -> None:
        """Begin with the counter row as read after `BEGIN`."""
        self.connection = connection
        self.vault = vault
        self.cache = cache
        self.entropy = entropy
        self.now = now
        self.counter = counter
        self.overlays = [Overlay()]
        self._saved = replace(counter)

    @property
    def overlay(self) -> Overlay:
        """The changes of the operation that runs."""
        return self.overlays[-1]

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Read all rows and close the statement."""
        cursor = self.connection.execute(sql, values)
        found: list[Row] = cursor.fetchall()
        cursor.close()
        return found

    def row(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """Read the first row and close the statement."""
        cursor = self.connection.execute(sql, values)
        found: Row | None = cursor.fetchone()
        cursor.close()
        return found

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Write; give how many rows changed."""
        cursor = self.connection.execute(sql, values)
        changed = cursor.rowcount
        cursor.close()
        return changed

    def many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Write many rows with one prepared statement."""
        self.connection.executemany(sql, values).close()

    def counter_changed(self) -> bool:
        """Tell whether the row must be written back."""
        return self.counter != self._saved


def read_counter(connection: Connection) -> Counter:
    """Read the counter row. Raises: Unavailable when the database has none."""
    cursor = connection.execute(COUNTER)
    row = cursor.fetchone()
    cursor.close()
    if row is None:
        raise Unavailable(
            "the database has no counter row: it is not a Turnout workspace, or damaged; see `turnout doctor`"
        )
    return Counter(*row)


def read_version(connection: Connection, which: str = "data_version") -> int:
    """Read what others' commits change, or the version of the schema (`user_version`)."""
    cursor = connection.execute(f"PRAGMA {which}")
    version = int(cursor.fetchone()[0])
    cursor.close()
    return version


def write_counter(connection: Connection, counter: Counter) -> None:
    """Write the counter row back."""
    connection.execute(
        SAVE,
        (
            counter.seq,
            counter.request,
            counter.person,
            counter.lane,
            counter.source,
            counter.run,
            counter.epoch,
            counter.revision,
            counter.people,
            counter.regulations,
            counter.lanes,
        ),
    ).close()
