"""Which fields destinations send of an event: the names of what was mapped, and of equal ones only whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from turnout.document import Document, Json
from turnout.operations.reader import Reader
from turnout.operations.spread import Way

MOST = 40
"""Fields named of one destination."""
DEPTH = 4


def fields(values: Iterable[Json]) -> tuple[str, ...]:
    """Name the fields of what was mapped, each once; what lies deeper than `DEPTH` goes by what it lies in.

    >>> fields([{"event": "A", "properties": {"total": 1, "items": [{"sku": "x"}, {"sku": "y"}]}}])
    ('event', 'properties.total', 'properties.items[].sku')
    """
    found: dict[str, None] = {}
    for value in values:
        _name(value, "", DEPTH, found)
    return tuple(found)


def told(reader: Reader, ways: Sequence[Way]) -> list[Document]:
    """Tell for each destination what it sends, or which one before it sends the same; nothing where it sends none."""
    first: dict[tuple[str, ...], str] = {}
    rows: list[Document] = []
    for way in ways:
        names = fields(way.sends)
        same = first.setdefault(names, way.destination.name)
        if not names:
            rows.append({})
        elif same != way.destination.name:
            rows.append({"sends_as": same})
        else:
            more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
            rows.append({"sends": [*(reader.text(each) for each in names[:MOST]), *more]})
    return rows


def _name(value: Json, path: str, depth: int, found: dict[str, None]) -> None:
    if isinstance(value, dict) and value and depth:
        for key, below in value.items():
            _name(below, f"{path}.{key}" if path else key, depth - 1, found)
    elif isinstance(value, list) and value and depth:
        for below in value:
            _name(below, f"{path}[]", depth, found)
    elif path:
        found[path] = None
