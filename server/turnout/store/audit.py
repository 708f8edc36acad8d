"""The audit's rows: appended, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turnout import document
from turnout.guard.audit import BEGINNING, Entry, Row
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("audit")


class AuditView:
    """What can be read of the audit."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def head(self) -> bytes:
        """Give the hash of the last row, or where the chain begins."""
        row = self._s.row(SQL["last_hash"])
        return bytes(row[0]) if row else BEGINNING

    def all(self) -> tuple[Row, ...]:
        """Read the whole chain, oldest first."""
        found = []
        for _, *entry, previous, hashed in self._s.rows(SQL["list_entries"]):
            found.append(Row(_entry(entry), previous, hashed))
        return tuple(found)

    def back(self, before: int, limit: int) -> tuple[tuple[int, Entry], ...]:
        """Read a page of what was entered before a number, newest first, each with its own."""
        rows = self._s.rows(SQL["list_back"], (before, limit))
        return tuple((row[0], _entry(row[1:])) for row in rows)


class Audit(AuditView):
    """What can be written to the audit."""

    def append(self, row: Row) -> None:
        """Append a row that was chained to `head()`."""
        entry = row.entry
        detail = document.canonical(dict(entry.detail)).decode()
        self._s.run(
            SQL["insert_entry"],
            (
                entry.at,
                entry.principal,
                entry.client,
                entry.operation,
                entry.arguments,
                entry.outcome,
                detail,
                row.previous,
                row.hash,
            ),
        )


def _entry(row: Sequence[Any]) -> Entry:
    at, principal, client, operation, digest, outcome, detail = row
    told = document.decode(detail)
    assert isinstance(told, dict)
    return Entry(at, principal, client, operation, digest, outcome, told)
