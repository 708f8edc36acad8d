"""How this installation goes into a client's configuration."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from turnout.document import encode


def configuration(words: Sequence[str]) -> str:
    """Write the entry that Claude Desktop and others read."""
    first, *rest = (encode(word).decode() for word in words)
    entry = f'{{"command": {first}, "args": [{", ".join(rest)}]}}'
    return f'{{\n  "mcpServers": {{\n    "turnout": {entry}\n  }}\n}}'


def claude_code(words: Sequence[str]) -> str:
    """Write the line that adds it to Claude Code."""
    return f"claude mcp add --scope user turnout -- {shlex.join(words)}"


def desktop_file() -> str:
    """Say where Claude Desktop keeps its configuration."""
    folder = "~/Library/Application Support/Claude" if sys.platform == "darwin" else "~/.config/Claude"
    return f"{folder}/claude_desktop_config.json"
