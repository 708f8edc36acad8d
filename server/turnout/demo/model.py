"""What the demo saw, chapter by chapter: answers of tools as they were given, and what the receivers wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from turnout.document import Document

ARCHIVE, CRM, AMPLITUDE = "archive", "crm", "amplitude"
NAMES = (ARCHIVE, CRM, AMPLITUDE)
"""The destinations: a file, a webhook with bad manners, a recorder behind Amplitude's manifest."""


@dataclass(frozen=True, slots=True)
class Joined:
    """One destination that was connected; `plan` is what was asked back first, empty when nothing was."""

    name: str
    slug: str
    receives: str
    state: str
    plan: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The agent is connected, and so are the destinations."""

    protocol: str
    tools: int
    ready_ms: int
    joined: tuple[Joined, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event at one receiver, by its own log: how often it came, and how often it had an effect."""

    destination: str
    came: int
    effects: int


@dataclass(frozen=True, slots=True)
class Sent:
    """An order was sent, and sent again with the same key."""

    key: str
    first: Document
    first_ms: int
    again: Document
    again_ms: int


@dataclass(frozen=True, slots=True)
class Journey:
    """What became of the order: the tool's answer, and what the receivers know. `manners`: how the webhook met it."""

    told: Document
    arrivals: tuple[Arrival, ...]
    manners: tuple[str, ...]
    webhook_ids: int


@dataclass(frozen=True, slots=True)
class Tested:
    """Test people were sent. `outward`: the ids they left under; `leaks`: where one of their own was seen."""

    people: int
    told: Document
    outward: tuple[str, ...]
    leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Landed:
    """A batch at one receiver: distinct events at the kill and at the end, and how many came more than once."""

    destination: str
    at_kill: int
    at_end: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Crashed:
    """The server was killed while it delivered, and started again. `read`: of the batch, what the webhook had read.

    `doubted`: the journeys of what came twice, `unmarked`: how many of these do not say so.
    """

    sent: int
    read: int
    process: int
    restart_ms: int
    again: Document
    order_again: Document
    landed: tuple[Landed, ...]
    doubted: tuple[Document, ...]
    unmarked: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Metered:
    """The meter and the destinations at the end, as the tools answered."""

    usage: Document
    destinations: Document
    waiting: int


Chapter: TypeAlias = "Connected | Sent | Journey | Tested | Crashed | Metered"


@dataclass(frozen=True, slots=True)
class Facts:
    """The whole story."""

    connected: Connected
    sent: Sent
    journey: Journey
    tested: Tested
    crashed: Crashed
    metered: Metered


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the story claims, and what was found."""

    name: str
    ok: bool
    found: str
