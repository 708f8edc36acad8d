"""The first moment of a server on standard input and output: no SDK, no store, only the card.

A command begins here, then imports `session`, and goes on with `session.serve`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from turnout.agent import card
from turnout.agent.card import Card
from turnout.agent.toolsets import Toolset
from turnout.agent.wire import Wire
from turnout.guard.principal import Principal


@dataclass(frozen=True, slots=True)
class Stdio:
    """A client that is being listened to; `keep` takes this server's card, where none was found."""

    wire: Wire
    principal: Principal
    toolsets: AbstractSet[Toolset]
    keep: Callable[[Card], None] | None


def begin(principal: Principal, toolsets: AbstractSet[Toolset], cards: Path | None) -> Stdio:
    """Take standard input and output for the protocol, and answer the opening moves if there is a card.

    `cards` is the folder to look for this server's card in, and to leave it in.
    """
    name = card.key(principal.scopes, toolsets)
    found = card.find(name, [folder for folder in (card.PACKAGED, cards) if folder is not None])
    wire = Wire(found)
    wire.start()
    keep = partial(card.keep, name=name, folder=cards) if cards is not None and found is None else None
    return Stdio(wire, principal, toolsets, keep)
