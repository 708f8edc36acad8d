"""The calls that clients make in the tests, and what each client means by them.

A call is Segment's: `type`, ids, `event` or `name`, `properties` or `traits`. `n` in it tells it from all others.
Rudder's client for browsers leaves nulls out, and makes objects of lists in lists. Jitsu's clients know no category and
no time but their own. JavaScript has doubles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from support.clients import Call, Client

Document = dict[str, Any]
DATE = "2024-02-29T23:59:59.123+00:00"
LONG = {True: 29_000, False: 31_000}
"""Characters of a long text, in a page and in a program: with what the client adds it is nearly 32 KB."""
SLACK = timedelta(seconds=30)
"""By so much a time may be put right: as long as a client keeps a message on its way."""
VALUES: Document = {
    "null": None,
    "nested": {"null": None, "list": [None, {}, {"deep": {"deeper": [{"deepest": None}]}}]},
    "empty": {},
    "nothing": [],
    "rows": [[1, None], []],
    "blank": "",
    "words": "Größe 🦄 𝒳 e\u0301 👩‍👩‍👧‍👦",
    "rtl": "שלום \u202eעולם\u202c مرحبا",
    "control": 'tab\t nul\x00 line\u2028 del\x7f quote" slash\\ </script>',
    "a.b": 1,
    "$set": {"$inc": {"x.y": -1}},
    "": "no name",
    "ключ 🗝": True,
    "beyond": 9007199254740993,
    "below": -9007199254740993,
    "fraction": 0.1 + 0.2,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "when": {"@date": DATE},
}


def awkward(client: Client) -> list[Call]:
    """Give each call that the client has, with values of every kind."""
    user, visitor, group = "person 🦄 שלום", "visitor-1", "группа 1"
    values = {key: value for key, value in VALUES.items() if key != "rows" or not _hollows(client)}
    when = {"timestamp": {"@date": "2026-03-01T12:00:00.250+00:00"}}
    long = "é" + "x" * LONG[client.browser]
    calls: list[Call] = [
        {"type": "identify", "userId": user, "traits": {**values, "email": "ann@example.com"}},
        {"type": "track", "userId": user, "event": "Größe 🦄 gewählt", "properties": values, **when},
        {"type": "track", "userId": user, "event": "Long", "properties": {"long": long}},
        {"type": "track", "userId": user, "event": "$empty.name", "properties": {"empty": {}}},
        {"type": "page", "userId": user, "name": "Главная", "category": "Shop", "properties": values},
        {"type": "screen", "userId": user, "name": "Home", "category": "App", "properties": values},
        {"type": "group", "userId": user, "groupId": group, "traits": values},
        {"type": "alias", "userId": user, "previousId": "person 0"},
    ]
    if not client.browser:
        calls += [{"type": "track", "anonymousId": visitor, "event": "Visited", "properties": {"empty": {}}}]
    return [_numbered(call, at) for at, call in enumerate(calls) if call["type"] in client.kinds]


def many(count: int) -> list[Call]:
    """Give many plain calls."""
    return [
        {"type": "track", "userId": f"user-{at % 20}", "event": "Clicked", "properties": {"n": 1000 + at}}
        for at in range(count)
    ]


def _numbered(call: Call, at: int) -> Call:
    carrier = _carrier(call)
    return {**call, carrier: {**call[carrier], "n": at}} if carrier else call


def _carrier(call: Call) -> str:
    return next((name for name in ("properties", "traits") if name in call), "")


def number(message: Mapping[str, Any]) -> object:
    """Tell which call a message or a stored event is."""
    if message["type"] == "alias":
        return message["previousId"]
    found = message.get("properties") or message.get("traits") or message["context"]["traits"]
    return found["n"]


def meant(client: Client, call: Call) -> Document:
    """Give what must stand in the stored event, by the path in it."""
    found: Document = {"type": call["type"]}
    for name, value in call.items():
        if name in {"properties", "traits"}:
            found |= {f"{name}.{key}": each for key, each in _image(client, value).items()}
        elif name == "name" and client.vendor == "jitsu":
            found["properties.name"] = value
        elif name not in {"type", "timestamp", "category"} or (name == "category" and client.vendor != "jitsu"):
            found[name] = value
    found["context.library.name"], found["context.library.version"] = client.library
    return found


def _image(client: Client, value: Any) -> Any:
    """Give a value as the client's language writes it."""
    hollows = _hollows(client)
    match value:
        case {"@date": str(text)}:
            when = datetime.fromisoformat(text)
            return when.isoformat() if client.exact else f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"
        case dict():
            return {key: _image(client, each) for key, each in value.items() if not (hollows and each is None)}
        case list():
            return [_image(client, each) for each in value]
        case int() if not isinstance(value, bool) and not client.exact:
            return int(float(value))
        case _:
            return value


def _hollows(client: Client) -> bool:
    """Tell whether it leaves nulls out, and makes objects of lists in lists."""
    return client.vendor == "rudder" and client.browser


def differences(client: Client, call: Call, event: Document, began: datetime, ended: datetime) -> list[str]:
    """Say where a stored event is not what the client meant."""
    wrong = [
        f"{path}: {json.dumps(found)[:200]} is not {json.dumps(value)[:200]}"
        for path, value in meant(client, call).items()
        if json.dumps(found := dig(event, path), sort_keys=True) != json.dumps(value, sort_keys=True)
    ]
    happened = datetime.fromisoformat(event["timestamp"])
    if "timestamp" in call and client.vendor != "jitsu":
        given = datetime.fromisoformat(call["timestamp"]["@date"])
        if datetime.fromisoformat(event["originalTimestamp"]) != given or abs(happened - given) > SLACK:
            wrong.append(f"timestamp: {event['timestamp']}, {event['originalTimestamp']} is not {given}")
    elif not began - SLACK <= happened <= ended:
        wrong.append(f"timestamp: {happened} is not from {began} to {ended}")
    return wrong


def dig(event: Document, path: str) -> Any:
    """Look up `properties.a.b`, where `a.b` is one name."""
    outer, inside, name = path.partition(".")
    if outer == "context":
        outer, inside, name = name.partition(".")
        event = event["context"]
    return event.get(outer, {}).get(name, "(absent)") if inside else event.get(outer, "(absent)")


def now() -> datetime:
    return datetime.now(UTC)


def ids(messages: Iterable[Document]) -> list[str]:
    return sorted(message["messageId"] for message in messages)
