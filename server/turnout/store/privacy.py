"""Who is suppressed, and the regulations: requests to suppress, to erase, to unsuppress, with their receipts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnout.identity.model import Identifier
from turnout.store.queries import load
from turnout.store.session import NEWEST, Row, Session

SQL = load("privacy")


@dataclass(frozen=True, slots=True)
class Regulation:
    """One request. `subject`: keys of the person's identifiers, 16 bytes each; `until`: the last seq it reaches.

    `steps` is the JSON of `erasure.Steps`; `person` 0 when nobody was found.
    """

    id: str
    at: int
    kind: str
    namespace: str
    state: str
    person: int
    subject: bytes
    until: int
    steps: bytes
    finished: int | None

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys one by one."""
        return tuple(self.subject[i : i + 16] for i in range(0, len(self.subject), 16))


class PrivacyView:
    """What can be read of privacy."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def suppressing(self) -> bool:
        """Tell whether anybody is suppressed at all."""
        cache = self._s.cache
        ours = self._s.counter.regulations != cache.regulations  # changed in this transaction, which may yet go back
        if cache.suppressing is not None and not ours:
            return cache.suppressing
        row = self._s.row(SQL["any_suppression"])
        found = bool(row and row[0])
        if not ours:
            cache.suppressing = found
        return found

    def suppressed(self, identifier: Identifier) -> bool:
        """Tell whether an identifier is suppressed."""
        return self._s.row(SQL["find_suppression"], (self._s.vault.identifier(identifier),)) is not None

    def suppressed_key(self, key: bytes) -> bool:
        """Tell whether an identifier is suppressed, by its key."""
        return self._s.row(SQL["find_suppression"], (key,)) is not None

    def naming(self, key: bytes) -> tuple[Regulation, ...]:
        """List the regulations whose subject has this key."""
        rows = (_regulation(row) for row in self._s.rows(SQL["list_naming"], (key,)))
        return tuple(each for each in rows if key in each.keys)

    def barred(self) -> Mapping[int, int]:
        """Give the people whose events may not leave, each with the last seq that this reaches."""
        found = {int(row[0]): NEWEST for row in self._s.rows(SQL["list_barred"])} if self.suppressing() else {}
        for each in self.running():
            if each.person:
                found[each.person] = max(each.until, found.get(each.person, 0))
        return found

    def get(self, regulation: str) -> Regulation | None:
        """Read a regulation."""
        row = self._s.row(SQL["get_regulation"], (regulation,))
        return _regulation(row) if row else None

    def all(self) -> tuple[Regulation, ...]:
        """List every regulation there ever was, oldest first."""
        return tuple(_regulation(row) for row in self._s.rows(SQL["list_regulations"]))

    def suppressions(self) -> frozenset[bytes]:
        """Give the keys of all identifiers that are suppressed."""
        return frozenset(row[0] for row in self._s.rows(SQL["list_suppressed"]))

    def running(self) -> tuple[Regulation, ...]:
        """List what is not finished, oldest first."""
        return tuple(_regulation(row) for row in self._s.rows(SQL["list_running"]))


class Privacy(PrivacyView):
    """What can be written of privacy."""

    def suppress(self, keys: Iterable[bytes], regulation: str) -> None:
        """Suppress identifiers by their keys."""
        self._s.many(SQL["put_suppression"], [(key, self._s.now, regulation) for key in keys])
        self._changed()

    def unsuppress(self, keys: Iterable[bytes]) -> None:
        """Stop suppressing."""
        self._s.many(SQL["delete_suppression"], [(key,) for key in keys])
        self._changed()

    def put(self, regulation: Regulation) -> None:
        """Write a regulation, new or one step on."""
        self._s.run(
            SQL["put_regulation"],
            (
                regulation.id,
                regulation.at,
                regulation.kind,
                regulation.namespace,
                regulation.state,
                regulation.person,
                regulation.subject,
                regulation.until,
                regulation.steps,
                regulation.finished,
            ),
        )

    def raise_generation(self) -> None:
        """Tell the lanes that bodies they have read may be somebody's who is gone."""
        self._changed()

    def _changed(self) -> None:
        self._s.counter.regulations += 1
        self._s.overlay.move()
        self._s.cache.suppressing = None


def _regulation(row: Row) -> Regulation:
    return Regulation(*row)
