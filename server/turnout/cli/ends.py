"""The ends of the command line: standard streams that are closed, and readers that went away."""

from __future__ import annotations

import errno
import os
import sys

_READS, _WRITES = os.O_RDONLY, os.O_WRONLY
_STREAMS = ((0, "stdin", _READS), (1, "stdout", _WRITES), (2, "stderr", _WRITES))


def open_closed() -> None:
    """Put the null device where a standard stream is closed: else the database would get its number, and our words."""
    for number, name, flags in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if flags == _READS else "w", closefd=False))


def is_unread(error: BaseException) -> bool:
    """Tell whether a run ended because nobody reads what it says, alone or out of a task group."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_unread(each) for each in error.exceptions)
    if isinstance(error, SystemExit):  # what rich makes of it
        return isinstance(error.__context__, BrokenPipeError)
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def say_no_more() -> None:
    """Let what is still said go nowhere, what waits in a buffer included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
