"""What came in, who sent it, and what is made of it: the six calls as events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import msgspec

from turnout.event.ids import LIVE, TEST, MessageId, Namespace, PersonId, Seq, SourceId

__all__ = (
    "CONFLICT",
    "DAMAGED",
    "KINDS",
    "KIND_CODES",
    "LIVE",
    "NOTICE_CODE",
    "TEST",
    "TOMBSTONE",
    "Accepted",
    "Call",
    "Caller",
    "Event",
    "Kind",
    "MessageId",
    "Namespace",
    "Ours",
    "PersonId",
    "Refused",
    "Seq",
    "SourceId",
    "Stored",
)


class Kind(StrEnum):
    """The six calls of Segment's spec."""

    IDENTIFY = "identify"
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


class Ours(StrEnum):
    """What we write into the log ourselves: no door takes it, and it is nobody's event."""

    DELETE = "delete"


KIND_CODES: dict[Kind, int] = {kind: code for code, kind in enumerate(Kind, 1)}
"""On disk for ever: never renumber."""
NOTICE_CODE = 100
"""The same of a notice to destinations that somebody is erased; what is of events alone asks for codes below."""
KINDS: dict[int, Kind | Ours] = {NOTICE_CODE: Ours.DELETE, **{code: kind for kind, code in KIND_CODES.items()}}


@dataclass(frozen=True, slots=True)
class Caller:
    """Through which source, into which namespace and when calls came in.

    `sent_at`, `context` and `integrations` are the envelope's, for a batch: JSON as received, or empty.
    `ip` is the connection's, for calls that ask for it: with `context.direct`, and all of a door that is
    `client_side` (browsers and phones call it, so that the address is the person's).
    """

    source: SourceId
    namespace: Namespace
    received: int
    sent_at: str = ""
    context: bytes = b""
    integrations: bytes = b""
    ip: str = ""
    client_side: bool = False


class Call(msgspec.Struct, frozen=True, gc=False):
    """One item as it came: `body` is its JSON as received, less the write key; `kind` decided by path or tool.

    `message_id` is given by a door that has one of its own (the guard), else it is looked for in the body.
    """

    body: bytes
    kind: Kind | None = None
    message_id: MessageId | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """One valid call, checked and on its way into the log; its `seq` comes with the commit.

    `name` is the event name of a track, the name of a page or screen, else empty. Absent ids are empty.
    `emails`, in lower case, stand where identity.md 1 reads them. `meta` is what we derived once (made-up
    message id, corrected time, envelope), `body` the item's bytes: `stored.document` reads both.
    """

    source: SourceId
    namespace: Namespace
    kind: Kind
    name: str
    message_id: MessageId
    user_id: str
    anonymous_id: str
    previous_id: str
    emails: tuple[str, ...]
    received: int
    meta: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """One call that is not an event. `reason` is a code of delivery.md 2 (failed on ingest) or of ours.

    `say` is our sentence: what was found, what is expected. `message_id` as given; it stays unused.
    """

    source: SourceId
    namespace: Namespace
    reason: str
    say: str
    message_id: str
    received: int
    body: bytes


Accepted: TypeAlias = "Event | Refused"

TOMBSTONE = 1
"""Flag of an event whose content was erased."""
CONFLICT = 2
"""Flag of an event whose message id came again with another body."""
DAMAGED = 4
"""Flag of an event whose row is not as it was written; given on reading, never on disk."""


class Stored(NamedTuple):
    """One row of the log. `person` is as recorded: a later merge may have given it a survivor."""

    seq: Seq
    received: int
    source: SourceId
    kind: Kind | Ours
    name: str
    namespace: Namespace
    person: PersonId
    flags: int
    meta: bytes
    body: bytes

    @property
    def erased(self) -> bool:
        """Tell whether only the tombstone is left."""
        return bool(self.flags & TOMBSTONE)

    @property
    def damaged(self) -> bool:
        """Tell whether it is not as it was written: `meta` and `body` say nothing, the rest may be wrong."""
        return bool(self.flags & DAMAGED)

    @property
    def blank(self) -> bool:
        """Tell whether it has no content: erased, or damaged."""
        return bool(self.flags & (TOMBSTONE | DAMAGED))
