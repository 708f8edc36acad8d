"""One transaction as the tables see it: the connection, the numbers, the clock, and what waits for the commit."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Any, TypeAlias

import msgspec

from turnout.entropy import Entropy
from turnout.errors import Unavailable
from turnout.identity.model import Identifier
from turnout.store.cache import Cache, Overlay
from turnout.store.connect import Connection, OperationalError
from turnout.store.vault import Vault

Row: TypeAlias = tuple[Any, ...]

NEWEST = (1 << 63) - 1
"""Beyond every seq, number and moment."""

NO_TEXT = "Could not decode to UTF-8"
"""How the library says that a text is damaged; it gives up the whole page for it."""

AT_ONCE = 32
"""Keys that one statement looks up: as many places as `find_messages` and `find_owners` have."""

COUNTER = "SELECT * FROM counter WHERE id = 1"
SAVE = (
    "UPDATE counter SET seq = ?, request = ?, person = ?, lane = ?, source = ?, run = ?, epoch = ?, revision = ?, "
    "people = ?, regulations = ?, lanes = ?, ordered = ? WHERE id = 1"
)


class Counter(msgspec.Struct, gc=False):
    """The counter row. The first six are the *next* numbers; the rest are generations.

    `lanes` rises when a lane is paused, resumed or removed, a run begun or ended, `regulations` when somebody
    is suppressed or erased, `people` after a merge or an erasure, `revision` with the configuration. Of events before
    `ordered` the message ids are in `messages`, and whose they are is in `history`.
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
    ordered: int = 0
    """The last: a database of before schema 5, as a backup may be, does not have it."""


class Session:
    """What every table module is made of: one connection's transactions, one after the other.

    `now` is the time of the commit, in microseconds; `keys` are those of the identifiers that it met.
    """

    __slots__ = ("_saved", "cache", "connection", "counter", "entropy", "keys", "now", "overlays", "vault")

    counter: Counter

    def __init__(self, connection: Connection, vault: Vault, cache: Cache, entropy: Entropy) -> None:
        """Be of one connection; `begin` comes first."""
        self.connection = connection
        self.vault = vault
        self.cache = cache
        self.entropy = entropy

    def begin(self, now: int) -> None:
        """Begin a transaction's work with the counter row as read after `BEGIN`. Raises: Unavailable."""
        self.now = now
        self.counter = counter = read_counter(self.connection)
        self._saved = copy(counter)
        self.overlays = [Overlay()]
        self.keys: dict[Identifier, bytes] = {}
        self.cache.heed(counter.people, counter.regulations, counter.revision, counter.ordered)

    @property
    def overlay(self) -> Overlay:
        """The changes of the operation that runs."""
        return self.overlays[-1]

    @property
    def start(self) -> int:
        """The next seq as it was when the transaction began."""
        return self._saved.seq

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Read all rows and close the statement."""
        try:
            cursor = self.connection.execute(sql, values)
            found: list[Row] = cursor.fetchall()
        except OperationalError as error:
            if NO_TEXT not in str(error):
                raise
            return self._leniently(sql, values)
        cursor.close()
        return found

    def row(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """Read the first row and close the statement."""
        try:
            cursor = self.connection.execute(sql, values)
            found: Row | None = cursor.fetchone()
        except OperationalError as error:
            if NO_TEXT not in str(error):
                raise
            return next(iter(self._leniently(sql, values)), None)
        cursor.close()
        return found

    def _leniently(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """Read rows of which a text is no UTF-8 any more: a mark stands in it, and the other rows are not lost."""
        self.connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        try:
            return self.rows(sql, values)
        finally:
            self.connection.text_factory = str

    def among(self, sql: str, keys: Sequence[Any], first: tuple[Any, ...] = ()) -> list[Row]:
        """Read the rows of many keys with a query that takes so many at once, after `first`."""
        found: list[Row] = []
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            found += self.rows(sql, (*first, *some, *[some[-1]] * (AT_ONCE - len(some))))
        return found

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Write; give how many rows changed."""
        cursor = self.connection.execute(sql, values)
        changed = cursor.rowcount
        cursor.close()
        return changed

    def many(self, sql: str, values: Sequence[Sequence[Any]]) -> int:
        """Write many rows with one prepared statement; give how many changed."""
        if not values:
            return 0
        cursor = self.connection.executemany(sql, values)
        changed = cursor.rowcount
        cursor.close()
        return changed

    @property
    def recorded(self) -> int:
        """How many events were recorded since it began."""
        return self.counter.seq - self._saved.seq

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
    return Counter(*row[1:])


def write_counter(connection: Connection, counter: Counter) -> None:
    """Write the counter row back."""
    connection.execute(SAVE, msgspec.structs.astuple(counter)[2:]).close()
