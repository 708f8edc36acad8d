"""Writes the files that MCP clients read, and their table in README.md, from the one table below: run it."""  # noqa: INP001

from __future__ import annotations

import base64
import json  # noqa: TID251 - a script that needs nothing installed
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
README = "README.md"
BEGIN, END = "<!-- table: written by generate.py -->\n", "<!-- end of table -->\n"

COMMAND, ARGUMENTS = "turnout", ["mcp"]
"""The console script; `uvx` once the package is on an index."""

PLAIN = {"command": COMMAND, "args": ARGUMENTS}
CURSOR_LINK = base64.b64encode(json.dumps(PLAIN).encode()).decode()


@dataclass(frozen=True, slots=True)
class Client:
    """A client: its name, its file here, where that goes, the same by hand, and what it holds."""

    name: str
    file: str
    goes: str
    by_hand: str
    holds: Mapping[str, object]


CLIENTS = (
    Client(
        "Claude Desktop", "claude-desktop/claude_desktop_config.json",
        "macOS `~/Library/Application Support/Claude/`, Windows `%APPDATA%\\Claude\\`, Linux `~/.config/Claude/`",
        "", {"mcpServers": {"turnout": PLAIN}},
    ),
    Client(
        "Claude Code", "claude-code/.mcp.json", "the project's folder",
        "`claude mcp add --scope project turnout -- turnout mcp`",
        {"mcpServers": {"turnout": {"type": "stdio", **PLAIN}}},
    ),
    Client(
        "VS Code", "vscode/mcp.json", "`.vscode/` of the project", "",
        {"servers": {"turnout": {"type": "stdio", **PLAIN}}},
    ),
    Client(
        "Cursor", "cursor/mcp.json", "`.cursor/` of the project, or `~/.cursor/`",
        f"`cursor://anysphere.cursor-deeplink/mcp/install?name=turnout&config={CURSOR_LINK}`",
        {"mcpServers": {"turnout": PLAIN}},
    ),
    Client(
        "Codex", "codex/config.toml", "`~/.codex/`, or `.codex/` of a trusted project",
        "`codex mcp add turnout -- turnout mcp`, then add `required = true`",
        {"mcp_servers": {"turnout": {**PLAIN, "required": True}}},
    ),
    Client(
        "Gemini CLI", "gemini/settings.json", "`.gemini/` of the project, or `~/.gemini/`", "",
        {"mcpServers": {"turnout": PLAIN}},
    ),
    Client(
        "Copilot CLI", "copilot/mcp-config.json", "anywhere: `copilot --additional-mcp-config @FILE`", "",
        {"mcpServers": {"turnout": {"type": "local", **PLAIN, "tools": ["*"]}}},
    ),
    Client(
        "opencode", "opencode/opencode.json", "the project's folder", "",
        {"mcp": {"turnout": {"type": "local", "command": [COMMAND, *ARGUMENTS], "enabled": True}}},
    ),
)  # fmt: skip


def files() -> dict[str, str]:
    """Give the text of every file, by its path from here."""
    return {client.file: written(client) for client in CLIENTS} | {README: readme()}


def written(client: Client) -> str:
    """Write the file of a client."""
    if client.file.endswith(".toml"):
        return "\n".join(toml(client.holds))
    return json.dumps(client.holds, indent=2) + "\n"


def toml(tables: Mapping[str, object], path: str = "") -> list[str]:
    """Write nested tables as lines; what JSON calls a string, a list of strings or true is the same in TOML."""
    lines: list[str] = []
    plain = {key: value for key, value in tables.items() if not isinstance(value, Mapping)}
    if plain:
        lines += [f"[{path}]", *(f"{key} = {json.dumps(value)}" for key, value in plain.items()), ""]
    for key, value in tables.items():
        if isinstance(value, Mapping):
            lines += toml(value, f"{path}.{key}" if path else key)
    return lines


def readme() -> str:
    """Put the table of today into the page as it is."""
    page = (HERE / README).read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def table() -> str:
    """Write a row for each client."""
    rows = [f"| {each.name} | [{each.file}]({each.file}) | {each.goes} | {each.by_hand} |" for each in CLIENTS]
    return "\n".join(["| client | file | goes into | or |", "| --- | --- | --- | --- |", *rows]) + "\n"


def main() -> None:
    """Write them all."""
    for name, text in files().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
