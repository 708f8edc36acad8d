"""Which fields of an event are a person's, and how to exchange them all: for the pool and for masking.

1. A field is personal by its name, in any spelling (`userId`, `user_id`), and some only inside `traits`,
   `context.device`, `externalIds` or `integrations`. What stands below it is personal with it.
2. What looks like an e-mail is one, in every text and key, also percent-encoded; so is a phone number with its `+`.
3. What stood in an id, e-mail or phone field is exchanged wherever it stands again: as a whole text, and from
   six characters on as part of one, in any case, also percent-encoded.
4. `type`, well-formed times and the spec's own keys stay.
5. Beside an event (the request that carried it, its destination's answer) names of fields say little: there every
   personal value of the event is exchanged, short ones as whole words, and what looks like an IP address.
"""

from __future__ import annotations

import ipaddress
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
_WORD = 3
"""Beside an event, shorter ones from here on are exchanged as whole words, too."""
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
_NUMBER = re.compile(  # E.164 with its sign, as people space it
    r"(?<![\w+.])(?P<plus>\+|%(?:25)*2B)\d(?:[\s().-]{0,2}\d){7,14}(?!\d)", re.IGNORECASE | re.ASCII
)
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w:]|\.\d)",
    re.IGNORECASE | re.ASCII,
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
    """What is looked for: as a whole text, within one, as a word of one; `numbers` also by their looks."""

    whole: frozenset[str]
    parts: tuple[str, ...]
    words: tuple[str, ...] = ()
    numbers: bool = True
    beside: bool = False


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
    claims = _claims(document, roles - {Role.OTHER}, numbers=Role.PHONE in roles)
    walk = _walker(claims, roles, exchange)
    return {
        _key(key, claims, exchange): value
        if _stays(key, value)
        else walk(value, _zone(key, ""), _role(key, "", roles), 1)
        for key, value in document.items()
    }


def rewrite_beside(document: Document, beside: Json, exchange: Exchange) -> Json:
    """Copy what stands beside a document with each personal value of either exchanged."""
    found = _found(document, frozenset(Role))
    words = tuple(sorted((text for text in found if _WORD <= len(text) < _PART), key=len, reverse=True))
    claims = _Claims(frozenset(found), _parts(found), words, beside=True)
    return _walker(claims, frozenset(Role), exchange)(beside, "", None, 1)


def _walker(
    claims: _Claims, roles: frozenset[Role], exchange: Exchange
) -> Callable[[Json, str, Role | None, int], Json]:
    """Make what copies a value: in its zone, under a field of this role, at this depth."""

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

    return walk


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


def _claims(document: Document, roles: frozenset[Role], *, numbers: bool) -> _Claims:
    found = _found(document, roles)
    return _Claims(frozenset(found), _parts(found), numbers=numbers)


def _parts(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted((text for text in found if len(text) >= _PART), key=len, reverse=True))


def _found(document: Document, roles: frozenset[Role]) -> dict[str, None]:
    found: dict[str, None] = {}
    for text in _claimed(document, roles):
        found[text] = None
        if len(found) == _CLAIMS:
            break
    return found


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
        known = len(text) >= (_PART if not claims.beside else 2) and text in claims.whole
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
    """Exchange what lies between e-mails: numbers and addresses, and between them what is claimed."""
    pieces: list[str] = []
    end = 0
    for start, stop, changed in _looks(text, claims, exchange):
        pieces += _known(text[end:start], claims, exchange), changed
        end = stop
    return "".join(pieces) + _known(text[end:], claims, exchange)


def _looks(text: str, claims: _Claims, exchange: Exchange) -> Iterator[tuple[int, int, str]]:
    """Find what looks like a phone number or, beside an event, an IP address; in the order of the text."""
    found: list[tuple[int, int, str]] = []
    if claims.numbers and ("+" in text or "%" in text):
        for each in _NUMBER.finditer(text):
            number = f"+{each[0][len(each['plus']) :]}"
            kind = Role.ID if number in claims.whole else Role.PHONE
            found.append((each.start(), each.end(), exchange(kind, number).replace("+", each["plus"])))
    if claims.beside:
        found += [(each.start(), each.end(), exchange(Role.OTHER, each[0])) for each in _addresses(text)]
    end = 0
    for start, stop, changed in sorted(found):
        if start >= end:
            yield start, stop, changed
            end = stop


def _addresses(text: str) -> Iterator[re.Match[str]]:
    for each in _ADDRESS.finditer(text):
        try:
            ipaddress.ip_address(each[0])
        except ValueError:
            continue
        yield each


def _known(text: str, claims: _Claims, exchange: Exchange) -> str:
    if len(text) < (_WORD if claims.words else _PART) or not (claims.parts or claims.words):
        return text
    pattern = (_encoded if "%" in text else _literal)(claims.parts, claims.words)
    return pattern.sub(lambda found: exchange(Role.ID, found[0]), text)


@lru_cache(maxsize=256)
def _literal(parts: tuple[str, ...], words: tuple[str, ...]) -> re.Pattern[str]:
    return _either(parts, words, lambda part: re.escape(part).replace(r"\ ", "[ +]"))


@lru_cache(maxsize=256)
def _encoded(parts: tuple[str, ...], words: tuple[str, ...]) -> re.Pattern[str]:
    return _either(parts, words, lambda part: "".join(map(_character, part)))


def _either(parts: tuple[str, ...], words: tuple[str, ...], spell: Callable[[str], str]) -> re.Pattern[str]:
    every = [*map(spell, parts), *(rf"(?<!\w){spell(word)}(?!\w)" for word in words)]
    return re.compile("|".join(every), re.IGNORECASE)


def _character(one: str) -> str:
    escaped = "".join(f"%(?:25)*{byte:02X}" for byte in one.encode())
    return f"(?:{re.escape(one)}|{escaped}{'|[+]' if one == ' ' else ''})"
