"""One event each 2 ms beside a process that commits 100 events at a time without pause: how long each takes.

Three ways, interleaved: beside it, alone, and beside it with the turnstile taken out of both processes, so that only
SQLite's own lock stands between them. Processes: `python -m bench.second probe|press FOLDER kept|gone`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from bench import corpus, fanout
from bench.ingest import grouped, record
from bench.measure import LIMIT_S, cores, environment, pinned
from turnout.store.locks import Turnstile

PACE_S = 0.002
LASTS_S = 10.0
GROUP = 100
PRESSED = 20_000
WAYS = (("beside it", "kept", True), ("alone", "kept", False), ("beside it, no turnstile", "gone", True))


def run(rounds: int, folder: Path) -> None:
    """Run each way, and print the medians of the rounds."""
    print(f"\n1 event each {PACE_S * 1000:.0f} ms for {LASTS_S:.0f} s, {GROUP} a commit beside it")
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name, _, _ in WAYS}
    for number in range(rounds):
        for name, turnstile, pressed in WAYS if number % 2 == 0 else WAYS[::-1]:
            with TemporaryDirectory(dir=folder) as room:
                found[name].append(probed(Path(room), turnstile, pressed=pressed))
    for name, each in found.items():
        p50, p99, n = (median(figures) for figures in zip(*each, strict=True))
        print(f"{name:<26} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   {n:,.0f} events", flush=True)
    print("bound: p99 25 ms beside it")


def probed(room: Path, turnstile: str, *, pressed: bool) -> tuple[float, float, int]:
    """Run one way once: p50 and p99 in milliseconds, and how many events there were."""
    with fanout.opened(room):
        pass
    words = (sys.executable, "-m", "bench.second")
    with pinned(cores()[0]):
        probe = partial(
            subprocess.run, (*words, "probe", str(room), turnstile), env=environment(), stdout=subprocess.PIPE,
            text=True, timeout=LIMIT_S, check=True,
        )  # fmt: skip
        if not pressed:
            done = probe()
        else:
            with pressing(room, turnstile):
                done = probe()
    p50, p99, n = json.loads(done.stdout.splitlines()[-1])
    return p50, p99, n


@contextmanager
def pressing(room: Path, turnstile: str) -> Iterator[None]:
    """Run the process that commits without pause, on the other core."""
    with pinned(cores()[1]):
        words = (sys.executable, "-m", "bench.second", "press", str(room), turnstile)
        started = subprocess.Popen(words, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with started as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()


def press(room: Path) -> None:
    """Commit without pause until standard input ends."""
    reader = threading.Thread(target=sys.stdin.read, daemon=True)
    reader.start()
    with fanout.opened(room) as store:
        print("ready", flush=True)
        for seed in count():
            for calls in grouped(corpus.calls(PRESSED, seed=seed), GROUP):
                store.commit(partial(record, calls=calls), weight=len(calls))
                if not reader.is_alive():
                    return


def probe(room: Path) -> None:
    """Record one event after the other at a pace, and tell how long each took."""
    took: list[float] = []
    with fanout.opened(room) as store:
        begin = time.perf_counter()
        for number, call in enumerate(corpus.calls(int(LASTS_S / PACE_S), seed=-9)):
            due = begin + number * PACE_S
            time.sleep(max(0.0, due - time.perf_counter()))
            at = time.perf_counter()
            if at - begin > LASTS_S:
                break
            store.commit(partial(record, calls=(call,)))
            took.append(time.perf_counter() - at)
    print(json.dumps([median(took) * 1000, quantiles(took, n=100)[98] * 1000, len(took)]))


if __name__ == "__main__":
    if sys.argv[3] == "gone":
        setattr(Turnstile, "enter", lambda _: None)  # noqa: B010 - the other side of the comparison
        setattr(Turnstile, "enter_within", lambda *_: True)  # noqa: B010
        setattr(Turnstile, "leave", lambda _: None)  # noqa: B010
    {"probe": probe, "press": press}[sys.argv[1]](Path(sys.argv[2]))
