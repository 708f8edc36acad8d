"""The lists that were made, or found, at vendors: the id of each by the key of its audience."""

from __future__ import annotations

from turnout.document import Document
from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("lists")


class ListsView:
    """What can be read of lists."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def of(self, lane: int) -> Document:
        """Give the ids of a lane's lists by the key of their audience."""
        return {row[0]: row[1] for row in self._s.rows(SQL["list_lists"], (lane,))}


class Lists(ListsView):
    """What can be written of lists."""

    def put(self, lane: int, key: str, remote: str) -> None:
        """Keep the id of a list."""
        self._s.run(SQL["put_list"], (lane, key, remote))
