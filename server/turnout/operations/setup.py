"""What a manifest's `setup` does at the vendor: asked between two runs of the operation that connects or changes.

The first run plans and passes the guard; where something is to be set up, its apply raises `Unprepared`, so that
nothing is written, no key is kept and no token spent. The desk then asks, and runs the operation again with what
came of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from turnout.document import Document, Json
from turnout.evidence.redact import spellings
from turnout.exchange import Answer, Moment, SetUp, Target
from turnout.guard.masking import untrusted_json
from turnout.operations.asked import shown

REQUESTS = 20
"""Requests of a setup that a plan shows."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The settings that came of a setup; None: it was not done yet."""

    settings: Document | None = None

    def over(self, given: Document) -> Document:
        """Put them over those that were given."""
        return {**given, **(self.settings or {})}

    def require(self, name: str, target: Target, now: int) -> None:
        """Go on where the setup was done, or there is none. Raises: Unprepared."""
        if self.settings is None and (talk := begin(target, now)) is not None:
            raise Unprepared(name, target, talk)


class Unprepared(Exception):
    """The vendor must be asked before a destination is connected or changed."""

    def __init__(self, name: str, target: Target, talk: SetUp) -> None:
        """Keep who is to be asked, and the talk."""
        super().__init__(name)
        self.name, self.target, self.talk = name, target, talk


def begin(target: Target, now: int) -> SetUp | None:
    """Begin the talk; None where there is no setup."""
    return target.setup(Moment(now, f"setup-{now}"))


def requests(target: Target, now: int) -> list[Json]:
    """Show what a setup would ask, each request answered by an empty 200, secrets out of them."""
    talk = begin(target, now)
    found: list[Json] = []
    if talk is None:
        return found
    spelled = spellings(target.secrets)
    try:
        ask = next(talk)
        while len(found) < REQUESTS:
            found.append(untrusted_json(shown(ask, spelled)))
            ask = talk.send(Answer(200))
    except StopIteration:
        pass
    return found
