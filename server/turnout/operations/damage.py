"""What is stored, held against its checksums: events, evidence, configuration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from turnout.event.model import Stored
from turnout.event.stored import message_id
from turnout.evidence.frame import is_whole
from turnout.operations.checked import BACK, Check, ill, well
from turnout.operations.counted import counted
from turnout.store.backup import Tell
from turnout.store.reader import Readers
from turnout.store.session import NEWEST
from turnout.store.unit import View

PAGE, FRAMES = 1_000, 100
"""Events, and frames of evidence, of one look: each is short, so that no checkpoint waits for it."""
QUICK, QUICK_FRAMES = 10_000, 1_000
"""How many of the newest a quick check looks at."""
TOLD = 100
"""Pages after which it is told how far it is."""
SHOWN = 5


def contents(readers: Readers, tell: Tell, *, quick: bool) -> Check:
    """Hold all of it against its checksums; quick: of events and evidence the newest alone."""
    documents = readers.look(lambda view: view.entities.damaged())
    events, seen = _events(readers, tell, QUICK if quick else NEWEST)
    frames = sum(_frames(readers, kept, QUICK_FRAMES if quick else NEWEST) for kept in (0, 1))
    said = [f"the configuration of {_few(documents)}"] if documents else []
    said += [f"{counted(len(events), 'event')} (number {_few(events)})"] if events else []
    said += [f"{counted(frames, 'frame')} of evidence"] if frames else []
    if not said:
        return well("contents", f"as they were written: {counted(seen, 'event')}, their evidence, the configuration")
    do = "Look at the disk. Nothing damaged is sent: send such events again, under other message ids"
    return ill("contents", f"damaged: {'; '.join(said)}", BACK if documents else do)


def _events(readers: Readers, tell: Tell, limit: int) -> tuple[list[int], int]:
    """Give the damaged ones of the newest events, those not found by their ids too, and how many were looked at."""
    found: list[int] = []
    seen = pages = 0
    after = max(0, readers.look(lambda view: view.counter.seq) - 1 - limit)
    while page := readers.look(partial(_page, after=after)):
        found += [event.seq for event, there in page if event.damaged or not there]
        seen, pages, after = seen + len(page), pages + 1, page[-1][0].seq
        if pages % TOLD == 0:
            tell(f"Looked at {seen:,} events …")
    return found, seen


def _page(view: View, after: int) -> list[tuple[Stored, bool]]:
    """Read a page of events, each with whether its message id leads to it."""
    return [
        (each, each.blank or view.messages.leads(each.source, message_id(each.body, each.meta), each.seq))
        for each in view.log.after(after, PAGE)
    ]


def _frames(readers: Readers, kept: int, limit: int) -> int:
    """Count the damaged ones of the newest frames."""
    damaged, seen, before = 0, 0, NEWEST
    while seen < limit and (page := readers.look(lambda view, at=before: view.exchanges.newest(kept, at, FRAMES))):  # type: ignore[misc]
        damaged += sum(not is_whole(frame) for _, frame in page)
        seen, before = seen + len(page), page[-1][0]
    return damaged


def _few(each: Sequence[object]) -> str:
    """Name the first of many."""
    return ", ".join(map(str, each[:SHOWN])) + (", …" if len(each) > SHOWN else "")
