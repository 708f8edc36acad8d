"""The load: Segment `track` calls of about 1,100 bytes, as a server's library sends them; the same for every run."""

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
