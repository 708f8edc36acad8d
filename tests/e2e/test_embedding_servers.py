"""Servers with Turnout inside, real ones, and what they record beside a `turnout serve` that delivers it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from support.destination import Recorder
from support.driven import Serve, connect
from support.embedded import message_ids, run
from support.worker import until
from turnout import Turnout

pytestmark = pytest.mark.timeout(480)

APP = """
import os
from turnout import Turnout

turnout = Turnout()
turnout.track("master", "Preloaded", message_id="master")

def app(environ, start_response):
    turnout.track("u", "Visited", message_id=f"visit-{environ['QUERY_STRING']}")
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]
"""
PROGRAM = """
import sys
from turnout import Turnout
with Turnout(sys.argv[1]) as turnout:
    for number in range(500):
        turnout.track(f"u{number}", "E", message_id=f"{sys.argv[2]}-{number}")
"""


@contextmanager
def gunicorn(folder: Path, data: Path, *words: str) -> Iterator[str]:
    """Run an application behind gunicorn with four workers; give its address."""
    (folder / "shop.py").write_text(APP)
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "-b", "127.0.0.1:0", *words, "shop:app"]
    environment = {**os.environ, "TURNOUT_DATA": str(data)}
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stderr is not None
            line = next(line for line in server.stderr if "Listening at" in line)
            yield line.split("Listening at: ")[1].split()[0]
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)


def visit(base: str, number: int) -> int:
    """Visit until it is answered, as a client that retries; give the worker that answered."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{base}/?{number}", timeout=30) as answer:  # noqa: S310 - loopback
                return int(answer.read())
        except (OSError, HTTPException):  # its worker was killed, perhaps in the midst of its answer
            assert time.monotonic() < end


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_a_preloaded_gunicorn_keeps_each_visit_once_although_a_worker_is_killed(
    kind: str, data_dir: Path, tmp_path: Path
) -> None:
    with gunicorn(tmp_path, data_dir, "-k", kind, "--threads", "4") as base, ThreadPoolExecutor(8) as pool:
        first = list(pool.map(visit, [base] * 200, range(200)))
        os.kill(first[-1], signal.SIGKILL)
        rest = list(pool.map(visit, [base] * 300, range(200, 500)))

    assert len({*first, *rest}) > 1
    assert message_ids(data_dir) == sorted([*(f"visit-{number}" for number in range(500)), "master"])


def test_two_programs_beside_a_server_have_500_of_500_each_stored_and_delivered_once(data_dir: Path) -> None:
    expected = sorted(f"{name}-{number}" for name in "ab" for number in range(500))
    with Recorder() as vendor:
        connect(data_dir, vendor.url)
        with Serve(data_dir) as serve, ThreadPoolExecutor(2) as pool:
            serve.listens()
            ended = list(pool.map(run, [PROGRAM] * 2, [data_dir] * 2, "ab"))
            until(lambda: len(vendor.received) >= 1000, 120)
            assert serve.stop() == 0
        sent = sorted(dict(request.headers)["webhook-id"] for request in vendor.received)

    assert [(each.code, each.err) for each in ended] == [(0, "")] * 2
    assert message_ids(data_dir) == expected
    assert sent == expected


def test_a_program_does_not_deliver_and_a_server_on_the_same_directory_does_within_a_moment(data_dir: Path) -> None:
    with Recorder() as vendor:
        connect(data_dir, vendor.url)
        with Turnout(data_dir) as turnout:
            turnout.track("u", "Before", message_id="before")
            assert vendor.received == []
            with Serve(data_dir) as serve:
                serve.listens()
                until(lambda: len(vendor.received) == 1, 60)  # what delivers has started
                turnout.track("u", "Beside", message_id="beside")
                vendor.wait_for(2)
                assert serve.stop() == 0
