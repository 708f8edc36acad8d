"""Turnout inside a Python program: an event is on disk when the call returns; safe over threads, fork and exit.

    >>> import tempfile
    >>> turnout = Turnout(tempfile.mkdtemp())
    >>> receipt = turnout.track("u_1", "Signed Up", {"plan": "pro"})
    >>> receipt.repeated
    False
    >>> turnout.close()

There is nothing to flush. It does not deliver: a `turnout serve` or a `turnout mcp` on the same data directory does,
now or later.
"""

from __future__ import annotations

import os
import re
import sys
import weakref
from _thread import start_new_thread
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self, TypeAlias

import anyio.to_thread
from typing_extensions import override

from turnout import document
from turnout.calls import Calls
from turnout.clock import SystemClock
from turnout.config import directory
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.errors import InvalidCall, InvalidInput, NotFound, TurnoutError, Unavailable
from turnout.event.model import LIVE, TEST, Call, Caller, Kind, Namespace, Refused, SourceId
from turnout.event.plain import plain
from turnout.guard import namespace as namespaces
from turnout.ingest import Receipt, Recorded, ingest
from turnout.opening import begin
from turnout.operations.sources import FIRST
from turnout.store import fork
from turnout.store.store import Store
from turnout.store.unit import Unit, View
from turnout.workspace import Source

NO_FOLDER = re.compile(r"(test_)?wk_[0-9a-f]{32}|[a-z]+://.*", re.DOTALL)
"""A write key, which Segment's client takes first, or a URL: each would be made a folder, in which nobody looks."""

_CLOSED = "This Turnout was closed; nothing was stored. Make another one, or close it later."


@dataclass(frozen=True, slots=True)
class Place:
    """Where the events of this program go."""

    source: SourceId
    namespace: Namespace


class Door:
    """The workspace as one program uses it: opened by whoever comes first, and again on both sides of a fork."""

    def __init__(
        self, data: str | Path | None, source: str | None, write_key: str | None, namespace: str | None
    ) -> None:
        """Remember which; nothing is opened, no file is read. Raises: InvalidInput."""
        for name, value in {"source": source, "write_key": write_key, "namespace": namespace}.items():
            if not isinstance(value, str | None):
                raise InvalidInput(f"`{name}` is of type {type(value).__name__}; give a string, or leave it out.")
        if source is not None and write_key is not None:
            raise InvalidInput(
                "Both a source and a write key were given; give one of them, for a key names its source."
            )
        if write_key == "":
            raise InvalidInput(
                "`write_key` is empty; give that of a source (`turnout source list`), or leave it out for `Local`."
            )
        chosen = None if namespace is None else namespaces.namespace(namespace)
        self._store = Store(directory(_folder(data)), SystemClock(), SystemEntropy())
        self._given = source, write_key, namespace
        weakref.finalize(self, _let_go, self._store).atexit = False
        self._find = partial(_place, source=source, write_key=write_key, namespace=chosen)
        self._place: Place | None = None

    @override
    def __reduce__(self) -> tuple[type[Door], tuple[str, str | None, str | None, str | None]]:
        """Go to a process that was not forked from this one: there it is opened by the first call."""
        return Door, (str(self._store.folder), *self._given)

    @override
    def __repr__(self) -> str:
        """Say which folder it is: events that nobody finds are mostly in another one."""
        return repr(str(self._store.folder))

    def open(self) -> Place:
        """Open it, making the workspace where there is none. Raises: Unavailable, NotFound, InvalidInput."""
        if self._place is None:
            try:
                self._place = begin(self._store).look(self._find)
            except TurnoutError:
                self._store.close()
                raise
        return self._place

    def close(self) -> None:
        """Close it for good."""
        self._store.retire(_CLOSED)

    def rest(self) -> None:
        """Close it until it is used again."""
        self._store.close()

    def now(self) -> int:
        """Tell the time, in microseconds since 1970."""
        return self._store.clock.now()

    def record(self, kind: Kind, body: Document) -> Recorded:
        """Record a call. Raises: InvalidCall, LimitExceeded, Unavailable."""
        place = self.open()
        self._store.require_room()
        return _recorded(self._store.commit(_ingesting(kind, body, place)))

    async def record_soon(self, kind: Kind, body: Document) -> Recorded:
        """Record a call, from an event loop: whatever may wait does so in a thread. Raises: as `record`."""
        place = self._place
        if place is None:
            place = await anyio.to_thread.run_sync(self.open)
        await self._store.require_room_soon()
        return _recorded(await self._store.transact(_ingesting(kind, body, place)))


class Turnout(Calls[Recorded]):
    """A workspace, opened by this program. Events are live unless `namespace`, or a test key, says otherwise.

    `data`: the data directory; else that of `TURNOUT_DATA`, else the user's. The events are of a `source`, given by its
    name or by its `write_key`; of the first one, `Local`, where neither is given. Make one for the program and keep it:
    each has files and a thread of its own, and closes them when it is let go of.

    A call gives its `message_id`, its number `seq`, the `namespace` it is in (a rule of the workspace may have moved
    it), and whether it was there before: `repeated`, and `differs` where it said something else then.
    """

    def __init__(
        self, data: str | Path | None = None, *, source: str | None = None, write_key: str | None = None,
        namespace: str | None = None,
    ) -> None:  # fmt: skip
        """Open the workspace, made where there is none.

        Raises: Unavailable; NotFound, for an unknown source or key; InvalidInput.
        """
        self._door = Door(data, source, write_key, namespace)
        self._door.open()

    @override
    def __repr__(self) -> str:
        """Say where its events go."""
        return f"Turnout({self._door!r})"

    def __enter__(self) -> Self:
        """Use it in a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the workspace, for good. Nothing waits to be written, so a program may as well end without."""
        self._door.close()

    @override
    def _take(self, kind: Kind, **given: object) -> Recorded:
        return self._door.record(kind, plain(kind, given, self._door.now()))


Soon: TypeAlias = "Coroutine[object, object, Recorded]"


class AsyncTurnout(Calls[Soon]):
    """The same for an event loop, asyncio's or trio's: `await turnout.track(…)`; the loop is never held up.

    It opens the workspace when it is first used, or by `async with`. A call that is cancelled may have been recorded;
    with a `message_id` it can be made again.
    """

    def __init__(
        self, data: str | Path | None = None, *, source: str | None = None, write_key: str | None = None,
        namespace: str | None = None,
    ) -> None:  # fmt: skip
        """Remember which workspace, as `Turnout` does; it is opened later. Raises: InvalidInput."""
        self._door = Door(data, source, write_key, namespace)

    @override
    def __repr__(self) -> str:
        """Say where its events go."""
        return f"AsyncTurnout({self._door!r})"

    async def __aenter__(self) -> Self:
        """Open it. Raises: Unavailable; NotFound, for an unknown source or key; InvalidInput."""
        await anyio.to_thread.run_sync(self._door.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close the workspace, for good."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._door.close)

    @override
    async def _take(self, kind: Kind, **given: object) -> Recorded:
        return await self._door.record_soon(kind, plain(kind, given, self._door.now()))


def _let_go(store: Store) -> None:
    """Close what a program forgot to. The collector comes in any thread, within any lock: so not here."""
    if store.is_open and not sys.is_finalizing():
        with suppress(RuntimeError):  # no thread is to be had any more: the process ends, and that closes it
            start_new_thread(_close, (store,))


def _close(store: Store) -> None:
    with suppress(Unavailable), store.gate:  # what a fork in C left here is another process's to close
        fork.heed()
        store.close()


def _folder(data: object) -> Path | None:
    """Read which folder is meant; None where none was given. Raises: InvalidInput, for what is none."""
    if data is None:
        return None
    if not isinstance(data, str | os.PathLike):
        raise InvalidInput(f"`data` is of type {type(data).__name__}; give a directory, as a string or a Path.")
    if not data or "\0" in str(data):
        raise InvalidInput(
            "`data` is empty or has a zero byte; give a directory, or leave it out for TURNOUT_DATA's or your own."
        )
    if NO_FOLDER.fullmatch(str(data)):
        raise InvalidInput(
            "`data` is a write key or a URL, where a directory is expected: events go into one, and to no host. Give "
            "that of `turnout serve`, or leave it out for your own; a key goes into `write_key`."
        )
    return Path(data)


def _ingesting(kind: Kind, body: Document, place: Place) -> partial[Receipt]:
    return partial(_one, call=Call(document.encode(body), kind), place=place)


def _one(unit: Unit, call: Call, place: Place) -> Receipt:
    return ingest(unit, (call,), Caller(place.source, place.namespace, unit.now))


def _recorded(receipt: Receipt) -> Recorded:
    [entry] = receipt.entries
    if isinstance(entry, Refused):
        raise InvalidCall(entry.say, reason=entry.reason)
    return entry


def _place(view: View, source: str | None, write_key: str | None, namespace: Namespace | None) -> Place:
    """Find where events go. Raises: NotFound, InvalidInput."""
    if write_key is not None:
        return _of_key(view, write_key, namespace)
    found = view.workspace.source(FIRST if source is None else source)
    where = LIVE if namespace is None else namespace
    if where == LIVE and not found.write_key:
        raise InvalidInput(
            f"The source {found.name!r} has a test key only, so it takes no live events; say namespace='test', or make "
            "a source that has both: `turnout source create NAME`."
        )
    return Place(found.id, where)


def _of_key(view: View, write_key: str, namespace: Namespace | None) -> Place:
    sources = view.workspace.sources.values()
    for each in sources:
        if write_key == each.test_write_key:
            if namespace == LIVE:
                raise InvalidInput(
                    f"That is the test key of the source {each.name!r}, which marks events as test, and the namespace "
                    "`live` was given besides; give its live key, or leave the namespace out."
                )
            return Place(each.id, TEST if namespace is None else namespace)
        if write_key and write_key == each.write_key:
            return Place(each.id, LIVE if namespace is None else namespace)
    raise NotFound(_no_such_key(list(sources)))


def _no_such_key(sources: list[Source]) -> str:
    names = ", ".join(sorted(each.name for each in sources)[:20])
    return f"No source has this write key; there are {names}. `turnout source list` shows the keys of each."
