"""The file sink: events as JSON lines, each batch synced before it counts as delivered.

1. A batch is one write at the end of the file, then `fdatasync`. What a failed or short write left is cut off.
2. A file whose last byte is no newline was torn by a crash: what follows the last newline was never
   confirmed, and it is cut off before the next batch.
3. Under a root only a bare name is taken. The last step of the path is never a symbolic link.
4. Files are for their owner alone, and so are the folders made for them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from turnout.clock import Clock, SystemClock
from turnout.document import Document, Json, encode
from turnout.errors import InvalidSettings
from turnout.event.model import Kind
from turnout.exchange import (
    Action,
    Answer,
    Append,
    Dedupe,
    Drop,
    Exchange,
    Fault,
    FaultKind,
    Grant,
    Item,
    Moment,
    Order,
    Outcome,
    Pace,
    Reply,
)
from turnout.folders import sync_names
from turnout.manifest.model import Setting, Status, Type
from turnout.outcome import judge
from turnout.sinks.paths import is_bare_name, refusal

FILE_MODE = 0o600
FOLDER_MODE = 0o700
MAX_ITEMS = 500
MAX_BYTES = 4_000_000
TAIL_BYTES = 64 * 1024

_OPEN = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_CALLS = frozenset(str(kind) for kind in Kind)


class _ForbiddenPathError(Exception):
    """The path leads where no file may be written."""


@dataclass(frozen=True, slots=True)
class FileSender:
    """Appends lines to files; it blocks, so a lane calls it in a thread."""

    clock: Clock = field(default_factory=SystemClock)

    def append(self, step: Append, root: Path | None) -> Reply:
        """Append the lines and sync them: 200, or why they do not stand there.

        `root` is the folder whose bare names alone may be written; None: any absolute path, for the command line.
        """
        began = self.clock.monotonic()
        reply: Reply
        try:
            _append(_place(step.path, root), b"".join(line + b"\n" for line in step.lines))
            reply = Answer(200, took_ms=self._since(began))
        except _ForbiddenPathError as error:
            reply = Fault(FaultKind.FORBIDDEN_PATH, str(error), self._since(began))
        except OSError as error:
            reply = Fault(FaultKind.DISK, _say(error), self._since(began))
        return reply

    def _since(self, began: float) -> int:
        return round((self.clock.monotonic() - began) * 1000)


def _say(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    return f"the file could not be written ({name})"


def _place(path: str, root: Path | None) -> Path:
    if root is not None:
        if not is_bare_name(path):
            raise _ForbiddenPathError("only a bare file name may be written here")
        return root / path
    if "\0" in path or not Path(path).is_absolute():
        raise _ForbiddenPathError("the path is not absolute")
    return Path(path)


def _append(path: Path, lines: bytes) -> None:
    _make_folders(path.parent)
    descriptor = _open(path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _ForbiddenPathError("the path is no regular file")
        # Two lanes, or a program of the user's, on one file: neither may cut what the other is writing.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = _mend(descriptor)
        if not end:
            sync_names(path)  # before the first line: who finds one finds a name that is on disk
        _write(descriptor, lines, end)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, _OPEN, FILE_MODE)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise _ForbiddenPathError("the path is no regular file") from error
        raise


def _make_folders(folder: Path) -> None:
    """Make what is missing, each folder for its owner alone: `mkdir(parents=True)` gives the mode to the last only."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(FOLDER_MODE, exist_ok=True)


def _mend(descriptor: int) -> int:
    """Cut off a torn last line and say where the file ends now."""
    size = end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - TAIL_BYTES)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
    return end


def _write(descriptor: int, lines: bytes, end: int) -> None:
    """Write all of it and sync, or take back what came of it."""
    whole = False
    try:
        whole = os.write(descriptor, lines) == len(lines)
        _sync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise
    if not whole:
        os.ftruncate(descriptor, end)
        raise OSError(errno.ENOSPC, "short write")


def _sync(descriptor: int) -> None:
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: its fsync stops at the drive's cache
    if full is None:
        os.fdatasync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


_PATH = Setting("path", Type.STRING, required=True, label="File", help="The file that each event becomes a line of")


@dataclass(frozen=True, slots=True)
class JsonLines:
    """The native destination `jsonl`: what the catalogue shows of it, and how it is bound."""

    slug: str = "jsonl"
    name: str = "JSON lines file"
    category: str = "Raw Data"
    aliases: tuple[str, ...] = ("file", "json-lines", "ndjson")
    docs: str = "https://jsonlines.org"
    status: Status = field(default_factory=lambda: Status(verified="2026-11-25", docs="https://jsonlines.org"))
    settings: Mapping[str, Setting] = field(default_factory=lambda: {_PATH.name: _PATH})

    def bind(self, settings: Mapping[str, Json]) -> JsonLinesTarget:
        """Fill the settings in. Raises: InvalidSettings."""
        path = settings.get(_PATH.name)
        if not isinstance(path, str) or not path.strip():
            raise InvalidSettings("The setting path is missing: name the file to write.", setting=_PATH.name)
        if why := refusal(path):
            raise InvalidSettings(
                f"The setting path cannot be used: {why}. Name the file to write.", setting=_PATH.name
            )
        return JsonLinesTarget(path)


@dataclass(frozen=True, slots=True)
class JsonLinesTarget:
    """A file that takes every call as it is, in the order of the log."""

    path: str
    actions: Mapping[str, Action] = field(
        default_factory=lambda: {"write": Action("write", Order.NONE, Dedupe.NONE, MAX_ITEMS, MAX_BYTES)}
    )
    profile: str = "api"
    pace: Pace = field(default_factory=lambda: Pace(concurrency=1))
    secrets: Mapping[str, str] = field(default_factory=dict)
    grant: Grant | None = None

    def select(self, kind: str, name: str) -> tuple[str, ...]:  # noqa: ARG002 - every name is for the file
        """Name the one action, for each of the six calls; a file deletes nobody."""
        return ("write",) if kind in _CALLS else ()

    def items(self, document: Document, actions: tuple[str, ...], now: int) -> tuple[Item | Drop, ...]:  # noqa: ARG002
        """Give the event as it is."""
        size = len(encode(document)) + 1
        return tuple(Item(action, 0, document, size, (), document) for action in actions)

    def exchange(self, action: str, items: tuple[Item, ...], moment: Moment) -> Exchange:  # noqa: ARG002
        """Append the batch; what became of the one write became of each item."""
        reply = yield Append(self.path, tuple(encode(item.value) for item in items))
        return (_judged(reply),) * len(items)

    def check(self, moment: Moment) -> Exchange:  # noqa: ARG002
        """Append nothing: the file is made, if it can be."""
        reply = yield Append(self.path, ())
        return (_judged(reply),)

    def setup(self, moment: Moment) -> None:
        """Do nothing: a file is made by its first line."""

    def learn(self, ids: Document) -> None:
        """Learn nothing: a file has no lists."""


def _judged(reply: Reply) -> Outcome:
    """Judge a write; a file answers with no status of HTTP."""
    return replace(judge(reply), status=0)


JSONL = JsonLines()
