"""The demo's agent: a real MCP client, and `turnout mcp` as a child process that it speaks to over stdio."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

from turnout.document import Document, Json
from turnout.errors import Unavailable
from turnout.store.locks import FileLock

CALL_S = 40.0
"""Longer than a call may wait for verdicts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo happens: the workspace, and a folder for what nobody keeps."""

    data: Path
    scrap: Path

    @property
    def log(self) -> Path:
        """What the server says on standard error."""
        return self.scrap / "server.log"


class Agent:
    """A connected client."""

    def __init__(self, client: Client, data: Path) -> None:
        """Speak through a client that is connected."""
        self._client = client
        self._data = data

    @property
    def protocol(self) -> str:
        """The protocol's version that both agreed on."""
        return str(self._client.session.protocol_version)

    async def tools(self) -> int:
        """Count the tools on offer."""
        return len((await self._client.list_tools()).tools)

    async def call(self, tool: str, arguments: Mapping[str, Json] | None = None) -> Document:
        """Call a tool; give its answer. Raises: Unavailable when it refuses or is gone."""
        try:
            result = await self._client.call_tool(tool, dict(arguments or {}))
        except MCPError as error:
            raise Unavailable(f"{tool} had no answer: {error.error.message}") from None
        if result.is_error or result.structured_content is None:
            words = " ".join(part.text for part in result.content if isinstance(part, TextContent))
            raise Unavailable(f"{tool} was refused: {words}")
        return dict(result.structured_content)

    def kill(self) -> int:
        """Send SIGKILL to the process that delivers, which is the server; give its number."""
        lock = FileLock(self._data / "delivery.lock")
        try:
            number = lock.holder()
        finally:
            lock.close()
        if number in {0, os.getpid()}:
            raise Unavailable("Nobody holds the lock of the process that delivers")
        os.kill(number, signal.SIGKILL)
        return number


@asynccontextmanager
async def agent(place: Place) -> AsyncIterator[Agent]:
    """Start a server and connect to it; at the end it is gone. Raises: what the block raises, not in a group."""
    with place.log.open("a", encoding="utf-8") as log:
        try:
            async with Client(stdio_client(_server(place), errlog=log), read_timeout_seconds=CALL_S) as client:
                yield Agent(client, place.data)
        except ExceptionGroup as group:
            raise _first(group) from None


def said(place: Place) -> str:
    """Give the last line that a server wrote on standard error."""
    text = place.log.read_text(encoding="utf-8", errors="replace") if place.log.exists() else ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _server(place: Place) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "turnout", "mcp", "--mode", "write", "--live", "--data", str(place.data)],
        env={
            "TURNOUT_ALLOW_ADDRESSES": "127.0.0.0/8",
            "TURNOUT_RETRY_BASE_S": "0.2",
            "TURNOUT_RETRY_CAP_S": "1",
            "XDG_CACHE_HOME": str(place.scrap / "cache"),
        },
        cwd=place.scrap,
    )


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """Take the first error out of groups within groups, as task groups make them."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
