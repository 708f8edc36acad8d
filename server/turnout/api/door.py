"""The connections of the HTTP door together: how many there are, who is late, and how much they hold."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Protocol

from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl

from turnout.api import limits
from turnout.errors import Unavailable


class Member(Protocol):
    """A connection, as those beside it see it."""

    since: float

    @property
    def is_idle(self) -> bool:
        """Say whether nobody loses anything by its end."""

    def look(self, now: float) -> None:
        """End it where its time is over."""

    def leave(self) -> None:
        """End it, once what was written has left."""

    def bar(self) -> None:
        """Read no further."""

    def unbar(self) -> None:
        """Read on."""


class Door:
    """All connections of one server."""

    def __init__(self) -> None:
        """Have none yet."""
        self.held = Held()
        self.members: dict[Member, None] = {}  # as they came: of those idle for as long the first leaves
        self.ticks = False

    def joined(self, new: Member) -> None:
        """Have one more; where there are too many, the one that is idle for longest leaves, or else the new one."""
        self.members[new] = None
        if len(self.members) > limits.CONNECTIONS:
            idle = [each for each in self.members if each.is_idle and new.since - each.since > limits.LOOK_S]
            min(idle, key=lambda each: each.since, default=new).leave()

    def look(self, now: float) -> None:
        """End those whose time is over."""
        for each in tuple(self.members):
            each.look(now)


class Held:
    """Bytes of unanswered bodies, on all connections of a server.

    Above the limit whoever brings more is read no further, but one: bodies come to their ends and are answered one
    after the other, so that nobody waits for room that is held by those who wait.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.bytes = 0
        self._passes: Member | None = None
        self._waiting: dict[Member, None] = {}

    def add(self, member: Member, size: int) -> None:
        """Count what came."""
        self.bytes += size
        if self.bytes > limits.BYTES_IN_FLIGHT:
            self._passes = self._passes or member
            if self._passes is not member:
                self._waiting[member] = None
                member.bar()

    def give(self, member: Member, size: int) -> None:
        """Take off what was held for one who is answered, or gone."""
        self.bytes -= size
        if self._passes:
            self._pass_on(member)

    def _pass_on(self, member: Member) -> None:
        self._waiting.pop(member, None)
        if self._passes is member:
            self._passes = None
        if self.bytes <= limits.BYTES_IN_FLIGHT:
            self._passes = None
            self._go_on(tuple(self._waiting))
        elif self._passes is None:
            self._go_on(tuple(self._waiting)[:1])

    def _go_on(self, members: Iterable[Member]) -> None:
        for member in members:
            del self._waiting[member]
            member.unbar()


class Reading(FlowControl):
    """Reads no further while room for bodies is short, whatever its own request would like."""

    barred = False

    @override
    def resume_reading(self) -> None:
        """Read on, unless it is barred."""
        if self.read_paused and not self.barred:
            super().resume_reading()


def allow_files() -> None:
    """Be allowed as many open files as the connections need: many systems begin with a thousand, or 256.

    Raises: Unavailable, where the system allows too few to begin with.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.FILES if hard == resource.RLIM_INFINITY else min(limits.FILES, hard)
    if wanted < limits.FEWEST_FILES:
        raise Unavailable(
            f"this process may have {hard} files open, and needs {limits.FEWEST_FILES} for its data alone",
            fix=f"Allow it {limits.FILES} (`ulimit -n`, or LimitNOFILE of its unit)",
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
