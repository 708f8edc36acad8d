"""Segment's Tracking API: a request in, events on disk, then the answer.

1. The path decides what a single call is; items of a batch say it themselves, and a bad one costs itself alone.
2. 200 means: on disk, or refused for good and kept for `find_events` with its reason. What is no JSON, or too large,
   is 400; an unknown key 401; what may be tried again 429 or 503.
3. A write key decides live or test; `X-Turnout-Namespace` names another test namespace, and makes no test key live.

Source: tracking-api.md, clients-on-the-wire.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from turnout import telemetry
from turnout.api import answers, keys, reading
from turnout.api.answers import Answer
from turnout.api.keys import Keys, Owner
from turnout.api.recorder import Recorder
from turnout.errors import InvalidCall, InvalidInput, LimitExceeded, Unavailable
from turnout.event.model import LIVE, Call, Caller, Kind, Namespace, Refused, SourceId
from turnout.event.wire import EVENT_BYTES, Envelope, Flaw, check, envelope
from turnout.guard.namespace import namespace
from turnout.guard.token import id_of
from turnout.ingest import Entry
from turnout.store.store import Store
from turnout.store.unit import Unit
from turnout.store.writer import GROUP_EVENTS

BATCH_EVENTS = 2500
"""Items of one batch that are taken. Source: reliability-security.md 7.4."""
AROUND_BYTES = 20_000_000
"""Of what stands around a batch, written with each of its events: 2,500 of them with 8 KB."""
BAD = frozenset({"not_json", "bad_text", "not_object", "too_large"})
"""Reasons for which a single call is 400, as Segment answers; for all others it is 200."""
UNREADABLE = frozenset({"not_json", "bad_text", "too_deep"})
"""Reasons for which a body holds no key that can be found."""
NAMESPACE = b"x-turnout-namespace"
STRANGERS, STRANGER_S = 10, 60.0
"""Requests with an unknown key that are kept to be found: so many at once, then one a minute."""


class Path(NamedTuple):
    """What a path takes: calls of one kind, or (`kind` None) batches. `person`: a browser or phone calls it."""

    kind: Kind | None
    person: bool = False


def _paths() -> Mapping[str, Path]:
    found = {
        "/v1/batch": Path(None),
        "/v1/import": Path(None),
        "/v1/b": Path(None, person=True),
        "/beacon/v1/batch": Path(None, person=True),
    }
    for kind in Kind:
        found[f"/v1/{kind}"] = Path(kind)
        found[f"/v1/{kind[0]}"] = Path(kind, person=True)
        found[f"/api/s/{kind}"] = Path(kind, person=True)
        found[f"/api/s/s2s/{kind}"] = Path(kind)
    return {**found, **{f"{path}/": what for path, what in found.items()}}


PATHS = _paths()
"""All of them: Segment's long and short ones, Jitsu's, and that of RudderStack's beacons."""


class Tracking:
    """The door for events."""

    def __init__(self, store: Store) -> None:
        """Stand before this store."""
        self._store = store
        self.keys = Keys(store)
        self._recorder = Recorder(store)
        self._strangers = float(STRANGERS)
        self._stranger_at = 0.0

    async def __call__(self, path: Path, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request of a known path."""
        headers = headers_of(scope)
        origin = headers.get(b"origin", b"")
        given = await self._answer(path, scope, headers, receive)
        if given is not None:
            await answers.give(send, given, origin)

    async def record(self, body: bytes, path: Path, headers: Mapping[bytes, bytes], ip: str, *, person: bool) -> Answer:
        """Record what a body holds, and say what became of it."""
        taken = _batch(body) if path.kind is None else _single(body, path.kind)
        if isinstance(taken, Answer):
            return taken
        calls, around, key = taken
        found = await self.keys.of(headers)
        given: list[str] = []
        if found is None:
            given = [*keys.in_headers(headers), key or keys.in_body(body)]
            found = await self.keys.owner(given)
        if found is None:
            if any(id_of(key) for key in given):
                return answers.NO_WRITE_KEY
            return await self._stranger(calls) if any(given) else _without_key(body)
        where = _where(found, headers.get(NAMESPACE, b"").strip(b" \t"))
        if isinstance(where, Answer):
            return where
        caller = Caller(
            found.source,
            where,
            self._store.clock.now(),
            around.sent_at,
            around.context,
            around.integrations,
            ip,
            person,
        )
        entries = await self._recorder.record(calls[:BATCH_EVENTS], caller)
        for at in range(BATCH_EVENTS, len(calls), GROUP_EVENTS):
            await self._store.transact(partial(_too_many, calls=calls[at : at + GROUP_EVENTS], caller=caller))
        return answers.TAKEN if path.kind is None else _of_one(entries[0])

    async def _answer(
        self, path: Path, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Answer | None:  # fmt: skip
        if scope["method"] == "OPTIONS":
            return answers.preflight(scope["headers"], "POST")
        if scope["method"] != "POST":
            return answers.not_allowed("POST")
        body = await reading.read(receive, headers.get(b"content-encoding", b""))
        if not isinstance(body, bytes):
            return body
        for key in keys.in_query(scope["query_string"]) if scope["query_string"] else ():
            headers.setdefault(keys.OWN, key.encode("latin-1", "replace"))  # a beacon has no headers of its own
        client = scope.get("client")
        return await self.safely(body, path, headers, client[0] if client else "", person=path.person)

    async def safely(self, body: bytes, path: Path, headers: Mapping[bytes, bytes], ip: str, *, person: bool) -> Answer:
        """Record, and put into words what stands in the way."""
        try:
            await self._store.require_room_soon()
            return await self.record(body, path, headers, ip, person=person or b"origin" in headers)
        except LimitExceeded as error:
            return answers.later(429, error.code, error.message, int(str(error.attributes.get("retry_after_s", 10))))
        except Unavailable as error:
            return answers.later(503, error.code, error.message, 1)
        except Exception as error:
            telemetry.emit("broke", error, what="the tracking door", error=self._store.entropy.token(4).hex())
            return answers.BROKE

    async def _stranger(self, calls: tuple[Call, ...]) -> Answer:
        """Refuse an unknown key; some are kept, so that whoever misses events finds out why."""
        now = self._store.clock.monotonic()
        self._strangers = min(STRANGERS, self._strangers + (now - self._stranger_at) / STRANGER_S)
        self._stranger_at = now
        if self._strangers >= 1:
            self._strangers -= 1
            await self._store.transact(lambda unit: _unknown(unit, calls[0] if calls else Call(b"")))
        return answers.UNKNOWN_KEY


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Give the headers by name; of one that came twice the last, but two namespaces are neither of them."""
    headers = dict(scope["headers"])
    if len(headers) < len(scope["headers"]) and NAMESPACE in headers:
        headers[NAMESPACE] = b", ".join([value for name, value in scope["headers"] if name == NAMESPACE])
    return headers


AROUND_LARGE = answers.refused(
    400,
    "body_too_large",
    f"The `context` and `integrations` around the batch are written with each event, {AROUND_BYTES:,} bytes at most; "
    "send fewer events in one request.",
)
_NOTHING = Envelope((), "", "", b"", b"")


def _single(body: bytes, kind: Kind) -> tuple[tuple[Call, ...], Envelope, str] | Answer:
    return ((Call(body, kind),), _NOTHING, "") if body.strip() else answers.EMPTY


def _batch(body: bytes) -> tuple[tuple[Call, ...], Envelope, str] | Answer:
    if not body.strip():
        return answers.EMPTY
    try:
        found = envelope(body)
    except InvalidCall as error:
        return answers.refused(400, "not_json" if "JSON" in error.message else "no_batch", error.message)
    around = len(found.context) + len(found.integrations)
    if around * len(found.items) > AROUND_BYTES and around <= EVENT_BYTES:
        return AROUND_LARGE
    return tuple(map(Call, found.items)), found, found.write_key


def _without_key(body: bytes) -> Answer:
    """Say that there is no key; or why it cannot be read, where a body has it."""
    flaw = check(body) if len(body) <= EVENT_BYTES else None
    if isinstance(flaw, Flaw) and flaw.reason in UNREADABLE:
        return answers.refused(400, flaw.reason, flaw.say)
    return answers.NO_KEY


def _where(owner: Owner, asked: bytes) -> Namespace | Answer:
    """Choose the namespace: the key's, or the test namespace that the request names."""
    if not asked:
        return owner.namespace
    try:
        where = namespace(asked.decode("latin-1"))
    except InvalidInput as error:
        return answers.refused(400, "invalid_namespace", f"X-Turnout-Namespace: {error.message}")
    if where == LIVE != owner.namespace:
        return answers.refused(
            403, "test_key", "A test write key records no live events; send them with the source's live key."
        )
    return where


def _of_one(entry: Entry) -> Answer:
    if isinstance(entry, Refused) and entry.reason in BAD:
        return answers.refused(400, entry.reason, entry.say)
    return answers.TAKEN


def _too_many(unit: Unit, calls: tuple[Call, ...], caller: Caller) -> None:
    say = f"The batch has more than {BATCH_EVENTS:,} events; those beyond were not taken. Send smaller batches."
    unit.log.refuse([
        Refused(caller.source, caller.namespace, "too_many_events", say, "", caller.received, call.body[:EVENT_BYTES])
        for call in calls
    ])  # fmt: skip


def _unknown(unit: Unit, call: Call) -> None:
    say = "No source has the write key that it came with. Send it with a key of `turnout source list`."
    body = call.body[:EVENT_BYTES]
    unit.log.refuse([Refused(SourceId(0), LIVE, "unknown_write_key", say, "", unit.now, body)])
