"""Interactive views of answers (MCP Apps): one self-contained page each, that a host shows in a sandboxed frame."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from turnout.document import Json

JOURNEY_URI = "ui://turnout/journey.html"
MIME = "text/html;profile=mcp-app"
META: Mapping[str, Json] = {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}}
"""A page loads nothing from anywhere, and looks best within a border."""


def journey() -> str:
    """Read the page that draws an answer of `debug_event_delivery`."""
    return files("turnout.agent").joinpath("views", "journey.html").read_text(encoding="utf-8")


def shown_by(uri: str) -> dict[str, Json]:
    """Write, for a tool, which page shows its answers; hosts of before read the second key."""
    return {"ui": {"resourceUri": uri, "visibility": ["model", "app"]}, "ui/resourceUri": uri}
