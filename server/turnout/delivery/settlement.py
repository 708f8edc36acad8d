"""What outcomes change: from answered batches to final rows, owed rows, requests, evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, assert_never

import msgspec

from turnout.clock import SECOND
from turnout.delivery import verdict
from turnout.delivery.batch import Batch, halves
from turnout.delivery.schedule import Schedule
from turnout.delivery.window import Part
from turnout.document import Document
from turnout.exchange import Class, Dedupe, Outcome
from turnout.outcome import GONE


class Answered(msgspec.Struct, frozen=True):
    """A batch whose talk is over. `sent` in microseconds; `turns` its evidence; `probe`: burns no try.

    `passed`: since credentials were last refused, and before this answer, another event's were taken. `token`: the
    number of the token that it left with, 0: none.
    """

    batch: Batch
    outcomes: tuple[Outcome, ...]
    sent: int
    took_ms: int
    turns: tuple[Document, ...]
    probe: bool = False
    passed: bool = False
    token: int = 0


class Finished(msgspec.Struct, frozen=True):
    """A part that is final; `asked` is the place of its request in the settlement, -1 for none."""

    part: Part
    code: int
    reason: str
    asked: int = -1


class Back(msgspec.Struct, frozen=True):
    """A part that is owed: due at `due`, after `tries` counted tries; `doubt`: it may have been taken.

    `place` is where its talk goes on.
    """

    part: Part
    due: int
    first: int
    tries: int
    doubt: bool
    reason: str
    place: bytes = b""


class Held(msgspec.Struct, frozen=True):
    """A part that was never sent and waits for an earlier one of its person."""

    part: Part


class Unsent(msgspec.Struct, frozen=True):
    """A part that was never sent and goes back to the queue, due now: the lane stops, or its breaker opened."""

    part: Part


Settled: TypeAlias = "Finished | Back | Held | Unsent"


class Asked(msgspec.Struct, frozen=True):
    """One request's row: how it ended as a whole, and the evidence of it.

    `told`: its one part is final, and the ledger's row names it, so that the request need not list it.
    """

    batch: Batch
    status: int
    outcome: str
    sent: int
    took_ms: int
    turns: tuple[Document, ...]
    plain: bool
    told: bool


class Settlement(msgspec.Struct, frozen=True):
    """What one commit writes: requests, and what became of each part; `again` leaves at once, halved.

    `learned` are lists: key of the audience, and id.
    """

    asked: tuple[Asked, ...] = ()
    settled: tuple[Settled, ...] = ()
    again: tuple[Batch, ...] = ()
    learned: tuple[tuple[str, str], ...] = ()


def settlement(
    answered: Sequence[Answered], schedule: Schedule, now: int, fraction: Callable[[], float],
) -> Settlement:  # fmt: skip
    """Decide what became of each part of each answered batch. `fraction` draws the jitter."""
    asked: list[Asked] = []
    settled: list[Settled] = []
    again: list[Batch] = []
    for place, each in enumerate(answered):
        whole = summary(each.outcomes)
        split: tuple[Part, ...] = ()
        if whole.what is Class.SUCCESS:  # as the first that is none would say
            found: list[Settled] = [_taken(part, outcome, place) for part, outcome in _pairs(each)]
        else:
            split = _split(each)
            jitter = fraction()  # one for all: those that must leave together again fall due together
            found = [
                _settle(part, outcome, each, schedule, now, jitter, place)
                for part, outcome in _pairs(each)
                if not split or part not in split
            ]
        told = len(found) == len(each.batch.parts) == 1 and isinstance(found[0], Finished)
        plain = len(each.turns) <= 1 and (
            whole.what is Class.SUCCESS or all(outcome.what in _PLAIN for outcome in each.outcomes)
        )
        asked.append(Asked(each.batch, whole.status, whole.code, each.sent, each.took_ms, each.turns, plain, told))
        settled += found
        if split:
            again.extend(_smaller(each.batch, split))
    learned = {outcome.learned for each in answered for outcome in each.outcomes if outcome.learned[0]}
    return Settlement(tuple(asked), tuple(settled), tuple(again), tuple(sorted(learned)))


def summary(outcomes: Sequence[Outcome]) -> Outcome:
    """Give the outcome that says most of a request: the first that is no success, else the first."""
    first = outcomes[0]
    if outcomes.count(first) == len(outcomes):
        return first
    return next((outcome for outcome in outcomes if outcome.what is not Class.SUCCESS), first)


def _pairs(each: Answered) -> Iterator[tuple[Part, Outcome]]:
    return zip(each.batch.parts, each.outcomes, strict=True)


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
    """Give the batches that leave next; each begins with the first step, for the steps done were about all of them."""
    if not split:
        return ()
    anew = Batch(tuple(msgspec.structs.replace(part, place=b"") for part in split))
    return halves(anew) if len(split) == len(batch.parts) else (anew,)


def _taken(part: Part, outcome: Outcome, asked: int) -> Finished:
    code = verdict.ALREADY if outcome.code == "already" else verdict.DELIVERED
    return Finished(part, code, part.note if part.note == OVERTOOK else "", asked)


def _settle(
    part: Part, outcome: Outcome, each: Answered, schedule: Schedule, now: int, fraction: float, asked: int,
) -> Settled:  # fmt: skip
    first = part.first or each.sent
    reason = outcome.code
    match outcome.what:
        case Class.SUCCESS:
            return _taken(part, outcome, asked)
        case Class.FINAL | Class.SPLIT:
            return Finished(part, _FINAL.get(outcome.code, verdict.REFUSED), reason, asked)
        case Class.PAUSE if outcome.status == GONE:  # the event is final, and the lane pauses
            return Finished(part, verdict.REFUSED, reason, asked)
        case Class.CREDENTIALS | Class.PAUSE if each.passed and part.note == reason:
            return Finished(part, verdict.BAD_CREDENTIALS, reason, asked)
        case Class.CREDENTIALS | Class.PAUSE | Class.LATER:
            due, doubt = now + int((outcome.after_s or 0.0) * SECOND), part.doubt and outcome.what is not Class.LATER
            return Back(part, due, first, part.tries, doubt=doubt, reason=reason, place=outcome.place)
        case Class.RETRY | Class.UNKNOWN:
            return _again(part, outcome, schedule, now, fraction, first, asked, counted=not each.probe)
    assert_never(outcome.what)


_PLAIN = frozenset({Class.SUCCESS, Class.LATER})
"""What is kept of such answers may go first: of a step that polls there are many."""
SPLITS = frozenset({400, 413, 422})
"""Statuses that refuse a batch for one of its members. Source: reliability-security.md 4.3."""
OVERTOOK = "overtook"
"""Reason of what passed an earlier event of its person that had blocked for too long."""

_FINAL = {
    "redirect": verdict.REDIRECT,
    "blocked_address": verdict.BLOCKED,
    "blocked_path": verdict.BLOCKED_PATH,
    "mapping_error": verdict.DROPS["mapping_error"],
}


def _again(
    part: Part, outcome: Outcome, schedule: Schedule, now: int, fraction: float, first: int, asked: int, *,
    counted: bool,
) -> Settled:  # fmt: skip
    profile = schedule.profile("deletion" if part.deletes else part.bound.target.profile)
    tries = part.tries + int(counted)
    doubt = part.doubt or outcome.what is Class.UNKNOWN
    if counted and profile.expired(first, tries, now):
        return Finished(part, verdict.EXPIRED, outcome.code, asked)
    wait = max(profile.delay_s(max(1, tries), fraction), outcome.after_s or 0.0)
    due = now + int(wait * SECOND)
    return Back(part, due, first, tries, doubt=doubt, reason=outcome.code, place=outcome.place)
