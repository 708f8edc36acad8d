"""Cursors of lists: the key of the last row shown, marked for one list and one principal. They grant nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest

from turnout.errors import InvalidInput
from turnout.operations.reader import Reader
from turnout.store.unit import View

_MARK = 8


def give(view: View, reader: Reader, listing: str, key: int) -> str:
    """Make the cursor behind a row; `listing` names the list with all that narrows it."""
    text = str(key)
    return urlsafe_b64encode(_mark(view, reader, listing, text) + text.encode()).decode().rstrip("=")


def take(view: View, reader: Reader, listing: str, cursor: str | None) -> int:
    """Read a cursor: the key of the last row shown, 0 for none. Raises: InvalidInput."""
    if not cursor:
        return 0
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        text = raw[_MARK:].decode("ascii")
    except ValueError:
        raise _foreign() from None
    if not compare_digest(raw[:_MARK], _mark(view, reader, listing, text)):
        raise _foreign()
    return int(text)


def _mark(view: View, reader: Reader, listing: str, text: str) -> bytes:
    return view.vault.mac("cursor", reader.principal.name, listing, text)[:_MARK]


def _foreign() -> InvalidInput:
    return InvalidInput(
        "The cursor is none of this list. Call without cursor for the first page, then give its next_cursor as it "
        "stands, with the other arguments unchanged."
    )
