"""An event as a row of a list: what it is called, whose it is, where it came in."""

from __future__ import annotations

from turnout.clock import iso
from turnout.document import Document
from turnout.event import stored
from turnout.event.model import Stored
from turnout.operations.names import of_rule, source_name
from turnout.operations.reader import Reader
from turnout.store.unit import View


def event_row(view: View, reader: Reader, event: Stored) -> Document:
    """Tell an event that was not erased; of a damaged one what its row says."""
    body = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
    user_id, anonymous_id = body.get("userId"), body.get("anonymousId")
    rule = stored.rule(event.meta)
    return {
        "message_id": reader.text(str(body["messageId"])) or None,
        "event": reader.text(event.name) if event.name else None,
        "type": str(event.kind),
        "user_id": reader.value(user_id) if isinstance(user_id, str) else None,
        "anonymous_id": reader.value(anonymous_id) if isinstance(anonymous_id, str) else None,
        "namespace": event.namespace,
        "moved_by": of_rule(rule) if rule else None,
        "source": source_name(view, event.source),
        "received_at": iso(event.received),
        **({"reason": "damaged"} if event.damaged else {}),
    }
