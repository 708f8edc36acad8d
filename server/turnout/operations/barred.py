"""What never became an event: calls that the door refused, and whose person is suppressed or erased."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from turnout.clock import iso
from turnout.document import Document
from turnout.event.model import LIVE, TEST, Namespace, Refused
from turnout.event.wire import check
from turnout.guard.principal import Scope
from turnout.identity.model import Identifier, IdType
from turnout.operations.alike import alike
from turnout.operations.finds import Near, Search, Why
from turnout.operations.names import source_name
from turnout.operations.question import Trace, space
from turnout.operations.reader import Reader
from turnout.store.session import NEWEST
from turnout.store.unit import View

LOOKED = 5_000
"""Refused calls that are looked at."""
ROWS = 4
_BLOCK = 500


def refused(search: Search) -> list[Near]:
    """Look for calls like it among those that the door refused."""
    found = []
    for each in islice(_all_refused(search.view), LOOKED):
        if search.when.holds(each.received) and (fields := _like(search.request, each)) is not None:
            found.append(_refusal(search, each, fields))
            if len(found) == ROWS:
                break
    return found


def _all_refused(view: View) -> Iterator[Refused]:
    before = NEWEST
    while block := view.log.refused(before, _BLOCK):
        yield from (each for _, each in block)
        before = block[-1][0]


def _like(request: Trace, refused: Refused) -> Document | None:
    """Give the fields of a refused call, as far as they could be read, where it may be the one that is asked for."""
    body = check(refused.body) if refused.body else None
    fields: Document = body if isinstance(body, dict) else {}
    if request.message_id and request.message_id in (refused.message_id, fields.get("messageId")):
        return fields
    asked = [(value, _said(fields, kind)) for kind, value in request.whose.given()]
    mine = bool(asked) and all(value in said for value, said in asked)
    named = fields.get("event") or fields.get("name")
    if not mine or not request.event:
        return fields if mine else None
    fits = not isinstance(named, str) or named == request.event or alike(request.event, named)
    return fields if fits else None


def _said(fields: Document, kind: IdType) -> frozenset[str]:
    """Give what a call says of one kind of identifier."""
    context, traits = fields.get("context"), fields.get("traits")
    inner = context.get("traits") if isinstance(context, dict) else None
    places = (traits, inner, fields.get("properties"))
    every = {
        IdType.USER: [fields.get("userId")],
        IdType.ANONYMOUS: [fields.get("anonymousId")],
        IdType.EMAIL: [place.get("email") for place in places if isinstance(place, dict)],
    }[kind]
    texts = (str(each) for each in every if isinstance(each, str | int))
    return frozenset(each.lower() if kind is IdType.EMAIL else each for each in texts)


def _refusal(search: Search, each: Refused, fields: Document) -> Near:
    reader = search.reader

    def text(name: str) -> str | None:
        value = fields.get(name)
        return reader.text(value) if isinstance(value, str) and value else None

    def value(name: str) -> str | None:
        told = fields.get(name)
        return reader.value(told) if isinstance(told, str) and told else None

    unknown = each.reason == "unknown_write_key"
    shown: Document = {
        "message_id": reader.text(each.message_id) if each.message_id else text("messageId"),
        "event": text("event") or text("name"),
        "user_id": value("userId"),
        "anonymous_id": value("anonymousId"),
        "namespace": each.namespace,
        "source": source_name(search.view, each.source),
        "received_at": iso(each.received),
        "reason": f"{each.reason}: {each.say}",
    }
    listing: Document = {"verdict": "refused", "since": iso(each.received), "until": iso(each.received + 1_000)}
    calls: tuple[Document, Document] = (
        {"tool": "list_sources", "arguments": {}, "why": "Lists the sources there are; send with a key of one."},
        {"tool": "find_events", "arguments": listing, "why": "Lists the calls refused then, with the reason of each."},
    )
    return Near(Why.UNKNOWN_KEY if unknown else Why.REFUSED, shown, calls[0] if unknown else calls[1])


# -- suppressed, erased -----------------------------------------------------------------------------------


def regulated(search: Search) -> list[Near]:
    """Look whether the person is suppressed, or was erased."""
    view, found = search.view, list[Near]()
    for name in _spaces(search):
        for kind, value in search.request.whose.given():
            identifier = Identifier(Namespace(name), kind, value)
            if view.privacy.suppressed(identifier):
                found.append(Near(Why.SUPPRESSED, {"namespace": name}, _lifting(search.reader, kind, value, name)))
            for each in view.privacy.naming(view.vault.identifier(identifier)):
                if "erase" in each.kind:
                    receipt: Document = {"deletion_id": each.id}
                    call: Document = {"tool": "get_deletion", "arguments": receipt, "why": "Gives the receipt."}
                    found.append(Near(Why.ERASED, {"namespace": name, "received_at": iso(each.at)}, call))
    unique = {str(each.row()): each for each in found}
    return list(unique.values())


def _lifting(reader: Reader, kind: IdType, value: str, namespace: str) -> Document | None:
    if not {Scope.PRIVACY, *({Scope.LIVE} if namespace == LIVE else ())} <= reader.principal.scopes:
        return None
    arguments: Document = {str(kind): value, "kind": "unsuppress", "namespace": namespace, "dry_run": True}
    return {"tool": "request_deletion", "arguments": arguments, "why": "Shows what lifting the suppression would do."}


def _spaces(search: Search) -> list[str]:
    where = space(search.request)
    return [where] if where else sorted({LIVE, TEST, *(name for name, _ in search.view.log.namespaces())})
