"""What destinations came to with notices that somebody is erased: read off the ledger, written into the receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from turnout import erasure, telemetry
from turnout.delivery import verdict
from turnout.delivery.verdict import BY_NUMBER, Verdict
from turnout.erasure import Step
from turnout.store.deliveries import Final
from turnout.store.lanes import LaneRow, LaneState
from turnout.store.privacy import Regulation
from turnout.store.unit import Unit, View
from turnout.upkeep.reign import Reign

_BY_HAND = "Delete the person there yourself."
_UNREAD = frozenset({verdict.RETENTION, verdict.ERASED, verdict.SUPPRESSED})
"""Codes of what was not sent although it may have been wanted."""
_WORDS = {
    Verdict.DELIVERED: "accepted",
    Verdict.DISCARDED: "discarded",
    Verdict.CANCELLED: "cancelled",
    Verdict.NOT_SENT: "not_sent",
}


def hear(reign: Reign, regulation: Regulation) -> bool:
    """Write down which destinations have ended; give whether any has."""
    ended = reign.look(lambda view: _ended(view, regulation))
    if not ended:
        return False
    reign.commit(lambda unit: _write(unit, regulation, ended))
    for each in ended:
        telemetry.emit("erasure_step", deletion=regulation.id, step=each.where)
    return True


def _write(unit: Unit, regulation: Regulation, ended: Sequence[Step]) -> None:
    now = unit.privacy.get(regulation.id)
    if now is None or now.steps != regulation.steps:
        return
    steps = erasure.heard(erasure.read(now.steps), ended)
    over = erasure.is_over(steps)
    unit.privacy.put(
        replace(now, state=erasure.status(steps), steps=erasure.write(steps), finished=unit.now if over else None)
    )
    if over:
        unit.privacy.raise_generation()


def _ended(view: View, regulation: Regulation) -> list[Step]:
    steps = erasure.read(regulation.steps)
    rows = {row.lane: row for row in view.lanes.all()}
    return [
        _told(each, finals)
        for each in erasure.awaited(steps)
        if (finals := _finals(view, rows.get(each.lane), erasure.posted(steps))) is not None
    ]


def _finals(view: View, lane: LaneRow | None, notices: range) -> list[Final] | None:
    """Give what a lane came to with the notices; None while one of them may still leave."""
    found: list[Final] = []
    for seq in notices if lane is not None else ():
        assert lane is not None
        ended = list(_final(view, lane, seq))
        if not ended:
            return None
        found += ended
    return found


def _final(view: View, lane: LaneRow, seq: int) -> Iterator[Final]:
    run = view.lanes.run(lane.lane, 0)
    if run is None or run.cursor < seq:
        if lane.state is LaneState.REMOVED:
            yield Final(seq, 0, seq, verdict.CANCELLED_REMOVED, "", 0)
    elif not view.owed.of_event(lane.lane, 0, seq) and view.lanes.window_of(lane.lane, 0, seq) is None:
        yield from view.deliveries.of_event(lane.lane, 0, seq)


def _told(step: Step, finals: Sequence[Final]) -> Step:
    """End a step: it is done where the destination took what it wanted of the notices, and wanted one."""
    codes = [(BY_NUMBER[each.code], each.reason) for each in finals]
    counts = Counter(_WORDS[code.verdict] for code, _ in codes if code.verdict in _WORDS)
    accepted = counts.get("accepted", 0)
    failed = next((each for each in codes if _is_failure(each[0].number)), None)
    if failed is None and accepted:
        return Step(step.where, erasure.DONE, counts={"accepted": accepted}, lane=step.lane)
    ended, said = (erasure.FAILED, "It did not delete") if failed else (erasure.NOT_TOLD, "Nothing was sent to it")
    telling = sorted(codes, key=lambda each: not each[1])  # what says why comes first
    code, why = failed or (telling[0] if telling else (BY_NUMBER[verdict.UNSUPPORTED], ""))
    reason = f"{said} ({code.word}{f': {why}' if why else ''}). {_BY_HAND}"
    return Step(step.where, ended, counts=dict(sorted(counts.items())), reason=reason, lane=step.lane)


def _is_failure(number: int) -> bool:
    """Tell what failed from what was not wanted: one of several notices may well lack what the destination asks for."""
    code = BY_NUMBER[number]
    sent = code.verdict in {Verdict.DISCARDED, Verdict.CANCELLED} and number != verdict.DROPS["invalid"]
    return sent or number in _UNREAD
