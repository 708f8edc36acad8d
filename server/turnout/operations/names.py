"""Names that a caller gives to sources and destinations: short, visible, and each one's own."""

from __future__ import annotations

from collections.abc import Iterable

from turnout.errors import Conflict, InvalidInput
from turnout.guard.masking import untrusted
from turnout.store.unit import View

LONGEST = 64


def fit(what: str, text: str) -> str:
    """Bring a name into its form, white space as single spaces. Raises: InvalidInput."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST:
        raise InvalidInput(f"The name of a {what} has 1 to {LONGEST} characters; this one has {len(name)}.")
    if untrusted(name) != name:
        raise InvalidInput(f"The name of a {what} holds characters that cannot be seen; leave them out.")
    if name.isdecimal():
        raise InvalidInput(f"The name of a {what} cannot be a number alone: it would look like an id.")
    return name


def of_run(number: int) -> str:
    """Name a replay, as every answer does.

    >>> of_run(6)
    'run_6'
    """
    return f"run_{number}"


def of_rule(number: int) -> str:
    """Name a rule of the workspace, as every answer does.

    >>> of_rule(6)
    'rule_6'
    """
    return f"rule_{number}"


def source_name(view: View, source: int) -> str:
    """Name a source; 0 stands for calls whose write key is of none."""
    known = view.workspace.sources.get(source)
    return known.name if known else f"source {source}" if source else "none"


def unused(what: str, name: str, taken: Iterable[str]) -> str:
    """Let a name pass that nobody has, whatever its case. Raises: Conflict."""
    if name.casefold() in {each.casefold() for each in taken}:
        raise Conflict(f"There is a {what} of the name {name!r} already; choose another name.")
    return name


def free(name: str, taken: Iterable[str]) -> str:
    """Give the name, or with the first number from 2 that makes it one's own.

    >>> free("Webhook", ["webhook", "Webhook 2"])
    'Webhook 3'
    """
    gone = {each.casefold() for each in taken}
    found, number = name, 1
    while found.casefold() in gone:
        number += 1
        found = f"{name[: LONGEST - 5]} {number}"
    return found
