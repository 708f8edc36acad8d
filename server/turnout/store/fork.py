"""What a fork does to open stores: SQLite's state in memory survives it, and its locks do not.

So every store is drained and closed before it, lock files too, and both sides open what they use. Nobody opens or makes
one meanwhile: a lock that another thread held would be held for ever in the child, where that thread is not.

Who forks without Python's hooks (uWSGI does, in C) leaves the child an open store; there, nothing is stored, loudly.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

from turnout.errors import Unavailable


class Forked(Protocol):
    """What is closed before a fork. Whoever opens it holds the gate."""

    @property
    def gate(self) -> threading.RLock:
        """Give the lock under which it opens and closes."""
        ...

    @property
    def is_open(self) -> bool:
        """Tell whether it holds files and locks."""
        ...

    def close(self) -> None:
        """Close it; the next use opens it again."""
        ...


_making = threading.RLock()
_known: weakref.WeakSet[Forked] = weakref.WeakSet()
_held: list[Forked] = []
_process = os.getpid()
"""The one whose stores these are: it changes with each fork that was heard of."""


def know(store: Forked) -> None:
    """Close this one before every fork from now on."""
    with _making:
        _known.add(store)


def heed() -> None:
    """See that no open store was inherited. Raises: Unavailable."""
    global _process  # noqa: PLW0603 - one number for a process, as its stores are one set
    if os.getpid() != _process:
        if any(store.is_open for store in list(_known)):
            raise Unavailable(
                "this process was forked from one that had the workspace open, without Python's hooks, so SQLite's "
                "locks do not hold; nothing was stored. Open it after the fork (uWSGI: lazy-apps = true)"
            )
        _process = os.getpid()


def _before() -> None:
    global _process  # noqa: PLW0603 - as above
    _making.acquire()
    for store in list(_known):
        store.gate.acquire()
        _held.append(store)
    _process = 0  # from here on none can be opened
    for store in _held:
        store.close()


def _after() -> None:
    global _process  # noqa: PLW0603 - as above
    if _process:
        return  # nobody said before that this would come
    _process = os.getpid()
    while _held:
        _held.pop().gate.release()
    _making.release()


os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
