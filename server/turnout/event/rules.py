"""Rules of the workspace that put what would be live into a test namespace, by the event's own ids, e-mails or address.

1. Rules are asked in the order in which they were added, and the first that fits decides. An event is judged by what it
   says itself: nobody stays moved because an earlier event of theirs was.
2. A glob is held against the user id and the anonymous id: `*` is any run of characters, `?` is one, everything else is
   itself, in its case. An id longer than 512 characters fits none.
3. An e-mail domain means itself and every domain under it, in any case and spelling of IDNA.
4. A range of addresses is held against `context.ip`, else the connection's where the call asks for it. IPv4 within
   IPv6 is IPv4.

All that is done for an event is linear in its ids and addresses, whatever a stranger writes there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import TypeAlias

import idna

from turnout.errors import InvalidInput
from turnout.event.model import LIVE, Event, Namespace

LONGEST_GLOB = 128
LONGEST_ID = 512
"""Characters of an id that a glob is held against: nobody names a test person so, and it bounds what one costs."""
LONGEST_DOMAIN = 253
"""Source: RFC 1035, 2.3.4, less the root."""
LONGEST_FOREIGN = 64
"""Characters of a domain that is not ASCII: IDNA takes 4 us for each."""
LONGEST_ADDRESS = 64
RESERVED = frozenset({"example", "invalid", "localhost", "test"})
"""Names of one label in which no real person has an address. Source: RFC 2606, 2."""

_DOMAIN = re.compile(r"(?:(?!-)[a-z0-9_-]{1,63}\.)*(?!-)[a-z0-9_-]{1,63}")
_MAPPED = 0xFFFF
"""What an IPv6 address begins with in which an IPv4 one lies. Source: RFC 4291, 2.5.5.2."""


class By(StrEnum):
    """What of an event a rule looks at."""

    ID = "id"
    EMAIL_DOMAIN = "email_domain"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, its pattern as `read` gives it. `number` rises, and is never used again."""

    number: int
    by: By
    pattern: str
    to: Namespace
    created: int


Place: TypeAlias = Callable[[Event, str], Rule | None]
"""Which rule moves a live event, by its ids, e-mails and address; None where it stays."""


def read(by: By, text: str) -> str:
    """Bring what a person wrote into its one spelling. Raises: InvalidInput."""
    match by:
        case By.ID:
            return _read_glob(text)
        case By.EMAIL_DOMAIN:
            return _read_domain(text)
        case By.IP:
            return _read_range(text)


def covers(earlier: Rule, later: Rule) -> bool:
    """Tell whether the earlier rule leaves nothing to the later one, as far as they look at the same."""
    if earlier.by is not later.by:
        return False
    match earlier.by:
        case By.ID:
            return re.fullmatch(_regex(earlier.pattern, one="[^*]"), later.pattern, re.DOTALL) is not None
        case By.EMAIL_DOMAIN:
            return f".{later.pattern}".endswith(f".{earlier.pattern}")
        case By.IP:
            return _contains(ip_network(earlier.pattern), ip_network(later.pattern))


def place(rules: Iterable[Rule]) -> Place | None:
    """Compile rules into one function of an event and its address; None where there is none to ask."""
    ordered = tuple(sorted(rules, key=lambda each: each.number))
    if not ordered:
        return None
    assert all(each.to != LIVE for each in ordered), "a rule never makes anything live"
    never = len(ordered)
    globs, domains, ranges = _globs(ordered), _domains(ordered), _ranges(ordered)

    def placed(event: Event, ip: str) -> Rule | None:
        first = never
        if globs is not None:
            first = min(globs(event.user_id), globs(event.anonymous_id))
        if domains and event.emails:
            first = min(first, *[_of_domain(domains, never, each) for each in event.emails])
        if ranges and ip:
            first = min(first, _of_address(ranges, never, ip))
        return ordered[first] if first < never else None

    return placed


_Ranges: TypeAlias = Sequence[tuple[int, int, int, int]]
"""Version, mask, network, and which rule's it is."""


def _globs(rules: Sequence[Rule]) -> Callable[[str], int] | None:
    """Compile all globs as one expression, whose alternatives are tried in the order of the rules."""
    places = [at for at, each in enumerate(rules) if each.by is By.ID]
    if not places:
        return None
    text = "|".join(f"({_regex(rules[at].pattern)})" for at in places)
    match, never = re.compile(text, re.DOTALL).fullmatch, len(rules)

    def first(value: str) -> int:
        found = match(value) if value and len(value) <= LONGEST_ID else None
        return never if found is None or found.lastindex is None else places[found.lastindex - 1]

    return first


def _regex(glob: str, one: str = ".") -> str:
    """Write a glob as an expression that never tries a run twice: each piece is taken where it stands first."""
    head, *rest = (re.escape(each).replace(r"\?", one) for each in re.split(r"\*+", glob))
    if not rest:
        return head
    *middle, tail = rest
    return f"{head}{''.join(f'(?>.*?{each})' for each in middle)}.*{tail}"


def _domains(rules: Sequence[Rule]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for at, each in enumerate(rules):
        if each.by is By.EMAIL_DOMAIN:
            found.setdefault(each.pattern, at)
    return found


def _ranges(rules: Sequence[Rule]) -> _Ranges:
    named = [(at, ip_network(each.pattern)) for at, each in enumerate(rules) if each.by is By.IP]
    return [(each.version, int(each.netmask), int(each.network_address), at) for at, each in named]


def _of_domain(domains: Mapping[str, int], never: int, address: str) -> int:
    domain = address.rpartition("@")[2].removesuffix(".")
    if len(domain) > LONGEST_DOMAIN or not (domain := _ascii(domain)):
        return never
    found = never
    while domain:
        found = min(found, domains.get(domain, never))
        domain = domain.partition(".")[2]
    return found


def _of_address(ranges: _Ranges, never: int, text: str) -> int:
    try:
        version, number = _read_address(text.strip()) if len(text) <= LONGEST_ADDRESS else (0, 0)
    except (OSError, ValueError):
        return never
    return next((at for kind, mask, net, at in ranges if kind == version and number & mask == net), never)


def _read_address(text: str) -> tuple[int, int]:
    """Read the version and number of an address: 0.2 us, where `ipaddress` takes 2.4. Raises: OSError, ValueError."""
    if ":" not in text:
        return 4, int.from_bytes(inet_pton(AF_INET, text), "big")
    number = int.from_bytes(inet_pton(AF_INET6, text), "big")
    return (4, number & 0xFFFFFFFF) if number >> 32 == _MAPPED else (6, number)


def _ascii(domain: str) -> str:
    """Spell a domain as DNS does; empty where it is none."""
    if domain.isascii():
        return domain.lower()
    return _encoded(domain) if len(domain) <= LONGEST_FOREIGN else ""


@lru_cache(1024)
def _encoded(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode().lower()
    except ValueError:
        return ""


def _read_glob(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_GLOB or not text.isprintable() or text != text.strip():
        raise InvalidInput(
            f"The glob of ids has {len(text)} characters: expected 1 to {LONGEST_GLOB} that can be seen, without "
            "blanks around them, such as qa-*."
        )
    if "[" in text:
        raise InvalidInput("The glob of ids holds `[`: only `*` (any run) and `?` (one character) have a meaning.")
    if not text.strip("*?"):
        raise InvalidInput(
            "The glob of ids would move everybody: expected characters of its own beside `*` and `?`, such as qa-*. "
            "To make all that a source sends test, use its test write key."
        )
    return re.sub(r"\*+", "*", text)


def _read_domain(text: str) -> str:
    given = text.strip().removeprefix("@").removesuffix(".")
    name = _ascii(given) if len(given) <= LONGEST_DOMAIN else ""
    if len(name) > LONGEST_DOMAIN or _DOMAIN.fullmatch(name) is None:
        raise InvalidInput(
            "The e-mail domain is none: expected a name such as test.example; it means those under it too."
        )
    if "." not in name and name not in RESERVED:
        raise InvalidInput(
            f"The e-mail domain {name} has one label, and would move all under it: expected one such as test.example, "
            f"or one of {', '.join(sorted(RESERVED))}."
        )
    return name


def _read_range(text: str) -> str:
    try:
        found = ip_network(text.strip(), strict=False)
    except ValueError:
        found = None
    if found is None or "%" in text:
        raise InvalidInput(
            "The range of addresses is none: expected IPv4 or IPv6 in CIDR, such as 203.0.113.0/24 or 2001:db8::/32."
        )
    if "/" in text and ip_address(text.strip().partition("/")[0]) != found.network_address:
        raise InvalidInput(f"The range of addresses has bits beyond its prefix: did you mean {found}?")
    if isinstance(found, IPv6Network) and found.prefixlen >= 96 and found.network_address.ipv4_mapped:  # noqa: PLR2004
        found = IPv4Network((found.network_address.ipv4_mapped, found.prefixlen - 96))
    if found.prefixlen == 0:
        raise InvalidInput(f"The range of addresses {found} would move everybody: expected a longer prefix than 0.")
    return str(found)


def _contains(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and other.network_address in one and other.broadcast_address in one
