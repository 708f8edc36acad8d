"""What the tools stand on: one operation a tool, behind one protocol.

A desk knows whose it is: permissions, namespaces, idempotency and confirmation happen behind it, so a tool
only passes on what it was given. What is absent is None. Each method gives the answer's document, keys in
the order to show, `summary` among them; what is None in it is left out of the answer. Text that a stranger
wrote stands only in fields that are named as data, never in `summary`, `plan` or `why`.

Raises, all of them: TurnoutError, whose message is safe to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from turnout.document import Document, Json


class Desk(Protocol):
    """Every operation that a tool of ours calls."""

    def seen_by(self, client: str) -> Desk:
        """Give this desk for the calls of one client ("claude-code 2.1.330", or empty), for the audit."""
        ...

    async def track_event(
        self,
        *,
        event: str,
        user_id: str | None,
        anonymous_id: str | None,
        properties: Mapping[str, Json] | None,
        context: Mapping[str, Json] | None,
        timestamp: str | None,
        idempotency_key: str | None,
        namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:
        """Record one track call; with `wait_seconds`, wait so long for its verdicts."""
        ...

    async def identify_user(
        self,
        *,
        user_id: str | None,
        anonymous_id: str | None,
        traits: Mapping[str, Json] | None,
        context: Mapping[str, Json] | None,
        timestamp: str | None,
        idempotency_key: str | None,
        namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:
        """Record one identify call."""
        ...

    async def send_events(
        self,
        *,
        events: Sequence[Mapping[str, Json]],
        idempotency_key: str | None,
        namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:
        """Record calls in Segment's own shape, all of them or none."""
        ...

    async def preview_event(
        self,
        *,
        type: str,  # noqa: A002 - the field's word
        event: str | None,
        user_id: str | None,
        anonymous_id: str | None,
        properties: Mapping[str, Json] | None,
        traits: Mapping[str, Json] | None,
        context: Mapping[str, Json] | None,
        destination: str | None,
        namespace: str | None,
    ) -> Document:
        """Show what each destination, or one, would get of a call; store and send nothing."""
        ...

    async def debug_event_delivery(
        self,
        *,
        message_id: str | None,
        user_id: str | None,
        anonymous_id: str | None,
        email: str | None,
        event: str | None,
        destination: str | None,
        diff: bool,
        around: str | None,
        namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:
        """Tell one event's journey: its newest match, one verdict for each destination; or what came near it."""
        ...

    async def find_events(
        self,
        *,
        event: str | None,
        user_id: str | None,
        anonymous_id: str | None,
        type: str | None,  # noqa: A002 - the field's word
        source: str | None,
        namespace: str | None,
        since: str | None,
        until: str | None,
        verdict: str | None,
        destination: str | None,
        refused: bool,
        cursor: str | None,
        limit: int,
    ) -> Document:
        """List stored events, newest first; or, with `refused`, the calls that were not accepted."""
        ...

    async def get_profile(
        self,
        *,
        user_id: str | None,
        anonymous_id: str | None,
        email: str | None,
        namespace: str | None,
        cursor: str | None,
        limit: int,
    ) -> Document:
        """Tell of a person, live and test; or, without identifiers, list the newest people."""
        ...

    async def audit_routing(self, *, event: str | None, source: str | None, days: int, limit: int) -> Document:
        """Say which events go where, and what is stale, misspelt, idle, or maybe there twice."""
        ...

    async def get_usage(self, *, month: str | None) -> Document:
        """Count a month's tracked users; the current one unless told."""
        ...

    async def list_destinations(self, *, search: str | None, catalog: bool, cursor: str | None, limit: int) -> Document:
        """List what is connected; or, with `catalog`, all that can be."""
        ...

    async def describe_destination(self, *, destination: str) -> Document:
        """Describe a connected destination by name or id, or one of the catalogue by slug."""
        ...

    async def connect_destination(
        self,
        *,
        slug: str,
        name: str | None,
        settings: Mapping[str, Json] | None,
        receives: str | None,
        filter: str | None,  # noqa: A002 - the field's word
        sources: Sequence[str] | None,
        overrides: Mapping[str, Json] | None,
        idempotency_key: str | None,
        dry_run: bool,
        confirm: str | None,
    ) -> Document:
        """Connect a destination of the catalogue."""
        ...

    async def update_destination(
        self,
        *,
        destination: str,
        action: str | None,
        name: str | None,
        settings: Mapping[str, Json] | None,
        receives: str | None,
        filter: str | None,  # noqa: A002 - the field's word
        sources: Sequence[str] | None,
        overrides: Mapping[str, Json] | None,
        idempotency_key: str | None,
        dry_run: bool,
        confirm: str | None,
    ) -> Document:
        """Change, pause, resume or remove a connected destination."""
        ...

    async def test_destination(self, *, destination: str, idempotency_key: str | None) -> Document:
        """Check a connected destination's credentials at the vendor."""
        ...

    async def replay_events(
        self,
        *,
        destination: str | None,
        event: str | None,
        user_id: str | None,
        since: str | None,
        until: str | None,
        verdict: str | None,
        message_ids: Sequence[str] | None,
        namespace: str | None,
        idempotency_key: str | None,
        dry_run: bool,
        confirm: str | None,
    ) -> Document:
        """Deliver a selection of stored events again."""
        ...

    async def list_sources(self, *, cursor: str | None, limit: int) -> Document:
        """List sources with what they sent last."""
        ...

    async def list_changes(
        self, *, since: str | None, destination: str | None, cursor: str | None, limit: int
    ) -> Document:
        """List what was changed, newest first, and by whom."""
        ...

    async def create_source(self, *, name: str, idempotency_key: str | None, dry_run: bool) -> Document:
        """Make a source with its write keys."""
        ...

    async def request_deletion(
        self,
        *,
        user_id: str | None,
        anonymous_id: str | None,
        email: str | None,
        kind: str,
        namespace: str | None,
        idempotency_key: str | None,
        dry_run: bool,
        confirm: str | None,
        wait_seconds: int | None,
    ) -> Document:
        """Suppress, erase, both, or lift a suppression, of one person; with `wait_seconds`, wait for its end."""
        ...

    async def get_deletion(self, *, deletion_id: str) -> Document:
        """Give the receipt of a deletion as it stands."""
        ...
