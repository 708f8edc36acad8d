"""Drives what a destination sets up at its vendor, between two runs of the operation that connects or changes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from turnout.app import App
from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.evidence.redact import hide, spellings
from turnout.exchange import Class, Outcome, Reply
from turnout.guard.masking import untrusted
from turnout.operations.model import Operation
from turnout.operations.setup import Prepared, Unprepared

P = TypeVar("P")
Q = TypeVar("Q")


async def prepared(
    app: App, make: Callable[[Prepared], Operation[Q, P]], change: Callable[[Operation[Q, P]], Awaitable[Document]]
) -> Document:
    """Change; where something must be set up first, do that, and change then. Raises: InvalidInput where it fails."""
    try:
        return await change(make(Prepared()))
    except Unprepared as first:
        unprepared = first
    ended, settings = await _talked(app, unprepared)
    if ended.what is Class.SUCCESS:
        return await change(make(Prepared(settings)))
    words = hide(ended.text, spellings(unprepared.target.secrets))
    raise InvalidInput(
        f"Nothing was changed: setting up {unprepared.name!r} at the vendor failed ({ended.code}).",
        fix="Correct the settings, or what stands at the vendor, then call again.",
        answered=str(untrusted(words)),
    )


async def _talked(app: App, unprepared: Unprepared) -> tuple[Outcome, Document]:
    reply: Reply | None = None
    while True:
        try:
            ask = next(unprepared.talk) if reply is None else unprepared.talk.send(reply)
        except StopIteration as end:
            found: tuple[Outcome, Document] = end.value
            return found
        reply = await app.ask(ask)
