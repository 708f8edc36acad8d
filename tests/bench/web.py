"""One durable `track_event` over HTTP, against an empty tool of the SDK's low-level server over HTTP.

The real `turnout serve` on a new workspace; the other side `python -m bench.web`, the SDK's own transport (stateless,
JSON) on uvicorn as we run it, over a tool that does nothing, with the same schema of arguments. Each is called by the
SDK's client, one call after the other, with the same arguments; counted is the process that answers.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import httpx2
import uvicorn
from mcp import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client

from bench.measure import Cost, Mark, compare, cores, environment, heading, interleave, pinned
from bench.stdio import CALLS, ERAS, NAME, WARMING, arguments, empty

TURNOUT = (sys.executable, "-W", "ignore", "-m", "turnout")
LISTENS = re.compile(r"http://127\.0\.0\.1:(\d+)")
RATE = {"TURNOUT_MCP_RATE": "100000"}


def run(rounds: int, folder: Path) -> None:
    """Compare in each generation of the protocol, and print."""
    heading("ours", "empty")
    for era, mode in ERAS.items():
        found = interleave({"ours": partial(ours, mode, folder), "empty": partial(bare, mode)}, rounds)
        compare(f"track_event, HTTP, {era}", found["ours"], found["empty"], "bound 1.4x")


def ours(mode: ConnectMode, folder: Path) -> Cost:
    """Call the program, on a new workspace."""
    with TemporaryDirectory(dir=folder) as room:
        words = (*TURNOUT, "token", "create", "--scopes", "read,track", "--data", room, "--json")
        made = subprocess.run(words, env=environment(), stdout=subprocess.PIPE, check=True)
        with served(*TURNOUT, "serve", "--port", "0", "--data", room) as (process, port):
            return anyio.run(_talk, mode, process, port, json.loads(made.stdout)["token"])


def bare(mode: ConnectMode) -> Cost:
    """Call the empty tool."""
    with served(sys.executable, "-m", "bench.web") as (process, port):
        return anyio.run(_talk, mode, process, port, "none")


@contextmanager
def served(*words: str) -> Iterator[tuple[int, int]]:
    """Start a server on the core under test; give its process and port."""
    with (
        pinned(cores()[0]),
        subprocess.Popen(words, env=environment() | RATE, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        try:
            said = ""
            while (found := LISTENS.search(said)) is None:
                line = process.stderr.readline()
                assert line, f"it ended: {said}"
                said += line
            yield process.pid, int(found[1])
        finally:
            process.terminate()  # not killed: the process that delivers for it would write on in a folder that goes


async def _talk(mode: ConnectMode, process: int, port: int, token: str) -> Cost:
    headers = {"authorization": f"Bearer {token}"}
    with pinned(cores()[1]), anyio.fail_after(120):
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http), mode=mode) as client,
        ):
            for each in range(WARMING):
                await client.call_tool(NAME, arguments(each))
            begin = Mark.of(process)
            failed = 0
            for each in range(WARMING, WARMING + CALLS):
                failed += (await client.call_tool(NAME, arguments(each))).is_error or False
            cost = begin.cost(CALLS, Mark.of(process))
            assert not failed, f"{failed} calls were refused"
            return cost


def _serve_empty() -> None:
    app = empty().streamable_http_app(json_response=True, stateless_http=True)
    server = uvicorn.Server(uvicorn.Config(app, port=0, http="httptools", loop="uvloop", access_log=False))
    server.run()


if __name__ == "__main__":
    _serve_empty()
