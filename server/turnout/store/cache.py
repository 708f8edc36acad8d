"""What a process's writer knows between commits, and the overlay in which changes wait for theirs.

A generation in the counter row stands for each kind: who finds it raised by another process drops that
kind alone. An operation's changes lie in its overlay: merged into the group's when its savepoint is
released, into the cache when the group is committed, forgotten otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from turnout.event.model import PersonId
from turnout.identity.model import Guise
from turnout.store.ids import Ids
from turnout.workspace import Workspace

K = TypeVar("K")
V = TypeVar("V")

NameKey = tuple[int, int, str]
"""Source, kind, name."""

LIMIT = 65_536
"""Entries of one kind; a regular takes 310 bytes, so 20 MB. Beyond it the kind starts afresh."""
LONG = 500
"""Characters of all the ids of a guise; one that is longer is looked up each time: ids may have 32 KB."""


class Overlay(msgspec.Struct):
    """What one operation, or a group of them, changed.

    `moved`: what was known of people below it is no longer true (a merge, an erasure, a suppression).
    """

    regulars: dict[Guise, PersonId] = {}
    names: dict[NameKey, int] = {}
    seen: defaultdict[int, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    last_seen: dict[int, int] = {}
    volumes: defaultdict[tuple[int, str, int], int] = msgspec.field(default_factory=lambda: defaultdict(int))
    counts: defaultdict[tuple[int, int, int], int] = msgspec.field(default_factory=lambda: defaultdict(int))
    ids: dict[bytes, int] = {}
    whose: list[tuple[int, int]] = []
    moved: bool = False
    configured: bool = False

    def move(self) -> None:
        """Forget who is whose."""
        self.regulars.clear()
        self.moved = True

    def absorb(self, other: Overlay) -> None:
        """Take over what a finished operation changed."""
        if other.moved:
            self.move()
        self.regulars.update(other.regulars)
        self.names.update(other.names)
        self.last_seen.update(other.last_seen)
        _add(self.seen, other.seen)
        _add(self.volumes, other.volumes)
        _add(self.counts, other.counts)
        self.configured = self.configured or other.configured
        self.ids.update(other.ids)
        self.whose += other.whose


@dataclass(slots=True)
class Cache:
    """What is known of the committed state, as of these generations.

    `regulars`: guises in which somebody came, and who that is. When they come so again, nothing changes of who is
    who, they are counted already, and they are not suppressed.
    """

    people: int = -1
    regulations: int = -1
    regulars: dict[Guise, PersonId] = field(default_factory=dict)
    names: dict[NameKey, int] = field(default_factory=dict)
    suppressing: bool | None = None
    workspace: Workspace | None = None
    ids: Ids = field(default_factory=Ids)

    def heed(self, people: int, regulations: int, revision: int, ordered: int) -> None:
        """Drop what another process has made out of date."""
        if people != self.people:
            self.regulars.clear()
            self.people = people
        if regulations != self.regulations:
            self.regulars.clear()
            self.suppressing = None
            self.names.clear()
            self.regulations = regulations
        if self.workspace is not None and self.workspace.revision != revision:
            self.workspace = None
        self.ids.heed(ordered)

    def merge(self, overlay: Overlay, start: int, until: int) -> None:
        """Take in what is now committed: events from `start` to before `until`."""
        if overlay.moved:
            self.regulars.clear()
        if overlay.configured:
            self.workspace = None
        _keep(self.regulars, overlay.regulars)
        _keep(self.names, overlay.names)
        if self.ids.until == start:
            self.ids.learn(overlay.ids.items(), overlay.whose, until)


def _add(sums: defaultdict[K, int], more: Mapping[K, int]) -> None:
    for key, n in more.items():
        sums[key] += n


def _keep(kept: dict[K, V], fresh: Mapping[K, V]) -> None:
    if len(kept) > LIMIT:
        kept.clear()
    kept.update(fresh)
