"""Sample events, one of each call and the usual ones of a shop, and what a manifest would send for each."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.document import Document, Json
from turnout.errors import InvalidSettings
from turnout.exchange import Drop, Item, Moment
from turnout.manifest import settings, talk
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.plans import Compiled
from turnout.manifest.read_tests import TestCase
from turnout.manifest.trial import NOW, REQUEST_ID
from turnout.manifest.values import Unsendable

_PRODUCTS: Json = [
    {"product_id": "p1", "sku": "sku-1", "name": "Cup", "category": "Kitchen", "price": 12.5, "quantity": 2},
    {"product_id": "p2", "sku": "sku-2", "name": "Plate", "category": "Kitchen", "price": 8, "quantity": 1},
]
_PRODUCT: Document = {
    "product_id": "p1",
    "sku": "sku-1",
    "name": "Cup",
    "price": 12.5,
    "quantity": 1,
    "currency": "EUR",
}
_ORDER: Document = {"order_id": "o1", "total": 33, "revenue": 30, "currency": "EUR", "products": _PRODUCTS}
_TRAITS: Document = {"email": "ann@example.com", "firstName": "Ann", "lastName": "Example", "plan": "pro"}
_CONTEXT: Document = {
    "ip": "203.0.113.7",
    "locale": "en-GB",
    "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.2 Safari/605.1.15",
    "page": {"url": "https://shop.example.com/cups?utm_source=news", "title": "Cups"},
    "traits": _TRAITS,
}
_TRACKS: tuple[tuple[str, Document], ...] = (
    ("Signed Up", {"plan": "pro"}),
    ("Products Searched", {"query": "cup"}),
    ("Product List Viewed", {"list_id": "l1", "category": "Kitchen", "products": _PRODUCTS}),
    ("Product Viewed", _PRODUCT),
    ("Product Added", _PRODUCT),
    ("Cart Viewed", {"cart_id": "c1", "products": _PRODUCTS}),
    ("Checkout Started", _ORDER),
    ("Order Completed", _ORDER),
    ("Order Refunded", _ORDER),
)
_OTHERS: tuple[Document, ...] = (
    {"type": "identify", "traits": _TRAITS},
    {"type": "page", "name": "Cups", "properties": {"url": "https://shop.example.com/cups", "title": "Cups"}},
    {"type": "screen", "name": "Cart", "properties": {"items": 2}},
    {"type": "group", "groupId": "g1", "traits": {"name": "Example Ltd", "employees": 12, "plan": "pro"}},
    {"type": "alias", "previousId": "anon-1"},
)


def events() -> Iterator[Document]:
    """Give the samples, each complete and of the same person."""
    tracks: list[Document] = [
        {"type": "track", "event": name, "properties": properties} for name, properties in _TRACKS
    ]
    for place, one in enumerate((*tracks, *_OTHERS), 1):
        common: Document = {"messageId": f"sample-{place}", "userId": "user-1", "anonymousId": "anon-1"}
        yield {**common, "timestamp": "2026-01-02T03:04:05.678Z", "context": _CONTEXT, **one}


def samples(program: Compiled) -> list[Json]:
    """Show what each sample would cause, set up as the manifest's first sending test; nothing without one."""
    case = next((one for one in program.manifest.tests if one.sends), None)
    if case is None:
        return []
    try:
        target = CompiledTarget(program, settings.check(program.manifest, case.settings))
    except (InvalidSettings, Unsendable):
        return []
    return [_sample(target, event, case) for event in events()]


def _sample(target: CompiledTarget, event: Document, case: TestCase) -> Document:
    try:
        found = target.items(event, talk.selected(target, event), NOW)
    except Unsendable as error:
        return {"event": str(event.get("event") or event["type"]), "requests": [], "dropped": str(error)}
    moment, answers = Moment(NOW, REQUEST_ID, case.auth), iter([talk.reply(one) for one in case.answers])
    batches = talk.batches(target, [one for one in found if isinstance(one, Item)])
    asks = [ask for batch in batches for ask in talk.talk(target, batch, moment, answers).asks]
    told: Document = {"event": str(event.get("event") or event["type"]), "requests": [talk.shown(ask) for ask in asks]}
    return told if asks else told | {"dropped": talk.reason([one for one in found if isinstance(one, Drop)])}
