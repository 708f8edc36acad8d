"""An erasure as a value: its steps, the next one, its receipt.

1. What is accepted is already suppressed, and its identifiers are cut off the person: no later event joins it.
2. Each step is done in units that may be repeated; `cursor` is how far its walk came.
3. Identifiers that later steps look for lie sealed in `sealed`, and go as soon as nothing looks for them.
4. `partial`: all of ours is done, and a destination that could delete was not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import unquote

import msgspec

from turnout.document import Document

FILE, SUPPRESSION, CANCEL, IN_FLIGHT = "erasures_file", "suppression", "deliveries", "in_flight"
EVENTS, ANSWERS, EVIDENCE, BATCHES = "events", "answers", "evidence", "batch_evidence"
NAMES, REFUSED, PROFILE, BYTES = "event_names", "refused_calls", "profile", "database_file"

WAITING, RUNNING, DONE = "waiting", "running", "done"
NOT_SUPPORTED, NOT_YET = "not supported", "not supported yet"


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


_ERASE = (FILE, CANCEL, IN_FLIGHT, EVENTS, ANSWERS, EVIDENCE, BATCHES, NAMES, REFUSED, PROFILE, BYTES)
_STEPS: Mapping[Kind, tuple[str, ...]] = {
    Kind.BOTH: (SUPPRESSION, *_ERASE),
    Kind.ERASE: _ERASE,
    Kind.SUPPRESS: (SUPPRESSION, FILE, CANCEL),
    Kind.UNSUPPRESS: (SUPPRESSION, FILE),
    # Nobody of a namespace is barred: its people go first, and its events before what is on its way is waited for.
    Kind.CLEAR: (FILE, PROFILE, EVENTS, IN_FLIGHT, CANCEL, ANSWERS, EVIDENCE, BATCHES, NAMES, REFUSED, BYTES),
}


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step. `cursor` is a number of the walk that it makes, 0 before; `reason` is a sentence of ours."""

    where: str
    status: str = WAITING
    cursor: int = 0
    counts: Mapping[str, int] = {}
    reason: str = ""


class Steps(msgspec.Struct, frozen=True, omit_defaults=True):
    """All steps in order; `sealed` holds the identifiers, in base64, for as long as a step looks for them.

    `keyed`: not all of them are known, so that what stands in a text is compared by its key, too.
    """

    steps: tuple[Step, ...]
    sealed: str = ""
    keyed: bool = False


def begin(
    kind: Kind,
    sealed: str,
    destinations: Iterable[tuple[str, bool]] = (),
    counts: Mapping[str, Mapping[str, int]] | None = None,
) -> Steps:
    """Make the steps of a request; `destinations` are names, each with whether its manifest can delete.

    `counts` are what the accepting commit did, by step: it suppresses, cuts identifiers off, and cancels a little.
    """
    did = counts or {}
    own = [Step(each, DONE if each == SUPPRESSION else WAITING, counts=did.get(each, {})) for each in _STEPS[kind]]
    told = [_destination(name, can=can) for name, can in destinations] if kind in {Kind.BOTH, Kind.ERASE} else []
    return Steps((*own[:-1], *told, own[-1]), sealed)


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
    """Give the step that is to be done now; None when all of ours is done."""
    return next((step for step in steps.steps if step.status in {WAITING, RUNNING}), None)


def moved(steps: Steps, cursor: int, counts: Mapping[str, int], *, done: bool) -> Steps:
    """Go on in the step that is to be done now: add its counts, move its walk, or end it."""
    now = next_step(steps)
    assert now is not None, "a step is to be done"
    total = {name: now.counts.get(name, 0) + counts.get(name, 0) for name in sorted({*now.counts, *counts})}
    after = Step(now.where, DONE if done else RUNNING, cursor, total, now.reason)
    kept = tuple(after if step is now else step for step in steps.steps)
    looks = any(step.where in {NAMES, REFUSED} and step.status in {WAITING, RUNNING} for step in kept)
    return Steps(kept, steps.sealed if looks else "", steps.keyed)


def status(steps: Steps) -> str:
    """Say how the whole stands: received, running, partial or finished."""
    own = [step for step in steps.steps if step.status in {WAITING, RUNNING, DONE}]
    if all(step.status == DONE for step in own):
        return "partial" if any(step.status == NOT_YET for step in steps.steps) else "finished"
    begun = any(step.status != WAITING for step in own if step.where != SUPPRESSION)
    return "running" if begun else "received"


def receipt(deletion_id: str, steps: Steps, *, suppressed: bool) -> Document:
    """Write the receipt as it is shown."""
    return {
        "deletion_id": deletion_id,
        "status": status(steps),
        "suppressed": suppressed,
        "steps": [_shown(step) for step in steps.steps],
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


def _destination(name: str, *, can: bool) -> Step:
    if can:
        say = "Turnout does not pass deletions on yet; delete the person there yourself."
        return Step(f"destination {name}", NOT_YET, reason=say)
    say = "Its manifest has no delete action; what was delivered stays there unless you delete it there."
    return Step(f"destination {name}", NOT_SUPPORTED, reason=say)


def _shown(step: Step) -> Document:
    told: Document = {"where": step.where, "status": step.status, "counts": dict(step.counts)}
    return {**told, "reason": step.reason} if step.reason else told
