"""What others judge MCP servers by: the protocol's conformance suite, and the Inspector's command line.

The suite calls tools, resources and prompts by names of its own. `support/everything.py` has them, in a catalogue
behind the door of `turnout serve`; the Inspector asks the program as it is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.node import AGENTS, NODE, packages
from support.program import TURNOUT, Program
from turnout.agent.catalogue import TOOLS
from turnout.agent.prompts import PROMPTS

pytestmark = pytest.mark.timeout(600)  # the first one may have to install the packages

LIMIT_S = 120
SCOPES = "read,track,operate,configure,privacy"


def script(package: str, name: str) -> Path:
    """Find a command of a package."""
    folder = packages(AGENTS) / "node_modules" / "@modelcontextprotocol" / package
    said = json.loads((folder / "package.json").read_bytes())["bin"]
    return folder / str(said if isinstance(said, str) else said[name])


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a door with everything behind it."""
    data = tmp_path_factory.mktemp("everything") / "data"
    command = (sys.executable, "-W", "ignore", "-m", "support.conforming", data)
    path = os.pathsep.join(str(Path(__file__).parents[2] / each) for each in ("server", "tests"))
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"listens on (http://\S+);", line)
            assert found, line + process.stderr.read()
            yield f"{found[1]}/mcp"
        finally:
            process.kill()


def judged(address: str, revision: str, folder: Path) -> tuple[int, str, set[str]]:
    """Run what a revision requires; give the exit code, what was said, and which scenarios passed."""
    words = (NODE, script("conformance", "conformance"), "server", "--url", address, "--requirements", revision)
    done = subprocess.run(
        (*words, "--output-dir", folder), capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    return done.returncode, done.stdout[-8000:] + done.stderr, set(re.findall(r"^✓ (\S+):", done.stdout, re.MULTILINE))


def required(revision: str) -> set[str]:
    """List what a revision requires of a server, as the suite's own file does."""
    file = packages(AGENTS) / "node_modules/@modelcontextprotocol/conformance/requirements" / f"{revision}.yaml"
    return set(
        re.findall(r"^  - (\S+)$", file.read_text().partition("\nserver:")[2].partition("\nclient:")[0], re.MULTILINE)
    )


@pytest.mark.parametrize(("revision", "scenarios"), [("2025-11-25", 30), ("2026-07-28", 37)])
def test_every_required_scenario_passes(revision: str, scenarios: int, everything: str, tmp_path: Path) -> None:
    code, said, passed = judged(everything, revision, tmp_path)

    assert code == 0, said
    assert len(required(revision)) == scenarios
    assert required(revision) - passed == set(), said


def inspected(*words: str, data: Path, code: int = 0) -> Any:
    """Ask with the Inspector; give the JSON that it tells."""
    command = (str(NODE), str(script("inspector", "inspector")), "--cli", *words, "--format", "json", "-q")
    environment = {**os.environ, "TURNOUT_DATA": str(data)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout + done.stderr


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_and_calls_what_a_client_starts(era: str, data_dir: Path) -> None:
    mcp = (*TURNOUT, "mcp", "--protocol-era", era, "--method")

    listed = inspected(*mcp, "tools/list", "--strict", data=data_dir)
    prompts = inspected(*mcp, "prompts/list", data=data_dir)
    arguments = ("--tool-name", "track_event", "--tool-args-json", '{"event": "A", "user_id": "u"}')
    sent = inspected(*mcp, "tools/call", *arguments, data=data_dir)

    assert [each["name"] for each in listed["result"]["tools"]] == [tool.name for tool in TOOLS]
    assert [each["name"] for each in prompts["result"]["prompts"]] == [prompt.name for prompt in PROMPTS]
    uri = f"turnout://event/{sent['result']['structuredContent']['message_id']}"
    read = inspected(*mcp, "resources/read", "--uri", uri, data=data_dir)
    assert json.loads(read["result"]["contents"][0]["text"])["event"]["event"] == "A"


def test_the_inspector_asks_a_server_with_a_token(data_dir: Path, tmp_path: Path) -> None:
    program = Program(data_dir)
    token = program.tell("token", "create", "--scopes", SCOPES)["token"]

    with program.served(tmp_path / "log") as server:
        door = (
            f"{server.address}/mcp",
            "--transport",
            "http",
            "--header",
            f"Authorization: Bearer {token}",
            "--method",
        )
        listed = inspected(*door, "tools/list", "--strict", data=data_dir)
        arguments = ("--tool-name", "list_destinations", "--tool-arg", "limit=5")
        told = inspected(*door, "tools/call", *arguments, data=data_dir)
        inspected(*door, "tools/call", "--tool-name", "get_deletion", data=data_dir, code=5)

    assert len(listed["result"]["tools"]) == len(TOOLS)
    assert told["result"]["structuredContent"]["destinations"] == []
