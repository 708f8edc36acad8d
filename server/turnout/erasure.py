"""An erasure as a value: its steps, the next one, its receipt.

1. What is accepted is already suppressed, and its identifiers are cut off the person: no later event joins it.
2. Each step is done in units that may be repeated; `cursor` is how far its walk came.
3. Identifiers that later steps look for lie sealed in `sealed`, and go as soon as nothing looks for them.
4. Destinations are told by notices in the log, from when nothing of the person is on its way; see `delivery.notices`.
   Their steps stand open until each has ended, and nothing of ours waits for them.
5. `partial`: all is over, and a destination that should have deleted did not say that it will.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import unquote

import msgspec

from turnout.document import Document, Json

FILE, SUPPRESSION, CANCEL, IN_FLIGHT, NOTICES = "erasures_file", "suppression", "deliveries", "in_flight", "notices"
EVENTS, ANSWERS, EVIDENCE, BATCHES = "events", "answers", "evidence", "batch_evidence"
NAMES, REFUSED, PROFILE, BYTES = "event_names", "refused_calls", "profile", "database_file"

WAITING, RUNNING, DONE = "waiting", "running", "done"
FAILED, NOT_TOLD, NOT_SUPPORTED, NOT_NEEDED = "failed", "not told", "not supported", "not needed"
"""How a destination's step may end beside `done`; the last two are the case from the beginning."""
_OPEN = frozenset({WAITING, RUNNING})
_MISSED = frozenset({FAILED, NOT_TOLD, "not supported yet"})
"""What leaves an erasure partial; the last one stands in receipts from before destinations were told."""


class Kind(StrEnum):
    """What is asked for; the last one is a whole test namespace, for the command line."""

    BOTH = "suppress_and_erase"
    ERASE = "erase"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    CLEAR = "clear_namespace"

    @property
    def erases(self) -> bool:
        """Tell whether content goes: what cannot be undone."""
        return self in {Kind.BOTH, Kind.ERASE, Kind.CLEAR}

    @property
    def suppresses(self) -> bool:
        """Tell whether new events are refused from now on."""
        return self in {Kind.BOTH, Kind.SUPPRESS}


_ERASE = (FILE, CANCEL, IN_FLIGHT, NOTICES, EVENTS, ANSWERS, EVIDENCE, BATCHES, NAMES, REFUSED, PROFILE, BYTES)
_STEPS: Mapping[Kind, tuple[str, ...]] = {
    Kind.BOTH: (SUPPRESSION, *_ERASE),
    Kind.ERASE: _ERASE,
    Kind.SUPPRESS: (SUPPRESSION, FILE, CANCEL),
    Kind.UNSUPPRESS: (SUPPRESSION, FILE),
    # Nobody of a namespace is barred: its people go first, and its events before what is on its way is waited for.
    Kind.CLEAR: (FILE, PROFILE, EVENTS, IN_FLIGHT, CANCEL, ANSWERS, EVIDENCE, BATCHES, NAMES, REFUSED, BYTES),
}


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step. `cursor` is a number of the walk that it makes, 0 before; `reason` is a sentence of ours.

    `lane` is that of a destination that is told, 0 for what is ours to do.
    """

    where: str
    status: str = WAITING
    cursor: int = 0
    counts: Mapping[str, int] = {}
    reason: str = ""
    lane: int = 0


class Steps(msgspec.Struct, frozen=True, omit_defaults=True):
    """All steps in order; `sealed` holds the identifiers, in base64, for as long as a step looks for them.

    `keyed`: not all of them are known, so that what stands in a text is compared by its key, too. `notices` holds what
    destinations are told, sealed as well, until the last one has ended.
    """

    steps: tuple[Step, ...]
    sealed: str = ""
    keyed: bool = False
    notices: str = ""


def begin(
    kind: Kind,
    sealed: str,
    destinations: Iterable[Step] = (),
    counts: Mapping[str, Mapping[str, int]] | None = None,
    notices: str = "",
) -> Steps:
    """Make the steps of a request; `destinations` as `told`, `unable` and their like made them.

    `counts` are what the accepting commit did, by step: it suppresses, cuts identifiers off, and cancels a little.
    """
    did = counts or {}
    there = tuple(destinations) if kind in {Kind.BOTH, Kind.ERASE} else ()
    tells = any(each.lane for each in there)
    own = [
        Step(each, DONE if each == SUPPRESSION else WAITING, counts=did.get(each, {}), reason=_NOTES.get(each, ""))
        for each in _STEPS[kind]
        if each != NOTICES or tells
    ]
    return Steps((*own, *there), sealed, notices=notices if tells else "")


_AT = "destination "
_LONG = 80
"""Characters of a reason from which on it is written out once."""
_NOTES = {EVENTS: "Their own events. Where an event of somebody else names them, that stays."}


def told(name: str, lane: int) -> Step:
    """Make the step of a destination that can delete."""
    return Step(f"{_AT}{name}", lane=lane)


def untold(name: str, status: str, reason: str) -> Step:
    """Make the step of a destination that is not told, and say why."""
    return Step(f"{_AT}{name}", status, reason=reason)


def landed(steps: Steps, *done: str) -> Steps:
    """Take it that nothing is on its way, as where nobody has run since, and that these steps are done."""
    over = {IN_FLIGHT, *done}
    kept = tuple(msgspec.structs.replace(each, status=DONE) if each.where in over else each for each in steps.steps)
    return msgspec.structs.replace(steps, steps=kept)


def noted(steps: Steps) -> bool:
    """Tell whether it stands in the file `erasures`."""
    return any(each.where == FILE and each.status == DONE for each in steps.steps)


def read(text: bytes) -> Steps:
    """Read steps as stored."""
    return msgspec.json.decode(text, type=Steps)


def write(steps: Steps) -> bytes:
    """Write steps for storing."""
    return msgspec.json.encode(steps)


def next_step(steps: Steps) -> Step | None:
    """Give the step of ours that is to be done now; None when all of them are."""
    return next((step for step in steps.steps if step.status in _OPEN and not step.lane), None)


def awaited(steps: Steps) -> tuple[Step, ...]:
    """Give the steps of destinations that have not ended."""
    return tuple(step for step in steps.steps if step.status in _OPEN and step.lane)


def is_over(steps: Steps) -> bool:
    """Tell whether nothing is left to do, and no destination to wait for."""
    return not any(step.status in _OPEN for step in steps.steps)


def posted(steps: Steps) -> range:
    """Give the seqs of the notices; none before they are in the log."""
    step = next((step for step in steps.steps if step.where == NOTICES and step.status == DONE), None)
    return range(step.cursor, step.cursor + step.counts["notices"]) if step else range(0)


def moved(steps: Steps, cursor: int, counts: Mapping[str, int], *, done: bool) -> Steps:
    """Go on in the step that is to be done now: add its counts, move its walk, or end it."""
    now = next_step(steps)
    assert now is not None, "a step is to be done"
    total = {name: now.counts.get(name, 0) + counts.get(name, 0) for name in sorted({*now.counts, *counts})}
    after = msgspec.structs.replace(now, status=DONE if done else RUNNING, cursor=cursor, counts=total)
    return _with(steps, {now.where: after})


def heard(steps: Steps, ended: Iterable[Step]) -> Steps:
    """Put the steps of destinations that have ended in the place of those that stood open."""
    return _with(steps, {each.where: each for each in ended})


def _with(steps: Steps, changed: Mapping[str, Step]) -> Steps:
    kept = tuple(changed.get(step.where, step) for step in steps.steps)
    looks = any(step.where in {NAMES, REFUSED} and step.status in _OPEN for step in kept)
    waits = any(step.lane and step.status in _OPEN for step in kept)
    return Steps(kept, steps.sealed if looks else "", steps.keyed, steps.notices if waits else "")


def status(steps: Steps) -> str:
    """Say how the whole stands: received, running, partial or finished."""
    if is_over(steps):
        return "partial" if any(step.status in _MISSED for step in steps.steps) else "finished"
    own = [step for step in steps.steps if not step.where.startswith(_AT) and step.where != SUPPRESSION]
    return "running" if any(step.status != WAITING for step in own) else "received"


def receipt(deletion_id: str, steps: Steps, *, suppressed: bool) -> Document:
    """Write the receipt as it is shown."""
    return {
        "deletion_id": deletion_id,
        "status": status(steps),
        "suppressed": suppressed,
        "steps": _shown(steps.steps),
    }


class Needles:
    """Identifiers to look for in text of others: in any case, escaped as JSON or as a URL does.

    A short one, or one of digits, counts only as a word of its own: `42` stands in `order 4213`.
    """

    def __init__(self, values: Sequence[str]) -> None:
        """Make them quick to look for; none finds nothing."""
        found = sorted({value.strip().casefold() for value in values if value.strip()}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_pattern, found))) if found else None

    def within(self, text: bytes | str) -> bool:
        """Tell whether one of them stands in a text."""
        if self._pattern is None:
            return False
        plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
        return any(self._pattern.search(each.casefold()) for each in _spellings(plain))


_WORD = re.compile(r"[^\s\"'`,;<>()\[\]{}|\\=&?#]+")
_EDGE = ".:!/-_*"


def words(text: bytes | str) -> frozenset[str]:
    """Give what in a text may be an identifier: its words, with and without the marks around them, in any spelling.

    >>> sorted(words("Order for ann@example.com: done"))
    ['Order', 'ann@example.com', 'ann@example.com:', 'done', 'for']
    """
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    found = {word for each in _spellings(plain) for word in _WORD.findall(each)}
    return frozenset({*found, *(word.strip(_EDGE) for word in found)} - {""})


def _pattern(value: str) -> str:
    if len(value) >= 6 and not value.isdecimal():  # noqa: PLR2004 - as personal.py takes parts of a text
        return re.escape(value)
    return rf"(?<![^\W_]){re.escape(value)}(?![^\W_])"


def _spellings(text: str) -> Iterable[str]:
    yield text
    if "\\" in text:
        text = _unescaped(text)
        yield text
    if "%" in text:
        yield unquote(text)
        yield unquote(unquote(text))


def _unescaped(text: str) -> str:
    joined = _PAIR.sub(_paired, text)
    return _UNICODE.sub(lambda found: chr(int(found[1], 16)), joined).replace("\\/", "/")


_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")


def _paired(found: re.Match[str]) -> str:
    return chr(0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00)


def at_destinations(steps: Steps) -> str:
    """Count in words how far it is at the destinations; empty where there are none.

    >>> at_destinations(Steps((Step("destination A", NOT_SUPPORTED), Step("destination B", DONE), Step(EVENTS, DONE))))
    'at 2 destinations: 1 not supported, 1 done'
    """
    ended = Counter(step.status for step in steps.steps if step.where.startswith(_AT))
    n = sum(ended.values())
    told = ", ".join(f"{count} {status}" for status, count in ended.most_common())
    return f"at {n} destination{'s' * (n != 1)}: {told}" if n else ""


def _shown(steps: Iterable[Step]) -> list[Json]:
    """Show the steps; a long reason is written out once, so that a receipt of many destinations stays whole."""
    first: dict[str, str] = {}
    rows: list[Json] = []
    for step in steps:
        told: Document = {"where": step.where, "status": step.status, "counts": dict(step.counts)}
        reason = step.reason
        if len(reason) > _LONG and (where := first.setdefault(reason, step.where)) != step.where:
            reason = f"As {where}."
        rows.append({**told, "reason": reason} if reason else told)
    return rows
