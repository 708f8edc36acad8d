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
from dataclasses import dataclass
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
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(to), str(SHIMS / f"{name}.c"), "-lpthread"]
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, f"{name} does not compile (libc6-dev missing?): {made.stderr[:2000]}"
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
    def slept(self) -> int:
        """How many syncs have begun to take longer since it was made slow."""
        return self._control.get(10)

    def slow(self, seconds: float) -> None:
        """Let each sync take longer."""
        self._control.set(10, 0)
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


@dataclass(frozen=True, slots=True)
class Mounted:
    """A file system of a few megabytes at `path`, for programs that are started with the words `before`."""

    path: Path
    holder: int
    settings: Settings

    @property
    def before(self) -> tuple[str, ...]:
        return ("nsenter", f"--target={self.holder}", "--user", "--mount", "--preserve-credentials", "--")

    @property
    def outside(self) -> Path:
        """Where this process sees it."""
        return Path(f"/proc/{self.holder}/root{self.path}")

    def free(self) -> int:
        found = os.statvfs(self.outside)
        return found.f_bavail * found.f_frsize

    def fill(self, leaving: int) -> None:
        """Write a file that leaves so many bytes free."""
        with (self.outside / "ballast").open("ab", buffering=0) as file:
            while (size := self.free() - leaving) > 0:
                file.write(bytes(min(size, 1 << 20)))

    def make_room(self) -> None:
        (self.outside / "ballast").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Bounded:
    """The same where nothing may be mounted: a shim that counts how much the files of its processes grow."""

    path: Path
    size: int
    disk: Disk
    before: tuple[str, ...] = ()

    @property
    def settings(self) -> Settings:
        return self.disk.settings

    @property
    def outside(self) -> Path:
        return self.path

    def fill(self, leaving: int) -> None:
        self.disk.leave_room(leaving, self.size)

    def make_room(self) -> None:
        self.disk.leave_room(self.size, self.size)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Mounted | Bounded]:
    """Give a disk of so many bytes, a real one where this machine lets us mount it; `MOUNT=no` does without."""
    path = folder / "disk"
    with mounted(path, size) as found:
        yield (os.environ.get("MOUNT") != "no" and found) or Bounded(path, size, Disk(folder, path))


@contextmanager
def mounted(path: Path, size: int) -> Iterator[Mounted | None]:
    """Mount an empty file system in a namespace of its own; None where this machine forbids it."""
    path.mkdir()
    script = f"mount -t tmpfs -o size={size} small '{path}' && echo mounted && exec cat"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        mounted = holder.stdout.readline().strip() == "mounted"
        try:
            yield Mounted(path, holder.pid, {}) if mounted else None
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
