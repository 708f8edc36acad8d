"""A process of the engine alone, for tests that kill it: it records, or it delivers to a scripted destination.

By hand:  python -m support.worker record DIR --prefix a --count 10 [--die before|after]
          python -m support.worker deliver DIR --url URL [--manifest FILE] [--die before_send|answered|settled] [--at N]

Where it dies is said here, not in the program: the sender is wrapped, the store's `transact` extended.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from typing_extensions import override

from support import manifests
from support.engine import Poster, caller, eyes, no_files, track
from turnout.clock import SystemClock
from turnout.delivery.deliverer import Deliverer
from turnout.delivery.lane import Options
from turnout.delivery.schedule import Schedule
from turnout.delivery.sender import CurlSender
from turnout.egress import Policy, parse_networks
from turnout.entropy import SystemEntropy
from turnout.event.model import Call
from turnout.exchange import Reply, Request, Target
from turnout.ingest import Receipt, ingest
from turnout.store.store import Store
from turnout.store.unit import Unit

T = TypeVar("T")
HERE = Path(__file__).resolve().parent.parent
LIMIT_S = 120


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class MortalStore(Store):
    """Dies right after the settle numbered `dies_at` is committed; 0: never."""

    dies_at = 0
    settled = 0

    @override
    async def transact(self, function: Callable[[Unit], T], weight: int = 1) -> T:
        answer = await super().transact(function, weight)
        if getattr(function, "__qualname__", "").startswith("Lane."):
            self.settled += 1
            if self.settled == self.dies_at:
                die()
        return answer


@dataclass(slots=True)
class MortalSender:
    """Dies before its request numbered `at` leaves, or when that is answered."""

    inner: CurlSender
    point: str
    at: int
    sent: int = 0

    def start(self, request: Request, done: Callable[[Reply], None]) -> None:
        self.sent += 1
        mine = self.sent == self.at
        if mine and self.point == "before_send":
            die()

        def answered(reply: Reply) -> None:
            if mine and self.point == "answered":
                die()
            done(reply)

        self.inner.start(request, answered)


async def deliver(given: argparse.Namespace) -> None:
    """Deliver until told to stop by TERM."""
    clock, entropy = SystemClock(), SystemEntropy()
    store = MortalStore(given.folder, clock, entropy)
    store.dies_at = given.at if given.die == "settled" else 0
    target = _target(given)
    async with store.awake(), CurlSender(Policy(parse_networks("127.0.0.0/8"))) as sender:
        deliverer = Deliverer(
            store, eyes(target), MortalSender(sender, given.die, given.at), no_files, clock, entropy,
            Options(Schedule(0.05, 0.5), batch_wait_s=0.005), _no_upkeep, serves=given.serves,
        )  # fmt: skip
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(deliverer.run)
                _say("ready")
                async for _ in signals:
                    break
                deliverer.stop()
    store.close()


def _target(given: argparse.Namespace) -> Target:
    if given.manifest is None:
        return Poster(url=given.url, max_items=given.items)
    return manifests.target(given.manifest.read_text(encoding="utf-8"), endpoint=given.url)


async def _no_upkeep(epoch: int) -> None:
    assert epoch
    await anyio.sleep_forever()


def record(given: argparse.Namespace) -> None:
    """Record events one by one, each said when it is acknowledged; twenty people take turns."""
    store = Store(given.folder, SystemClock(), SystemEntropy()).open()
    _say("ready")
    for at in range(given.count):
        call = track(f"{given.prefix}-{at}", f"{given.prefix}-u{at % 20}")
        store.commit(partial(_record, call=call, now=store.clock.now(), die_in=given.die == "before"))
        if given.die == "after":
            die()
        _say(f"{given.prefix}-{at}")
        if given.pause_ms:
            time.sleep(given.pause_ms / 1000)
    store.close()


def _record(unit: Unit, call: Call, now: int, *, die_in: bool) -> Receipt:
    receipt = ingest(unit, (call,), caller(now))
    if die_in:
        die()
    return receipt


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Worker:
    """A worker that was started; `out` holds what it says."""

    process: subprocess.Popen[bytes]
    out: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def lines(self) -> list[str]:
        return self.out.read_text().split()

    def await_ready(self) -> None:
        until(lambda: "ready" in self.lines() or self.process.poll() is not None)
        assert "ready" in self.lines(), "it ended before it was ready"

    def killed(self) -> None:
        """Wait until it has died by its own hand or another's."""
        assert self.process.wait(LIMIT_S) == -signal.SIGKILL

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT_S)

    def stop(self) -> int:
        """Ask it to end, as a supervisor does; give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


def until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Wait until something holds that other processes bring about: their file and their death have no event."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def start(out: Path, *words: str) -> Worker:
    """Start a worker; what it says goes to a file that is opened anew."""
    with out.open("wb") as file:
        command = (sys.executable, "-m", "support.worker", *words)
        return Worker(subprocess.Popen(command, stdout=file, stdin=subprocess.DEVNULL, cwd=HERE), out)


def main() -> None:
    parser = argparse.ArgumentParser(prog="support.worker")
    parser.add_argument("what", choices=["record", "deliver"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prefix", default="e")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--pause-ms", type=float, default=0)
    parser.add_argument("--url", default="")
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--items", type=int, default=1)
    parser.add_argument("--serves", action="store_true")
    parser.add_argument("--die", default="")
    parser.add_argument("--at", type=int, default=0)
    given = parser.parse_args()
    if given.what == "record":
        record(given)
    else:
        anyio.run(deliver, given)


if __name__ == "__main__":
    main()
