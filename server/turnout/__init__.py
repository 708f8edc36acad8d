"""Turnout: a customer data platform that an agent can run.

The public names, no more. They are found when they are asked for: whoever imports one of our modules for its
first answer within a few milliseconds does not wait for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.inprocess import AsyncTurnout, Turnout

__all__ = ["AsyncTurnout", "Turnout"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from turnout.inprocess import AsyncTurnout, Turnout  # noqa: PLC0415 - see above

        return {"AsyncTurnout": AsyncTurnout, "Turnout": Turnout}[name]
    raise AttributeError(f"turnout has no {name!r}; it has {', '.join(__all__)}")
