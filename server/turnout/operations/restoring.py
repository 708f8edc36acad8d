"""Restoring a backup: checked, erased again, its doubts named, and only then put in the place of what is there.

1. Nothing of the workspace changes before the new one is whole; see `store.swap` for what happens from then on.
2. Who was erased or suppressed since the backup is so before anybody can read it or send from it.
3. What the backup still owed may have been sent since: it reads `maybe sent`, and leaves under the same ids.
4. Numbers of events go on where the backup ends. Nothing outside knows them: message ids are made of keys and times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from turnout import document, erasure
from turnout.clock import Clock, iso
from turnout.delivery import doubts, reigns
from turnout.delivery.eyes import Eyes
from turnout.document import Document
from turnout.entropy import Entropy
from turnout.errors import InvalidInput, NotFound, Unavailable
from turnout.guard import audit
from turnout.guard.principal import Principal, Scope, permit
from turnout.operations import kept, told
from turnout.operations.counted import counted
from turnout.operations.kept import Present
from turnout.store import backup, connect, erasures, swap, tail, vault
from turnout.store.backup import Contents, Tell
from turnout.store.erasures import Book
from turnout.store.locks import FileLock
from turnout.store.migrate import FILES
from turnout.store.store import Store
from turnout.store.unit import Unit, View
from turnout.store.vault import Vault
from turnout.upkeep import again, erase
from turnout.upkeep.checkpoint import Checkpointer
from turnout.upkeep.reign import Reign

NAME = "restore"
TURNS = 1_000
"""Turns in which no erasure comes on, before one is given up: nothing else runs that it could wait for."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Which backup, into which data directory; `kept` is where its `keys` and `erasures` are."""

    file: Path
    folder: Path
    kept: Path


@dataclass(frozen=True, slots=True)
class Planned:
    """What will be done. `present` is None where there is no database; `lost` is None where nothing tells."""

    request: Restore
    contents: Contents
    vault: Vault
    book: Book
    present: Present | None
    lost: int | None


@dataclass(frozen=True, slots=True)
class Means:
    """What a restore works with."""

    eyes: Eyes
    principal: Principal
    clock: Clock
    entropy: Entropy
    tell: Tell


@contextmanager
def alone(request: Restore) -> Iterator[None]:
    """Keep every other process out of a workspace; what was begun and not decided is cleared away at the end.

    Raises: NotFound where there is no backup; Unavailable, naming the processes that are in.
    """
    if not request.file.is_file():
        raise NotFound(f"there is no backup {request.file}")
    folder = request.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    connect.refuse_network(folder)
    lock = FileLock(folder / "open.lock")
    try:
        swap.alone(folder, lock)
        try:
            yield
        finally:
            swap.recover(folder)
    finally:
        lock.close()


def plan(request: Restore, means: Means) -> Planned:
    """Look at the backup and at what is there; `alone`. Raises: InvalidInput; Unavailable; Denied."""
    permit(means.principal, frozenset({Scope.ADMIN}))
    if request.file.resolve() == (request.folder / "turnout.db").resolve():
        raise InvalidInput("that is the database of this data directory itself; name a backup of it")
    contents = backup.look(request.file)
    if contents.schema > len(FILES):
        raise Unavailable(
            f"the backup has schema {contents.schema}, this program knows them up to {len(FILES)}; "
            "install the newer Turnout"
        )
    keys, book = kept.read(request.kept, request.folder)
    if contents.counter.keys != keys.check():
        raise InvalidInput(f"the file `keys` of {request.kept} does not belong to this backup; give --keys DIR")
    if book.since > contents.newest:
        raise InvalidInput(
            f"the file `erasures` of {request.kept} was begun at {iso(book.since)}, after this backup was taken, and "
            "does not know who was erased in between; give --keys DIR with the one that you kept"
        )
    present = kept.present(request.folder, keys, means.entropy, means.clock)
    known = max(tail.read(request.folder / "tail"), present.seq if present else 0)
    lost = max(0, known - contents.counter.seq) if known else None
    return Planned(request, contents, keys, book.merged(present.entries if present else ()), present, lost)


def show(planned: Planned) -> str:
    """Say what would be lost where a database is there; empty where there is none."""
    if planned.present is None:
        return ""
    gone = "" if not planned.lost else f" {counted(planned.lost, 'event')} recorded after it would be gone."
    return (
        f"The workspace in {planned.request.folder} would be replaced by the backup, whose last entry is of "
        f"{iso(planned.contents.newest)}, with {counted(planned.contents.events, 'event')}.{gone} The database that "
        "is there would be kept beside it."
    )


def apply(planned: Planned, means: Means) -> Document:
    """Restore; `alone`. Raises: InvalidInput for a damaged file; LimitExceeded; Unavailable."""
    request, tell = planned.request, means.tell
    backup.require_room(request.file, request.folder, 2)
    tell("Checking the backup …")
    backup.verify(request.file, tell)
    stage = swap.begin(request.folder)
    tell("Copying it …")
    vault.write(stage / "keys", planned.vault)
    erasures.write(stage / "erasures", planned.book)
    backup.copy(request.file, stage / "turnout.db", tell)
    done = _build(stage, planned, means)
    tell("Putting it in its place …")
    aside = swap.free_name(request.folder, means.clock.now())
    swap.commit(request.folder, aside, planned.contents.counter.seq)
    return _answer(planned, done, request.folder / aside if planned.present else None)


def _build(stage: Path, planned: Planned, means: Means) -> Document:
    """Make the copy what it must be before anybody opens it; give what was done to it."""
    store = Store(stage, means.clock, means.entropy).open()
    try:
        store.look(lambda view: _require_whole(view, planned.book))
        epoch = store.commit(partial(reigns.take_over, look=means.eyes.at))
        doubted = _doubt(store)
        there = partial(told.destinations, means.eyes)
        repeated = store.commit(partial(again.repeat, entries=planned.book.entries, destinations=there))
        means.tell(f"Erasing and suppressing again what {counted(repeated, 'request')} asked for since …")
        _erase(store, epoch)
        done: Document = {"lost": planned.lost, "deletions": repeated, "doubts": doubted}
        store.commit(partial(_audit, planned=planned, done=done, principal=means.principal))
    finally:
        store.close()
    assert not (stage / "turnout.db-wal").exists(), "the last close leaves no log"
    return done


def _require_whole(view: View, book: Book) -> None:
    """Refuse keys or erasures that cannot be those of this backup. Raises: Unavailable, InvalidInput."""
    view.entities.require_keys()
    known = {each.id for each in book.entries}
    older = [each for each in view.privacy.all() if each.id not in known and erasure.noted(erasure.read(each.steps))]
    if older:
        raise InvalidInput(
            f"the file `erasures` is older than the backup: it lacks {counted(len(older), 'request')} that the backup "
            "itself knows, and so whatever came after; give --keys DIR with the newest one that you kept"
        )


def _doubt(store: Store) -> int:
    found = store.commit(doubts.doubt_unread)
    page: tuple[int, int, int, int] | None = doubts.BEGIN
    while page is not None:
        n, page = store.commit(partial(doubts.doubt_owed, after=page))
        found += n
    return found


def _erase(store: Store, epoch: int) -> None:
    """Carry out all of ours of every erasure. Raises: Unavailable where one does not come on."""
    checkpointer = Checkpointer(store)
    reign = Reign(store, epoch)
    idle = 0
    try:
        while store.look(_has_begun):
            idle = 0 if erase.advance(reign, checkpointer.truncate) == 0.0 else idle + 1
            if idle > TURNS:
                raise Unavailable("an erasure could not be carried out on the backup; nothing was restored")
    finally:
        checkpointer.close()


def _has_begun(view: View) -> bool:
    """Tell whether something of ours is left to do; destinations are told once the workspace is in its place."""
    return any(erasure.next_step(erasure.read(each.steps)) for each in view.privacy.running())


def _audit(unit: Unit, planned: Planned, done: Document, principal: Principal) -> None:
    counter = planned.contents.counter
    arguments = document.digest([counter.workspace, counter.seq, counter.revision, planned.contents.newest])
    detail: Document = {"events": planned.contents.events, "last": planned.contents.last, **done}
    entry = audit.Entry(unit.now, principal.name, principal.client, NAME, arguments, "done", detail)
    unit.audit.append(audit.append(unit.audit.head(), entry))


def _answer(planned: Planned, done: Document, aside: Path | None) -> Document:
    contents = planned.contents
    said = [f"The workspace is restored as of {iso(contents.newest)}, with {counted(contents.events, 'event')}."]
    if planned.lost:
        said.append(f"{counted(planned.lost, 'event')} recorded after it are gone; senders may send them again.")
    if planned.present and planned.present.why:
        said.append("The database that was there could not be read; who was erased stands in the file `erasures`.")
    if aside:
        said.append(f"What was there is kept as {aside.name}; no erasure reaches it, so remove it when you can.")
    return {
        "summary": " ".join(said),
        "file": str(planned.request.file),
        "data": str(planned.request.folder),
        "workspace": contents.counter.workspace,
        "events": contents.events,
        "last": contents.last,
        "revision": contents.counter.revision,
        "newest": iso(contents.newest),
        **done,
        "set_aside": str(aside) if aside else None,
    }
