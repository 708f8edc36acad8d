"""Calls that the door refused, as rows of a search: the reason is ours, the rest is data of whoever called."""

from __future__ import annotations

from turnout.clock import iso
from turnout.document import Document, Json
from turnout.event.model import Refused
from turnout.event.wire import check
from turnout.operations.names import source_name
from turnout.operations.reader import Reader
from turnout.operations.sought import Sought
from turnout.store.unit import View

_BLOCK = 500


def refusals(view: View, reader: Reader, sought: Sought, before: int, limit: int) -> tuple[list[Json], int, bool]:
    """Give the rows, newest first, the number before which to go on, and whether nothing is left."""
    rows: list[Json] = []
    while block := view.log.refused(before, _BLOCK, sought.namespace):
        for number, each in block:
            if len(rows) == limit:
                return rows, before, False
            before = number
            body = check(each.body) if each.body else None
            fields: Document = body if isinstance(body, dict) else {}
            if sought.refused_fits(each, fields):
                rows.append(_row(view, reader, each, fields))
    return rows, 0, True


def _row(view: View, reader: Reader, each: Refused, fields: Document) -> Document:
    return {
        "message_id": _text(reader, each.message_id or fields.get("messageId")),
        "event": _text(reader, fields.get("event") or fields.get("name")),
        "type": _text(reader, fields.get("type")),
        "user_id": _id(reader, fields.get("userId")),
        "anonymous_id": _id(reader, fields.get("anonymousId")),
        "namespace": each.namespace,
        "source": source_name(view, each.source),
        "received_at": iso(each.received),
        "reason": f"{each.reason}: {each.say}",
    }


def _text(reader: Reader, value: Json) -> str | None:
    return reader.text(value) if isinstance(value, str) else None


def _id(reader: Reader, value: Json) -> str | None:
    return reader.value(value) if isinstance(value, str) and value else None
