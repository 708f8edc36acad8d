"""Field by field: what was received, what was sent of it, and how each field came there.

What was sent is the body in evidence. Where that is not kept, it is what today's mapping makes of the event, and
says so. A field is found again by its path, its name, or a value that tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from turnout.delivery.eyes import Eyes
from turnout.delivery.window import Part, owed
from turnout.document import Document, Json, canonical
from turnout.errors import TurnoutError
from turnout.event.model import Stored
from turnout.exchange import Item
from turnout.guard.namespace import is_test
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.origin import Origins
from turnout.operations.asked import body_of, hidden, talk
from turnout.operations.reader import Reader
from turnout.operations.standing import Standing
from turnout.store.unit import View

ROWS = 100
_TELLING = 3
"""A text or number shorter than this says nothing about where it came from."""
TODAY = "today's mapping: what was sent is not kept"
KEPT = "what was sent, from evidence"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value at the end of a path; `shown` is how the reader may see it."""

    path: str
    key: str
    value: Json
    shown: Json
    keys: tuple[str, ...] = ()


def diff(
    view: View, eyes: Eyes, reader: Reader, standing: Standing, event: Stored, received: Document,
    catalogue: Catalogue | None = None,
) -> Document:  # fmt: skip
    """Give the rows `diff` of one delivery, and `diff_of`: which of both they compare; nothing without content.

    With the catalogue, each row names the line of the manifest that made it.
    """
    if event.blank:
        return {}
    item, secrets, outward = _mapped(view, eyes, standing, event)
    kept = talk(view, standing.worst.request).turns
    asked = kept[0].get("asked") if kept else None
    sent = _mine(body_of(asked), item, alone=_alone(view, standing)) if isinstance(asked, dict) else None
    of = KEPT
    if sent is None and item is not None:
        sent, of = hidden(item.value, secrets), TODAY
    if sent is None:
        return {}
    who = _with_pool(reader, event, outward)
    before = leaves(received, who.document(received), who)
    after = leaves(sent, who.beside(received, sent), who)
    today = leaves(mapped := hidden(item.value, secrets), who.beside(received, mapped), who) if item else ()
    rows = compare(before, after, today if of is KEPT else (), _origins(catalogue, view, standing, item))
    more = {"diff_more": len(rows) - ROWS} if len(rows) > ROWS else {}
    listed: list[Json] = list(rows[:ROWS])
    return {"diff": listed, "diff_of": of, **more}


def compare(
    received: Sequence[Leaf], sent: Sequence[Leaf], today: Sequence[Leaf] = (), origins: Origins | None = None
) -> list[Document]:
    """Say of each field sent where it came from, then of each field received that it was left out.

    `today` is what the mapping makes of it now: said where it differs from what was sent.
    """
    mapped = {leaf.path: leaf for leaf in today}
    finder = _Finder(received)
    rows: list[Document] = []
    used: set[str] = set()
    for leaf in sent:
        origin, how = finder.origin(leaf)
        more: Document = {"line": line} if origins is not None and (line := origins.line(leaf.keys)) else {}
        now = mapped.get(leaf.path)
        if now is not None and canonical(now.value) != canonical(leaf.value):
            more = {"mapped": now.shown, **more}
        if origin is None:
            rows.append({"field": leaf.path, "received": None, "sent": leaf.shown, "how": how, **more})
            continue
        used.add(origin.path)
        moved = {"from": origin.path} if origin.path != leaf.path else {}
        rows.append({"field": leaf.path, **moved, "received": origin.shown, "sent": leaf.shown, "how": how, **more})
    left = [leaf for leaf in received if leaf.path not in used]
    rows += [{"field": leaf.path, "received": leaf.shown, "sent": None, "how": "left_out"} for leaf in left]
    return rows


class _Finder:
    """Finds where a field that was sent came from."""

    def __init__(self, received: Sequence[Leaf]) -> None:
        self._paths = {leaf.path: leaf for leaf in received}
        self._keys: dict[str, list[Leaf]] = {}
        self._values: dict[bytes, list[Leaf]] = {}
        for leaf in received:
            self._keys.setdefault(leaf.key, []).append(leaf)
            self._values.setdefault(canonical(leaf.value), []).append(leaf)

    def origin(self, leaf: Leaf) -> tuple[Leaf | None, str]:
        """Give the field received that this one came from, and what was done to it."""
        here = self._paths.get(leaf.path)
        if here is not None:
            return here, "same" if canonical(here.value) == canonical(leaf.value) else _changed(here, leaf)
        equal = self._values.get(canonical(leaf.value), [])
        alike = self._keys.get(leaf.key, [])
        both = [each for each in alike if each in equal]
        if both:
            return both[0], "renamed"
        if len(equal) == 1 and _tells(leaf.value):
            return equal[0], "renamed"
        if len(alike) == 1:
            return alike[0], _changed(alike[0], leaf)
        return (equal[0], "renamed") if equal and _tells(leaf.value) else (None, "computed")


def _changed(before: Leaf, after: Leaf) -> str:
    """Tell a value that became one of another type from one that became another."""
    one, other = before.value, after.value
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    return "changed" if type(one) is type(other) or numbers else "coerced"


def leaves(value: Json, masked: Json, reader: Reader) -> tuple[Leaf, ...]:
    """List the values at the ends of all paths, each beside how it may be seen."""
    raw, seen = list(_walk(value)), list(_walk(masked))
    if len(raw) == len(seen):
        return tuple(
            Leaf(_path(named), _key(keys), each, as_seen, keys)
            for (keys, each), (named, as_seen) in zip(raw, seen, strict=True)
        )
    # two keys became one when they were masked: mask each value by itself
    return tuple(Leaf(reader.value(_path(keys)), _key(keys), each, _seen(each, reader), keys) for keys, each in raw)


def _seen(value: Json, reader: Reader) -> Json:
    return reader.value(value) if isinstance(value, str) else value


def _walk(value: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _walk(below, (*at, key))
    elif isinstance(value, list | tuple) and value:
        for place, below in enumerate(value):
            yield from _walk(below, (*at, str(place)))
    else:
        yield at, value


def _path(keys: tuple[str, ...]) -> str:
    return ".".join(keys) or "body"


def _key(keys: tuple[str, ...]) -> str:
    """Give the last name of a path, in any spelling."""
    names = [key for key in keys if not key.isdigit()]
    return names[-1].lower().replace("_", "").replace("-", "").lstrip("$") if names else ""


def _tells(value: Json) -> bool:
    match value:
        case bool() | None:
            return False
        case str():
            return len(value) >= _TELLING
        case int() | float():
            return len(str(value)) >= _TELLING
        case _:
            return False


def _mapped(
    view: View, eyes: Eyes, standing: Standing, event: Stored
) -> tuple[Item | None, tuple[tuple[str, str], ...], Document]:
    """Map the event as today: the item of the part that speaks for it, the secrets to hide, the event as it leaves."""
    destination = view.workspace.by_lane().get(standing.lane.lane)
    bound = eyes.bound(view, destination, view.counter.revision) if destination else None
    if bound is None or isinstance(bound, TurnoutError):
        return None, (), {}
    sight = eyes.sight(view)
    parts = [each for each in owed(event, standing.lane.lane, standing.run, bound, sight) if isinstance(each, Part)]
    part = next((each for each in parts if each.part == standing.worst.part), parts[0] if parts else None)
    return part.item if part else None, bound.spelled, sight.document(event)


def _origins(catalogue: Catalogue | None, view: View, standing: Standing, item: Item | None) -> Origins | None:
    """Look up the manifest that made an item; None where there is none, as of a file."""
    destination = view.workspace.by_lane().get(standing.lane.lane)
    if catalogue is None or destination is None or item is None or catalogue.find(destination.slug).native:
        return None
    return Origins(catalogue.manifest(destination.slug), item.action, item.document)


def _alone(view: View, standing: Standing) -> bool:
    """Tell whether the last request held this event and no other."""
    row = view.deliveries.request(standing.worst.request)
    return row is not None and len({seq for seq, _ in row.members or ((0, 0),)}) == 1


def _mine(body: Json, item: Item | None, *, alone: bool) -> Json:
    """Find this event's own part of a body; None where others share the body and it is not found."""
    rest = body if alone else None
    if item is None:
        return rest
    wanted = canonical(item.value)
    if any(canonical(each) == wanted for each in _entries(body)):
        return item.value
    message_id = item.document.get("messageId")
    mine = [each for each in _entries(body) if isinstance(each, dict) and message_id in _texts(each)]
    return min(mine, key=lambda each: len(canonical(each)), default=rest)


def _entries(body: Json) -> Iterator[Json]:
    """Walk what may be one of several items: the entries of any list."""
    if isinstance(body, Mapping):
        for below in body.values():
            yield from _entries(below)
    elif isinstance(body, list):
        for below in body:
            yield below
            yield from _entries(below)


def _texts(value: Json) -> frozenset[str]:
    return frozenset(each for _, each in _walk(value) if isinstance(each, str))


def _with_pool(reader: Reader, event: Stored, outward: Document) -> Reader:
    """Let the members of the pool be seen: they are nobody's."""
    if not is_test(event.namespace):
        return reader
    ids = {value for name in ("userId", "anonymousId") if isinstance(value := outward.get(name), str)}
    return Reader(reader.principal, reader.own | ids | {f"{each}@example.com" for each in ids})
