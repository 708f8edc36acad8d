"""Writes the files that MCP clients read, and their table in README.md, from `turnout.clients.known`: run it."""  # noqa: INP001

from __future__ import annotations

import base64
import json  # noqa: TID251 - indented as people write it
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.clients.known import BY_SLUG, CLIENTS, NAME

HERE = Path(__file__).parent
README = "README.md"
BEGIN, END = "<!-- table: written by generate.py -->\n", "<!-- end of table -->\n"

WORDS = ["turnout", "mcp"]
"""The console script; `uvx` once the package is on an index."""

CURSOR_LINK = base64.b64encode(json.dumps(BY_SLUG["cursor"].entry(WORDS)).encode()).decode()


@dataclass(frozen=True, slots=True)
class Page:
    """What a person reads of a client: its file here, where that goes, and the same by hand."""

    file: str
    goes: str
    by_hand: str = ""


PAGES = {
    "claude-desktop": Page(
        "claude-desktop/claude_desktop_config.json",
        "macOS `~/Library/Application Support/Claude/`, Windows `%APPDATA%\\Claude\\`, Linux `~/.config/Claude/`",
    ),
    "claude-code": Page(
        "claude-code/.mcp.json", "the project's folder", "`claude mcp add --scope project turnout -- turnout mcp`"
    ),
    "vscode": Page("vscode/mcp.json", "`.vscode/` of the project"),
    "cursor": Page(
        "cursor/mcp.json", "`.cursor/` of the project, or `~/.cursor/`",
        f"`cursor://anysphere.cursor-deeplink/mcp/install?name=turnout&config={CURSOR_LINK}`",
    ),
    "codex": Page(
        "codex/config.toml", "`~/.codex/`, or `.codex/` of a trusted project",
        "`codex mcp add turnout -- turnout mcp`, then add `required = true`",
    ),
    "gemini": Page("gemini/settings.json", "`.gemini/` of the project, or `~/.gemini/`"),
    "copilot": Page("copilot/mcp-config.json", "`~/.copilot/`, or anywhere: `copilot --additional-mcp-config @FILE`"),
    "opencode": Page("opencode/opencode.json", "the project's folder, or `~/.config/opencode/`"),
}  # fmt: skip


def files() -> dict[str, str]:
    """Give the text of every file, by its path from here."""
    return {page.file: written(slug) for slug, page in PAGES.items()} | {README: readme()}


def written(slug: str) -> str:
    """Write the file of a client."""
    client = BY_SLUG[slug]
    holds = {client.under: {NAME: client.entry(WORDS)}}
    if PAGES[slug].file.endswith(".toml"):
        return "\n".join(toml(holds))
    return json.dumps(holds, indent=2) + "\n"


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
    rows = []
    for client in CLIENTS:
        page = PAGES[client.slug]
        by_hand = f" {page.by_hand} |" if page.by_hand else " |"
        rows.append(
            f"| {client.name} | `turnout install {client.slug}` | [{page.file}]({page.file}) | {page.goes} |{by_hand}"
        )
    head = ["| client | by itself | file | goes into | or |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows]) + "\n"


def main() -> None:
    """Write them all."""
    for name, text in files().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
