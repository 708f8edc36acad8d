"""Turnout: a customer data platform that an agent can run.

The public names, no more. They are found when they are asked for: whoever imports one of our modules for its
first answer within a few milliseconds does not wait for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.inprocess import Turnout

__all__ = ["Turnout"]


def __getattr__(name: str) -> object:
    if name == "Turnout":
        from turnout.inprocess import Turnout  # noqa: PLC0415 - see above

        return Turnout
    raise AttributeError(f"turnout has no {name!r}; it has {', '.join(__all__)}")
