"""Backups and restores by hand: the same calls as the commands make, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.workspace import PERSON, StillClock
from turnout.binder import Binder
from turnout.delivery.eyes import Eyes
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.guard.principal import Principal
from turnout.manifest.catalogue import Catalogue
from turnout.operations import backups, restoring
from turnout.operations.restoring import Means, Restore
from turnout.sinks.files import JSONL
from turnout.store.store import Store


def unheard(words: str) -> None:
    assert words


def take(store: Store, file: Path, *, replace: bool = False) -> Document:
    return backups.take(store, file, unheard, replace=replace)


def restore(
    file: Path, folder: Path, kept: Path | None = None, *, principal: Principal = PERSON,
    tell: Callable[[str], None] = unheard, clock: StillClock | None = None,
) -> Document:  # fmt: skip
    """Restore as the command does, having been told yes."""
    eyes = Eyes(Binder(Catalogue((JSONL,))), 10)
    means = Means(eyes, principal, clock or StillClock(), SystemEntropy(), tell)
    request = Restore(file, folder, kept or folder)
    with restoring.alone(request):
        planned = restoring.plan(request, means)
        return restoring.apply(planned, means)
