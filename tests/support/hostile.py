"""Events as nobody should send them, drawn from a seed: what a mapping must bear without an exception."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from random import Random

from turnout.document import Document, Json, decode, encode
from turnout.event.wire import EVENT_BYTES
from turnout.exchange import Answer, Reply

TEXTS = (
    "",
    " ",
    "\x00\x01\x1f\x7f",
    "a\r\nX-Evil: 1\r\n\r\n",
    "\u202egnp.exe\u2066\u200b\ufeff",
    'O\'Neil "quoted" \\ `tick`',
    "{{ $.userId }} {{ $settings.api_key }} {{",
    "$.x",
    "= $.userId | sha256",
    "$settings.api_key",
    "../../admin",
    "?a=b&c#d",
    "https://evil.test/x",
    "//evil.test/x",
    "@evil.test:1/",
    "<a>&amp;]]><!DOCTYPE x>",
    "=cmd|' /C calc'!A0",
    "Ann@Example.com",
    "+1 (555) 010-9999",
    "12.50",
    "-1e400",
    "NaN",
    "9" * 30,
    "😀é\u0301中",
    "x" * 20_000,
)
DATES = (
    "2026-01-02T03:04:05.678Z",
    "2026-01-02",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+14:00",
    "2026-02-30T25:61:61Z",
    "yesterday",
    1_767_323_045,
    1_767_323_045_678,
    -1,
    1e300,
)
NUMBERS = (0, -0.0, -1, 0.1, 2**53 + 1, 2**63 - 1, -(2**63), 1.7976931348623157e308, 5e-324)
KEYS = ("", "$set", "a.b", "__proto__", "a\r\nb: c", "{{ $.x }}", "<b>", "0", "ключ", "k" * 900)
EVIL = "https://evil.test/next?page=2"
KINDS = ("track", "identify", "page", "screen", "group", "alias")
GENERIC: Document = {
    "messageId": "m-1",
    "userId": "u1",
    "anonymousId": "a1",
    "previousId": "p1",
    "groupId": "g1",
    "name": "Home",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "traits": {"email": "ann@example.com", "phone": "+15550109999", "name": "Ann Lee", "address": {"city": "Oslo"}},
    "properties": {
        "revenue": 12.5,
        "total": 27.5,
        "currency": "USD",
        "order_id": "o1",
        "email": "ann@example.com",
        "products": [{"product_id": "p1", "sku": "s1", "name": "Pen", "price": 2.5, "quantity": 2, "category": "c"}],
        "url": "https://shop.test/a?b=c",
    },
    "context": {
        "ip": "192.0.2.7",
        "userAgent": "Mozilla/5.0",
        "locale": "en-GB",
        "page": {"url": "https://shop.test/", "title": "T", "path": "/", "referrer": "https://r.test/"},
        "device": {"id": "d1", "type": "ios", "advertisingId": "x1", "token": "t1"},
        "campaign": {"source": "s", "name": "n"},
        "traits": {"email": "ann@example.com"},
        "externalIds": [{"id": "e1", "type": "t", "collection": "users", "encoding": "none"}],
    },
    "integrations": {"All": True},
}
NAMES = (
    "Order Completed",
    "Product Added",
    "Product Viewed",
    "Products Searched",
    "Signed Up",
    "Application Installed",
)


def events(chance: Random, own: Sequence[Document], count: int) -> list[Document]:
    """Draw events: of all six types and some deletions, half of them bent from a manifest's `own`."""
    found = []
    for number in range(count):
        if own and number % 2:
            event = copy.deepcopy(chance.choice(own))
        else:
            event = copy.deepcopy(GENERIC) | {"type": KINDS[number // 2 % 6], "event": chance.choice(NAMES)}
            if number % 50 == 0:
                event["type"] = "delete"
        event["messageId"] = chance.choice(TEXTS) if number % 40 == 7 else f"m-{number}"
        for _ in range(chance.choice((0, 1, 1, 2, 4, 8))):
            event = bent(chance, event)
        found.append(event)
    return found


def answers(chance: Random, own: Sequence[Reply], count: int) -> list[Reply]:
    """Draw answers bent from a vendor's `own`, whose status says that all is well, and some that lead elsewhere."""
    found: list[Reply] = [Answer(200, (), encode({"next": EVIL, "paging": {"next": EVIL}, "links": {"next": EVIL}}))]
    for _ in range(count):
        body = _body(chance.choice(own))
        for _ in range(chance.choice((1, 2, 4))):
            body = bent(chance, body)
        found.append(Answer(200, (("x-a", "b"),), encode(body)))
    return found


def _body(reply: Reply) -> Document:
    """Give what an answer holds, and something where it holds nothing."""
    read = decode(reply.body) if isinstance(reply, Answer) and reply.body[:1] == b"{" else None
    return read if isinstance(read, dict) else {"id": "x", "items": [{}]}


def bent(chance: Random, event: Document) -> Document:
    """Bend a copy, unless it becomes larger than the door takes."""
    after = decode(encode(event))
    assert isinstance(after, dict)
    bend(chance, after)
    return after if len(encode(after)) <= EVENT_BYTES else event


def bend(chance: Random, event: Document) -> None:
    """Change one thing somewhere: missing, null, of another type, huge, deep or hostile."""
    holder: Document | list[Json] = event
    while True:
        keys = [key for key in holder if key not in {"type", "messageId"}] if isinstance(holder, dict) else None
        places: list[str] | list[int] = keys if keys is not None else list(range(len(holder)))
        if not places:
            return
        key = chance.choice(places)
        inner: Json = holder[key]  # type: ignore[call-overload, index]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.75:
            holder = inner
            continue
        if chance.random() < 0.15:
            del holder[key]  # type: ignore[arg-type]
        elif isinstance(holder, dict) and chance.random() < 0.1:
            holder[chance.choice(KEYS)] = value(chance)
        else:
            holder[key] = chance.choice(BENDS)(chance, inner)  # type: ignore[call-overload, index]
        return


def value(chance: Random, depth: int = 2) -> Json:
    """Draw any value."""
    sort = chance.randrange(9 if depth else 6)
    if sort == 6:
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    if sort == 7:
        return {chance.choice(KEYS): value(chance, depth - 1) for _ in range(chance.randrange(4))}
    if sort == 8:
        return nested(40)
    choices: tuple[Sequence[Json], ...] = (TEXTS, TEXTS, DATES, NUMBERS, (None, True, False), ([], {}, [[]], [None]))
    return copy.deepcopy(chance.choice(choices[sort]))


def nested(depth: int) -> Json:
    """Nest lists and objects."""
    found: Json = "deep"
    for level in range(depth):
        found = [found] if level % 2 else {"a": found}
    return found


BENDS: tuple[Callable[[Random, Json], Json], ...] = (
    lambda *_: None,
    lambda chance, _: value(chance),
    lambda chance, _: value(chance),
    lambda chance, _: chance.choice(TEXTS),
    lambda chance, _: chance.choice(DATES),
    lambda _, inner: [inner],
    lambda _, inner: {"value": inner},
    lambda _, inner: [inner] * (300 if len(encode(inner)) < 100 else 2),
    lambda _, inner: list(inner) if isinstance(inner, dict) else {str(at): one for at, one in enumerate([inner] * 3)},
)
