"""The MCP clients that people use: the file that each reads, where it is, and how it writes our entry.

Source: mcp.md 4.3; the places of users' files are those of the clients' own pages and issues (2026-11).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from turnout.config import environment
from turnout.document import Document, Json

NAME = "turnout"
Shape: TypeAlias = Callable[[Sequence[str]], Document]


@dataclass(frozen=True, slots=True)
class Home:
    """Where this user's files are: `env` and `platform` say what the client itself would look at."""

    folder: Path
    env: Mapping[str, str]
    platform: str

    def config(self) -> Path:
        """Give the folder in which programs with windows keep their configuration."""
        if self.platform == "darwin":
            return self.folder / "Library" / "Application Support"
        if self.platform == "win32":
            return Path(self.env.get("APPDATA") or self.folder / "AppData" / "Roaming")
        return self.dots()

    def dots(self) -> Path:
        """Give the folder of `XDG_CONFIG_HOME`."""
        return Path(self.env.get("XDG_CONFIG_HOME") or self.folder / ".config")

    def named(self, variable: str, otherwise: str) -> Path:
        """Give a folder that a variable may name."""
        return Path(self.env.get(variable) or self.folder / otherwise)


def home() -> Home:
    """Give those of whoever runs this."""
    env = environment()
    return Home(Path(env.get("HOME") or Path.home()), env, sys.platform)


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `under`: the key that its servers stand under; `after`: what to do for it to be heard.

    `unattended`: how to start it so that it may call what writes where nobody is there to be asked, if it asks at all.

    `user` gives the user's file, `project` the one of a project, from its folder; empty where it reads none there.
    """

    slug: str
    name: str
    under: str
    shape: Shape
    user: Callable[[Home], Path]
    project: str = ""
    after: str = "Restart it"
    unattended: str = ""

    def entry(self, words: Sequence[str]) -> Document:
        """Write what the client keeps of a server that these words start."""
        return self.shape(words)

    def file(self, home: Home, project: Path | None) -> Path | None:
        """Give the file: of a project, or the user's; None where the client reads none in a project."""
        if project is None:
            found = self.user(home)
        elif self.project:
            found = project / self.project
        else:
            return None
        commented = found.with_suffix(".jsonc")
        return commented if self.slug == "opencode" and commented.exists() else found


def _plain(words: Sequence[str], **more: Json) -> Document:
    first, *rest = words
    return {"command": first, "args": list(rest), **more}


def _stdio(words: Sequence[str]) -> Document:
    return {"type": "stdio", **_plain(words)}


CLIENTS = (
    Client(
        "claude-code", "Claude Code", "mcpServers", _stdio,
        lambda home: home.named("CLAUDE_CONFIG_DIR", ".") / ".claude.json",
        ".mcp.json", "Start a new session", "claude -p … --allowedTools mcp__turnout",
    ),
    Client(
        "claude-desktop", "Claude Desktop", "mcpServers", _plain,
        lambda home: home.config() / "Claude" / "claude_desktop_config.json",
    ),
    Client(
        "vscode", "VS Code", "servers", _stdio, lambda home: home.config() / "Code" / "User" / "mcp.json",
        ".vscode/mcp.json", "Start the server from its list of MCP servers",
    ),
    Client(
        "cursor", "Cursor", "mcpServers", _plain, lambda home: home.folder / ".cursor" / "mcp.json",
        ".cursor/mcp.json",
    ),
    Client(
        "codex", "Codex", "mcp_servers", lambda words: _plain(words, required=True),
        lambda home: home.named("CODEX_HOME", ".codex") / "config.toml",
        ".codex/config.toml", "Start a new session",
        """codex exec -c 'mcp_servers.turnout.default_tools_approval_mode="approve"' …""",
    ),
    Client(
        "gemini", "Gemini CLI", "mcpServers", _plain, lambda home: home.folder / ".gemini" / "settings.json",
        ".gemini/settings.json", "Start a new session",
    ),
    Client(
        "copilot", "Copilot CLI", "mcpServers",
        lambda words: {"type": "local", **_plain(words), "tools": ["*"]},
        lambda home: home.named("COPILOT_HOME", ".copilot") / "mcp-config.json", "", "Start a new session",
    ),
    Client(
        "opencode", "opencode", "mcp",
        lambda words: {"type": "local", "command": list(words), "enabled": True},
        lambda home: home.dots() / "opencode" / "opencode.json",
        "opencode.json", "Start a new session",
    ),
)  # fmt: skip
BY_SLUG = {client.slug: client for client in CLIENTS}


def command() -> tuple[str, ...]:
    """Give the command that starts this installation's server from anywhere."""
    script = Path(sys.executable).parent / "turnout"
    return (str(script), "mcp") if script.is_file() else (sys.executable, "-m", "turnout", "mcp")
