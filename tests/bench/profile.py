"""Where the time of an event goes: a profile of every thread of the process that records or delivers, by room.

`cProfile` on each thread's own CPU clock, so that waiting for the disk, a lock or a socket costs nothing. What a
built-in takes (SQLite, a codec) stands with the room that calls it. A profiler makes small calls dear: the
figures are scaled to what the same run costs without it, and rooms of many small calls still look too big.
"""

from __future__ import annotations

import cProfile
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import turnout

PACKAGE = str(Path(turnout.__file__).parent)
ROWS = 32


class Threads:
    """A profile of each thread that runs within `on`; made before the threads, for it hooks on their start."""

    def __init__(self) -> None:
        self._profiles: list[cProfile.Profile] = []
        self._active = False
        threading.setprofile(self._first)

    def _first(self, _: FrameType, __: str, ___: object) -> None:
        """Be called by a new thread's first event; from then on the profile is."""
        if self._active:
            self._begin()
        elif threading.current_thread().name != "turnout-writer":
            sys.setprofile(None)

    def _begin(self) -> None:
        profile = cProfile.Profile(time.thread_time)
        self._profiles.append(profile)
        profile.enable()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Profile what runs in here, on this thread and on those that are running or start."""
        self._active = True
        self._begin()
        mine = self._profiles[-1]
        try:
            yield
        finally:
            mine.disable()
            self._active = False
            threading.setprofile(None)

    def stats(self) -> Iterator[Any]:
        """Give what each function took, over all threads."""
        for profile in self._profiles:
            yield from profile.getstats()


def table(threads: Threads, n: int, cpu_us: float) -> None:
    """Print rooms and functions in microseconds an event, scaled to `cpu_us` in all."""
    rooms: Counter[str] = Counter()
    built: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    called: Counter[str] = Counter()
    for entry in threads.stats():
        if isinstance(entry.code, str):
            continue
        room = room_of(entry.code)
        rooms[room] += entry.inlinetime
        functions[f"{room}.{entry.code.co_qualname}"] += entry.inlinetime
        called[room] += entry.callcount
        called[f"{room}.{entry.code.co_qualname}"] += entry.callcount
        for inner in entry.calls or ():
            if isinstance(inner.code, str):
                built[room] += inner.inlinetime
                functions[f"{room} > {short(inner.code)}"] += inner.inlinetime
                called[f"{room} > {short(inner.code)}"] += inner.callcount
    total = sum(rooms.values()) + sum(built.values())
    scale = cpu_us / total
    print(f"{cpu_us:.1f} us of CPU an event, {n:,} events; profiled {total / n * 1e6:.1f} us, scaled by room:")
    show("room", rooms + built, called, n, scale, built)
    show("function, or room > built-in", functions, called, n, scale, Counter())


def show(
    title: str, taken: Counter[str], called: Counter[str], n: int, scale: float, built: Counter[str]
) -> None:
    """Print the top of one list."""
    print(f"\n{'us':>7} {'share':>6} {'built-in':>8} {'calls':>7}  {title}")
    for name, seconds in taken.most_common(ROWS):
        us = seconds * scale
        part = f"{built[name] * scale:8.1f}" if built else " " * 8
        print(f"{us:7.1f} {seconds / sum(taken.values()):6.1%} {part} {called[name] / n:7.2f}  {name}")


def room_of(code: CodeType) -> str:
    """Name the module of ours, or the package of others, that a function stands in."""
    path = code.co_filename
    if path.startswith(PACKAGE):
        return path[len(PACKAGE) + 1 :].removesuffix(".py").replace("/", ".")
    if path.startswith("<"):
        return path
    parts = Path(path).parts
    after = parts.index("site-packages") + 1 if "site-packages" in parts else len(parts) - 1
    return f"({parts[after].removesuffix('.py')})"


def short(name: str) -> str:
    """Name a built-in as one calls it."""
    return name.removeprefix("<").removesuffix(">").replace("built-in method ", "").replace("method ", "")


Work = Callable[[], None]
