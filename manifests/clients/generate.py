"""Writes the files that MCP clients read, their table in README.md, and what is published: run it.

From `turnout.clients.known`, the options of `turnout mcp`, and pyproject.toml.
"""  # noqa: INP001

from __future__ import annotations

import base64
import json  # noqa: TID251 - indented as people write it
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from turnout.cli.mcp import mcp
from turnout.clients.known import BY_SLUG, CLIENTS, NAME
from turnout.config import LEVELS, Settings

HERE = Path(__file__).parent
PROJECT: dict[str, Any] = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
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


TITLE = "Turnout"
IN_SHORT = "Customer data platform an agent can run: track, identify, deliver, debug, delete."
"""What both directories show; the registry takes 100 characters."""
FORMS = {"data": "filepath"}
"""How a value is asked for, where not as text."""
PLAIN = Settings(Path())
VARIABLES: tuple[dict[str, Any], ...] = (
    {"name": "TURNOUT_DATA", "description": "The data directory, if --data names none.", "format": "filepath"},
    {
        "name": "TURNOUT_ALLOW_ADDRESSES",
        "description": "Private networks that destinations may be in, with commas.",
        "placeholder": "10.0.0.0/8",
    },
    {
        "name": "TURNOUT_RETENTION_DAYS",
        "description": "How many days events are kept.",
        "format": "number",
        "default": str(PLAIN.retention_days),
    },
    {
        "name": "TURNOUT_LOG",
        "description": "From which level on standard error is written to.",
        "choices": list(LEVELS),
        "default": PLAIN.log,
    },
)
"""The settings that matter to an agent's own server; `turnout.toml` in the data directory has all."""


def files() -> dict[str, str]:
    """Give the text of every file, by its path from here."""
    published = {"registry/server.json": server(), "mcpb/manifest.json": bundle()}
    return (
        {page.file: written(slug) for slug, page in PAGES.items()}
        | {name: json.dumps(holds, indent=2) + "\n" for name, holds in published.items()}
        | {README: readme()}
    )


def server() -> dict[str, Any]:
    """Write the entry of the MCP registry: schema 2025-12-11, and what the registry itself wants besides.

    Two flags of ours, --live and --people, have no form there: whoever wants them puts them in by hand.
    """
    package = {
        "registryType": "pypi", "identifier": PROJECT["name"], "version": PROJECT["version"], "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "packageArguments": [{"type": "positional", "value": "mcp"}, *map(argument, valued())],
        "environmentVariables": list(VARIABLES),
    }  # fmt: skip
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": registry_name(), "title": TITLE, "description": IN_SHORT, "version": PROJECT["version"],
        **({"repository": {"url": url, "source": "github"}} if (url := repository()) else {}),
        "packages": [package],
    }  # fmt: skip


def repository() -> str:
    """Give the address of the sources, if pyproject.toml names one."""
    return str(PROJECT.get("urls", {}).get("Repository", ""))


def registry_name() -> str:
    """Give our name in the registry: of a namespace that its publisher proves to own."""
    owner = repository().rpartition("/")[0].rpartition("/")[2]
    return f"io.github.{owner}/{NAME}" if owner else f"dev.turnout/{NAME}"


def valued() -> list[click.Option]:
    """List the options of `turnout mcp` that take a value."""
    return [each for each in mcp.params if isinstance(each, click.Option) and not each.is_flag]


def argument(option: click.Option) -> dict[str, Any]:
    """Describe an option of `turnout mcp`."""
    choices = list(option.type.choices) if isinstance(option.type, click.Choice) else []
    return {
        "type": "named", "name": option.opts[0], "description": option.help,
        **({"default": option.default} if isinstance(option.default, str) else {}),
        **({"choices": choices} if choices else {}),
        **({"format": FORMS[str(option.name)]} if option.name in FORMS else {}),
    }  # fmt: skip


def bundle() -> dict[str, Any]:
    """Write the manifest of the MCPB bundle, 0.4: the host runs it with uv, which brings what it depends on."""
    return {
        "manifest_version": "0.4", "name": NAME, "display_name": TITLE, "version": PROJECT["version"],
        "description": IN_SHORT, "long_description": PROJECT["description"],
        "author": {"name": "Turnout contributors"},
        **({"repository": {"type": "git", "url": url}} if (url := repository()) else {}),
        "server": {
            "type": "uv", "entry_point": "server/main.py",
            "mcp_config": {
                "command": "uv",
                "args": [
                    "run", "--directory", "${__dirname}", "server/main.py", "--mode", "${user_config.mode}",
                ],
                "env": {"TURNOUT_DATA": "${user_config.data}"},
            },
        },
        "tools_generated": True, "prompts_generated": True, "keywords": PROJECT["keywords"],
        "license": PROJECT["license"],
        "compatibility": {
            "platforms": ["darwin", "linux"], "runtimes": {"python": PROJECT["requires-python"]},
        },
        "user_config": {
            "data": {
                "type": "directory", "title": "Data directory", "required": False,
                "description": "Where events are kept; your own folder for Turnout, if it is left empty.",
            },
            "mode": {
                "type": "string", "title": "Mode", "default": "write", "required": False,
                "description": "write: read, configure and send test events. read: only read.",
            },
        },
    }  # fmt: skip


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
