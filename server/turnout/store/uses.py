"""When each bearer token was used last: no configuration, for that would make a revision of each minute."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.store.queries import load
from turnout.store.session import Session

SQL = load("uses")


class UsesView:
    """What can be read of uses."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._s = session

    def all(self) -> Mapping[str, int]:
        """Give the moment of each token's last use, by its id."""
        return {row[0]: int(row[1]) for row in self._s.rows(SQL["list_uses"])}


class Uses(UsesView):
    """What can be written of uses."""

    def note(self, uses: Mapping[str, int]) -> None:
        """Note uses."""
        self._s.many(SQL["put_use"], list(uses.items()))

    def forget(self, token: str) -> None:
        """Forget those of a token."""
        self._s.run(SQL["delete_use"], (token,))
