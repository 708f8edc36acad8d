"""Which fields of an event are a person's, and how to exchange them all: for the pool and for masking.

1. A field is personal by its name, in any spelling (`userId`, `user_id`), and some only inside `traits`,
   `context.device`, `externalIds` or `integrations`. What stands below it is personal with it.
2. What looks like an e-mail is one, in every text and key, also percent-encoded.
3. What stood in an id, e-mail or phone field is exchanged wherever it stands again: as a whole text, and from
   six characters on as part of one, in any case, also percent-encoded.
4. `type`, well-formed times and the spec's own keys stay.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote

from turnout.document import Document, Json


class Role(Enum):
    """What kind of personal value a field holds; OTHER is a name, an address, a birthday, an IP."""

    ID = auto()
    EMAIL = auto()
    PHONE = auto()
    OTHER = auto()


Exchange: TypeAlias = Callable[[Role, str], str]

DEPTH = 64
"""The door refuses deeper events. Source: reliability-security.md 7.4."""
_PART = 6
"""Shorter values are exchanged only where they are a whole text: `pro` stands in `product`."""
_CLAIMS = 100
"""So many values are looked for inside texts: bounds the search, the shallowest fields first."""

_AT = r"@|%(?:25)*40"
_DOT = r"(?:\.|%(?:25)*2E)"
_EMAIL = re.compile(
    r"(?<!%)(?<!%[0-9A-F])(?<!%25)(?<!%25[0-9A-F])"  # not from within an escape
    rf"(?:[\w.+!#$*^~-]|%(?:25)*2[BDE]){{1,64}}(?P<at>{_AT})"
    rf"(?:[\w-]{{1,63}}{_DOT}){{1,8}}[^\W\d_][\w-]{{1,62}}",
    re.IGNORECASE,
)
_TIME = re.compile(r"[\dTZ:.+-]{10,40}", re.ASCII)
_TIMES = re.compile(r"(?:t|originalT)imestamp|(?:sent|received)At")
_STRUCTURE = re.compile(  # the spec's own keys, at the top and in the context
    r"type|event|name|category|properties|traits|context|integrations|(?:user|anonymous|previous|group|message)Id"
    r"|(?:t|originalT)imestamp|(?:sent|received)At|channel|version|active|app|campaign|device|ip|library|locale"
    r"|network|os|page|referrer|screen|timezone|userAgent|userAgentData|externalIds|consent"
)
_IDS = re.compile(
    r"(?:user|anonymous|previous|group|external|distinct|customer|client|visitor|profile|contact|lead|person"
    r"|subscriber|member|player|device|advertising|android|registration)id|idfa|idfv|gaid|aaid|fbp|fbc"
    r"|(?:device|push|fcm)token"
)
_HASHED = re.compile(r"(?:email|phone)(?:hash|hashed|sha1|sha256|md5)")
_MAIL = re.compile(r".*(?:email|emailaddress)")
_PHONE = re.compile(
    r"(?:home|work|mobile|cell|billing|shipping|contact|customer|user)?(?:tele)?phone(?:number)?"
    r"|mobile(?:number)?|msisdn"
)
_OTHERS = re.compile(
    r"(?:first|last|full|middle|given|family|sur|user|display|nick)name|birthday|birthdate|dateofbirth|dob"
    r"|avatar|avatarurl|ip|ipaddress|address|street|postalcode|ssn|passport|iban|latitude|longitude"
)
_INSIDE: Mapping[str, Mapping[str, Role]] = {
    "traits": {"id": Role.ID} | dict.fromkeys(("name", "age", "gender", "description", "website"), Role.OTHER),
    "device": {"id": Role.ID, "token": Role.ID, "name": Role.OTHER},
    "externalids": {"id": Role.ID},
    "integrations": {},
}


@dataclass(frozen=True, slots=True)
class _Claims:
    whole: frozenset[str]
    parts: tuple[str, ...]


@lru_cache(maxsize=4096)
def role(key: str, zone: str) -> Role | None:
    """Tell what a field holds, by its key and the zone it is in; None for what is nobody's."""
    name = _plain(key)
    if inside := _INSIDE.get(zone, {}).get(name):
        return inside
    if _IDS.fullmatch(name) or _HASHED.fullmatch(name) or (zone == "integrations" and _option(name)):
        return Role.ID
    if _MAIL.fullmatch(name):
        return Role.EMAIL
    if _PHONE.fullmatch(name):
        return Role.PHONE
    return Role.OTHER if _OTHERS.fullmatch(name) else None


def rewrite(document: Document, roles: frozenset[Role], exchange: Exchange) -> Document:
    """Copy the document with each personal value of these roles exchanged, wherever it stands."""
    claims = _claims(document, roles - {Role.OTHER})

    def walk(value: Json, zone: str, at: Role | None, depth: int) -> Json:
        if depth > DEPTH:
            return "…"
        if isinstance(value, Mapping):
            return {
                _key(key, claims, exchange): walk(below, _zone(key, zone), _role(key, zone, roles) or at, depth + 1)
                for key, below in value.items()
            }
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [walk(below, zone, at, depth + 1) for below in value]
        return _scalar(value, at, claims, exchange)

    return {
        _key(key, claims, exchange): value
        if _stays(key, value)
        else walk(value, _zone(key, ""), _role(key, "", roles), 1)
        for key, value in document.items()
    }


def _stays(key: str, value: Json) -> bool:
    return key == "type" or (isinstance(value, str) and bool(_TIMES.fullmatch(key) and _TIME.fullmatch(value)))


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


def _zone(key: str, zone: str) -> str:
    name = _plain(key)
    return name if name in _INSIDE else zone


def _option(name: str) -> bool:
    return name.endswith(("id", "token")) and name != "sessionid"


def _role(key: str, zone: str, roles: frozenset[Role]) -> Role | None:
    found = role(key, zone)
    return found if found in roles else None


def _text(value: Json) -> str:
    match value:
        case str():
            return value
        case bool() | None:
            return ""
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            return ""


def _claims(document: Document, roles: frozenset[Role]) -> _Claims:
    found: dict[str, None] = {}
    for text in _claimed(document, roles):
        found[text] = None
        if len(found) == _CLAIMS:
            break
    parts = sorted((text for text in found if len(text) >= _PART), key=len, reverse=True)
    return _Claims(frozenset(found), tuple(parts))


def _claimed(document: Document, roles: frozenset[Role]) -> Iterator[str]:
    waiting: deque[tuple[Json, str, Role | None, int]] = deque([(document, "", None, 0)])
    while waiting:
        value, zone, at, depth = waiting.popleft()
        if depth > DEPTH:
            continue
        if isinstance(value, Mapping):
            waiting.extend(
                (below, _zone(key, zone), _role(key, zone, roles) or at, depth + 1) for key, below in value.items()
            )
        elif isinstance(value, Sequence) and not isinstance(value, str):
            waiting.extend((below, zone, at, depth + 1) for below in value)
        elif at is not None and (text := _text(value).strip()):
            yield text


def _scalar(value: Json, at: Role | None, claims: _Claims, exchange: Exchange) -> Json:
    text = _text(value)
    if not text.strip():
        return value
    if at is None and not isinstance(value, str):
        known = len(text) >= _PART and text in claims.whole
        return exchange(Role.ID, text) if known else value
    if at is None:
        return _within(text, claims, exchange)
    changed = exchange(at, text)
    return value if changed == text else changed


def _key(key: str, claims: _Claims, exchange: Exchange) -> str:
    return key if _STRUCTURE.fullmatch(key) else _within(key, claims, exchange)


def _within(text: str, claims: _Claims, exchange: Exchange) -> str:
    """Exchange what is personal within a text, in one pass: what was put in is not looked at again."""
    pieces: list[str] = []
    end = 0
    if "@" in text or "%" in text:
        for mail in _EMAIL.finditer(text):
            changed = exchange(Role.EMAIL, unquote(unquote(mail[0]))).replace("@", mail["at"])
            pieces += _gap(text[end : mail.start()], claims, exchange), changed
            end = mail.end()
    if not end and text.strip() in claims.whole:
        return exchange(Role.ID, text.strip())
    return "".join(pieces) + _gap(text[end:], claims, exchange)


def _gap(text: str, claims: _Claims, exchange: Exchange) -> str:
    if not claims.parts or len(text) < _PART:
        return text
    pattern = _encoded(claims.parts) if "%" in text else _literal(claims.parts)
    return pattern.sub(lambda found: exchange(Role.ID, found[0]), text)


@lru_cache(maxsize=256)
def _literal(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(part).replace(r"\ ", "[ +]") for part in parts), re.IGNORECASE)


@lru_cache(maxsize=256)
def _encoded(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join("".join(map(_character, part)) for part in parts), re.IGNORECASE)


def _character(one: str) -> str:
    escaped = "".join(f"%(?:25)*{byte:02X}" for byte in one.encode())
    return f"(?:{re.escape(one)}|{escaped}{'|[+]' if one == ' ' else ''})"
