"""A person's traits as their events said them: the newest value of each, with where it came from and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from turnout.clock import iso
from turnout.document import Document, Json
from turnout.event import stored
from turnout.event.model import Kind, Namespace, Stored
from turnout.identity.model import Identifier, IdType
from turnout.operations.names import source_name
from turnout.operations.reader import Reader
from turnout.store.unit import View

SCAN = 2_000
"""Events of a person that are looked through, the newest first."""
SHOWN = 100
_WIRE = {IdType.USER: "userId", IdType.ANONYMOUS: "anonymousId"}


def traits_of(
    view: View, reader: Reader, space: Namespace, events: Iterable[Stored], ids: Sequence[Identifier]
) -> list[Json]:
    """List the traits that the newest event with each has; one that is null there was taken away."""
    values: dict[str, Json] = {}
    said: dict[str, Stored] = {}
    for event in islice(events, SCAN):
        if event.kind is not Kind.IDENTIFY or event.blank:
            continue
        body = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
        traits = body.get("traits")
        for name, value in (traits if isinstance(traits, dict) else {}).items():
            if name not in values:
                values[name], said[name] = value, event
    there = {name: value for name, value in values.items() if value is not None}
    named: Document = {_WIRE[each.type]: each.value for each in ids if each.type in _WIRE}
    shown = reader.document({**named, "traits": there})["traits"]
    assert isinstance(shown, dict)
    return [
        {
            "namespace": space,
            "name": name,
            "value": value,
            "source": source_name(view, event.source),
            "at": iso(event.received),
        }
        for (name, value), event in islice(zip(shown.items(), map(said.__getitem__, there), strict=False), SHOWN)
    ]
