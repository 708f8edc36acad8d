"""What a search for a missing event finds: in which way it differs, what it is, and the call that looks closer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from turnout.document import Document
from turnout.event.model import Stored
from turnout.event.stored import message_id
from turnout.operations.question import Span, Trace
from turnout.operations.reader import Reader
from turnout.operations.rows import event_row
from turnout.store.unit import View

SHOWABLE = 128
"""Characters of a stranger's text that may stand in a call of ours."""


class Why(StrEnum):
    """How what came differs from what is asked about."""

    REFUSED = "refused"
    UNKNOWN_KEY = "unknown_key"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    DUPLICATE = "duplicate"
    OTHER_NAMESPACE = "other_namespace"
    OTHER_SPELLING = "other_spelling"
    OTHER_TIME = "other_time"
    OTHER_ID = "other_id"
    BLOCKED_ID = "blocked_id"
    OTHER_PERSON = "other_person"


SAYS = {
    Why.REFUSED: "A call like it was refused at the door, so it is no event.",
    Why.UNKNOWN_KEY: "A call like it came with a write key of no source, so it was not taken.",
    Why.SUPPRESSED: "The person is suppressed: what comes of them is not stored.",
    Why.ERASED: "An erasure was asked for the person: what was recorded of them is gone.",
    Why.DUPLICATE: "Another call came under the message id of this event, and was not stored: the first one stays.",
    Why.OTHER_NAMESPACE: "It was recorded in another namespace.",
    Why.OTHER_SPELLING: "The name differs a little from the one that was asked for.",
    Why.OTHER_TIME: "It came at another time.",
    Why.OTHER_ID: "What was given is known, but as an identifier of another kind, or in another spelling.",
    Why.BLOCKED_ID: "Many people share this value, so it identifies nobody who has another identifier.",
    Why.OTHER_PERSON: "An event of this name came, but of somebody else.",
}


@dataclass(frozen=True, slots=True)
class Near:
    """One find: what is different, what was found, and the call that looks closer."""

    why: Why
    shown: Document
    call: Document | None = None

    def row(self) -> Document:
        """Tell it."""
        return {"why": str(self.why), "says": SAYS[self.why], **self.shown, "next": self.call}


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. `persons`: the person's ids in every namespace."""

    view: View
    reader: Reader
    request: Trace
    when: Span
    persons: frozenset[int]

    def event(self, why: Why, event: Stored) -> Near:
        """Tell of an event, and how to see its journey."""
        row = event_row(self.view, self.reader, event)
        given, shown = by_id(event), row["message_id"]
        call = journey_of(given, "Tells what became of it.") if given == shown and given else None
        return Near(why, row, call)


def journey_of(message_id: str, why: str) -> Document:
    """Make the call that tells an event's journey."""
    return {"tool": "debug_event_delivery", "arguments": {"message_id": message_id}, "why": why}


def by_id(event: Stored) -> str:
    """Give an event's message id where it can stand in a call as it is; one with spaces may be a sentence.

    Of an erased event nothing is left that could.
    """
    text = "" if event.erased else message_id(event.body, event.meta)
    return text if text.isprintable() and " " not in text and len(text) <= SHOWABLE else ""
