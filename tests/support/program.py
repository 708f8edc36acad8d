"""The real program in processes of its own: a command and its answer, a server and its address."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PS = ("ps", "-A", "-o", "pid=,ppid=")
TURNOUT = (sys.executable, "-W", "ignore", "-m", "turnout")
LIMIT_S = 240


def children(process: int) -> list[int]:
    """List the processes that a process started and that run, or were not waited for."""
    tasks = Path(f"/proc/{process}/task")
    if tasks.exists():
        return [int(child) for each in tasks.glob("*/children") for child in _read(each).split()]
    told = subprocess.run(PS, capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in told.splitlines()]
    return [child for child, parent in pairs if parent == process]


def _read(file: Path) -> str:
    """Read a file of a thread; nothing, where the thread has ended meanwhile."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process as a power cut does: with it the one that it has beside it, and it begins no other meanwhile."""
    if process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        for child in children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()


def lines(log: Path) -> list[dict[str, Any]]:
    """Read what processes told, one JSON object a line; one that is just being written is none yet."""
    return [json.loads(line) for line in log.read_text(errors="replace").split("\n")[:-1]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs. `log` is the file of its standard error."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def events(self) -> list[dict[str, Any]]:
        """Read what it told, one JSON object a line."""
        return lines(self.log)

    @property
    def deliverer(self) -> int:
        """The process beside it that delivers."""
        until = time.monotonic() + LIMIT_S
        while not (found := children(self.process.pid)):
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.01)
        return found[0]

    def stop(self) -> int:
        """End it with SIGTERM; give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


@dataclass(frozen=True, slots=True)
class Program:
    """`turnout` on one data directory; `settings` are its environment."""

    data: Path
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TURNOUT_DATA": str(self.data), "COLUMNS": "100", **dict(self.settings)}

    def run(self, *words: str, stdin: str = "") -> Ended:
        """Run a command as a person's script does."""
        done = subprocess.run(
            (*TURNOUT, *words), input=stdin, capture_output=True, text=True, env=self.environment, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def tell(self, *words: str, code: int = 0) -> Any:
        """Run a command with `--json`; give what it tells, having ended with `code`."""
        ended = self.run(*words, "--json")
        assert ended.code == code, ended
        return ended.told

    @contextmanager
    def served(self, log: Path, *words: str, before: tuple[str, ...] = ()) -> Iterator[Served]:
        """Run `serve` on a free port with standard error in a file; kill it at the end, where it still runs.

        `before`: words before the command, as `unshare` wants them.
        """
        command = (*before, *TURNOUT, "serve", "--port", "0", *words)
        with log.open("wb") as file, subprocess.Popen(command, stderr=file, env=self.environment) as process:
            try:
                until = time.monotonic() + LIMIT_S
                while (found := re.search(r"listens on (http://[^\s;]+);", log.read_text())) is None:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < until, log.read_text()
                    time.sleep(0.02)
                yield Served(found[1], process, log)
            finally:
                kill(process)

    @contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """Run `serve` on a free port; give its address, and end it with SIGTERM."""
        command = (*TURNOUT, "serve", "--port", "0", *words)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self.environment) as process:
            assert process.stderr is not None
            try:
                said = ""
                while (found := re.search(r"listens on (http://\S+);", said)) is None:
                    line = process.stderr.readline()
                    assert line, f"it ended with {process.wait()}: {said}"
                    said += line
                yield found[1]
                process.send_signal(signal.SIGTERM)
                assert process.wait(LIMIT_S) == 0, process.stderr.read()
            finally:
                kill(process)
