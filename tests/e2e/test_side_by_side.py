"""Several real programs on one directory at once, and one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from support.agents import LOOPBACK, agent
from support.destination import Recorder
from support.program import Program
from turnout.store.locks import is_alive

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(480)]

APP = """
from turnout import Turnout

turnout = Turnout(data={data!r})
turnout.track("master", "Preloaded")

def app(environ, start_response):
    import os
    number = environ["QUERY_STRING"]
    turnout.track(f"person-{{number}}", "Visited", {{"worker": os.getpid()}}, message_id=f"visit-{{number}}")
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"stored"]
"""


@pytest.fixture
def receiver() -> Iterator[Recorder]:
    """Give a receiver on loopback that says 200."""
    with Recorder() as recorder:
        yield recorder


def holder(data: Path, lock: str) -> int:
    """Give the process that holds a lock, or held it last; 0: nobody yet."""
    file = data / lock
    return int(file.read_text().strip() or 0) if file.exists() else 0


def delivers(data: Path) -> bool:
    """Tell whether the process beside the server does, and lives."""
    process = holder(data, "serve.lock")
    return process > 0 and process == holder(data, "delivery.lock") and is_alive(process)


async def test_two_agents_and_a_server_all_answer_and_the_next_event_arrives_within_two_seconds_of_a_kill(
    data_dir: Path, receiver: Recorder
) -> None:
    program = Program(data_dir, tuple(LOOPBACK.items()))
    async with agent(data_dir) as first, agent(data_dir) as second:
        await first.connect("webhook", settings={"url": f"{receiver.url}/hook"})
        with program.serving() as base:
            ready = await anyio.to_thread.run_sync(status, f"{base}/readyz")
            for one in (first, second):
                told = await one.ask("track_event", event="Before", user_id=f"u_{id(one)}", wait_seconds=20)
                assert [row["verdict"] for row in told["deliveries"]] == ["delivered"]
            took: list[float] = []
            while len(took) < 3 and (not took or took[-1] > 2):  # a machine that is busy may be late once or twice
                wait_until(lambda: delivers(data_dir))
                os.kill(holder(data_dir, "delivery.lock"), signal.SIGKILL)
                killed, name = time.monotonic(), f"After {len(took)}"
                await second.ask("track_event", event=name, user_id="u_2")
                arrived = wait_until(lambda name=name: any(name.encode() in each.body for each in receiver.received))
                took.append(arrived - killed)

    assert ready == 200
    assert min(took) <= 2.0


def test_a_program_that_forks_while_it_sends_loses_nothing(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP.format(data=str(data_dir)))
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "-b", "127.0.0.1:0", "shop:app"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "Listening at" in line)
            base = line.split("Listening at: ")[1].split()[0]
            answered = [number for number in range(200) if visit(base, number)]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)

    told = every_event(Program(data_dir))
    visits = sorted(int(each["message_id"].split("-")[1]) for each in told if each["event"] == "Visited")
    assert answered == list(range(200))
    assert visits == answered
    assert sum(each["event"] == "Preloaded" for each in told) == 1


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        return int(answer.status)


def visit(base: str, number: int) -> bool:
    return status(f"{base}/?{number}") == 200


def every_event(program: Program) -> list[dict[str, Any]]:
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from turnout.config import load\n"
        "from turnout.event.stored import message_id\n"
        "from turnout.opening import open_store\n"
        "store = open_store(load(Path(sys.argv[1])))\n"
        "rows = store.look(lambda view: view.log.after(0, 100000))\n"
        "print(json.dumps([{'event': row.name, 'message_id': message_id(row.body, row.meta)} for row in rows]))\n"
        "store.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(program.data)], capture_output=True, text=True, check=True, timeout=120
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def wait_until(holds: Any, limit_s: float = 60.0) -> float:
    """Wait until something holds; give when it did, in monotonic seconds."""
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
    return time.monotonic()
