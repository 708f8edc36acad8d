"""What destinations are told of somebody who is erased: a few documents, gathered before anything of them goes.

1. They lie sealed in the regulation's row, until every destination has ended with them.
2. The log has a row for each, which names the regulation and says nothing of the person. So lanes tell destinations
   with all that they have: order, limits, retries, the ledger; and a crash loses none.
3. Only on its way out a notice is what it says.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from turnout import document, erasure
from turnout.clock import iso
from turnout.document import Document, Json
from turnout.errors import Unavailable
from turnout.event import stored
from turnout.event.model import Kind, Namespace, Ours, Stored
from turnout.identity.model import Identifier, IdType
from turnout.store.privacy import Regulation
from turnout.store.session import NEWEST
from turnout.store.unit import Unit, View

LOOKED: Final = 200
"""Newest events of the person in which traits and devices are looked for: 3 ms of the accepting commit."""
DEVICES: Final = 10
MOST: Final = 100
"""Notices about one person: one for each of their ids, and the identity graph bounds those."""
_TRAITS = ("email", "phone")
_FIELD = "notices"


def gather(view: View, person: int, identifiers: Iterable[Identifier]) -> tuple[Document, ...]:
    """Say who they are, as actions for `delete` read it: each user id with the traits, and then every other id.

    An event has one user id, one anonymous id, one e-mail; so whoever has several needs several.
    """
    values: dict[IdType, list[str]] = {kind: [] for kind in IdType}
    for each in identifiers:
        values[each.type].append(each.value)
    traits, devices = _traits(view, person)
    emails = values[IdType.EMAIL]
    if emails:
        traits.setdefault("email", emails[0])
    users, anonymous = values[IdType.USER], values[IdType.ANONYMOUS]
    about: Document = {**({"traits": traits} if traits else {}), **(devices[0] if devices else {})}
    first: list[Document] = [{"userId": each, **about} for each in users]
    if not users:
        first, anonymous = [{**({"anonymousId": anonymous[0]} if anonymous else {}), **about}], anonymous[1:]
    known = str(traits.get("email", "")).strip().casefold()
    others: list[Document] = [{"anonymousId": each} for each in anonymous]
    others += [{"traits": {"email": each}} for each in emails if each.casefold() != known]
    return tuple(each for each in (*first, *others, *devices[1:]) if each)[:MOST]


def seal(unit: Unit, regulation: str, notices: Sequence[Document]) -> str:
    """Seal notices for a regulation's row."""
    text = document.encode(list(notices)).decode()
    return b64encode(unit.vault.seal(regulation, _FIELD, text, unit.session.entropy)).decode() if notices else ""


def post(unit: Unit, regulation: Regulation) -> tuple[int, int]:
    """Write the notices of a regulation into the log; give the seq of the first, and how many."""
    many = len(_unsealed(unit, regulation))
    rows = [(name, document.encode({"type": str(Ours.DELETE), "messageId": name})) for name in _ids(regulation, many)]
    return unit.log.post(Namespace(regulation.namespace), regulation.person, rows), many


def read(view: View, event: Stored) -> Document:
    """Give a notice as it leaves; of one whose regulation is over, who it was about is gone."""
    told = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
    key, _, number = str(told["messageId"]).partition("-")
    regulation = view.privacy.get(key)
    try:
        notices = _unsealed(view, regulation) if regulation else ()
    except Unavailable:  # sealed with other keys: it is as gone as if it were over
        notices = ()
    place = int(number or 0)
    about = notices[place] if place < len(notices) else {}
    return {**told, **about, "timestamp": iso(event.received)}


def _ids(regulation: Regulation, many: int) -> Iterator[str]:
    return (f"{regulation.id}-{place}" if place else regulation.id for place in range(many))


def _unsealed(view: View, regulation: Regulation) -> tuple[Document, ...]:
    sealed = b64decode(erasure.read(regulation.steps).notices)
    found = document.decode(view.vault.unseal(regulation.id, _FIELD, sealed)) if sealed else []
    assert isinstance(found, list)
    return tuple(each for each in found if isinstance(each, dict))


def _traits(view: View, person: int) -> tuple[dict[str, Json], list[Document]]:
    """Read what a deletion may find somebody by in their newest events: traits, the newest first, and devices."""
    traits: dict[str, Json] = {}
    devices: dict[bytes, Document] = {}
    for event in _newest(view, person):
        told = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
        context = told.get("context")
        around = context if isinstance(context, dict) else {}
        for said in (told.get("traits") if event.kind is Kind.IDENTIFY else None, around.get("traits")):
            if isinstance(said, dict):
                known = {name: said.get(name) for name in _TRAITS}
                traits = {**{name: one for name, one in known.items() if isinstance(one, str) and one}, **traits}
        if isinstance(device := around.get("device"), dict) and device:
            kept: Document = {"context": {name: around[name] for name in ("device", "os") if name in around}}
            devices.setdefault(document.canonical(device), kept)
    return traits, list(devices.values())[:DEVICES]


def _newest(view: View, person: int) -> list[Stored]:
    selves = view.people.selves(person) if person else ()
    return [each for each in view.history.back(selves, NEWEST, LOOKED) if not each.blank]
