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
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from types import CodeType
from typing import Any

import turnout

PACKAGE = str(Path(turnout.__file__).parent)
ROWS = 32
SESSION = "store.session"
CALLS_A_STATEMENT = 3
"""Itself, the statement, the closing of it."""


class Threads:
    """A profile of this thread, and of each that starts within `on`; of all from when it is `armed`."""

    def __init__(self, *, armed: bool = True) -> None:
        self._profiles: list[cProfile.Profile] = []
        self.entries: list[Any] = []
        self.armed = armed

    def _begin(self, *_: object) -> None:
        """Be called by each event of a thread until it is armed; from then on the profile is."""
        if not self.armed:
            return
        profile = cProfile.Profile(time.thread_time)
        self._profiles.append(profile)
        profile.enable()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Profile what runs in here."""
        threading.setprofile(self._begin)
        sys.setprofile(self._begin)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            self.entries = [entry for profile in self._profiles for entry in profile.getstats()]


def table(threads: Threads, n: int, cpu_us: float) -> None:
    """Print rooms and functions in microseconds an event, less what the profiler itself took a call."""
    entries = [entry for entry in threads.entries if not isinstance(entry.code, str)]
    profiled = sum(inline for _, _, inline, _ in lines(entries, 0.0))
    calls = sum(count for _, _, _, count in lines(entries, 0.0))
    toll = max(0.0, profiled - cpu_us * n / 1e6) / calls
    rooms: defaultdict[str, float] = defaultdict(float)
    functions: defaultdict[str, float] = defaultdict(float)
    called: Counter[str] = Counter()
    for room, function, inline, count in lines(entries, toll):
        rooms[room] += inline
        functions[function] += inline
        called[room] += count
        called[function] += count
    print(
        f"{cpu_us:.1f} us of CPU an event without the profiler, {profiled / n * 1e6:.1f} with it; "
        f"{calls / n:.0f} calls an event, {toll * 1e6:.2f} us of the profiler's own taken off each"
    )
    show("room, with the built-ins that it calls", rooms, called, n)
    show("function, or room > built-in", functions, called, n)
    who, times = askers(threads.entries, toll)
    show("who runs statements, all that it takes in store.session", who, times, n)


def lines(entries: Sequence[Any], toll: float) -> Iterator[tuple[str, str, float, int]]:
    """Give room, function, seconds and calls; half a call's toll lies in the callee's time, half in the caller's."""
    for entry in entries:
        room = room_of(entry.code)
        inner = entry.calls or ()
        made = sum(each.callcount for each in inner)
        own = entry.inlinetime - toll * (entry.callcount + made) / 2
        yield room, f"{room}.{entry.code.co_qualname}", own, entry.callcount
        for each in inner:
            if isinstance(each.code, str):
                name = f"{room} > {shorter(each.code)}"
                yield room, name, each.inlinetime - toll * each.callcount / 2, each.callcount


def askers(entries: Sequence[Any], toll: float) -> tuple[Mapping[str, float], Counter[str]]:
    """Charge the session's time to who called it: a call, its built-in calls and their toll."""
    who: defaultdict[str, float] = defaultdict(float)
    times: Counter[str] = Counter()
    for entry in entries:
        if isinstance(entry.code, str) or room_of(entry.code) == SESSION:
            continue
        name = f"{room_of(entry.code)}.{entry.code.co_qualname}"
        for each in entry.calls or ():
            if not isinstance(each.code, str) and room_of(each.code) == SESSION:
                who[name] += each.totaltime - toll * each.callcount * CALLS_A_STATEMENT
                times[name] += each.callcount
    return who, times


def show(title: str, taken: Mapping[str, float], called: Mapping[str, int], n: int) -> None:
    """Print the top of one list."""
    total = sum(taken.values())
    print(f"\n{'us':>7} {'share':>6} {'calls':>7}  {title}")
    for name, seconds in sorted(taken.items(), key=itemgetter(1), reverse=True)[:ROWS]:
        print(f"{seconds / n * 1e6:7.2f} {seconds / total:6.1%} {called[name] / n:7.2f}  {name}")


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


def shorter(name: str) -> str:
    """Name a built-in as one calls it."""
    return name.removeprefix("<").removesuffix(">").replace("built-in method ", "").replace("method ", "")
