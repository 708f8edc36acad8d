"""`turnout serve`, as far as it comes without a port."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from support.program import TURNOUT, Program
from turnout.cli.main import REFUSED


@pytest.mark.parametrize(
    ("family", "taken", "written"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::1", "[::1]"),
    ],
)
def test_a_port_that_is_taken_is_named_in_a_line(
    data_dir: Path, family: socket.AddressFamily, taken: str, written: str
) -> None:
    with socket.create_server((taken, 0), family=family) as there:
        port = there.getsockname()[1]
        ended = Program(data_dir).run("serve", "--host", written, "--port", str(port))

    assert ended.code == REFUSED
    assert ended.err == (
        f"unavailable: cannot listen on {taken} port {port}: Address already in use. Choose another --port or --host.\n"
    )
    assert not data_dir.exists()


def test_a_limit_of_files_that_is_too_low_is_said_before_anything_is_opened(data_dir: Path) -> None:
    words = ["serve", "--data", str(data_dir), "--port", "0"]

    ended = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n 24; exec "$@"', "sh", *TURNOUT, *words],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == REFUSED
    assert ended.stderr == (
        "unavailable: this process may have 24 files open, and needs 64 for its data alone. "
        "Allow it 2000 (`ulimit -n`, or LimitNOFILE of its unit).\n"
    )
    assert not data_dir.exists()
