"""The unit and the container file start what they say, as this program takes it, and leave it the time to stop."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import httpx2
import pytest

from support.program import Program
from turnout.api.health import PROBE_S
from turnout.cli import serve
from turnout.delivery.lane import LEAVE_S
from turnout.store.writer import PATIENCE_S

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "examples" / "operating" / "turnout.service"
CONTAINER = ROOT / "examples" / "operating" / "Containerfile"
PAGE = ROOT / "server" / "OPERATING.md"
STOPS_S = serve.SAYS_S + serve.LEAVE_S + 2 * LEAVE_S + PATIENCE_S
"""The longest that leaving takes: requests, lanes, what they give back, the last commit."""


class Unit(ConfigParser):
    """A unit of systemd: names keep their case."""

    def __init__(self) -> None:
        super().__init__(delimiters=("=",), interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read(UNIT)


def instructions(name: str) -> list[str]:
    """Give what stands behind an instruction of the container file, its lines joined."""
    joined = re.sub(r"\\\n\s*", "", CONTAINER.read_text())
    return [line.partition(" ")[2] for line in joined.splitlines() if line.startswith(f"{name} ")]


def served(program: Program, words: list[str], log: Path) -> tuple[int, int]:
    """Serve with the words of a command line, but a port and a data directory of the test; give how it did."""
    rest = [word for word in words if word not in {"--data", "/var/lib/turnout", "--port", "8733"}]
    assert rest[0] == "serve"
    with program.served(log, *rest[1:]) as server:
        port = server.address.rpartition(":")[2]
        code = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=60).status_code
        return code, server.stop()


def test_the_units_command_line_starts_a_server_that_is_ready_and_stops(data_dir: Path, tmp_path: Path) -> None:
    path, *words = shlex.split(Unit()["Service"]["ExecStart"])

    assert Path(path).name == "turnout"
    assert words[words.index("--data") + 1] == f"/var/lib/{Unit()['Service']['StateDirectory']}"
    assert served(Program(data_dir), words, tmp_path / "log") == (200, 0)


def test_the_unit_leaves_it_the_time_to_settle_and_starts_it_again() -> None:
    service = Unit()["Service"]

    assert int(service["TimeoutStopSec"]) >= STOPS_S
    assert service["KillSignal"] == "SIGTERM"
    assert service["KillMode"] == "mixed"
    assert service["Restart"] == "always"
    assert (service["StateDirectoryMode"], service["UMask"]) == ("0700", "0077")


def test_systemd_finds_nothing_to_say_about_the_unit(tmp_path: Path) -> None:
    """Where systemd is, it reads the file; its names are looked at everywhere."""
    program = Path(sys.executable).with_name("turnout")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/turnout/bin/turnout", str(program)))
    analyze = shutil.which("systemd-analyze")
    said = ""
    if analyze is not None:
        said = subprocess.run(
            [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
        ).stderr

    assert said == ""
    assert set(Unit().sections()) == {"Unit", "Service", "Install"}


def test_the_containers_command_starts_a_server_that_is_ready_and_stops(data_dir: Path, tmp_path: Path) -> None:
    (entry,) = map(json.loads, instructions("ENTRYPOINT"))
    (words,) = map(json.loads, instructions("CMD"))

    assert entry == ["turnout"]
    assert served(Program(data_dir), words, tmp_path / "log") == (200, 0)


def test_the_containers_health_check_asks_a_path_that_answers(data_dir: Path) -> None:
    (check,) = instructions("HEALTHCHECK")
    python, _, code = json.loads(check.partition(" CMD ")[2])

    with Program(data_dir).serving() as address:
        asked = [sys.executable, "-c", code.replace("http://127.0.0.1:8733", address)]
        healthy = subprocess.run(asked, check=False).returncode
    ended = subprocess.run(asked, capture_output=True, check=False).returncode

    assert Path(python).name == "python"
    assert (healthy, ended == 0) == (0, False)
    assert float(re.findall(r"--timeout=(\d+)s", check)[0]) > PROBE_S


def test_the_container_file_names_its_image_without_a_host_and_what_it_copies_is_there() -> None:
    images = {line.split()[0] for line in instructions("FROM")}
    (environment,) = instructions("ENV")
    installed = " ".join(instructions("RUN"))

    assert images == {"python:3.13-slim"}
    assert dict(word.split("=", 1) for word in environment.split())["TURNOUT_DATA"] == instructions("VOLUME")[0]
    assert "--require-hashes -r requirements.lock" in installed
    assert (ROOT / "requirements.lock").is_file()
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("USER") == ["turnout"]


@pytest.mark.parametrize("file", [UNIT, CONTAINER], ids=lambda path: path.name)
def test_the_page_on_running_it_names_each_file(file: Path) -> None:
    assert f"`examples/operating/{file.name}`" in PAGE.read_text(encoding="utf-8")
    assert "`server/OPERATING.md`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_time_that_docker_is_told_to_wait_is_the_units() -> None:
    told = re.findall(r"--stop-timeout (\d+)", CONTAINER.read_text())

    assert told == [Unit()["Service"]["TimeoutStopSec"]]
