"""What a client is asked in the midst of a call, on a line that goes both ways: before 2026-07-28."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio

from turnout.document import Document, Json


@dataclass(slots=True)
class _Asked:
    heard: anyio.Event = field(default_factory=anyio.Event)
    said: Json = None


class Asks:
    """The requests of ours that have no answer yet; `say` takes them to the client."""

    def __init__(self, say: Callable[[Document], Awaitable[None]]) -> None:
        """Ask nothing yet."""
        self._say = say
        self._open: dict[str, _Asked] = {}
        self._number = 0

    async def put(self, requests: Mapping[str, Json]) -> Mapping[str, Json]:
        """Ask one thing after the other; give what was said, by name. What the client cannot answer is put off."""
        said: dict[str, Json] = {}
        for name, request in requests.items():
            assert isinstance(request, Mapping)
            self._number += 1
            number = f"turnout-{self._number}"
            asked = self._open[number] = _Asked()
            try:
                await self._say({"jsonrpc": "2.0", "id": number, **request})
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
