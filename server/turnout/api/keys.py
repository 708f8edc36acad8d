"""Which source a request is of: its write key, in each place that clients put it.

A write key is not secret (it ships in web pages) and can do one thing: append events to its source. The first place
that holds the key of a source wins, for Jitsu masks the one in the body.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from turnout.event.items import hide
from turnout.event.model import LIVE, TEST, Namespace, SourceId
from turnout.store.store import Store
from turnout.workspace import Workspace

FRESH_S = 0.02
"""How old a look at the sources may be when a key is unknown: one that another process made just now counts."""


OWN = b"x-write-key"
"""Jitsu's header for a key. The key of a query counts as one, where there is none."""
SEEN = 1_000
"""Headers of which it is remembered whose they are."""


class Owner(NamedTuple):
    """Whose a key is, and the namespace that its events belong to."""

    source: SourceId
    namespace: Namespace


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: msgspec.Raw = msgspec.Raw(b"")


_keyed = msgspec.json.Decoder(_Keyed).decode
_text = msgspec.json.Decoder(str).decode


class Keys:
    """The write keys of all sources, as of the newest revision."""

    def __init__(self, store: Store) -> None:
        """Know none yet."""
        self._store = store
        self._revision = -1
        self._looked = -1e9
        self._owners: Mapping[str, Owner] = {}
        self._seen: dict[tuple[bytes | None, bytes | None], Owner] = {}

    async def of(self, headers: Mapping[bytes, bytes]) -> Owner | None:
        """Find whose the first key is that stands in headers: clients send the same ones again and again."""
        given = headers.get(b"authorization"), headers.get(OWN)
        if self._revision == self._store.news.revision and (found := self._seen.get(given)) is not None:
            return found
        found = await self.owner(in_headers(headers))
        if found is not None and len(self._seen) < SEEN:
            self._seen[given] = found
        return found

    async def owner(self, keys: Iterable[str]) -> Owner | None:
        """Find whose the first of these keys is that is anybody's."""
        if self._revision != self._store.news.revision:
            await self._look()
        given = [key for key in keys if key]
        if (found := self._find(given)) is None and given:
            if self._store.clock.monotonic() - self._looked > FRESH_S:
                await self._look()
            found = self._find(given)
        return found

    def _find(self, keys: Iterable[str]) -> Owner | None:
        for key in keys:
            if found := self._owners.get(key) or self._owners.get(key.partition(":")[0]):
                return found
        return None

    async def _look(self) -> None:
        self._looked = self._store.clock.monotonic()
        workspace = await self._store.read(lambda view: view.workspace)
        self._revision, self._owners, self._seen = workspace.revision, _owners(workspace), {}


def _owners(workspace: Workspace) -> Mapping[str, Owner]:
    found: dict[str, Owner] = {}
    for source in workspace.sources.values():
        found[source.test_write_key] = Owner(source.id, TEST)
        if source.write_key:
            found[source.write_key] = Owner(source.id, LIVE)
    return found


def in_headers(headers: Mapping[bytes, bytes]) -> list[str]:
    """Give the keys that headers hold: Basic's user, a bearer, `X-Write-Key`."""
    found = []
    if given := headers.get(b"authorization"):
        scheme, _, rest = given.decode("latin-1").strip().partition(" ")
        if scheme.casefold() == "basic":
            found.append(_user(rest.strip()))
        elif scheme.casefold() == "bearer":
            found.append(rest.strip())
    if own := headers.get(OWN):
        found.append(own.decode("latin-1").strip())
    return found


def in_body(body: bytes) -> str:
    """Give the key of a body of one call; empty where there is none, or no JSON object."""
    found = _key(body)
    if found is None:  # perhaps for a text cut within a character, which costs its event and not the key
        found = _key(hide(body, b"\xff"))
    return found or ""


def _key(body: bytes) -> str | None:
    try:
        raw = _keyed(body).write_key
        return _text(raw) if raw else ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def in_query(query: bytes) -> list[str]:
    """Give the key of a query: `writeKey`; there is none among more fields than anybody sends."""
    try:
        fields = parse_qsl(query.decode("latin-1"), max_num_fields=1000)
    except ValueError:
        return []
    return [value for name, value in fields if name == "writeKey"]


def _user(text: str) -> str:
    try:
        return b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")[0]
    except ValueError:  # no base64, no ASCII, no UTF-8
        return ""
