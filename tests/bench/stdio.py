"""One durable `track_event` over standard input and output, against an empty tool of the SDK's low-level server.

The real program in a process of its own, on a new workspace; the other side `python -m bench.stdio`, the SDK's own
loop over a tool that does nothing, with the same schema of arguments. Each is called by the SDK's client, one call
after the other, with the same arguments; counted is the server's process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp import types as t
from mcp.client.client import ConnectMode
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

from bench.measure import Cost, Mark, compare, cores, environment, heading, interleave, pinned
from bench.profile import Threads, table
from turnout.agent.tools.track_event import TrackEvent
from turnout.cli.main import run as turnout

CALLS = 1_000
WARMING = 100
MANY = 1_000_000
"""More people than calls: each call is by somebody new."""
NAME = "track_event"
ERAS: Mapping[str, ConnectMode] = {"2026-07-28": "auto", "initialize": "legacy"}
"""Generations of the protocol, and how the client is told to speak them."""
OURS = ("-m", "turnout", "mcp", "--data")
EMPTY = ("-m", "bench.stdio")
PROFILED = ("-m", "bench.stdio", "profiled")
WRITE_PID = 'echo $$ > "$0"; exec "$@"'


def run(rounds: int, folder: Path) -> None:
    """Compare in each generation of the protocol, each call by somebody new and by ten people in turn, and print."""
    heading("ours", "empty")
    for era, mode in ERAS.items():
        sides = {
            "new": partial(ours, mode, folder),
            "known": partial(ours, mode, folder, people=10),
            "empty": partial(talked, mode, folder, EMPTY),
        }
        found = interleave(sides, rounds)
        compare(f"track_event, {era}, new people", found["new"], found["empty"], "bound 1.4x")
        compare(f"track_event, {era}, of ten people", found["known"], found["empty"], "bound 1.4x")


def ours(mode: ConnectMode, folder: Path, *, people: int = MANY) -> Cost:
    """Call the program, on a new workspace."""
    with TemporaryDirectory(dir=folder) as room:
        return talked(mode, folder, (*OURS, room), people=people)


def talked(
    mode: ConnectMode, folder: Path, words: tuple[str, ...], *, people: int = MANY, armed: bool = False
) -> Cost:  # fmt: skip
    """Start a server and call its tool; `armed`: it has a profiler, which begins when the calls count."""
    with TemporaryDirectory(dir=folder) as room:
        return anyio.run(_talk, mode, Path(room) / "pid", words, people, armed)


def profiled(folder: Path) -> None:
    """Call the program without the profiler and with it, and print where the time of a call goes."""
    cost = ours("auto", folder)
    with TemporaryDirectory(dir=folder) as room:
        talked("auto", folder, (*PROFILED, str(cost.cpu_us), room), armed=True)


async def _talk(mode: ConnectMode, pid: Path, words: tuple[str, ...], people: int, armed: bool) -> Cost:  # noqa: FBT001
    command = ["-c", WRITE_PID, str(pid), sys.executable, *words]
    environ = {**environment(), "XDG_CACHE_HOME": str(pid.parent)}
    under_test, load = cores()
    with pinned(load), anyio.fail_after(120):
        client = Client(StdioServerParameters(command="/bin/sh", args=command, env=environ), mode=mode)
        async with client:
            process = int(await anyio.Path(pid).read_text())
            for each in range(WARMING):
                await client.call_tool(NAME, arguments(each, people))
            _pin(process, under_test)
            if armed:
                os.kill(process, signal.SIGUSR1)
            begin = Mark.of(process)
            failed = 0
            for each in range(WARMING, WARMING + CALLS):
                failed += (await client.call_tool(NAME, arguments(each, people))).is_error or False
            cost = begin.cost(CALLS, Mark.of(process))
            assert not failed, f"{failed} calls were refused"
            return cost


def _pin(process: int, core: int) -> None:
    """Move every thread of a process to one core."""
    for task in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def arguments(number: int, people: int = MANY) -> dict[str, Any]:
    """Give five arguments, as an agent would, of one of so many people."""
    return {
        "event": "Order Completed",
        "user_id": f"u_{number % people}",
        "properties": {"order_id": f"ord_{number}", "total": 42.5, "currency": "EUR"},
        "timestamp": "2025-11-24T16:00:00Z",
        "idempotency_key": f"bench-{number}",
    }


def empty() -> Server[Any]:
    """Make a server with a tool that does nothing."""
    tool = t.Tool(name=NAME, description="Does nothing.", input_schema=TrackEvent.model_json_schema())
    nothing = t.CallToolResult(content=[t.TextContent(text="ok")])

    async def on_list(_: ServerRequestContext[Any], __: t.PaginatedRequestParams | None) -> t.ListToolsResult:
        return t.ListToolsResult(tools=[tool])

    async def on_call(_: ServerRequestContext[Any], __: t.CallToolRequestParams) -> t.CallToolResult:
        return nothing

    return Server("empty", version="1", on_list_tools=on_list, on_call_tool=on_call)


async def _serve_empty() -> None:
    server = empty()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _serve_profiled(cpu_us: float, room: str) -> None:
    threads = Threads(armed=False)
    signal.signal(signal.SIGUSR1, lambda *_: setattr(threads, "armed", True))
    standard_output = os.dup(2)
    with threads.on():
        turnout(["mcp", "--data", room])
    os.dup2(standard_output, 1)
    table(threads, CALLS, cpu_us)


if __name__ == "__main__":
    if sys.argv[1:2] == ["profiled"]:
        _serve_profiled(float(sys.argv[2]), sys.argv[3])
    else:
        asyncio.run(_serve_empty())
