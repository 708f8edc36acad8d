"""What is published of us: the registry's entry, and the bundle, judged and unpacked by its vendor's own tool."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import uv
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from support.node import AGENTS, NODE, packages
from support.source import ROOT
from turnout.agent.catalogue import TOOLS
from turnout.agent.short import VERSION
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.config import READERS

CLIENTS = ROOT / "manifests" / "clients"
LIMIT_S = 60
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOTHING_MORE = ConfigDict(extra="forbid", strict=True)


class Input(BaseModel):
    """What the user is asked for, by schema 2025-12-11; the schema itself lets any other key pass."""

    model_config = NOTHING_MORE
    description: str = Field(min_length=1)
    default: str | None = None
    choices: list[str] | None = None
    format: Literal["string", "number", "boolean", "filepath"] = "string"
    placeholder: str | None = None


class Named(Input):
    type: Literal["named"]
    name: str


class Positional(BaseModel):
    model_config = NOTHING_MORE
    type: Literal["positional"]
    value: str


class Variable(Input):
    name: str


class Stdio(BaseModel):
    model_config = NOTHING_MORE
    type: Literal["stdio"]


class Package(BaseModel):
    model_config = NOTHING_MORE
    registryType: Literal["pypi"]  # noqa: N815 - as it is written
    identifier: str
    version: str = Field(pattern=r"^\d+\.\d+\.\d+([a-z0-9.+-]*)$")
    runtimeHint: Literal["uvx"]  # noqa: N815
    transport: Stdio
    packageArguments: list[Annotated[Named | Positional, Field(discriminator="type")]]  # noqa: N815
    environmentVariables: list[Variable]  # noqa: N815


class Repository(BaseModel):
    model_config = NOTHING_MORE
    url: str = Field(pattern=r"^https://github\.com/[\w.-]+/[\w.-]+$")
    source: Literal["github"]


class Server(BaseModel):
    """The whole entry, and no more than we have to say."""

    model_config = NOTHING_MORE
    schema_: Literal["https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"] = Field(
        alias="$schema"
    )
    name: str = Field(pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", min_length=3, max_length=200)
    title: str = Field(min_length=1, max_length=100)
    description: str = Field(min_length=1, max_length=100)
    version: str = Field(max_length=255)
    repository: Repository | None = None
    packages: list[Package] = Field(min_length=1, max_length=1)


def entry() -> Server:
    return Server.model_validate_json((CLIENTS / "registry" / "server.json").read_bytes())


def manifest() -> dict[str, Any]:
    held: dict[str, Any] = json.loads((CLIENTS / "mcpb" / "manifest.json").read_bytes())
    return held


async def tried(server: StdioServerParameters) -> tuple[list[str], CallToolResult]:
    """Do with a server what a host does first: list its tools, and call one."""
    async with Client(server) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        return tools, await client.call_tool("track_event", {"event": "Order Completed", "user_id": "u_1"})


def usual() -> list[str]:
    return [tool.name for tool in TOOLS if tool.toolset in USUAL_TOOLSETS]


def test_the_entry_is_what_the_registry_takes_and_its_repository_is_ours() -> None:
    said = entry()

    assert (said.repository.url if said.repository else None) == PROJECT.get("urls", {}).get("Repository")
    known = {f"TURNOUT_{name.upper()}" for name in READERS} | {"TURNOUT_DATA"}
    assert {each.name for each in said.packages[0].environmentVariables} <= known


def test_versions_and_names_are_those_of_the_project_everywhere() -> None:
    said, bundled = entry(), manifest()

    versions = {PROJECT["version"], VERSION, said.version, said.packages[0].version, bundled["version"]}
    assert versions == {PROJECT["version"]}
    assert {PROJECT["name"], said.packages[0].identifier, bundled["name"]} == {"turnout"}
    page = (ROOT / PROJECT["readme"]).read_text()
    assert re.findall(r"<!-- mcp-name: (\S+) -->", page) == [said.name], "what the registry proves the package by"


async def test_what_the_entry_says_to_start_is_our_server(data_dir: Path) -> None:
    package = entry().packages[0]
    words = [
        each.value if isinstance(each, Positional) else f"{each.name}={each.default}"
        for each in package.packageArguments
        if isinstance(each, Positional) or each.default is not None
    ]
    variables = {each.name: each.default for each in package.environmentVariables if each.default is not None}
    variables["TURNOUT_DATA"] = str(data_dir)

    tools, sent = await tried(
        StdioServerParameters(command=sys.executable, args=["-m", package.identifier, *words], env=variables)
    )

    assert tools == usual()
    assert not sent.is_error


def mcpb(*words: str | Path) -> str:
    """Run the vendor's tool."""
    tool = packages(AGENTS) / "node_modules" / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js"
    done = subprocess.run((NODE, tool, *words), capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it as `make bundle` does."""
    target = tmp_path_factory.mktemp("bundle") / "turnout.mcpb"
    subprocess.run((sys.executable, CLIENTS / "mcpb" / "build.py", target), check=True, timeout=LIMIT_S)
    return target


def test_the_same_sources_make_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    subprocess.run((sys.executable, CLIENTS / "mcpb" / "build.py", tmp_path / "again"), check=True, timeout=LIMIT_S)

    assert (tmp_path / "again").read_bytes() == bundle.read_bytes()
    assert str(ROOT).encode() not in bundle.read_bytes()


def test_a_host_brings_the_versions_that_were_tested(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as held:
        told = tomllib.loads(held.read("pyproject.toml").decode())

    pins = {requirement.partition(";")[0].strip() for requirement in told["tool"]["uv"]["constraint-dependencies"]}
    lock = (ROOT / "requirements.lock").read_text()
    assert pins == set(re.findall(r"^([a-z0-9.-]+==[^\s;]+)", lock, re.MULTILINE))
    assert told["project"] == PROJECT


async def test_the_bundle_is_valid_and_what_it_says_to_run_is_the_server_that_is_in_it(
    bundle: Path, data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "unpacked"
    mcpb("unpack", bundle, folder)
    assert "passes" in mcpb("validate", folder / "manifest.json")
    said = json.loads((folder / "manifest.json").read_bytes())
    assert said == manifest()
    (folder / "manifests" / "destinations" / "slack.yaml").unlink()  # so that who reads another's is found out
    given = {"__dirname": str(folder), "user_config.data": str(data_dir), "user_config.mode": "write"}

    config = said["server"]["mcp_config"]
    assert config["command"] == "uv"
    server = StdioServerParameters(
        command=uv.find_uv_bin(),
        args=[expanded(word, given) for word in config["args"]],
        env={name: expanded(value, given) for name, value in config["env"].items()} | of_ours(),
    )
    tools, sent = await tried(server)
    async with Client(server) as client:
        found = await client.call_tool("describe_destination", {"destination": "slack"})

    assert tools == usual()
    assert not sent.is_error
    assert "no manifest of it is written yet" in str(found.content)
    assert (data_dir / "turnout.db").exists()


def expanded(word: str, given: dict[str, str]) -> str:
    """Fill in what a host does."""
    return re.sub(r"\$\{([\w.]+)\}", lambda found: given[found[1]], word)


def of_ours() -> dict[str, str]:
    """Let uv run with the packages that are here, instead of bringing the same from the network."""
    return {"UV_PROJECT_ENVIRONMENT": sys.prefix, "UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_NO_CONFIG": "1"}


def test_of_a_bundle_hosts_are_told_what_it_may_ask(bundle: Path, tmp_path: Path) -> None:
    mcpb("unpack", bundle, tmp_path / "unpacked")

    asked = manifest()["user_config"]

    assert set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest()["server"]))) == set(asked)
    assert (tmp_path / "unpacked" / manifest()["server"]["entry_point"]).is_file()
    assert shutil.which(manifest()["server"]["mcp_config"]["command"], path=Path(uv.find_uv_bin()).parent) is not None
