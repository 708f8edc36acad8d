"""Agents as they really come: MCP clients that each start a server of their own, or ask one over HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from support.program import TURNOUT

LOOPBACK = {"TURNOUT_ALLOW_ADDRESSES": "127.0.0.0/8", "TURNOUT_RETRY_BASE_S": "0.05", "TURNOUT_RETRY_CAP_S": "0.5"}


@dataclass(frozen=True, slots=True)
class Agent:
    """One client."""

    client: Client

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that succeeds; give its structured answer."""
        answer = await self.client.call_tool(tool, arguments)
        assert not answer.is_error, answer.content
        assert isinstance(answer.structured_content, dict)
        return answer.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """Call a tool that refuses; give what it says."""
        answer = await self.client.call_tool(tool, arguments)
        assert answer.is_error, answer.structured_content
        return "".join(block.text for block in answer.content if block.type == "text")

    async def connect(self, slug: str, **arguments: Any) -> dict[str, Any]:
        """Connect a destination, confirming where that is asked for."""
        told = await self.ask("connect_destination", slug=slug, **arguments)
        if "confirm" in told:
            told = await self.ask("connect_destination", slug=slug, **arguments, confirm=told["confirm"]["token"])
        return told


@asynccontextmanager
async def agent(
    data: Path, *flags: str, settings: Mapping[str, str] | None = None, mode: str = "auto"
) -> AsyncIterator[Agent]:
    """Start `turnout mcp` for one client."""
    command, *words = TURNOUT
    parameters = StdioServerParameters(
        command=command,
        args=[*words, "--data", str(data), "mcp", *flags],
        env={**os.environ, **LOOPBACK, **(settings or {})},
    )
    async with Client(parameters, mode=mode) as client:
        yield Agent(client)


@asynccontextmanager
async def web_agent(address: str, token: str, mode: str = "auto") -> AsyncIterator[Agent]:
    """Ask a `turnout serve` at this address, as one client with a token."""
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http), mode=mode) as client,
    ):
        yield Agent(client)
