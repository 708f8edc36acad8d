"""What a client is asked in the midst of a call: before 2026-07-28."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio

from turnout.document import Document, Json
from turnout.entropy import Entropy

_NONCE: Final = 12
"""Bytes of a request's id: drawn, so that a late answer to what another process asked meets nothing."""


@dataclass(slots=True)
class _Asked:
    heard: anyio.Event = field(default_factory=anyio.Event)
    said: Json = None


class Asks:
    """The requests of ours to one client that have no answer yet."""

    def __init__(self, entropy: Entropy) -> None:
        """Ask nothing yet."""
        self._entropy = entropy
        self._open: dict[str, _Asked] = {}

    async def put(self, say: Callable[[Document], Awaitable[None]], requests: Mapping[str, Json]) -> Mapping[str, Json]:
        """Ask one thing after the other; give what was said, by name. What the client cannot answer is put off."""
        said: dict[str, Json] = {}
        for name, request in requests.items():
            assert isinstance(request, Mapping)
            number = self._entropy.token(_NONCE).hex()
            asked = self._open[number] = _Asked()
            try:
                await say({"jsonrpc": "2.0", "id": number, **request})
                await asked.heard.wait()
            finally:
                del self._open[number]
            said[name] = asked.said
        return said

    def hear(self, said: Document) -> bool:
        """Take an answer; say whether it is one to something asked here."""
        number, answer = said.get("id"), said.get("result")
        asked = self._open.get(number) if isinstance(number, str) else None
        if asked is not None:
            asked.said = answer if isinstance(answer, Mapping) else {"action": "cancel"}
            asked.heard.set()
        return asked is not None
