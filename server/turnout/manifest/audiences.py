"""Who enters or leaves an audience, as Segment's computed audiences tell it, and the remote lists that are known.

An audience is named by its key. `identify` has it in `context.personas` and the membership in the trait of that name;
`Audience Entered` and `Audience Exited` have it there too, or in `properties.audience_key`.
Source: Segment's reference of Engage, computed audiences.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from turnout.document import Document
from turnout.exchange import Class, Exchange, Moment, Outcome
from turnout.manifest import bookmark
from turnout.manifest.bookmark import Place
from turnout.manifest.steps import Here
from turnout.manifest.values import at, text_of

MOST: Final = 1_000
"""Audiences of one destination: whoever may send events could make lists at the vendor without end."""
WAIT_S: Final = 1.0
"""How long a batch waits whose audience another is about to find or make."""
GET: Final = "audience_get"
CREATE: Final = "audience_create"
"""The steps that find a list, or make it."""
WAITS: Final = "waits"
"""How a talk ended whose list another is about to find or make."""
ENTERED: Final = "Audience Entered"
EXITED: Final = "Audience Exited"
_WORDS: Final = {ENTERED: True, EXITED: False}


def membership(event: Document) -> Document | None:
    """Give `$audience` of an event: key, name, and whether it is entered or left; None where it tells of none."""
    personas = at(event.get("context"), "personas")
    computed = at(personas, "computation_class") == "audience"
    key = at(personas, "computation_key") if computed else None
    if event.get("type") == "identify":
        inside = at(event.get("traits"), text_of(key)) if key else None
    else:
        name = event.get("event")
        inside = _WORDS.get(name) if isinstance(name, str) else None
        key = key or at(event.get("properties"), "audience_key")
    if not isinstance(inside, bool) or not isinstance(key, str) or not key:
        return None
    return {"key": key, "name": key, "entered": inside, "left": not inside}


class Lists:
    """The remote lists of one destination: their ids by the key of the audience, and which are being looked for."""

    def __init__(self) -> None:
        """Know none."""
        self._ids: dict[str, str] = {}
        self._sought: set[str] = set()

    def learn(self, ids: Document) -> None:
        """Take in what is kept."""
        self._ids |= {key: text_of(value) for key, value in ids.items()}

    def find(self, key: str) -> str | None:
        """Give the id of an audience."""
        return self._ids.get(key)

    @property
    def full(self) -> bool:
        """Whether there may be no more."""
        return len(self._ids) >= MOST

    def seek(self, key: str) -> bool:
        """Begin to look for one; False where another does."""
        if key in self._sought:
            return False
        self._sought.add(key)
        return True

    def sought(self, key: str) -> None:
        """End it."""
        self._sought.discard(key)


def listed(talk: Exchange, lists: Lists, here: Here, moment: Moment, count: int) -> Exchange:
    """Hold a talk about an audience: with the id of its list, or as the only one that looks for it.

    What it learns is told with its outcomes, so that it is on disk before anybody is added.
    """
    audience = membership(here.document) or {}
    key = text_of(audience.get("key"))
    remote = lists.find(key)
    here.scope.audience = {**audience, "id": remote}
    if remote is not None:
        return (yield from talk)
    if lists.full:
        return (Outcome(Class.FINAL, "rejected", 0, f"there are {MOST:,} audiences: no list is made for more"),) * count
    if moment.place and bookmark.step(moment.place) not in {GET, CREATE}:
        return (Outcome(Class.FINAL, "rejected", 0, "the vendor told no id of the list"),) * count
    if not lists.seek(key):
        return (Outcome(Class.LATER, WAITS, 0, "", WAIT_S, moment.place or bookmark.write(Place(GET))),) * count
    try:
        ended = yield from talk
    finally:
        lists.sought(key)
    found = [at(at(here.scope.steps, name), "id") for name in (CREATE, GET)]
    remote = next((text_of(each) for each in found if each is not None), None)
    if remote is None:
        return ended
    lists.learn({key: remote})
    return tuple(structs.replace(each, learned=(key, remote)) for each in ended)
