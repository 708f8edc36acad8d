"""Opening a workspace: the store, with its first source; what every program that uses one does first."""

from __future__ import annotations

from turnout import telemetry
from turnout.clock import SystemClock
from turnout.config import Settings
from turnout.entropy import SystemEntropy
from turnout.operations.sources import ensure_first
from turnout.store.store import Store


def open_store(settings: Settings, *, accept_loss: bool = False) -> Store:
    """Open the workspace, and say so where acknowledged events are missing. Raises: Unavailable, with what to do."""
    store = begin(Store(settings.data, SystemClock(), SystemEntropy(), accept_loss=accept_loss))
    if store.missing:
        telemetry.emit("lossy", missing=store.missing)
    return store


def begin(store: Store) -> Store:
    """Open it, and see that there is a first source. Raises: Unavailable, with what to do."""
    if store.open().look(lambda view: view.counter.revision) == 0:
        store.commit(ensure_first)
    return store
