"""How a run ends when a standard stream is closed, its reader is gone, or a bug comes before anything is set up."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.program import TURNOUT
from turnout.cli.ends import is_unread

BUGGY = """
import sys
from turnout.cli import main, table
def broken(name):
    raise RuntimeError("a bug while importing")
table.import_module = broken
sys.argv = ["turnout", "usage"]
main.main()
"""


def unread(*words: str) -> tuple[int, str]:
    """Run a command whose standard output nobody reads; give its exit code and what it says on standard error."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run((*TURNOUT, *words), stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writes)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [(), ("usage",), ("usage", "--json"), ("destination", "list", "--catalog")])
def test_a_reader_that_went_away_ends_it_quietly(words: tuple[str, ...], data_dir: Path) -> None:
    assert unread("--data", str(data_dir), *words) == (1, "")


def test_a_refusal_that_nobody_reads_is_quiet_too(data_dir: Path) -> None:
    code, said = unread("--data", str(data_dir), "trace", "m_1", "--json")

    assert code == 1
    assert "internal_error" not in said


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_a_stream_to_nowhere(closed: str, data_dir: Path) -> None:
    command = f'exec "$@" {closed}'
    words = (*TURNOUT, "--data", str(data_dir), "usage")

    done = subprocess.run(("sh", "-c", command, "sh", *words), capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (data_dir / "turnout.db").read_bytes()[:15] == b"SQLite format 3"


def unheard() -> SystemExit:
    """Make what rich raises where a pipe is broken."""
    error = SystemExit(1)
    error.__context__ = BrokenPipeError(errno.EPIPE, "Broken pipe")
    return error


def test_what_rich_raises_in_a_task_group_is_known_for_what_it_is() -> None:
    assert is_unread(BaseExceptionGroup("tasks", [BaseExceptionGroup("inner", [unheard()])]))
    assert not is_unread(BaseExceptionGroup("tasks", [unheard(), ValueError("a bug")]))
    assert not is_unread(SystemExit(1))


@pytest.mark.parametrize("level", ["debug", "", "loud"])
def test_a_bug_while_a_command_is_imported_is_told_by_kind_and_place_and_never_by_its_words(level: str) -> None:
    environment = {**os.environ, "TURNOUT_LOG": level}

    done = subprocess.run([sys.executable, "-c", BUGGY], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "internal_error: Turnout broke (error " in done.stderr
    assert "[RuntimeError at " in done.stderr
    assert "cli/main.py:" in done.stderr
    assert "a bug while importing" not in done.stderr
    assert "Traceback" not in done.stderr
