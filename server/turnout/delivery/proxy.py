"""Which proxy a request goes through, and which goes directly.

1. The operator names one, with a user and a password in it perhaps; nothing of the environment's own is read.
2. What `direct` lists is reached without it: a name and those under it, an address, or a network in which the
   judged address of the request lies.
3. Its password is in no text of ours: libcurl alone reads the URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from turnout.egress import Network, parse_networks
from turnout.errors import InvalidInput

PROXY_URL: Final = re.compile(
    r"https?://"
    r"(([!$&-.0-9;=A-Z_a-z~]|%[0-9a-f]{2})+(:([!$&-.0-;=A-Z_a-z~]|%[0-9a-f]{2})*)?@)?"
    r"([a-z0-9_.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}",
    re.IGNORECASE,
)
"""Source: RFC 3986, 3.2.1: what else stands in a user or a password is written as %40."""
_NAME: Final = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy, empty for none, and what is reached without it."""

    url: str = field(default="", repr=False)
    names: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def leads(self, host: str, address: str) -> str:
        """Give the proxy for a request to a host at one of its addresses; empty: none.

        >>> Proxy("http://proxy:3128", ("shop.example",)).leads("hooks.shop.example", "192.0.2.1")
        ''
        """
        if not self.url or any(host == name or host.endswith(f".{name}") for name in self.names):
            return ""
        inside = self.networks and any(ip_address(address) in network for network in self.networks)
        return "" if inside else self.url


def read_direct(words: Iterable[str]) -> tuple[tuple[str, ...], tuple[Network, ...]]:
    """Read what is reached without the proxy: names and networks. Raises: InvalidInput.

    >>> read_direct([".shop.example", "10.0.0.0/8"])
    (('shop.example',), (IPv4Network('10.0.0.0/8'),))
    """
    names: list[str] = []
    networks: list[Network] = []
    for word in filter(None, (each.strip().lower().removesuffix(".") for each in words)):
        try:
            networks.extend(parse_networks(word.strip("[]")))
        except InvalidInput:
            if not _NAME.fullmatch(word) or word.replace(".", "").isdigit():
                raise InvalidInput("names, addresses and networks, such as shop.example,10.0.0.0/8") from None
            names.append(word.removeprefix("."))
    return tuple(names), tuple(networks)
