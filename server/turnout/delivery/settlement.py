"""What outcomes change: from answered batches to final rows, owed rows, requests, evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from turnout.clock import SECOND
from turnout.delivery import verdict
from turnout.delivery.batch import Batch, halves
from turnout.delivery.schedule import Schedule
from turnout.delivery.window import Part
from turnout.document import Document
from turnout.exchange import Class, Dedupe, Outcome


@dataclass(frozen=True, slots=True)
class Answered:
    """A batch whose talk is over. `sent` in microseconds; `turns` its evidence; `probe`: burns no try.

    `passed`: since credentials were last refused, and before this answer, another event's were taken.
    """

    batch: Batch
    outcomes: tuple[Outcome, ...]
    sent: int
    took_ms: int
    turns: tuple[Document, ...]
    probe: bool = False
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A part that is final."""

    part: Part
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Back:
    """A part that is owed: due at `due`, after `tries` counted tries; `doubt`: it may have been taken."""

    part: Part
    due: int
    first: int
    tries: int
    doubt: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A part that was never sent and waits for an earlier one of its person."""

    part: Part


@dataclass(frozen=True, slots=True)
class Unsent:
    """A part that was never sent and goes back to the queue, due now: the lane stops, or its breaker opened."""

    part: Part


Settled: TypeAlias = "Finished | Back | Held | Unsent"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request's row: how it ended as a whole, and the evidence of it."""

    batch: Batch
    status: int
    outcome: str
    sent: int
    took_ms: int
    turns: tuple[Document, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one commit writes: requests, and what became of each part; `again` leaves at once, halved."""

    asked: tuple[Asked, ...] = ()
    settled: tuple[Settled, ...] = ()
    again: tuple[Batch, ...] = field(default=())


def settlement(
    answered: Sequence[Answered], schedule: Schedule, now: int, fraction: Callable[[], float],
) -> Settlement:  # fmt: skip
    """Decide what became of each part of each answered batch. `fraction` draws the jitter."""
    asked: list[Asked] = []
    settled: list[Settled] = []
    again: list[Batch] = []
    for each in answered:
        whole = summary(each.outcomes)
        plain = all(outcome.what is Class.SUCCESS for outcome in each.outcomes) and len(each.turns) <= 1
        asked.append(Asked(each.batch, whole.status, whole.code, each.sent, each.took_ms, each.turns, plain))
        split = _split(each)
        again.extend(_smaller(each.batch, split))
        jitter = fraction()  # one for all: members that must leave together again fall due together
        settled += [
            _settle(part, outcome, each, schedule, now, jitter)
            for part, outcome in zip(each.batch.parts, each.outcomes, strict=True)
            if part not in split
        ]
    return Settlement(tuple(asked), tuple(settled), tuple(again))


def summary(outcomes: Sequence[Outcome]) -> Outcome:
    """Give the outcome that says most of a request: the first that is no success, else the first."""
    return next((outcome for outcome in outcomes if outcome.what is not Class.SUCCESS), outcomes[0])


def _split(each: Answered) -> tuple[Part, ...]:
    """Give the members that leave again in a smaller batch: one of several may be to blame for the others' refusal.

    None while they may have been taken, where the vendor drops repeats by the batch's id.
    """
    part = each.batch.first
    tied = part.doubt and part.bound.target.actions[part.item.action].dedupe is Dedupe.BATCH
    if len(each.batch.parts) == 1 or tied:
        return ()
    whole = all(outcome == each.outcomes[0] for outcome in each.outcomes)
    if whole and each.outcomes[0].what is Class.FINAL and each.outcomes[0].status in SPLITS:
        return each.batch.parts
    return tuple(
        part for part, outcome in zip(each.batch.parts, each.outcomes, strict=True) if outcome.what is Class.SPLIT
    )


def _smaller(batch: Batch, split: tuple[Part, ...]) -> tuple[Batch, ...]:
    if not split:
        return ()
    return halves(batch) if len(split) == len(batch.parts) else (Batch(split),)


def _settle(
    part: Part, outcome: Outcome, each: Answered, schedule: Schedule, now: int, fraction: float,
) -> Settled:  # fmt: skip
    first = part.first or each.sent
    reason = outcome.code
    match outcome.what:
        case Class.SUCCESS:
            code = verdict.ALREADY if outcome.code == "already" else verdict.DELIVERED
            return Finished(part, code, part.note if part.note == OVERTOOK else "")
        case Class.FINAL | Class.SPLIT:
            return Finished(part, _FINAL.get(outcome.code, verdict.REFUSED), reason)
        case Class.PAUSE if outcome.status == GONE:
            return Finished(part, verdict.REFUSED, reason)
        case Class.CREDENTIALS | Class.PAUSE:
            if each.passed and part.note == reason:
                return Finished(part, verdict.BAD_CREDENTIALS, reason)
            return Back(part, now, first, part.tries, doubt=part.doubt, reason=reason)
        case Class.RETRY | Class.UNKNOWN:
            return _again(part, outcome, schedule, now, fraction, first, counted=not each.probe)
    assert_never(outcome.what)


SPLITS = frozenset({400, 413, 422})
"""Statuses that refuse a batch for one of its members. Source: reliability-security.md 4.3."""
GONE = 410
"""The receiver wants no more: the event is final, and the lane pauses. Source: Standard Webhooks."""
OVERTOOK = "overtook"
"""Reason of what passed an earlier event of its person that had blocked for too long."""

_FINAL = {
    "redirect": verdict.REDIRECT,
    "blocked_address": verdict.BLOCKED,
    "blocked_path": verdict.BLOCKED_PATH,
    "mapping_error": verdict.DROPS["mapping_error"],
}


def _again(
    part: Part, outcome: Outcome, schedule: Schedule, now: int, fraction: float, first: int, *, counted: bool
) -> Settled:  # fmt: skip
    profile = schedule.profile(part.bound.target.profile)
    tries = part.tries + int(counted)
    doubt = part.doubt or outcome.what is Class.UNKNOWN
    if counted and profile.expired(first, tries, now):
        return Finished(part, verdict.EXPIRED, outcome.code)
    wait = max(profile.delay_s(max(1, tries), fraction), outcome.after_s or 0.0)
    return Back(part, now + int(wait * SECOND), first, tries, doubt=doubt, reason=outcome.code)
