"""Which personal fields a destination's actions send: by kind, hashed or as they are.

Which fields are a person's is `guard.personal`'s matter. What an action hands on whole (an event, its traits) is told
as such, for nobody knows what stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from turnout.document import Document, Json
from turnout.exchange import Flow
from turnout.guard.personal import Role, role

_WHOLE: Final[Mapping[tuple[str, ...], str]] = {
    (): "all of the event",
    ("traits",): "all traits",
    ("properties",): "all properties",
    ("context",): "all of the context",
    ("context", "traits"): "all traits of the context",
    ("context", "device"): "device id",
    ("integrations",): "its own integrations",
    ("*",): "what a template of yours names",
}
_KINDS: Final[Mapping[str, str]] = {
    "userid": "user id", "anonymousid": "anonymous id", "previousid": "previous id", "groupid": "group id",
    "ip": "ip", "ipaddress": "ip", "address": "address", "street": "address", "postalcode": "address",
    "birthday": "birthday", "birthdate": "birthday", "dateofbirth": "birthday", "dob": "birthday", "age": "age",
    "gender": "gender", "avatar": "avatar", "avatarurl": "avatar", "latitude": "location", "longitude": "location",
}  # fmt: skip


def personal(flows: Iterable[Flow]) -> Document:
    """Sort the kinds of personal fields into those that leave as they are and those that leave hashed."""
    plain = sorted({kind for each in flows if not each.hashed and (kind := _kind(each.path))})
    hashed = sorted({kind for each in flows if each.hashed and (kind := _kind(each.path))})
    told: dict[str, Json] = {"plain": plain} if plain else {}
    return told | ({"hashed": hashed} if hashed else {})


def there(flows: Iterable[Flow], event: Document) -> list[Flow]:
    """Keep those of which an event has something."""
    return [each for each in flows if each.path == ("*",) or _holds(event, each.path)]


def _holds(value: Json, path: tuple[str, ...]) -> bool:
    for key in path:
        if isinstance(value, list):
            return True  # an entry of it
        value = value.get(key) if isinstance(value, dict) else None
    return value is not None


def _kind(path: tuple[str, ...]) -> str:
    """Name what a field holds; empty for what is nobody's. What stands below a personal field is personal with it."""
    if path in _WHOLE:
        return _WHOLE[path]
    zone = ""
    for key in path:
        found = role(key, zone)
        if found is not None and key not in {"traits", "context", "device", "integrations", "externalIds"}:
            return _named(found, key, zone)
        zone = _ZONES.get(key, zone)
    return ""


_ZONES: Final = {"traits": "traits", "device": "device", "externalIds": "externalids", "integrations": "integrations"}


def _named(found: Role, key: str, zone: str) -> str:
    name = "".join(letter for letter in key.lower() if letter.isalnum())
    match found:
        case Role.EMAIL:
            return "email"
        case Role.PHONE:
            return "phone"
        case Role.ID:
            return _KINDS.get(name) or ("device id" if zone == "device" else "id")
        case Role.OTHER:
            return _KINDS.get(name) or ("name" if name.endswith("name") else name)
