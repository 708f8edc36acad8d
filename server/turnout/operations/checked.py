"""One thing that the doctor looked at, and how a look that fails is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from turnout.document import Document
from turnout.errors import TurnoutError

NONSENSE = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
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
    except NONSENSE as error:
        said = f"what is stored makes no sense to this program ({type(error).__name__})"
        return ill(name, said, "Look at the disk; restore the newest backup: turnout restore FILE")
    except OSError as error:
        where = error.filename or "the data directory"
        return ill(name, f"{where}: {error.strerror or error}", "Give this user the right to read it, or mend the disk")
