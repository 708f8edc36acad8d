"""The statements of one function that is being written, and which variables hold what already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain


class Statements:
    """Lines by block. What is hoisted stands at the head of the function, or of the loop that binds its root.

    `known` is what stands in a variable wherever the present line runs, block by block; `spare` are the variables that
    nobody else reads.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.head: list[str] = []
        self.heads = dict.fromkeys(("e", "s", "it"), (self.head, 1))
        self.lines: list[list[str]] = [self.head]
        self.hoisted: dict[tuple[str, ...], str] = {}
        self.depth = 1
        self.count = 0
        self.known: list[dict[tuple[str, ...], str]] = [{}]
        self.spare: set[str] = set()

    def say(self, line: str) -> None:
        """Write a statement."""
        self.lines.append(["    " * self.depth + line])

    def written(self) -> Iterator[str]:
        """Give all statements, what was hoisted in its place."""
        return chain.from_iterable(self.lines)

    def fresh(self) -> str:
        """Make a variable."""
        self.count += 1
        return f"v{self.count}"

    def hold(self, source: str) -> str:
        """Put a value into a variable of its own."""
        name = self.fresh()
        self.say(f"{name} = {source}")
        self.spare.add(name)
        return name

    def own(self, name: str) -> str:
        """Give a variable that may be written: this one, where nobody else reads it."""
        if name in self.spare:
            self.spare.discard(name)
            return name
        return self.hold(name)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Write one level in: what is found out there is not known behind it."""
        self.depth += 1
        self.known.append({})
        yield
        self.known.pop()
        self.depth -= 1

    def once(self, key: tuple[str, ...], make: Callable[[], str]) -> str:
        """Make a value, unless it is known here."""
        for block in self.known:
            if key in block:
                return block[key]
        name = make()
        self.spare.discard(name)
        self.known[-1][key] = name
        return name
