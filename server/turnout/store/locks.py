"""Locks between processes, all `flock`: the kernel releases a dead process's, so no clock is needed.

A writer takes `next.lock`, then `write.lock`, and releases `next.lock`: a queue of one before the door, so
that a saturated writer cannot starve a small one (SQLite's own busy handler polls, and does).
"""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

AGAIN_S = 0.005
"""How often a lock that is waited for with patience is tried."""

_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """One lock file. Not for two threads at once: each lock belongs to one thread of one owner."""

    def __init__(self, path: Path) -> None:
        """Open the file, 0600; take nothing."""
        self.path = path
        self._file = _opened(path)
        _locks.add(self)

    def acquire(self) -> None:
        """Wait until it is ours alone, and write our process number into it."""
        self.stand()
        self._sign()

    def stand(self) -> None:
        """Wait until it is ours alone, for a moment: whose it is nobody asks."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def try_acquire(self) -> bool:
        """Take it alone if it is free."""
        if not self._attempt(fcntl.LOCK_EX):
            return False
        self._sign()
        return True

    def share(self) -> None:
        """Wait until nobody holds it alone, and hold it together with others."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def try_share(self) -> bool:
        """Hold it together with others unless somebody has it alone."""
        return self._attempt(fcntl.LOCK_SH)

    def release(self) -> None:
        """Let go."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def holder(self) -> int:
        """Give the number of the process that took it last; 0 when none ever did."""
        text = os.pread(self._file, 20, 0).split(b"\0", 1)[0].strip()
        return int(text) if text.isdigit() else 0

    def sharers(self) -> str:
        """Name, for a person, the other processes that have the file open: `processes 12 and 14 have`.

        Linux alone tells, and of another user's processes nothing.
        """
        pids = _others(self.path)
        if not pids:
            return "other processes have"
        *most, last = map(str, pids)
        return f"processes {', '.join(most)} and {last} have" if most else f"process {last} has"

    def close(self) -> None:
        """Let go and close."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _attempt(self, how: int) -> bool:
        """Try it; a file that was taken away keeps nobody out, so the one that stands at its path counts."""
        while True:
            try:
                fcntl.flock(self._file, how | fcntl.LOCK_NB)
                if self._stands():
                    return True
                file = _opened(self.path)
            except BlockingIOError:
                return False
            except FileNotFoundError:  # its folder is gone, too
                self.release()
                return False
            os.close(self._file)
            self._file = file

    def _stands(self) -> bool:
        return os.fstat(self._file).st_nlink > 0

    def _sign(self) -> None:
        name = b"%-20d" % os.getpid()
        try:  # on every commit; to read costs a third of writing
            if os.pread(self._file, len(name), 0) != name:
                os.pwrite(self._file, name, 0)
        except OSError:  # the lock is ours, whatever a full or failing disk makes of our name
            pass


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def is_free(path: Path) -> bool:
    """Tell whether nobody holds this lock alone."""
    lock = FileLock(path)
    try:
        return lock.try_share()
    finally:
        lock.close()


class Turnstile:
    """Who may write now: one process at a time, in the order of arrival."""

    def __init__(self, folder: Path) -> None:
        """Open both lock files."""
        self._next = FileLock(folder / "next.lock")
        self._write = FileLock(folder / "write.lock")

    def enter(self) -> None:
        """Wait for our turn; the others wait until we `leave`."""
        self._next.stand()
        try:
            self._write.acquire()
        finally:
            self._next.release()

    def enter_within(self, patience_s: float) -> bool:
        """Wait for our turn at most so long, by asking again and again: for the one entry of opening."""
        until = time.monotonic() + patience_s
        if not _within(until, self._next.try_acquire):
            return False
        try:
            return _within(until, self._write.try_acquire)
        finally:
            self._next.release()

    def leave(self) -> None:
        """Let the next one pass."""
        self._write.release()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Wait for our turn, and keep the others out until the end of the block."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def holder(self) -> int:
        """Give the process that writes, or wrote last."""
        return self._write.holder()

    def close(self) -> None:
        """Close both files."""
        self._next.close()
        self._write.close()


def _within(until: float, attempt: Callable[[], bool]) -> bool:
    """Attempt it until it succeeds or the time, in monotonic seconds, is over."""
    while not attempt():
        if time.monotonic() >= until:
            return False
        time.sleep(AGAIN_S)
    return True


def is_alive(pid: int) -> bool:
    """Tell whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _others(path: Path) -> tuple[int, ...]:
    """Give the other processes that have a file open, by their descriptors."""
    wanted = path.stat()
    return tuple(
        sorted(
            int(process.name)
            for process in Path("/proc").glob("[0-9]*")
            if int(process.name) != os.getpid() and _has_open(process, wanted)
        )
    )


def _has_open(process: Path, wanted: os.stat_result) -> bool:
    try:
        return any(os.path.samestat(each.stat(), wanted) for each in (process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or is another user's
        return False


def _after_fork_in_child() -> None:
    """Close what the parent holds: its locks would live as long as the child does."""
    for lock in list(_locks):
        lock.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
