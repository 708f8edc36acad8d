"""Who is asked for, and by which page: what stands between a web page and a server on this machine.

A page can point a name of its own at this machine, and then read what answers; so the name in `Host` must be one that
we are known by. An address is no name: whoever is asked for by it is who is there. And a page may send to us what it
cannot read; so the page that `Origin` names must be one of this machine's, one that we served, or one that is allowed.

Both are read whole, by their grammar: what only begins like a name of ours is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from turnout import telemetry
from turnout.api import answers

LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
MISDIRECTED = answers.refused(
    421, "misdirected", "This name is not ours. Ask for 127.0.0.1 or localhost, or start with --allow-host NAME."
)
STRANGE = answers.refused(
    403, "strange_page", "This page may not call us. Start with --allow-origin ORIGIN if it should."
)
NOBODY: Final = b"127.0.0.1"
"""For whom HTTP/1.0 asks where it names no host, as checks of proxies do: no browser leaves it out."""
HOSTS = 64
"""Hosts of which it is remembered whether they are ours."""
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?", re.IGNORECASE)
_ORIGIN = re.compile(r"(https?)://(.+)", re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Known:
    """Names that `Host` may have besides addresses, and pages that `Origin` may name besides local ones."""

    names: frozenset[str]
    origins: frozenset[str]

    def host(self, given: bytes) -> bool:
        """Tell whether a `Host` asks for us."""
        name = name_of(given.decode("latin-1"))
        return name is not None and (name in self.names or _is_address(name))

    def origin(self, given: bytes, host: bytes) -> bool:
        """Tell whether the page of an `Origin` may speak to us, who were asked for by this `Host`."""
        text = given.decode("latin-1").casefold()
        if text in self.origins:  # of any scheme: extensions of browsers and desktop programs have their own
            return True
        found = _ORIGIN.fullmatch(text)
        name = name_of(found[2]) if found else None
        if found is None or name is None:
            return False
        return is_local(name) or _is_same(found[1], found[2], host.decode("latin-1").casefold())


def known(names: AbstractSet[str], origins: AbstractSet[str]) -> Known:
    """Read what the operator allows."""
    return Known(
        frozenset(name.casefold().strip("[]") for name in names), frozenset(each.casefold() for each in origins)
    )


class KnownHosts:
    """Passes on what asks for us by a name of ours, and comes from no strange page."""

    def __init__(self, inner: ASGIApp, known: Known, is_open: Callable[[str], bool]) -> None:
        """Stand before an application; any page may call a path that is open."""
        self._inner = inner
        self._known = known
        self._is_open = is_open
        self._hosts: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at `Host` and `Origin`."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        if scope["path"].startswith("//"):  # a host that was set with a slash at its end, and the library's own
            scope = {**scope, "path": "/" + scope["path"].lstrip("/")}
        hosts = [value.strip(b" \t") for name, value in scope["headers"] if name == b"host"]
        host = hosts[0] if hosts else NOBODY
        if len(hosts) > 1 or not self._is_known(host):
            telemetry.emit("misdirected")  # clients drop what is 421, and perhaps tell nobody
            await answers.give(send, MISDIRECTED, b"")
        elif not self._is_open(scope["path"]) and not all(
            self._known.origin(value.strip(b" \t"), host) for name, value in scope["headers"] if name == b"origin"
        ):
            await answers.give(send, STRANGE, b"")
        else:
            await self._inner(scope, receive, send)

    def _is_known(self, host: bytes) -> bool:
        """Look at a `Host`, once: clients come by the same few."""
        found = self._hosts.get(host)
        if found is None:
            found = self._known.host(host)
            if len(self._hosts) < HOSTS:
                self._hosts[host] = found
        return found


def name_of(authority: str) -> str | None:
    """Read the name out of a `Host`, or of what follows the scheme of an `Origin`; None for what is neither.

    >>> name_of("[::1]:8733"), name_of("LocalHost:80"), name_of("localhost:1@evil.example")
    ('::1', 'localhost', None)
    """
    found = _AUTHORITY.fullmatch(authority)
    return (found[1] or found[2]).casefold() if found else None


def is_local(name: str) -> bool:
    """Tell a name of this machine alone."""
    if name in LOCAL:
        return True
    return _is_address(name) and ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(scheme: str, authority: str, host: str) -> bool:
    """Tell whether we served the page ourselves; behind a proxy, `Host` names no scheme."""
    port = _PORTS[scheme]
    return authority.removesuffix(f":{port}") == host.removesuffix(f":{port}")
