"""The catalogue: what starting costs with 6, 31 and 400 manifests in the workspace's own folder, one connected.

`turnout mcp` to its first answer and its memory after `tools/list` and after one call; `turnout serve` until it
delivers, and the memory of its two processes; `turnout destination list` and a search of the catalogue, whole
processes, whose first run makes the index. The manifests are Amplitude's under other names, which are longer than most.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import door
from bench.dead import memory_mb
from bench.measure import cores, environment, pinned
from bench.start import started
from turnout.manifest.catalogue import packaged

COUNTS = (6, 31, 400)
STARTS = 10
ROWS = (
    *("mcp, first answer ms", "mcp, MB after tools/list", "mcp, MB after a call"),
    *("serve, delivers after ms", "serve, both processes, MB"),
    *("destination list, CPU ms", "the same, peak MB", "search the catalogue, CPU ms", "the same, peak MB"),
)
SEARCH = ("destination", "list", "--catalog", "--search", "made 3")


def run(rounds: int, folder: Path) -> None:  # noqa: ARG001 - ten starts, whatever the rounds
    """Compare, and print."""
    with TemporaryDirectory(dir=folder) as place:
        rooms = {count: made(Path(place) / str(count), count) for count in COUNTS}
        first = {count: command(room, *SEARCH)[0] for count, room in rooms.items()}
        took: dict[int, list[tuple[float, ...]]] = {count: [] for count in COUNTS}
        for number in range(STARTS):
            for count in COUNTS if number % 2 else reversed(COUNTS):
                took[count].append(once(rooms[count]))
    middle = {count: [median(each) for each in zip(*took[count], strict=True)] for count in COUNTS}
    print(
        f"\n{STARTS} starts with {', '.join(map(str, COUNTS))} own manifests; the ratio is {COUNTS[-1]} to {COUNTS[0]}"
    )
    for place_, name in enumerate(ROWS):
        found = [middle[count][place_] for count in COUNTS]
        print(f"{name:30}{''.join(f'{each:9.1f}' for each in found)}   {found[-1] / found[0]:.2f}x", flush=True)
    print(f"{'the first search, CPU ms':30}{''.join(f'{first[count]:9.1f}' for count in COUNTS)}   makes the index")


def made(room: Path, count: int) -> Path:
    """Make a workspace with so many manifests of its own, the first of them connected."""
    data = room / "data"
    own = data / "manifests"
    own.mkdir(parents=True)
    data.chmod(0o700)
    text = (packaged() / "amplitude.yaml").read_text(encoding="utf-8")
    assert "slug: amplitude\nname: Amplitude\n" in text
    for n in range(count):
        named = text.replace("slug: amplitude\nname: Amplitude\n", f"slug: made-{n}\nname: Made {n}\n")
        aliases = next(line for line in named.splitlines() if line.startswith("aliases:"))
        (own / f"made-{n}.yaml").write_text(named.replace(aliases, f"aliases: {{segment: [actions-made-{n}]}}"))
    command(room, "destination", "connect", "made-0", "--set", "api_key=k1")
    return room


def once(room: Path) -> tuple[float, ...]:
    """Start each program once."""
    data = str(room / "data")
    first, listed, called = started(("-m", "turnout", "mcp", "--data", data), room)
    begin = time.perf_counter()
    with door.serving(room, ("-m", "turnout", "serve", "--data", data, "--port", "0")) as (_, process):
        until = time.perf_counter() - begin
        below = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()
        size = sum(memory_mb(each) for each in (process, *map(int, below)))
    lists, searches = command(room, "destination", "list"), command(room, *SEARCH)
    return first * 1000, listed, called, until * 1000, size, *lists, *searches


def command(room: Path, *words: str) -> tuple[float, float]:
    """Run a command: milliseconds of CPU, and the most memory that it had."""
    with pinned(cores()[0]):
        process = subprocess.Popen(
            (sys.executable, "-m", "turnout", *words, "--data", str(room / "data"), "--json"), env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss / 1024
