"""Which addresses may be spoken to.

1. Only http and https, without user and password, to ports 80, 443 and 1024 or more.
2. A URL is parsed once, here; `Endpoint.url` is built anew from the parts, so that no second parser
   can read another host out of it.
3. Every address a name has is judged, and one that was judged is pinned to the request (`delivery.sender`).
4. An address that carries an IPv4 address inside is judged by what it carries, too.
5. What is left of IPv6 must be in 2000::/3, all that is given out as global unicast.

Source: IANA's special-purpose registries; reliability-security.md 7.2. `ipaddress.is_global` is not asked: it
passes NAT64 of a metadata address, fec0::/10 and 192.88.99.0/24, and differs between versions of Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, quote, urlsplit

import idna

from turnout.errors import InvalidInput

Address: TypeAlias = "IPv4Address | IPv6Address"
Network: TypeAlias = "IPv4Network | IPv6Network"

HTTP_PORT = 80
HTTPS_PORT = 443
FIRST_FREE_PORT = 1024
LONGEST_URL = 8192
LONGEST_NAME = 253
HOSTS_KEPT = 1024
"""Hosts come again with every request, and reading one as an address costs 5 to 15 µs."""

_FORBIDDEN: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), reason)
    for reason, networks in (
        ("a loopback address", "127.0.0.0/8 ::1/128"),
        ("a private address", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"),
        ("a link-local address", "169.254.0.0/16 fe80::/10"),
        ("a site-local address", "fec0::/10"),
        ("a shared address", "100.64.0.0/10"),
        ("a cloud's metadata address", "168.63.129.16/32"),
        ("the address of this network", "0.0.0.0/8"),
        ("the unspecified address", "::/128"),
        ("a documentation address", "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
        ("a benchmarking address", "198.18.0.0/15"),
        ("a relay address", "192.88.99.0/24"),
        ("a multicast address", "224.0.0.0/4 ff00::/8"),
        ("a reserved address", "192.0.0.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 240.0.0.0/4 2001::/23"),
    )
    for network in networks.split()
)
_UNICAST = IPv6Network("2000::/3")

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = 0x00005EFE
_CARRIERS = (_MAPPED, _NAT64, _NAT64_LOCAL, _TEREDO)
"""Outside 2000::/3, or reserved, as a whole: judged by what is inside alone."""

_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_BLANK = re.compile(r"[\x00-\x20\x7f]")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Policy:
    """Networks that may be spoken to although they are private, loopback or reserved."""

    allow: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a URL leads: `host` is an ASCII name in lower case or an address; `url` is what may leave."""

    host: str
    port: int
    https: bool
    url: str


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read networks separated by commas or spaces; a lone address is a network of one.

    Raises: InvalidInput.

    >>> parse_networks("127.0.0.0/8, ::1")
    (IPv4Network('127.0.0.0/8'), IPv6Network('::1/128'))
    """
    networks: list[Network] = []
    for place, word in enumerate(re.split(r"[,\s]+", text.strip()), 1):
        try:
            networks.extend([ip_network(word)] if word else [])
        except ValueError as error:
            raise InvalidInput(
                f"Network {place} of the list is not one: write 10.1.0.0/16 with no bits set behind the prefix.",
                place=place,
            ) from error
    return tuple(networks)


@lru_cache(HOSTS_KEPT)
def judge_address(ip: str, policy: Policy) -> str | None:
    """Say why this address may not be spoken to; None: it may.

    >>> judge_address("64:ff9b::169.254.169.254", Policy())
    'a link-local address'
    """
    try:
        return _judge(ip_address(ip.partition("%")[0]), policy)
    except ValueError:
        return "not an address"


def _judge(address: Address, policy: Policy) -> str | None:
    if any(address in network for network in policy.allow):
        return None
    if isinstance(address, IPv4Address):
        return _reason(address)
    inside = tuple(_inside(address))
    for carried in inside:
        if reason := _judge(carried, policy):
            return reason
    if inside and any(address in carrier for carrier in _CARRIERS):
        return None
    return _reason(address)


def _reason(address: Address) -> str | None:
    for network, reason in _FORBIDDEN:
        if address in network:
            return reason
    outside = isinstance(address, IPv6Address) and address not in _UNICAST
    return "a reserved address" if outside else None


def _inside(address: IPv6Address) -> Iterator[IPv4Address]:
    """Give the IPv4 addresses that a translator or tunnel could read out of this one.

    Source: RFC 4291, 6052, 8215, 3056, 4380, 5214.
    """
    value = int(address)
    low = value & 0xFFFFFFFF
    if address in _MAPPED or address in _NAT64:
        yield IPv4Address(low)
    elif address in _NAT64_LOCAL:
        yield from _local_nat64(value)
    elif address in _SIX_TO_FOUR:
        yield IPv4Address(value >> 80 & 0xFFFFFFFF)
    elif address in _TEREDO:
        yield IPv4Address(value >> 64 & 0xFFFFFFFF)
        yield IPv4Address(low ^ 0xFFFFFFFF)
    elif value >> 32 & 0xFDFFFFFF == _ISATAP:
        yield IPv4Address(low)


def _local_nat64(value: int) -> Iterator[IPv4Address]:
    """Read 64:ff9b:1::/48 in each length that a site may have chosen; 0.x is the void of the other lengths.

    Source: RFC 6052, 2.2: bits 64 to 71 are skipped.
    """
    packed = (value >> 64) << 56 | value & (1 << 56) - 1
    for end in (80, 88, 96, 120):
        carried = packed >> (120 - end) & 0xFFFFFFFF
        if carried >> 24:
            yield IPv4Address(carried)


def check_url(url: str, policy: Policy) -> Endpoint | str:
    """Take a URL apart: where it leads, or why it may not be spoken to. A name is judged once it is resolved.

    >>> check_url("https://api.example.com/v1?a=1", Policy())
    Endpoint(host='api.example.com', port=443, https=True, url='https://api.example.com/v1?a=1')
    >>> check_url("http://0x7f.1/", Policy())
    'the host is a loopback address'
    """
    if len(url) > LONGEST_URL:
        return "the URL is longer than 8192 characters"
    if _BLANK.search(url):
        return "the URL holds a space or a control character"
    try:
        url.encode()
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the URL is not valid"
    if reason := _refuse_authority(parts):
        return reason
    host = _host(parts.hostname or "")
    if host is None:
        return "the host is not a valid name or address"
    https = parts.scheme == "https"
    return _lead(parts, host, port if port is not None else (HTTPS_PORT if https else HTTP_PORT), policy)


def _refuse_authority(parts: SplitResult) -> str | None:
    if parts.scheme not in {"http", "https"}:
        return "the URL is not http or https"
    if "@" in parts.netloc:
        return "the URL holds a user or a password"
    if "\\" in parts.netloc or "%" in parts.netloc:
        return "the host is not a valid name or address"
    return None


def _lead(parts: SplitResult, host: str, port: int, policy: Policy) -> Endpoint | str:
    if port not in {HTTP_PORT, HTTPS_PORT} and port < FIRST_FREE_PORT:
        return "the port is not 80, 443 or one from 1024"
    if is_address(host) and (reason := judge_address(host, policy)):
        return f"the host is {reason}"
    https = parts.scheme == "https"
    name = f"[{host}]" if ":" in host else host
    at = "" if port == (HTTPS_PORT if https else HTTP_PORT) else f":{port}"
    path = quote(parts.path or "/", safe=_KEPT)
    query = "?" + quote(parts.query, safe=_KEPT) if parts.query else ""
    return Endpoint(host, port, https, f"{parts.scheme}://{name}{at}{path}{query}")


_KEPT = "".join(chr(code) for code in range(0x21, 0x7F))
"""All of printable ASCII leaves as it was given: a vendor's signature covers it."""


@lru_cache(HOSTS_KEPT)
def is_address(host: str) -> bool:
    """Tell an address from a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(HOSTS_KEPT)
def _host(text: str) -> str | None:
    """Bring a host to its one spelling: an address as it is usually written, or a name in ASCII."""
    try:
        if ":" in text:
            return str(IPv6Address(text))
        name = (text if text.isascii() else idna.encode(text, uts46=True).decode()).lower().removesuffix(".")
    except ValueError:
        return None
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        return None
    return _old_spelling(name) if _NUMBER.fullmatch(name.rpartition(".")[2]) else name


def _old_spelling(name: str) -> str | None:
    """Read an IPv4 address as `inet_aton` does: one to four numbers, octal and hexadecimal too.

    Source: WHATWG URL, 3.5: a host whose last label is a number is an address or nothing.
    """
    labels = name.split(".")
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):  # noqa: PLR2004
        return None
    try:
        *heads, last = (_number(label) for label in labels)
    except ValueError:
        return None
    if any(head > 0xFF for head in heads) or last >= 256 ** (4 - len(heads)):  # noqa: PLR2004
        return None
    return str(IPv4Address(sum(head << (24 - 8 * place) for place, head in enumerate(heads)) + last))


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if len(label) > 1 and label.startswith("0") else 10)
