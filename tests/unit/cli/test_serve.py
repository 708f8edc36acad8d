"""`turnout serve`, as far as it comes without a port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.program import Program
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
