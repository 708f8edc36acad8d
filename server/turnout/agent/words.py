"""Values to complete an argument with: what is in the workspace, the newest first, as the tools show it.

They are data: masked where the reader is not to see people, cut and cleaned as in every answer, and in no list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias

from turnout.agent.answers import ordered
from turnout.agent.desk import Desk
from turnout.agent.model import PAGE_LIMIT
from turnout.agent.tools.find_events import FindEvents
from turnout.agent.tools.find_events import run as find_events
from turnout.agent.tools.list_destinations import ListDestinations
from turnout.agent.tools.list_destinations import run as list_destinations
from turnout.agent.tools.list_sources import ListSources
from turnout.agent.tools.list_sources import run as list_sources
from turnout.document import Document, Json

Words: TypeAlias = Callable[[Desk], Awaitable[list[str]]]
LIMIT = 100
"""Values of one completion. Source: the protocol."""
_PAGE: Final = {"limit": PAGE_LIMIT}


def matching(words: Iterable[str], begun: str) -> list[str]:
    """Give those that begin like this, each once, at most `LIMIT` and one more.

    >>> matching(["Order Completed", "order updated", "Signed Up", "Order Completed"], "ord")
    ['Order Completed', 'order updated']
    """
    found = dict.fromkeys(each for each in words if each.casefold().startswith(begun.casefold()))
    return list(found)[: LIMIT + 1]


async def events(desk: Desk) -> list[str]:
    """Give names of recent events."""
    return _of(await find_events(desk, FindEvents.model_validate(_PAGE)), "events", "event")


async def message_ids(desk: Desk) -> list[str]:
    """Give ids of recent events."""
    return _of(await find_events(desk, FindEvents.model_validate(_PAGE)), "events", "message_id")


async def destinations(desk: Desk) -> list[str]:
    """Give names of what is connected."""
    return _of(await list_destinations(desk, ListDestinations.model_validate(_PAGE)), "destinations", "name")


async def sources(desk: Desk) -> list[str]:
    """Give names of sources."""
    return _of(await list_sources(desk, ListSources.model_validate(_PAGE)), "sources", "name")


def _of(answer: Document, rows: str, field: str) -> list[str]:
    found: Json = ordered(answer).get(rows)
    names = [row.get(field) for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return [name for name in names if isinstance(name, str) and name]
