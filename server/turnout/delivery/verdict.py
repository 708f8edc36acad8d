"""What can become of an event at a destination: codes, their words, and what to do next.

Numbers are on disk for ever: never renumber, never re-use (a golden file holds them). An event with several
parts reads as its least finished one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a reader is told."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    PAUSED = "paused"
    DISCARDED = "discarded"
    NOT_SENT = "not_sent"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Code:
    """One way to be final. `word` is the reason in answers, `says` our sentence, `next` what one can do."""

    number: int
    verdict: Verdict
    word: str
    says: str
    next: str = ""


_D, _X, _N, _C = Verdict.DELIVERED, Verdict.DISCARDED, Verdict.NOT_SENT, Verdict.CANCELLED

CODES: tuple[Code, ...] = (
    Code(1, _D, "delivered", "The destination took it."),
    Code(2, _D, "already", "The destination said that it has it already."),
    Code(20, _X, "refused", "The destination refused it for good.", "Read what it answered, mend the event or the settings, then replay it."),
    Code(21, _X, "invalid", "The event lacks what the destination needs.", "Send the missing fields, then send the event again."),
    Code(22, _X, "mapping_error", "The mapping failed on this event.", "Report the manifest with a preview of this event."),
    Code(23, _X, "too_large", "The event is larger than the destination takes.", "Send less, then send the event again."),
    Code(24, _X, "too_old", "The event is older than the destination takes."),
    Code(25, _X, "expired", "It was tried for as long as the schedule allows.", "Look why the destination failed, then replay it."),
    Code(26, _X, "redirect", "The destination answered with a redirect, which is never followed.", "Correct the address in the settings, then replay it."),
    Code(27, _X, "blocked_address", "The destination's address is private or reserved.", "Allow the network in TURNOUT_ALLOW_ADDRESSES, then replay it."),
    Code(28, _X, "action_gone", "The action that owed it does not exist any more."),
    Code(29, _X, "credentials", "The destination refused this event's credentials while it took others'.", "Read what it answered, then replay it."),
    Code(30, _X, "blocked_path", "What stands at the file's path is no plain file.", "Take away what stands there, or set another path, then replay it."),
    Code(31, _X, "damaged", "What is stored of the event is damaged, so nothing of it is sent.", "Send it again under another message id; look at the disk, and what else is damaged: turnout doctor."),
    Code(40, _N, "namespace", "The destination does not receive this namespace.", "Set `receives` of the destination if it should."),
    Code(41, _N, "filtered", "The destination's filter leaves it out.", "Change the filter if it should pass."),
    Code(42, _N, "integrations", "The event's own `integrations` object switches the destination off."),
    Code(43, _N, "source", "The destination does not take events of this source.", "Change the destination's sources if it should."),
    Code(44, _N, "unsupported_call", "The destination has nothing for this type of call or event name."),
    Code(45, _N, "no_match", "The destination's actions for this call did not want this event."),
    Code(46, _N, "skipped", "The destination's mapping leaves it out on purpose."),
    Code(47, _N, "suppressed", "The person is suppressed."),
    Code(48, _N, "erased", "The event was erased before it was due."),
    Code(49, _N, "connected_later", "The destination was connected after the event came.", "Replay it to send it there too."),
    Code(50, _N, "expired_while_paused", "Retention ended while the destination stood still."),
    Code(60, _C, "suppressed", "The person was suppressed while it was owed."),
    Code(61, _C, "erased", "The event was erased while it was owed."),
    Code(62, _C, "removed", "The destination was removed while it was owed."),
    Code(63, _C, "cancelled", "Somebody cancelled it."),
)  # fmt: skip

BY_NUMBER = {code.number: code for code in CODES}
BY_WORD = {(code.verdict, code.word): code for code in CODES}


def code(verdict: Verdict, word: str) -> int:
    """Give the number of a code."""
    return BY_WORD[verdict, word].number


DELIVERED = code(_D, "delivered")
ALREADY = code(_D, "already")
REFUSED = code(_X, "refused")
EXPIRED = code(_X, "expired")
REDIRECT = code(_X, "redirect")
BLOCKED = code(_X, "blocked_address")
BLOCKED_PATH = code(_X, "blocked_path")
ACTION_GONE = code(_X, "action_gone")
BAD_CREDENTIALS = code(_X, "credentials")
DAMAGED = code(_X, "damaged")
NAMESPACE = code(_N, "namespace")
FILTERED = code(_N, "filtered")
INTEGRATIONS = code(_N, "integrations")
OTHER_SOURCE = code(_N, "source")
UNSUPPORTED = code(_N, "unsupported_call")
ERASED = code(_N, "erased")
SUPPRESSED = code(_N, "suppressed")
CONNECTED_LATER = code(_N, "connected_later")
RETENTION = code(_N, "expired_while_paused")
CANCELLED_SUPPRESSED = code(_C, "suppressed")
CANCELLED_ERASED = code(_C, "erased")
CANCELLED_REMOVED = code(_C, "removed")

DROPS = {
    "filtered": FILTERED,
    "no_match": code(_N, "no_match"),
    "skipped": code(_N, "skipped"),
    "invalid": code(_X, "invalid"),
    "mapping_error": code(_X, "mapping_error"),
    "too_large": code(_X, "too_large"),
    "too_old": code(_X, "too_old"),
}
"""What a `Drop` of the mapping is called on disk."""
