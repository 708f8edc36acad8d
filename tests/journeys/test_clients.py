"""The files of manifests/clients are what their table says, and what they say to start is our server."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client, StdioServerParameters

from turnout.clients import change
from turnout.clients.known import CLIENTS as CLIENTS_KNOWN

CLIENTS = Path(__file__).parents[2] / "manifests" / "clients"
WHERE = {
    "claude-desktop/claude_desktop_config.json": "mcpServers",
    "claude-code/.mcp.json": "mcpServers",
    "vscode/mcp.json": "servers",
    "cursor/mcp.json": "mcpServers",
    "codex/config.toml": "mcp_servers",
    "gemini/settings.json": "mcpServers",
    "copilot/mcp-config.json": "mcpServers",
    "opencode/opencode.json": "mcp",
}
"""Under which key each client looks for its servers."""
PUBLISHED = {"registry/server.json", "mcpb/manifest.json"}
"""What directories and hosts read: tests/compat/test_published.py."""
REQUIRED = {
    "claude-code/.mcp.json": {"type": "stdio"},
    "vscode/mcp.json": {"type": "stdio"},
    "codex/config.toml": {"required": True},
    "copilot/mcp-config.json": {"type": "local", "tools": ["*"]},
    "opencode/opencode.json": {"type": "local", "enabled": True},
}
"""What a client wants to see beside the command."""


def read(name: str, text: str) -> dict[str, Any]:
    """Read a file as its client does."""
    held: dict[str, Any] = tomllib.loads(text) if name.endswith(".toml") else json.loads(text)
    return held


def entry(name: str) -> dict[str, Any]:
    """Give the one server that stands in a client's file."""
    held = read(name, (CLIENTS / name).read_text(encoding="utf-8"))
    assert list(held) == [WHERE[name]]
    assert list(held[WHERE[name]]) == ["turnout"]
    found: dict[str, Any] = held[WHERE[name]]["turnout"]
    return found


def command(name: str) -> list[str]:
    """Give the words by which a client starts us."""
    return words_of(entry(name))


def words_of(found: dict[str, Any]) -> list[str]:
    return found["command"] if isinstance(found["command"], list) else [found["command"], *found["args"]]


def test_the_files_are_what_the_table_says() -> None:
    files: Callable[[], dict[str, str]] = runpy.run_path(str(CLIENTS / "generate.py"))["files"]

    said = files()

    assert {name: (CLIENTS / name).read_text(encoding="utf-8") for name in said} == said
    assert set(said) == {*WHERE, *PUBLISHED, "README.md"}
    standing = {
        path.relative_to(CLIENTS).as_posix() for path in CLIENTS.glob("*/*") if path.suffix not in {".py", ".pyc"}
    }
    assert standing == {*WHERE, *PUBLISHED}


@pytest.mark.parametrize("name", WHERE)
def test_a_file_is_what_install_writes_where_there_is_none(name: str, tmp_path: Path) -> None:
    client = next(each for each in CLIENTS_KNOWN if name.startswith(f"{each.slug}/"))
    file = tmp_path / Path(name).name

    change.carry_out(change.plan(client, file, ["turnout", "mcp"]), "1")

    written, committed = file.read_text(), (CLIENTS / name).read_text()
    assert read(name, written) == read(name, committed)
    assert change.plan(client, CLIENTS / name, ["turnout", "mcp"]).is_none, "it would leave ours as it is"


@pytest.mark.parametrize("name", WHERE)
def test_a_file_has_what_its_client_wants(name: str) -> None:
    found = entry(name)

    assert {key: value for key, value in found.items() if key not in {"command", "args"}} == REQUIRED.get(name, {})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("name", WHERE)
async def test_what_a_file_starts_lists_its_tools(name: str, mode: Literal["auto", "legacy"], data_dir: Path) -> None:
    program, *words = command(name)
    assert program == "turnout"
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "turnout", *words], env={"TURNOUT_DATA": str(data_dir)}
    )

    async with Client(server, mode=mode) as client:
        era = client.protocol_version
        tools = (await client.list_tools()).tools

    assert (era == "2026-07-28") == (mode == "auto")
    assert {"track_event", "debug_event_delivery", "connect_destination"} <= {tool.name for tool in tools}


def installed(slug: str, home: Path, *more: str) -> list[str]:
    """Install for whoever has this home; give the words by which the client starts us then."""
    home.mkdir()
    words = [sys.executable, "-m", "turnout", "install", slug, "--yes", "--json", *more]
    done = subprocess.run(words, env={**os.environ, "HOME": str(home)}, cwd=home, capture_output=True, check=True)
    file = Path(json.loads(done.stdout)["file"])
    client = next(each for each in CLIENTS_KNOWN if each.slug == slug)
    return words_of(read(file.name, file.read_text())[client.under]["turnout"])


@pytest.mark.parametrize("slug", ["codex", "opencode"])
async def test_what_install_wrote_starts_this_installation_from_anywhere(
    slug: str, data_dir: Path, tmp_path: Path
) -> None:
    program, *words = installed(slug, tmp_path / "home", "--mode", "read", "--data", str(data_dir))

    server = StdioServerParameters(command=program, args=words, cwd="/", env={"HOME": str(tmp_path)})
    async with Client(server) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        told = await client.call_tool("list_destinations", {})

    assert Path(program).is_absolute()
    assert words[-2:] == ["--data", str(data_dir)]
    assert "find_events" in tools
    assert "track_event" not in tools
    assert not told.is_error
