"""Hosts of a caller's own choice: events go there without a vendor in between, so that somebody must say yes.

A URL is read by `egress`, as the sender will read it, and named by host and port alone: the rest may be secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from turnout.document import Document, Json
from turnout.egress import Policy, check_url, is_address, judge_address, parse_networks
from turnout.errors import InvalidSettings
from turnout.manifest.heads import Entry
from turnout.manifest.model import Setting, Type
from turnout.manifest.read_settings import RESERVED
from turnout.manifest.settings import ENDPOINT
from turnout.manifest.values import entries

_ANYWHERE = Policy(parse_networks("0.0.0.0/0, ::/0"))
"""Which addresses may be spoken to is asked when a request leaves; here only how a URL must read."""
_VENDORS_OWN = re.compile(r"\^https://(?:[a-z0-9-]|\\\.|\((?:\?:)?(?:[a-z0-9|-]|\\\.)*\)\??)+/[^|]*", re.IGNORECASE)
"""A pattern that fixes the host: letters, `\\.` and groups of them up to the first slash, no other branch behind."""


def chosen(entry: Entry, checked: Document) -> frozenset[str]:
    """Name the hosts that are neither the vendor's nor the default. Raises: InvalidSettings for an unusable URL."""
    known = {**entry.settings, RESERVED: ENDPOINT}
    found = set()
    for name, value in checked.items():
        for url in _urls(known[name], value):
            found.add(_host(entry, name, url))
    return frozenset(found)


def _urls(setting: Setting, value: Json) -> Iterator[str]:
    if setting.type is Type.URL and isinstance(value, str):
        if value != setting.default and not _VENDORS_OWN.fullmatch(setting.pattern):
            yield value
    elif setting.type is Type.TABLE:
        for row in entries(value):
            for column in setting.columns:
                if isinstance(row, dict) and column.name in row:
                    yield from _urls(column, row[column.name])


def _host(entry: Entry, name: str, url: str) -> str:
    where = check_url(url, _ANYWHERE)
    if isinstance(where, str):
        raise InvalidSettings(f"{entry.name}: `{name}` cannot be used: {where}")
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"{host}:{where.port}" + ("" if where.https else " (not encrypted)")


def inward(named: Iterable[str]) -> str:
    """Warn of hosts, as `chosen` names them, that are of this machine or network: by default nothing is sent there.

    >>> inward(["127.0.0.1:9000 (not encrypted)", "hook.example:443"])
    '127.0.0.1 is a loopback address: its events are discarded unless TURNOUT_ALLOW_ADDRESSES has it.'
    """
    hosts = [each.rpartition(":")[0].strip("[]") for each in named]
    said = [f"{host} is {why}" for host in hosts if (why := _inward(host))]
    many = "it" if len(said) == 1 else "them"
    where = f"its events are discarded unless TURNOUT_ALLOW_ADDRESSES has {many}."
    return f"{', '.join(said)}: {where}" if said else ""


def _inward(host: str) -> str | None:
    if is_address(host):
        return judge_address(host, Policy())
    return "a loopback address" if host == "localhost" or host.endswith(".localhost") else None
