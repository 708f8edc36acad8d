"""Programs with Turnout inside, in processes of their own, and what they left in the log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.config import load
from turnout.document import Document
from turnout.event.stored import document
from turnout.opening import open_store

LIMIT_S = 100


@dataclass(frozen=True, slots=True)
class Told:
    """How a program ended, and what it said: `acknowledged` are the lines it printed."""

    code: int
    acknowledged: list[str]
    err: str


def run(
    script: str, data: Path, *words: str, when_done: signal.Signals | None = None, **environment: str
) -> Told:  # fmt: skip
    """Run a program on a data directory; when it says "done" it is sent a signal, if any."""
    command = [sys.executable, "-W", "error", "-c", script, str(data), *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            said: list[str] = []
            assert process.stdout is not None
            while when_done is not None and "done" not in said:
                line = process.stdout.readline()
                assert line, process.communicate(timeout=LIMIT_S)[1]
                said.append(line.strip())
            if when_done is not None:
                process.send_signal(when_done)
            out, err = process.communicate(timeout=LIMIT_S)
            return Told(process.returncode, [each for each in [*said, *out.split()] if each != "done"], err)
        finally:
            process.kill()


def stored(data: Path) -> list[Document]:
    """Read every event of the log, in its order."""
    store = open_store(load(data))
    try:
        rows = store.look(lambda view: view.log.after(0, 100_000))
    finally:
        store.close()
    return [
        document(row.body, row.meta, received=row.received, kind=row.kind)
        | {"namespace": row.namespace, "source": int(row.source)}
        for row in rows
    ]


def message_ids(data: Path) -> list[str]:
    """Read the message id of every event, sorted: an id twice is an event twice."""
    return sorted(str(each["messageId"]) for each in stored(data))


def held(folder: Path) -> list[str]:
    """List what this process holds open below a folder."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:  # the one that lists
            continue
    return sorted(name for name in found if str(folder) in name)


def forked(child: Callable[[], Any]) -> int:
    """Run a function in a forked child; give its exit code: 0, or 1 where it raised."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            child()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
