"""What a process's writer knows between commits, and the overlay in which changes wait for theirs.

A generation in the counter row stands for each kind: who finds it raised by another process drops that
kind alone. An operation's changes lie in its overlay: merged into the group's when its savepoint is
released, into the cache when the group is committed, forgotten otherwise.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from turnout.event.model import PersonId
from turnout.identity.model import Identifier
from turnout.workspace import Workspace

K = TypeVar("K")
V = TypeVar("V")

NameKey = tuple[int, int, str]
"""Source, kind, name."""
MeterKey = tuple[int, str, int, str, str]
"""Month, namespace, source, kind, value."""

LIMIT = 65_536
"""Entries of one kind; at 115 bytes each 7.5 MB. Beyond it the kind starts afresh."""


@dataclass(slots=True)
class Overlay:
    """What one operation, or a group of them, changed."""

    owners: dict[Identifier, PersonId] = field(default_factory=dict)
    metered: dict[MeterKey, bool] = field(default_factory=dict)
    names: dict[NameKey, int] = field(default_factory=dict)
    seen: Tally[int] = field(default_factory=Tally)
    last_seen: dict[int, int] = field(default_factory=dict)
    volumes: Tally[tuple[int, str, int]] = field(default_factory=Tally)
    counts: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    moved_people: bool = False
    configured: bool = False

    def absorb(self, other: Overlay) -> None:
        """Take over what a finished operation changed."""
        if other.moved_people:
            self.owners.clear()
            self.moved_people = True
        self.owners.update(other.owners)
        self.metered.update(other.metered)
        self.names.update(other.names)
        self.seen.update(other.seen)
        self.last_seen.update(other.last_seen)
        self.volumes.update(other.volumes)
        self.counts.update(other.counts)
        self.configured = self.configured or other.configured


@dataclass(slots=True)
class Cache:
    """What is known of the committed state, as of these generations."""

    people: int = -1
    regulations: int = -1
    owners: dict[Identifier, PersonId] = field(default_factory=dict)
    metered: dict[MeterKey, bool] = field(default_factory=dict)
    names: dict[NameKey, int] = field(default_factory=dict)
    suppressing: bool | None = None
    workspace: Workspace | None = None

    def heed(self, people: int, regulations: int, revision: int) -> None:
        """Drop what another process has made out of date."""
        if people != self.people:
            self.owners.clear()
            self.metered.clear()
            self.people = people
        if regulations != self.regulations:
            self.suppressing = None
            self.names.clear()
            self.regulations = regulations
        if self.workspace is not None and self.workspace.revision != revision:
            self.workspace = None

    def merge(self, overlay: Overlay) -> None:
        """Take in what is now committed."""
        if overlay.moved_people:
            self.owners.clear()
        if overlay.configured:
            self.workspace = None
        _keep(self.owners, overlay.owners)
        _keep(self.metered, overlay.metered)
        _keep(self.names, overlay.names)


def _keep(kept: dict[K, V], fresh: Mapping[K, V]) -> None:
    if len(kept) > LIMIT:
        kept.clear()
    kept.update(fresh)
