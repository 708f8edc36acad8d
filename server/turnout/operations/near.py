"""What came near an event that is not there: why it may have been missed, each with the call that looks closer.

The words are published in server/README.md. A row's sentences are ours, its fields a stranger's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from turnout.clock import iso
from turnout.document import Document
from turnout.event import stored
from turnout.event.model import CONFLICT, Stored
from turnout.event.wire import check
from turnout.guard.masking import untrusted
from turnout.identity.model import IdType
from turnout.identity.resolve import is_blocked
from turnout.operations.alike import alike, folded
from turnout.operations.barred import refused, regulated
from turnout.operations.finds import SHOWABLE, Near, Search, Why
from turnout.operations.question import Span, Trace, space, span, theirs
from turnout.operations.reader import Reader
from turnout.operations.whose import Whose, people
from turnout.store.session import NEWEST
from turnout.store.unit import View

ROWS = 8
"""Rows of an answer."""
EACH = 2
"""Rows of one word."""
LOOKED = 5_000
"""Events, or names, that are looked at for each."""
NAMES = 1_000
"""Different names that are compared with the one asked for: 50 to 300 us each."""
_BLOCK = 500


def near(view: View, reader: Reader, request: Trace) -> list[Near]:
    """Look for what came near, the likeliest first. Raises: InvalidInput."""
    persons = people(view, request.whose) if request.whose.given() else frozenset[int]()
    search = Search(view, reader, request, span(request, view.now), persons)
    found: list[Near] = []
    for look in (refused, regulated, _theirs, _ids, _others):
        found += look(search)
    if not any(each.why is Why.OTHER_SPELLING for each in found):
        found += _names(search)
    order = list(Why)
    found.sort(key=lambda each: order.index(each.why))
    return [each for at, each in enumerate(found) if _few(found[:at], each)][:ROWS]


def by_shown(view: View, message_id: str) -> list[Stored]:
    """Find events whose message id reads so once what cannot be seen is taken out of it, among the newest."""
    ids = ((each, stored.message_id(each.body, each.meta)) for each in _back(view, NEWEST) if not each.blank)
    return [each for each, given in ids if given != message_id and str(untrusted(given)) == message_id]


def _few(before: list[Near], each: Near) -> bool:
    return sum(one.why is each.why for one in before) < EACH


# -- the person's own events ------------------------------------------------------------------------------


def _theirs(search: Search) -> list[Near]:
    """Look at the person's events, in any namespace and at any time."""
    found: list[Near] = []
    names: dict[str, bool] = {}
    for each in islice(theirs(search.view, search.persons, Span()), LOOKED):
        why = _difference(search, each, names)
        if why is not None and sum(one.why is why for one in found) < EACH:
            found.append(search.event(why, each))
    return found


def _difference(search: Search, event: Stored, names: dict[str, bool]) -> Why | None:
    """Tell how an event of the person differs from what was asked for; `names` remembers which are like it."""
    asked, where = search.request.event, space(search.request)
    there, then = not where or event.namespace == where, search.when.holds(event.received)
    if not asked or event.name == asked:
        return None if there and then else Why.OTHER_TIME if there else Why.OTHER_NAMESPACE
    if event.name not in names and len(names) < NAMES:
        names[event.name] = alike(asked, event.name)
    if names.get(event.name):
        return Why.OTHER_SPELLING
    return Why.DUPLICATE if event.flags & CONFLICT and there and then else None


# -- other people, or the same under another identifier ---------------------------------------------------


def _ids(search: Search) -> list[Near]:
    """Look for what was given as an identifier of another kind; of several, for each alone."""
    view, given = search.view, search.request.whose.given()
    found = [Near(Why.BLOCKED_ID, {}, _listing(search)) for _, value in given if is_blocked(value)]
    if search.persons:
        return found
    for kind, value in given:
        for other in IdType:
            alone = len(given) > 1 and other is kind
            whose = _whose(other, value)
            if (other is not kind or alone) and people(view, whose):
                found.append(
                    Near(Why.OTHER_ID, {str(other): search.reader.value(value)}, _asking(search, other, value))
                )
    return found


def _whose(kind: IdType, value: str) -> Whose:
    match kind:
        case IdType.USER:
            return Whose(user_id=value)
        case IdType.ANONYMOUS:
            return Whose(anonymous_id=value)
        case IdType.EMAIL:
            return Whose(email=value)


def _asking(search: Search, kind: IdType, value: str) -> Document:
    whole = replace(search.request, user_id="", anonymous_id="", email="", message_id="")
    names = ("event", "destination", "around", "namespace")
    arguments: Document = {str(kind): value, **{name: each for name in names if (each := getattr(whole, name))}}
    return {"tool": "debug_event_delivery", "arguments": arguments, "why": "Asks the same with this identifier."}


def _listing(search: Search) -> Document:
    arguments: Document = {"event": search.request.event} if search.request.event else {}
    return {"tool": "find_events", "arguments": arguments, "why": "Lists such events, whoever's they are."}


def _others(search: Search) -> list[Near]:
    """Look through the newest events, or those around the moment, for a like id, or the same name of somebody else."""
    asked, view = search.request.event, search.view
    if not asked and not search.request.whose.given():
        return []
    before = NEWEST
    if search.when.until != NEWEST:
        before = view.log.first_since(search.when.until + 1) or NEWEST
    found: dict[Why, list[Near]] = {Why.OTHER_ID: [], Why.OTHER_PERSON: []}
    for each in _back(view, before):
        if each.received < search.when.since or all(len(rows) == EACH for rows in found.values()):
            break
        if each.erased or each.person in search.persons or (asked and each.name != asked):
            continue
        why = Why.OTHER_ID if _kin(search.request, by_given(each)) else Why.OTHER_PERSON
        if len(found[why]) < EACH and (asked or why is Why.OTHER_ID):
            found[why].append(search.event(why, each))
    return [*found[Why.OTHER_ID], *found[Why.OTHER_PERSON]]


def _back(view: View, before: int) -> Iterator[Stored]:
    looked = 0
    while looked < LOOKED and (block := view.log.back(before, _BLOCK)):
        yield from block
        before, looked = block[-1].seq, looked + len(block)


def by_given(event: Stored) -> tuple[str, ...]:
    """Give the ids that an event came with."""
    body = check(event.body)
    fields: Document = body if isinstance(body, dict) else {}
    return tuple(str(value) for name in ("userId", "anonymousId") if (value := fields.get(name)))


def _kin(request: Trace, ids: tuple[str, ...]) -> bool:
    """Tell whether an id differs from one that was given in its spelling alone."""
    asked = {folded(value) for _, value in request.whose.given()}
    return any(folded(each) in asked for each in ids)


def _names(search: Search) -> list[Near]:
    """Look for names like it that anybody's events have, where nobody's has this one."""
    asked = search.request.event
    if not asked or not search.request.whose.given():
        return []
    names = search.view.log.names(LOOKED)
    if any(each.name == asked for each in names):
        return []
    found = []
    distinct = islice(dict.fromkeys(each.name for each in names), NAMES)
    for name in islice((each for each in distinct if alike(asked, each)), EACH):
        arguments: Document = {"event": name}
        clean = search.reader.text(name) == name and len(name) <= SHOWABLE and name.isprintable()
        call: Document = {"tool": "find_events", "arguments": arguments, "why": "Lists the events of this name."}
        last = max(each.last for each in names if each.name == name)
        shown: Document = {"event": search.reader.text(name), "received_at": iso(last)}
        found.append(Near(Why.OTHER_SPELLING, shown, call if clean else None))
    return found
