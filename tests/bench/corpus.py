"""The load: Segment `track` calls of about 1,100 bytes, as a server's library sends them; the same for every run.

`visits` is what a shop's pages and its server tell: `page` and `track`, people who are known by more than an id.
"""

from __future__ import annotations

import json
import random
import uuid

from turnout.event.model import Call

SEED = 20_251_126
NAMES = tuple(f"Order {word}" for word in ("Started", "Completed", "Paid", "Shipped", "Returned", "Refunded", "Viewed"))
REGULARS = 10
"""Events of one person, on average."""

_CONTEXT = {
    "library": {"name": "analytics-node", "version": "2.3.0"},
    "ip": "203.0.113.7",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "locale": "en-US",
    "timezone": "Europe/Berlin",
    "page": {
        "url": "https://shop.example.com/checkout/confirm?step=4",
        "path": "/checkout/confirm",
        "referrer": "https://shop.example.com/cart",
        "title": "Thank you for your order",
    },
    "campaign": {"name": "autumn", "source": "newsletter", "medium": "email"},
}


def calls(n: int, seed: int = SEED, people: int = 0) -> tuple[Call, ...]:
    """Make calls: message ids of version 4, by so many people, else one in ten by somebody not there before."""
    draw = random.Random(seed)  # noqa: S311 - a load that is the same each time
    people = people or max(1, n // REGULARS)
    return tuple(_call(draw, people) for _ in range(n))


def _call(draw: random.Random, people: int) -> Call:
    person = draw.randrange(people)
    body = {
        "type": "track",
        "messageId": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        "userId": f"user_{person:08d}",
        "anonymousId": str(uuid.uuid5(uuid.NAMESPACE_OID, str(person))),
        "event": draw.choice(NAMES),
        "timestamp": "2025-11-24T16:00:00.123Z",
        "properties": {
            "order_id": f"ord_{draw.getrandbits(40):010x}",
            "total": draw.randrange(100, 99_999) / 100,
            "currency": "EUR",
            "coupon": "AUTUMN25",
            "products": [
                {"product_id": f"p_{draw.randrange(10_000)}", "price": draw.randrange(100, 9_999) / 100, "quantity": 1}
                for _ in range(2)
            ],
        },
        "context": _CONTEXT,
    }
    return Call(json.dumps(body, separators=(",", ":")).encode())


_EVENTS = ("Product Viewed",) * 4 + ("Product Added",) * 2 + ("Order Completed", "Signed Up", "Trial Step Finished")
_CITIES = (("Berlin", "", "DE", "10115"), ("Springfield", "Illinois", "US", "62704"), ("Oslo", "", "NO", "0150"))


def visits(n: int, seed: int = SEED) -> tuple[bytes, ...]:
    """Make bodies of a shop: three in ten are pages; of the people, seven in ten told name, address and phone."""
    draw = random.Random(seed)  # noqa: S311 - a load that is the same each time
    return tuple(json.dumps(_visit(draw, number), separators=(",", ":")).encode() for number in range(n))


def _visit(draw: random.Random, number: int) -> dict[str, object]:
    person, known = draw.randrange(1_000), draw.random() < 0.7
    page = draw.random() < 0.3
    head = {"type": "page", "name": "Product"} if page else {"type": "track", "event": draw.choice(_EVENTS)}
    seconds, milliseconds = divmod(number * 137, 1000)
    return {
        **head,
        "messageId": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        "userId": f"user_{person:08d}",
        "anonymousId": str(uuid.uuid5(uuid.NAMESPACE_OID, str(person))),
        "timestamp": f"2025-11-24T16:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}Z",
        "properties": {"title": "Game", "path": "/p/1"} if page else _bought(draw, str(head["event"])),
        "context": {**_CONTEXT, **({"traits": _traits(draw, person)} if known else {})},
        "integrations": {"All": True},
    }


def _bought(draw: random.Random, event: str) -> dict[str, object]:
    if not event.startswith(("Product", "Order")):
        return {"plan": "pro", "step": draw.randrange(5), "source": "newsletter"}
    products = [_product(draw) for _ in range(2 if event == "Order Completed" else 1)]
    if event != "Order Completed":
        return {**products[0], "currency": "EUR"}
    total = draw.randrange(100, 99_999) / 100
    order = {"order_id": f"ord_{draw.getrandbits(40):010x}", "total": total, "revenue": total, "currency": "EUR"}
    return {**order, "coupon": "AUTUMN25", "products": products}


def _product(draw: random.Random) -> dict[str, object]:
    number = draw.randrange(10_000)
    return {
        "product_id": f"p_{number}",
        "sku": f"sku-{number}",
        "name": f"Game {number}",
        "category": "Games",
        "price": draw.randrange(100, 9_999) / 100,
        "quantity": draw.randrange(1, 4),
        "url": f"https://shop.example.com/p/{number}",
    }


def _traits(draw: random.Random, person: int) -> dict[str, object]:
    city, state, country, code = draw.choice(_CITIES)
    return {
        "email": f"Person{person}@example.com",
        "firstName": "Ann",
        "lastName": f"Lee{person}",
        "phone": f"+1555{person:07d}",
        "address": {"city": city, "country": country, "postalCode": code, **({"state": state} if state else {})},
    }
