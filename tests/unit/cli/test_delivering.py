"""The process that delivers for a server, alone: what it is told, what it tells, and when it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from support.engine import connect, open_store, record, track
from turnout import config
from turnout.cli.delivering import LEAVE, Order, Report
from turnout.config import FILE, Settings
from turnout.store import tail

LIMIT_S = 120
COMMAND = (sys.executable, "-W", "ignore", "-m", "turnout.cli.delivering")


@contextmanager
def started(data: Path) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """Start one as a server does; give our end of the socket."""
    ours, theirs = socket.socketpair()
    ours.settimeout(LIMIT_S)
    environment = {**os.environ, "TURNOUT_MAX_IN_FLIGHT": "3"}
    process = subprocess.Popen((*COMMAND, str(data)), stdin=theirs.fileno(), env=environment)
    theirs.close()
    try:
        yield ours, process
    finally:
        ours.close()
        process.kill()
        process.wait()


def reports(ours: socket.socket) -> Iterator[Report]:
    with ours.makefile("rb") as lines:
        yield from (msgspec.json.decode(line, type=Report) for line in lines)


def order(settings: Settings, *, accept_loss: bool = False) -> bytes:
    return msgspec.json.encode(Order(config.told(settings), accept_loss)) + b"\n"


@pytest.fixture
def workspace(data_dir: Path) -> Path:
    """Give a workspace with a destination and an event, and a file of settings."""
    store = open_store(data_dir)
    store.commit(connect)
    record(store, track("m1"))
    store.close()
    (data_dir / FILE).write_text("max_in_flight = 5\n")
    return data_dir


def test_it_delivers_with_the_settings_that_it_is_told_whatever_file_and_environment_say(workspace: Path) -> None:
    with started(workspace) as (ours, process):
        ours.sendall(order(Settings(workspace, max_in_flight=7)))
        told = next(each for each in reports(ours) if each.flights)
        ours.sendall(LEAVE + b"\n")
        assert process.wait(LIMIT_S) == 0

    assert told.reigns
    assert [allowed for _, allowed in told.flights.values()] == [7]
    assert told.numbers["turnout_commits"] > 0


@pytest.mark.parametrize("accept_loss", [True, False])
def test_a_loss_is_accepted_where_the_server_accepts_it(workspace: Path, *, accept_loss: bool) -> None:
    tail.write(workspace / "tail", 99)
    with started(workspace) as (ours, process):
        ours.sendall(order(Settings(workspace), accept_loss=accept_loss))
        assert next(each for each in reports(ours) if each.reigns).reigns
        ours.close()
        assert process.wait(LIMIT_S) == 0

    assert tail.read(workspace / "tail") == (2 if accept_loss else 99)


def test_a_server_that_is_gone_before_it_said_anything_needs_no_delivery(data_dir: Path) -> None:
    with started(data_dir) as (ours, process):
        ours.close()
        assert process.wait(LIMIT_S) == 0

    assert not (data_dir / "turnout.db").exists()


def test_it_loads_nothing_that_answers_over_http_or_speaks_mcp() -> None:
    script = "import sys, turnout.cli.delivering; print({'uvicorn', 'starlette', 'mcp', 'pydantic'} & set(sys.modules))"

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=LIMIT_S)

    assert ended.stdout == "set()\n"
