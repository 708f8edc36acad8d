"""Disks that fail, fill up or are slow and clocks that jump, for a real process: shims of `support/shim`, preloaded.

    disk = Disk(tmp_path, under=data)
    with Serving(program.with_settings(disk.settings)): disk.arm(SYNCS, skip=3, error=errno.EIO)

`small_disk` is a real file system of a few megabytes, where this machine lets us mount one.
"""

from __future__ import annotations

import errno
import mmap
import os
import random
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeAlias

SHIMS = Path(__file__).parent / "shim"
WRITES, SYNCS, TRUNCATIONS, READS = 1, 2, 4, 8
FOR_EVER = -1
LIMIT_S = 20

Settings: TypeAlias = Mapping[str, str]


@cache
def build(name: str) -> Path:
    """Compile a shim, once a session."""
    compiler = shutil.which("cc")
    assert compiler, "these tests need a C compiler: apt-get install gcc libc6-dev"
    to = Path(tempfile.mkdtemp(prefix="turnout-shim-")) / f"{name}.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(to), str(SHIMS / f"{name}.c")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return to


class Control:
    """A page of numbers that a process with a shim maps too."""

    def __init__(self, folder: Path) -> None:
        self.path = Path(tempfile.mkstemp(prefix="control-", dir=folder)[1])
        self.path.write_bytes(bytes(4096))
        with self.path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 4096)

    def set(self, at: int, value: int) -> None:
        struct.pack_into("<q", self._page, 8 * at, value)

    def get(self, at: int) -> int:
        return int(struct.unpack_from("<q", self._page, 8 * at)[0])

    def name(self, text: str) -> None:
        self._page[256:512] = text.encode().ljust(256, b"\0")


class Disk:
    """What one process, or several, find under `under`: well, until told otherwise."""

    def __init__(self, folder: Path, under: Path) -> None:
        self._control = Control(folder)
        self._control.set(8, -1)
        self.settings: Settings = {
            "LD_PRELOAD": str(build("disk")), "FAULT_UNDER": str(under), "FAULT_CONTROL": str(self._control.path),
        }  # fmt: skip

    def arm(
        self, kinds: int, *, skip: int = 0, count: int = 1, error: int = errno.EIO, torn: bool = False, only: str = ""
    ) -> None:
        """Let `count` calls of these kinds fail after `skip` have passed, of files whose path holds `only`."""
        self.heal()
        self._control.name(only)
        for at, value in enumerate((kinds, skip, count, error, int(torn), 0, 0)):
            if at != 2:
                self._control.set(at, value)
        self._control.set(2, count)

    def heal(self) -> None:
        """Let no call fail, and every file grow."""
        self._control.set(2, 0)
        self._control.set(7, 0)
        self._control.set(8, -1)

    @property
    def failed(self) -> int:
        """How many calls have failed since it was armed."""
        return self._control.get(6)

    @property
    def seen(self) -> int:
        """How many calls counted since it was armed."""
        return self._control.get(5)

    def slow(self, seconds: float) -> None:
        """Let each sync take longer."""
        self._control.set(7, int(seconds * 1e6))

    def leave_room(self, size: int, of: int) -> None:
        """Let files grow by so many bytes and no more, on a disk of `of` bytes."""
        self._control.set(6, 0)
        self._control.set(9, of)
        self._control.set(8, size)


class WallClock:
    """The wall clock of one process, or of several."""

    def __init__(self, folder: Path) -> None:
        self._control = Control(folder)
        self.settings: Settings = {"LD_PRELOAD": str(build("clock")), "CLOCK_CONTROL": str(self._control.path)}

    def jump(self, seconds: float) -> None:
        """Put it so far ahead of this test's clock; negative: behind."""
        self._control.set(0, int(seconds))


@contextmanager
def small_disk(size: int) -> Iterator[Path | None]:
    """Mount an empty file system of `size` bytes in a namespace of its own; None where this machine forbids it."""
    script = f"mount -t tmpfs -o size={size} small /mnt && echo mounted && exec cat"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        mounted = holder.stdout.readline().strip() == "mounted"
        try:
            yield Path(f"/proc/{holder.pid}/root/mnt") if mounted else None
        finally:
            holder.stdin.close()


@cache
def may_move_monotonic() -> bool:
    """Tell whether this machine lets us give a process another monotonic clock."""
    found = shutil.which("unshare")
    return (
        found is not None and subprocess.run([*since_boot(5), "true"], capture_output=True, check=False).returncode == 0
    )


def since_boot(seconds: int) -> tuple[str, ...]:
    """Give the words that start a process whose monotonic clock tells so many seconds."""
    back = seconds - int(time.monotonic())
    return ("unshare", "--user", "--map-current-user", "--time", f"--monotonic={back}", f"--boottime={back}", "--")


def seeded(name: str) -> random.Random:
    """Draw chance that `SEED` replays; the seed is printed."""
    seed = int(os.environ.get("SEED", "0")) or secrets.randbits(32)
    sys.stdout.write(f"{name}: SEED={seed}\n")
    return random.Random(seed)  # noqa: S311 - chance that must replay


def tell(line: str) -> None:
    """Say how it went, beside the seed."""
    sys.stdout.write(line + "\n")
