"""Which Turnout this is; a module of its own, because reading an installation's metadata takes 30 ms."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def number() -> str:
    """Give the version; 0 for a source tree that is not installed."""
    try:
        return version("turnout")
    except PackageNotFoundError:
        return "0"
