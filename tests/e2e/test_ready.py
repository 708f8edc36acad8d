"""`/readyz` tells the truth about the real process, `/healthz` only that it answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.damaged import damage_document
from support.program import Program
from support.worker import until
from support.workspace import bench

HOLDS = """
import os, signal, sys
from pathlib import Path
from turnout.store.locks import Turnstile
turnstile = Turnstile(Path(sys.argv[1]))
turnstile.enter()
print("held", flush=True)
sys.stdin.readline()
"""


OF_A_BUSY_MACHINE = frozenset({"deliverer_silent", "deliverer_moves"})
"""Told where a process has to wait for five seconds before it may run."""


@pytest.fixture
def program(data_dir: Path) -> Program:
    return Program(data_dir, (("TURNOUT_LOG", "info"),))


def ready(address: str) -> tuple[int, dict[str, Any]]:
    answer = httpx2.get(f"{address}/readyz", timeout=60)
    return answer.status_code, answer.json()


def is_ready(address: str) -> Callable[[], bool]:
    return lambda: ready(address)[0] == 200


def metric(address: str, name: str) -> float:
    text = httpx2.get(f"{address}/metrics", timeout=60).text
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return float(next(sample.value for family in families for sample in family.samples if sample.name == name))


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process take the write lock, and freeze it."""
    command = [sys.executable, "-c", HOLDS, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        try:
            yield process
        finally:
            process.kill()


def test_behind_a_frozen_process_it_is_not_ready_names_it_and_recovers(program: Program, tmp_path: Path) -> None:
    with program.served(tmp_path / "log") as server:
        until(is_ready(server.address))
        with holder(program.data) as frozen:
            until(lambda: ready(server.address)[0] == 503)
            status, told = ready(server.address)
            alive = httpx2.get(f"{server.address}/healthz", timeout=60)
            lock_held_s = metric(server.address, "turnout_writer_wait_seconds")
        until(is_ready(server.address))

    assert (status, told["ok"]) == (503, False)
    assert told["reasons"] == [
        (
            f"process {frozen.pid} holds the write lock and does not move; nothing was stored. "
            "Continue or end that process, then try again"
        )
    ]
    assert (alive.status_code, alive.json()) == (200, {"ok": True})
    assert lock_held_s > 0


def test_one_that_stands_by_is_ready_and_says_that_it_does_not_deliver(program: Program, tmp_path: Path) -> None:
    with program.served(tmp_path / "first") as first:
        until(lambda: ready(first.address)[1].get("delivering") is True)
        with program.served(tmp_path / "second") as second:
            for each in (first, second):
                until(is_ready(each.address))
            both = [ready(first.address), ready(second.address)]
            delivers = [metric(each.address, "turnout_deliverer_process") for each in (first, second)]
            number = first.deliverer
        assert first.stop() == 0

    assert both == [
        (200, {"ok": True, "delivering": True, "degraded": []}),
        (200, {"ok": True, "delivering": False, "degraded": []}),
    ]
    assert delivers == [number, number]


def test_while_it_stops_it_is_not_ready_before_the_port_closes(program: Program, tmp_path: Path) -> None:
    answers: list[tuple[int, str]] = []
    with program.served(tmp_path / "log") as server, httpx2.Client(timeout=60) as client:
        until(is_ready(server.address))
        server.process.send_signal(signal.SIGTERM)
        try:
            while True:
                answer = client.get(f"{server.address}/readyz")
                answers.append((answer.status_code, answer.text))
        except httpx2.TransportError:
            pass
        assert server.process.wait(60) == 0

    codes = [code for code, _ in answers]
    assert 503 in codes
    assert 200 not in codes[codes.index(503) :]
    assert "it is stopping" in answers[-1][1]


def test_a_database_behind_its_tail_is_not_ready_until_the_loss_is_accepted(program: Program, tmp_path: Path) -> None:
    program.tell("send", "track", "--event", "A", "--user-id", "u1")
    (program.data / "tail").write_text(f"{99:<20d}\n")

    with program.served(tmp_path / "log") as server:
        status, told = ready(server.address)
        said = [each["missing"] for each in server.events() if each["event"] == "lossy"]
    with program.served(tmp_path / "accepted", "--accept-loss") as server:
        until(is_ready(server.address))

    assert (status, said) == (503, [97])
    assert told["reasons"] == ["97 acknowledged events are missing; --accept-loss goes on without them"]


def test_a_configuration_that_is_damaged_is_named_in_the_log_and_by_readyz(program: Program, tmp_path: Path) -> None:
    program.tell("source", "create", "Shop")
    with bench(program.data) as here:
        damage_document(here, "source")

    with program.served(tmp_path / "log") as server:
        status, told = ready(server.address)
        said = [each["reason"] for each in server.events() if each["event"] == "not_ready"]

    assert status == 503
    assert said == told["reasons"]
    assert said[0].startswith("what is stored of the configuration of source 1 is damaged")
    assert "turnout restore FILE" in said[0]


def fill(path: Path) -> None:
    """Leave about 700 KB free: under 5 % of 24 MB."""
    with path.open("wb") as file:
        while True:
            stat = os.statvfs(path.parent)
            if stat.f_bavail * stat.f_frsize < 700_000:
                return
            file.write(b"x" * 65_536)
            file.flush()


if sys.platform == "linux":  # a file system of our own, in a namespace of our own

    def test_on_a_disk_nearly_full_it_is_not_ready_and_with_more_room_it_is(program: Program, tmp_path: Path) -> None:
        program.data.mkdir()
        mount = f'mount -t tmpfs -o size=24m,mode=0700 turnout {program.data} && exec "$@"'

        with program.served(tmp_path / "log", before=("unshare", "-rm", "sh", "-c", mount, "sh")) as server:
            until(is_ready(server.address))
            filler = Path(f"/proc/{server.process.pid}/root{program.data}/filler")
            fill(filler)
            until(lambda: ready(server.address)[0] == 503)
            status, told = ready(server.address)
            refused = httpx2.get(f"{server.address}/healthz", timeout=60).status_code
            room = metric(server.address, "turnout_disk_free_bytes") < metric(
                server.address, "turnout_disk_floor_bytes"
            )
            until(lambda: "disk_low" in {each["event"] for each in server.events()})
            filler.unlink()
            until(is_ready(server.address))
            until(lambda: "disk_enough" in {each["event"] for each in server.events()})

        assert (status, told["reasons"]) == (503, ["free disk is under 1 GB or 5 %"])
        assert (refused, room) == (200, True)


def test_start_take_over_and_leaving_are_lines_of_json(program: Program, tmp_path: Path) -> None:
    began = time.time()
    with program.served(tmp_path / "log") as server:
        until(lambda: ready(server.address)[1].get("delivering") is True)
        both = {"door": server.process.pid, "deliverer": server.deliverer}
        assert server.stop() == 0

    told = server.events()
    names = [each["event"] for each in told if each["event"] not in {"library", *OF_A_BUSY_MACHINE}]
    assert set(names) == {"opened", "listening", "took_over", "leaving", "handed_over", "closed"}
    assert names.index("opened") < names.index("took_over") < names.index("leaving") < names.index("closed")
    assert {each["process"] for each in told if each["event"] in {"opened", "closed"}} == set(both.values())
    assert {each["process"] for each in told if each["event"] in {"took_over", "handed_over"}} == {both["deliverer"]}
    assert {each["process"] for each in told if each["event"] in {"listening", "leaving"}} == {both["door"]}
    assert next(each for each in told if each["event"] == "handed_over")["reason"] == "it stops"
    assert all(each["time"][:4] >= time.strftime("%Y", time.gmtime(began)) for each in told)
