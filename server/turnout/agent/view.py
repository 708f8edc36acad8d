"""Interactive views of answers (MCP Apps): one self-contained page each, that a host shows in a sandboxed frame."""

from __future__ import annotations

from importlib.resources import files

JOURNEY_URI = "ui://turnout/journey.html"
MIME = "text/html;profile=mcp-app"


def journey() -> str:
    """Read the page that draws an answer of `debug_event_delivery`."""
    return files("turnout.agent").joinpath("views", "journey.html").read_text(encoding="utf-8")
