"""The cards of all principals: what the opening moves answer depends on the scopes of whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from turnout.agent import card
from turnout.agent.call import Offer
from turnout.agent.card import Card
from turnout.guard.principal import Scope


class Deck:
    """Cards by scopes, looked for in a folder, and recorded where none was left; `record` asks the SDK."""

    def __init__(self, folder: Path | None, record: Callable[[Offer], Awaitable[Card]]) -> None:
        """Hold none."""
        self._folders = [each for each in (card.PACKAGED, folder) if each is not None]
        self._keep = folder
        self._record = record
        self._cards: dict[frozenset[Scope], Card] = {}
        self._turn = anyio.Lock()

    async def draw(self, offer: Offer) -> Card:
        """Give the card of who is offered this."""
        scopes = offer.scopes()
        if (known := self._cards.get(scopes)) is not None:
            return known
        async with self._turn:
            if scopes not in self._cards:
                self._cards[scopes] = await self._found(offer, scopes)
            return self._cards[scopes]

    async def _found(self, offer: Offer, scopes: frozenset[Scope]) -> Card:
        name = await anyio.to_thread.run_sync(card.key, scopes, offer.toolsets)
        found = await anyio.to_thread.run_sync(card.find, name, self._folders)
        if found is None:
            found = await self._record(offer)
            if self._keep is not None:
                await anyio.to_thread.run_sync(partial(card.keep, found, name, self._keep))
        return found
