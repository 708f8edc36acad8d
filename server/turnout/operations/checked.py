"""One thing that the doctor looked at, and how a look that fails is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from turnout.document import Document
from turnout.errors import TurnoutError

BACK = "Restore the newest backup: turnout restore FILE"
UNREAD = (
    *(ValueError, TypeError, LookupError, ArithmeticError, AssertionError, AttributeError),
    msgspec.MsgspecError,
)
"""How it shows that a row holds what no program wrote: a number out of its table, a text that does not parse."""
READ_IT = "Read what it says; nothing was changed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing. `do` says what to do about it, where it is not well."""

    name: str
    ok: bool
    detail: str
    do: str = ""

    def told(self) -> Document:
        """Give it as the answer has it: what is well needs nothing done."""
        told: Document = {"name": self.name, "ok": self.ok, "detail": self.detail}
        return told if self.ok else {**told, "do": self.do or READ_IT}


def well(name: str, detail: str) -> Check:
    """Say that something is well."""
    return Check(name, True, detail)


def ill(name: str, detail: str, do: str) -> Check:
    """Say that something is not well, and what to do."""
    return Check(name, False, detail, do)


def looked(name: str, look: Callable[[], Check]) -> Check:
    """Look at one thing; what cannot even be looked at is not well."""
    try:
        return look()
    except TurnoutError as error:
        return ill(name, error.message, str(error.attributes.get("fix") or ""))
    except OSError as error:
        return unread(name, error)
    except UNREAD as error:  # a database that was damaged or mixed with another's holds anything
        return ill(name, f"what stands there is nothing that Turnout writes ({type(error).__name__})", BACK)


def unread(name: str, error: OSError) -> Check:
    """Say what the system did not let us read."""
    where = error.filename or "the data directory"
    return ill(name, f"{where}: {error.strerror or error}", "Give this user the right to read it, or mend the disk")
