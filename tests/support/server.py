"""A server that is killed and comes back, and what lies in its store."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.driven import Serve, run
from turnout.clock import SystemClock
from turnout.entropy import SystemEntropy
from turnout.event import stored
from turnout.event.model import Stored
from turnout.store.session import NEWEST
from turnout.store.store import Store
from turnout.store.unit import View

PAGE = 1000
Document = dict[str, Any]


class Server:
    """`turnout serve` on one data directory, for as long as the block lasts."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._serve = Serve(data)
        self._keys: dict[str, str] = {}
        self._dying = threading.Lock()

    @property
    def url(self) -> str:
        return self._serve.url

    def __enter__(self) -> Self:
        self._serve.listens()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._serve.__exit__(kind, error, at)

    def die(self) -> None:
        """End it with SIGKILL and start another; its port is another, too. Who asks meanwhile ends the other."""
        with self._dying:
            self._serve.__exit__()
            self._serve = Serve(self.data).listens()

    def key(self, source: str) -> str:
        """Give the write key of a source, which is made where there is none."""
        if source not in self._keys:
            code, told = run(self.data, "source", "create", source)
            assert code == 0, told
            self._keys[source] = told["write_key"]
        return self._keys[source]

    def events(self, source: str, ids: Sequence[str]) -> list[Document]:
        """Read the events of a source that have these message ids, as destinations would get them, the oldest first."""
        store = Store(self.data, SystemClock(), SystemEntropy()).open()
        try:
            found = store.look(lambda view: [_document(each) for each in reversed(_of(view, source))])
        finally:
            store.close()
        wanted = set(ids)
        return [event for event in found if event["messageId"] in wanted]


def _of(view: View, source: str) -> list[Stored]:
    number, found, before = view.workspace.source(source).id, list[Stored](), NEWEST
    while block := view.log.back(before, PAGE):
        found += [each for each in block if each.source == number]
        before = block[-1].seq
    return found


def _document(event: Stored) -> Document:
    return stored.document(event.body, event.meta, received=event.received, kind=event.kind)
