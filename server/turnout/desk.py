"""The desk: every operation of the workspace for one principal, as the tools and the commands call it.

It adds what an operation cannot do, being one transaction: waiting for verdicts, and calling outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import anyio

from turnout import waiting
from turnout.app import App
from turnout.checks import tried
from turnout.document import Document, Json
from turnout.errors import InProgress, InvalidCall, InvalidInput
from turnout.event.skew import parse
from turnout.exchange import Refused
from turnout.guard import run as guard
from turnout.guard.principal import Principal, permit
from turnout.guard.run import Done
from turnout.looking import Looking
from turnout.operations import (
    check,
    connect,
    consent,
    deletions,
    describe,
    find,
    preview,
    replay,
    send,
    sources,
    trace,
    update,
    usage,
)
from turnout.operations.looks import LOOKS
from turnout.operations.model import Intent, Operation
from turnout.preparing import prepared
from turnout.store import erasures
from turnout.store.unit import Unit

Q = TypeVar("Q")
P = TypeVar("P")

ANSWER_S = 2.0
"""How long a call waits for the answer of an equal one. Source: reliability-security.md 5.2."""


class OwnDesk(Looking):
    """The desk over a running workspace. `sure`: a person at the command line confirmed already."""

    def __init__(self, app: App, principal: Principal, *, sure: bool = False) -> None:
        """Serve one principal."""
        super().__init__(app, principal)
        self._sure = sure
        self._seen: OwnDesk | None = None

    def seen_by(self, client: str) -> OwnDesk:
        """Give this desk for the calls of one client, for the audit."""
        if self._seen is None or self._seen._principal.client != client:  # noqa: SLF001 - one of us
            self._seen = OwnDesk(self._app, replace(self._principal, client=client), sure=self._sure)
        return self._seen

    # -- sending ------------------------------------------------------------------------------------------

    async def track_event(
        self, *, event: str, user_id: str | None, anonymous_id: str | None, properties: Mapping[str, Json] | None,
        context: Mapping[str, Json] | None, timestamp: str | None, idempotency_key: str | None, namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:  # fmt: skip
        """Record one track call."""
        call: Document = {
            "type": "track", "event": event, "userId": user_id, "anonymousId": anonymous_id,
            "properties": None if properties is None else dict(properties),
            "context": None if context is None else dict(context), "timestamp": timestamp,
        }  # fmt: skip
        return await self.send_one("track_event", call, idempotency_key, namespace, wait_seconds)

    async def identify_user(
        self, *, user_id: str | None, anonymous_id: str | None, traits: Mapping[str, Json] | None,
        context: Mapping[str, Json] | None, timestamp: str | None, idempotency_key: str | None, namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:  # fmt: skip
        """Record one identify call."""
        call: Document = {
            "type": "identify", "userId": user_id, "anonymousId": anonymous_id,
            "traits": None if traits is None else dict(traits),
            "context": None if context is None else dict(context), "timestamp": timestamp,
        }  # fmt: skip
        return await self.send_one("identify_user", call, idempotency_key, namespace, wait_seconds)

    async def send_events(
        self, *, events: Sequence[Mapping[str, Json]], idempotency_key: str | None, namespace: str | None,
        wait_seconds: int | None,
    ) -> Document:  # fmt: skip
        """Record calls in Segment's own shape, all of them or none."""
        done = await self._send("send_events", tuple(events), idempotency_key, namespace)
        told = _told(done)
        rows = _rows(told)
        if wait_seconds and done.last:
            verdicts = await self._verdicts(done, wait_seconds)
            for row in rows:
                mine = [each for each in verdicts if len(rows) == 1 or each.get("message_id") == row["message_id"]]
                row["deliveries"] = [{key: each[key] for key in each if key != "message_id"} for each in mine]
        told["events"] = list(rows)
        return told

    async def send_one(
        self, operation: str, call: Document, idempotency_key: str | None, namespace: str | None,
        wait_seconds: float | None,
    ) -> Document:  # fmt: skip
        """Record one call under the name of an operation; with `wait_seconds`, wait for its verdicts.

        Raises: InvalidCall, for a time that none can read, besides what the operation raises: Segment's libraries are
        taken as they are, but who writes a single call can mend it.
        """
        if call.get("timestamp") is not None and parse(call["timestamp"]) is None:
            raise InvalidCall("timestamp_not_iso: `timestamp` is no ISO 8601 time, as 2025-11-24T16:00:00Z.")
        done = await self._send(operation, (call,), idempotency_key, namespace, alone=True)
        told = _told(done)
        told["message_id"] = _rows(told)[0]["message_id"]
        del told["events"]
        if wait_seconds and done.last:
            told["deliveries"] = list(await self._verdicts(done, wait_seconds))
        return told

    async def _send(
        self, operation: str, calls: tuple[Mapping[str, Json], ...], key: str | None, namespace: str | None, *,
        alone: bool = False,
    ) -> Done:  # fmt: skip
        store = self._app.store
        await store.require_room_soon()
        intent = Intent(self._principal, key or "")
        act = partial(
            guard.run, operation=send.operation(operation), request=send.Send(calls, namespace or "", alone),
            intent=intent, retention_days=self._app.settings.retention_days,
        )  # fmt: skip
        return await store.transact(act, weight=len(calls))

    async def _verdicts(self, done: Done, seconds: float) -> list[Document]:
        """Wait for the verdicts of a call's events."""
        return await waiting.verdicts(self._app, range(done.first, done.last + 1), seconds)

    # -- reading ------------------------------------------------------------------------------------------

    async def preview_event(
        self, *, type: str, event: str | None, user_id: str | None, anonymous_id: str | None,  # noqa: A002 - the field's word
        properties: Mapping[str, Json] | None, traits: Mapping[str, Json] | None, context: Mapping[str, Json] | None,
        destination: str | None, namespace: str | None,
    ) -> Document:  # fmt: skip
        """Show what each destination would get of a call; store and send nothing."""
        request = preview.Preview(
            type=type, event=event or "", user_id=user_id or "", anonymous_id=anonymous_id or "", properties=properties,
            traits=traits, context=context, destination=destination or "", namespace=namespace or "",
        )  # fmt: skip
        reader = self._reader({"user_id": user_id, "traits": dict(traits or {}), "properties": dict(properties or {})})
        return await self._look(
            "preview_event", partial(preview.preview, eyes=self._app.eyes, reader=reader, request=request)
        )

    async def debug_event_delivery(
        self, *, message_id: str | None, user_id: str | None, anonymous_id: str | None, email: str | None,
        event: str | None, destination: str | None, diff: bool, around: str | None, namespace: str | None,
        wait_seconds: float | None,
    ) -> Document:  # fmt: skip
        """Tell one event's journey; with `wait_seconds`, wait so long until it is there and nothing of it waits."""
        request = trace.Trace(
            message_id=message_id or "", user_id=user_id or "", anonymous_id=anonymous_id or "", email=email or "",
            event=event or "", destination=destination or "", diff=diff, around=around or "",
            namespace=namespace or "",
        )  # fmt: skip
        reader = self._reader(
            {"message_id": message_id, "user_id": user_id, "anonymous_id": anonymous_id, "email": email, "event": event}
        )
        eyes, catalogue = self._app.eyes, self._app.catalogue
        if wait_seconds:
            permit(self._principal, LOOKS["debug_event_delivery"])
            settled = partial(trace.is_settled, eyes=eyes, request=request, catalogue=catalogue)
            await waiting.until(self._app, partial(self._app.store.read, settled), wait_seconds)
        journey = partial(trace.journey, eyes=eyes, reader=reader, request=request, catalogue=catalogue)
        return await self._look("debug_event_delivery", journey)

    async def find_events(
        self, *, event: str | None, user_id: str | None, anonymous_id: str | None, type: str | None,  # noqa: A002
        source: str | None, namespace: str | None, since: str | None, until: str | None, verdict: str | None,
        destination: str | None, refused: bool, cursor: str | None, limit: int,
    ) -> Document:  # fmt: skip
        """List stored events, newest first, or the calls that were refused."""
        request = find.Find(
            event=event or "", user_id=user_id or "", anonymous_id=anonymous_id or "", type=type or "",
            source=source or "", namespace=namespace or "", since=since or "", until=until or "",
            verdict=verdict or "", destination=destination or "", refused=refused, cursor=cursor or "", limit=limit,
        )  # fmt: skip
        reader = self._reader({"event": event, "user_id": user_id, "anonymous_id": anonymous_id})
        return await self._look(
            "find_events", partial(find.find_events, eyes=self._app.eyes, reader=reader, request=request)
        )

    async def get_usage(self, *, month: str | None) -> Document:
        """Count a month's tracked users."""
        return await self._look("get_usage", partial(usage.usage, month=month or "", reader=self._reader({})))

    async def list_destinations(self, *, search: str | None, catalog: bool, cursor: str | None, limit: int) -> Document:
        """List what is connected, or all that can be."""
        return await self._look(
            "list_destinations",
            partial(
                describe.list_destinations, reader=self._reader({}), catalogue=self._app.catalogue, search=search,
                catalog=catalog, cursor=cursor, limit=limit, retention_days=self._app.settings.retention_days,
            ),
        )  # fmt: skip

    async def describe_destination(self, *, destination: str) -> Document:
        """Describe a connected destination, or one of the catalogue."""
        return await self._look(
            "describe_destination",
            partial(
                describe.describe_destination, catalogue=self._app.catalogue, name=destination,
                retention_days=self._app.settings.retention_days,
            ),
        )  # fmt: skip

    async def list_sources(self, *, cursor: str | None, limit: int) -> Document:
        """List sources."""
        return await self._look(
            "list_sources", partial(sources.list_sources, reader=self._reader({}), cursor=cursor, limit=limit)
        )

    async def get_deletion(self, *, deletion_id: str) -> Document:
        """Give the receipt of a deletion as it stands."""
        return await self._look("get_deletion", partial(deletions.get_deletion, deletion_id=deletion_id))

    # -- changing -----------------------------------------------------------------------------------------

    async def connect_destination(
        self, *, slug: str, name: str | None, settings: Mapping[str, Json] | None, receives: str | None,
        filter: str | None, sources: Sequence[str] | None, overrides: Mapping[str, Json] | None,  # noqa: A002
        idempotency_key: str | None, dry_run: bool, confirm: str | None,
    ) -> Document:  # fmt: skip
        """Connect a destination of the catalogue."""
        request = connect.Connect(
            slug=slug, name=name, settings=settings, receives=receives, filter=filter,
            sources=None if sources is None else tuple(sources), overrides=overrides,
        )  # fmt: skip
        make = partial(connect.operation, self._app.catalogue, self._app.binder)
        change = partial(self.change, request=request, key=idempotency_key, dry_run=dry_run, confirm=confirm)
        return await prepared(self._app, make, change)

    async def update_destination(
        self, *, destination: str, action: str | None, name: str | None, settings: Mapping[str, Json] | None,
        receives: str | None, filter: str | None, sources: Sequence[str] | None,  # noqa: A002
        overrides: Mapping[str, Json] | None, idempotency_key: str | None, dry_run: bool, confirm: str | None,
    ) -> Document:  # fmt: skip
        """Change, pause, resume or remove a connected destination."""
        request = update.Update(
            destination=destination, action=action, name=name, settings=settings, receives=receives, filter=filter,
            sources=None if sources is None else tuple(sources), overrides=overrides,
        )  # fmt: skip
        make = partial(update.operation, self._app.catalogue, self._app.binder)
        change = partial(self.change, request=request, key=idempotency_key, dry_run=dry_run, confirm=confirm)
        return await prepared(self._app, make, change)

    async def create_source(self, *, name: str, idempotency_key: str | None, dry_run: bool) -> Document:
        """Make a source with its write keys."""
        request = sources.CreateSource(name=name)
        told = await self.change(sources.CREATE, request, idempotency_key, dry_run=dry_run, confirm=None)
        add = partial(sources.with_keys, answer=told, principal=self._principal)
        return await self._app.store.read(add)

    async def replay_events(
        self, *, destination: str | None, event: str | None, user_id: str | None, since: str | None, until: str | None,
        verdict: str | None, message_ids: Sequence[str] | None, namespace: str | None, idempotency_key: str | None,
        dry_run: bool, confirm: str | None,
    ) -> Document:  # fmt: skip
        """Deliver a selection of stored events again."""
        request = replay.Replay(
            destination=destination, event=event, user_id=user_id, since=since, until=until, verdict=verdict,
            message_ids=None if message_ids is None else tuple(message_ids), namespace=namespace,
        )  # fmt: skip
        return await self.change(
            replay.operation(self._app.eyes), request, idempotency_key, dry_run=dry_run, confirm=confirm
        )

    async def request_deletion(
        self, *, user_id: str | None, anonymous_id: str | None, email: str | None, kind: str, namespace: str | None,
        idempotency_key: str | None, dry_run: bool, confirm: str | None, wait_seconds: int | None = None,
    ) -> Document:  # fmt: skip
        """Suppress, erase, both, or lift a suppression, of one person; with `wait_seconds`, wait for its end."""
        request = deletions.Deletion(
            user_id=user_id, anonymous_id=anonymous_id, email=email, kind=kind, namespace=namespace
        )
        told = await self.change(
            deletions.operation(self._app.eyes), request, idempotency_key, dry_run=dry_run, confirm=confirm
        )
        return await self._ended(deletions.undoing(told, request), wait_seconds or 0)

    async def test_destination(self, *, destination: str, idempotency_key: str | None) -> Document:
        """Check a connected destination's credentials at the vendor."""
        store, request = self._app.store, check.Check(destination=destination)
        intent = Intent(self._principal, idempotency_key or "")
        target = await store.read(partial(check.find, eyes=self._app.eyes, principal=self._principal, name=destination))
        kept = await self._claim(partial(guard.claim, operation=check.NAME, request=request, intent=intent))
        if kept is not None:
            return _told(kept)
        told: Document | None = None
        try:
            told = check.told(target, await tried(self._app, target.bound), self._reader({}))
            return told
        finally:
            with anyio.CancelScope(shield=True):  # a call that was given up must not leave its key claimed
                await store.transact(partial(guard.answer, operation=check.NAME, intent=intent, told=told))

    async def begin_consent(self, *, destination: str, redirect: str) -> consent.Asking:
        """Begin a person's consent: where they agree."""
        begin = partial(
            consent.begin, eyes=self._app.eyes, principal=self._principal, name=destination, redirect=redirect
        )
        return await self._app.store.read(begin)

    async def finish_consent(self, *, asking: consent.Asking, code: str) -> Document:
        """Give the code for a token, and keep that. Raises: InvalidInput where the vendor gives none."""
        got = await self._app.tokens.ask(asking.grant, asking.brought(code))
        if isinstance(got, Refused):
            raise InvalidInput(f"The vendor gave no token for the code ({got.why}); begin again.", reason=got.why)
        request = consent.Authorize(asking.bound.destination.id)
        return await self.change(consent.operation(got), request)

    # -- inside -------------------------------------------------------------------------------------------

    async def _claim(self, claim: Callable[[Unit], Done | None]) -> Done | None:
        """Claim a key; where an equal call is on its way, wait a little for its answer. Raises: InProgress."""
        until = self._app.clock.monotonic() + ANSWER_S
        while True:
            changed = self._app.store.mark()
            try:
                return await self._app.store.transact(claim)
            except InProgress:
                if (left := until - self._app.clock.monotonic()) <= 0:
                    raise
            with anyio.move_on_after(left):
                await changed.wait()

    async def change(
        self, operation: Operation[Q, P], request: Q, key: str | None = None, *, dry_run: bool = False,
        confirm: str | None = None,
    ) -> Document:  # fmt: skip
        """Make a guarded change; a deletion stands in `erasures`, too, before it is answered, whoever delivers.

        Raises: what the guard and the operation raise; Unavailable.
        """
        intent = Intent(self._principal, key or "", dry_run=dry_run, confirm=confirm or "", sure=self._sure)
        act = partial(
            guard.run, operation=operation, request=request, intent=intent,
            retention_days=self._app.settings.retention_days,
        )  # fmt: skip
        store, told = self._app.store, _told(await self._app.store.transact(act))
        if isinstance(deletion := told.get("deletion_id"), str):
            await store.transact(partial(erasures.note, path=store.folder / "erasures", regulation=deletion))
        return told


def _told(done: Done) -> Document:
    """Give an answer as it is told: what was replayed says so."""
    told = dict(done.answer)
    if not done.planned:
        told["replayed"] = done.replayed
        if done.derived:
            told["derived"] = True
    return told


def _rows(told: Document) -> list[Document]:
    """Give the rows of a sending answer."""
    rows = told["events"]
    assert isinstance(rows, list)
    return [dict(row) for row in rows if isinstance(row, dict)]
