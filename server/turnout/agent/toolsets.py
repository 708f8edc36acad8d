"""Groups of tools to start a server with.

Every tool of today is in `core`, because all together fit its budget; what comes later (plans, audiences)
gets groups of its own.
"""

from __future__ import annotations

from enum import StrEnum

from turnout.errors import InvalidInput


class Toolset(StrEnum):
    """A group of tools; `core` is what a server has unless told."""

    CORE = "core"


USUAL_TOOLSETS = frozenset({Toolset.CORE})
_ALL = "all"


def toolsets(text: str) -> frozenset[Toolset]:
    """Read `--toolsets`: names with commas between them, or `all`. Raises: InvalidInput.

    >>> sorted(toolsets("core"))
    [<Toolset.CORE: 'core'>]
    """
    names = {name.strip() for name in text.split(",")} - {""}
    if _ALL in names:
        return frozenset(Toolset)
    if not names or not names <= set(Toolset):
        unknown = ", ".join(sorted(repr(name) for name in names - set(Toolset))) or "''"
        raise InvalidInput(f"No toolset is called {unknown}; there are {', '.join(Toolset)}, and {_ALL}.")
    return frozenset(Toolset(name) for name in names)
