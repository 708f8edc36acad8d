"""One operator of the language: its name, what it takes, a sentence, two examples, and the code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from turnout.document import Json

Run: TypeAlias = "Callable[..., Json]"
HIDDEN = frozenset({"clock", "context"})
"""Parameters that the parser fills in and nobody writes."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A row of the table.

    `takes` names the parameters, the piped value first: `value length tail?`; `?` marks what may be left
    out, `*` what may be repeated. Examples read `expression => JSON`. `run` is not called when the value is
    null, unless `nulls`; it never raises on JSON. `patterns` numbers the arguments that are patterns.
    """

    name: str
    takes: str
    says: str
    examples: tuple[str, str]
    run: Run
    nulls: bool = False
    patterns: tuple[int, ...] = ()

    @property
    def least(self) -> int:
        """How many arguments it needs."""
        return sum(not name.endswith(("?", "*")) for name in self.takes.split())

    @property
    def most(self) -> int:
        """How many arguments it takes."""
        names = self.takes.split()
        return 100 if any(name.endswith("*") for name in names) else len(names)

    @property
    def shown(self) -> str:
        """The call as an author writes it."""
        names = [name for name in self.takes.split() if name not in HIDDEN]
        piped = names[:1] == ["value"]
        inside = " ".join(names[1:] if piped else names)
        call = f"{self.name}({inside})" if inside or not piped else self.name
        return f"value | {call}" if piped else call


def form(*_: Json) -> Json:
    """Stand for a form of the language: the parser makes a node of it, so that it is never called."""
    raise AssertionError("a form is not a function")
