"""The SDK's low-level server with one tool that does nothing, over standard input and output; nothing of ours in it."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp import types as t
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

TOOL = t.Tool(name="nothing", description="Does nothing.", input_schema={"type": "object"})


async def on_list(_: ServerRequestContext[Any], __: t.PaginatedRequestParams | None) -> t.ListToolsResult:
    """Name the tool."""
    return t.ListToolsResult(tools=[TOOL])


async def on_call(_: ServerRequestContext[Any], __: t.CallToolRequestParams) -> t.CallToolResult:
    """Do nothing."""
    return t.CallToolResult(content=[t.TextContent(text="ok")])


async def serve() -> None:
    """Serve until standard input ends."""
    server = Server("empty", version="1", on_list_tools=on_list, on_call_tool=on_call)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(serve())
