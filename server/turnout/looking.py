"""A desk's reading: one consistent look at the workspace a call, for who may read, masked for whom it must be."""

from __future__ import annotations

from functools import partial

from turnout import waiting
from turnout.app import App
from turnout.document import Document
from turnout.guard.masking import own_values
from turnout.guard.principal import Principal, permit
from turnout.operations import changes, deletions, profile, routes
from turnout.operations.looks import LOOKS
from turnout.operations.reader import Reader
from turnout.store.unit import View

UNFINISHED = frozenset({"planned", "received", "running"})
"""How a deletion stands of which ours is not all done."""


class Looking:
    """What a desk reads with, and what it reads of people and routes."""

    def __init__(self, app: App, principal: Principal) -> None:
        """Read for one principal."""
        self._app = app
        self._principal = principal

    async def get_profile(
        self, *, user_id: str | None, anonymous_id: str | None, email: str | None, namespace: str | None,
        cursor: str | None, limit: int,
    ) -> Document:  # fmt: skip
        """Tell of a person, or list the newest people."""
        request = profile.Profile(
            user_id=user_id or "", anonymous_id=anonymous_id or "", email=email or "", namespace=namespace or "",
            cursor=cursor or "", limit=limit,
        )  # fmt: skip
        reader = self._reader({"user_id": user_id, "anonymous_id": anonymous_id, "email": email})
        return await self._look(
            "get_profile", partial(profile.get_profile, eyes=self._app.eyes, reader=reader, request=request)
        )

    async def list_changes(
        self, *, since: str | None, destination: str | None, cursor: str | None, limit: int
    ) -> Document:
        """List what was changed, newest first, and by whom."""
        request = changes.Changes(since or "", destination or "", cursor or "", limit)
        look = partial(changes.list_changes, reader=self._reader({}), request=request)
        return await self._look("list_changes", look)

    async def audit_routing(self, *, event: str | None, source: str | None, days: int, limit: int) -> Document:
        """Say which events go where, and what is amiss with them."""
        request = routes.Audit(event=event or "", source=source or "", days=days, limit=limit)
        reader = self._reader({"event": event})
        return await self._look(
            "audit_routing", partial(routes.audit_routing, eyes=self._app.eyes, reader=reader, request=request)
        )

    async def _ended(self, told: Document, seconds: float) -> Document:
        """Wait until a deletion that was accepted has ended, or the time is over; add its receipt as it stands."""
        deletion_id = told.get("deletion_id")
        if not seconds or not isinstance(deletion_id, str):
            return told
        receipt = partial(deletions.get_deletion, deletion_id=deletion_id)

        async def is_over() -> bool:
            return (await self._app.store.read(receipt))["status"] not in UNFINISHED

        await waiting.until(self._app, is_over, seconds)
        return {**told, **await self._app.store.read(receipt)}

    async def _look(self, name: str, look: partial[Document]) -> Document:
        def read(view: View) -> Document:
            return look(view)

        permit(self._principal, LOOKS[name])
        return await self._app.store.read(read)

    def _reader(self, arguments: Document) -> Reader:
        return Reader(self._principal, own_values(arguments))
