"""What processes did to the files of a folder, and sent, in order: `shim/recorder.c`, preloaded. Linux only.

    recording = Recording(tmp_path)          # the folder is tmp_path/root, which is there and empty
    subprocess.run(command, env=recording.environment(die_at=40))
    recording.steps()

Marks are lines of JSON that a process writes into `root/marks`: what it was told, or told others, between its writes.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.faulty import build

HEAD = struct.Struct("<IIiIQ")
MARKS = "marks"


@dataclass(frozen=True, slots=True)
class Step:
    """One record. `path` is the file, of a socket empty; `at` an offset, a size, flags, or the number of a sync.

    Kinds: O open, W write, T truncate, B and E a sync begins and has ended well, M mkdir, U unlink, R rename, L link
    (`data` holds the other name), S bytes sent, K dead.
    """

    kind: str
    pid: int
    fd: int
    at: int
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """A folder that is recorded, and where."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "root"

    @property
    def trace(self) -> Path:
        return self.home / "trace"

    def environment(self, *, die_at: int = 0, after: bool = False, beside: bool = False) -> Mapping[str, str]:
        """Give the environment of a process that is recorded, and dies at a step; `beside`: at a sync of that kind."""
        self.root.mkdir(parents=True, exist_ok=True)
        return {
            **os.environ,
            "LD_PRELOAD": str(build("recorder")),
            "RECORDER_ROOT": str(self.root),
            "RECORDER_TRACE": str(self.trace),
            "RECORDER_DIE": str(die_at),
            "RECORDER_AFTER": str(int(after)),
            "RECORDER_BESIDE": str(int(beside)),
        }

    def steps(self) -> tuple[Step, ...]:
        return tuple(_read(self.trace.read_bytes()))


def marks(steps: Sequence[Step]) -> Iterator[dict[str, Any]]:
    """Give what was marked in these steps."""
    for step in steps:
        if step.kind == "W" and step.path.endswith("/" + MARKS):
            yield json.loads(step.data)


class Marker:
    """Writes marks, in a process that is recorded."""

    def __init__(self, root: Path) -> None:
        self._file = os.open(root / MARKS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, **words: Any) -> None:
        os.write(self._file, json.dumps(words).encode() + b"\n")


def _read(raw: bytes) -> Iterator[Step]:
    paths: dict[tuple[int, int], str] = {}
    at = 0
    while at < len(raw):
        size, pid, fd, code, where = HEAD.unpack_from(raw, at)
        at += HEAD.size
        data = raw[at : at + size]
        at += size
        kind = chr(code)
        if kind == "O":
            paths[pid, fd] = data.decode()
        if kind in "OMURL":
            path, _, other = data.partition(b"\0")
            yield Step(kind, pid, fd, where, path.decode(), other)
        else:
            yield Step(kind, pid, fd, where, "" if kind in "SK" else paths[pid, fd], data)
