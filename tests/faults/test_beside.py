"""`turnout serve` is two processes: whichever of them is killed, stopped or frozen, the other does what is right.

`KILLS` sets how often the one that delivers is killed (4); the seed is printed, `SEED` replays it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support import law
from support.destination import Recorder, Scripted
from support.driven import Serve, connect
from support.engine import open_store
from support.faulty import seeded, tell
from support.program import children, lines
from support.worker import until
from turnout import Turnout
from turnout.cli.deputy import PAUSE_S, SILENT_S
from turnout.delivery import verdict
from turnout.event.stored import message_id
from turnout.store import tail
from turnout.store.locks import FileLock, Turnstile, is_alive
from turnout.store.owed import OwedState
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

KILLS = int(os.environ.get("KILLS", "4"))
SLOTS = 16
NARROW = {"TURNOUT_MAX_IN_FLIGHT": str(SLOTS), "TURNOUT_LOG": "info"}
SLOW_S = 20.0
"""Longer than who leaves waits for answers."""
BEGUN_ANEW = "the process that delivers ended (exit code 1) and is begun anew"
BUSY_S = 10.0
"""What a busy machine adds."""


@pytest.fixture
def vendor(data_dir: Path) -> Iterator[Recorder]:
    """Give a vendor that a destination of the workspace sends to."""
    with Recorder() as recorder:
        connect(data_dir, recorder.url)
        yield recorder


def told(serve: Serve) -> list[dict[str, Any]]:
    """Read what both processes said, line by line: each must be JSON."""
    return lines(serve.err)


def named(serve: Serve, event: str) -> list[dict[str, Any]]:
    return [each for each in told(serve) if each["event"] == event]


def arrived(vendor: Recorder) -> Counter[str]:
    return Counter(str(each.json()["messageId"]) for each in list(vendor.received))


def tries(view: View) -> dict[str, int]:
    """Give how many tries are known of each event that was delivered, by its id."""
    rows = view.session.rows(
        "SELECT e.body, e.meta, r.n FROM deliveries d JOIN requests r ON r.id = d.request"
        " JOIN events e ON e.seq = d.seq WHERE d.code = ?",
        (verdict.DELIVERED,),
    )
    return {str(message_id(body, meta)): int(n) for body, meta, n in rows}


def left(data: Path) -> tuple[Mapping[OwedState, int], bool]:
    """Hold the laws against what was left: give what is owed, by state, and whether something is on its way."""
    store = open_store(data)
    assert store.look(law.broken) == []
    states = store.look(lambda view: view.owed.states()).get(1, {})
    windows = store.look(lambda view: view.lanes.windows())
    store.close()
    return states, bool(windows)


def holder(data: Path) -> int:
    """Give who delivers now; 0: nobody."""
    lock = FileLock(data / "delivery.lock")
    try:
        return 0 if lock.try_share() else lock.holder()
    finally:
        lock.close()


def files(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


class Client:
    """Sends to the server, in a thread of this process, one event after the other; each must be answered 200."""

    def __init__(self, serve: Serve) -> None:
        store = open_store(serve.data)
        self._key = store.look(lambda view: next(iter(view.workspace.sources.values())).write_key)
        store.close()
        self._url = f"{serve.url}/v1/track"
        self._ends = threading.Event()
        self._threads = ThreadPoolExecutor(1)
        self.ids: list[str] = []

    def send(self) -> None:
        """Send one event."""
        number = len(self.ids)
        event = {"messageId": f"m{number}", "event": "E", "userId": f"u{number % 40}"}
        head = {"X-Write-Key": self._key, "Content-Type": "application/json"}
        asked = urllib.request.Request(self._url, json.dumps(event).encode(), head)  # noqa: S310 - loopback
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        self.ids.append(f"m{number}")

    def __enter__(self) -> Self:
        self._sent = self._threads.submit(self._send)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._threads.shutdown()
        self._sent.result()

    def _send(self) -> None:
        while not self._ends.wait(0.005):
            self.send()


def metrics(serve: Serve) -> dict[tuple[str, str], float]:
    """Give the samples by name and process."""
    with urllib.request.urlopen(f"{serve.url}/metrics", timeout=60) as answer:  # noqa: S310 - loopback
        families = text_string_to_metric_families(answer.read().decode())  # type: ignore[no-untyped-call]
    return {(each.name, each.labels.get("process", "")): each.value for family in families for each in family.samples}


def test_a_deliverer_that_is_killed_is_followed_by_another_and_every_event_arrives(
    data_dir: Path, vendor: Recorder
) -> None:
    draw = seeded("kills of the deliverer")
    vendor.script.default = Scripted(delay_s=0.05)
    took = []
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        before = files(serve.pid)
        with Client(serve) as client:
            for _ in range(KILLS):
                vendor.wait_until(lambda: vendor.open >= 2)
                time.sleep(draw.uniform(0, 0.1))
                gone = serve.deliverer
                os.kill(gone, signal.SIGKILL)
                took.append(follows(serve, gone))
                until(lambda: serve.ready()[0] == 200)  # events are taken in meanwhile: the client insists on it
                assert children(serve.pid) == [serve.deliverer], "the dead one was waited for"
        until(lambda: set(client.ids) <= arrived(vendor).keys())
        until(lambda: files(serve.pid) <= before + 1)  # and its socket is closed
        assert serve.stop() == 0
    store = open_store(data_dir)
    known = store.look(tries)
    store.close()
    times = arrived(vendor)
    twice = sum(n - 1 for n in times.values())
    assert left(data_dir) == ({}, False)
    assert known.keys() == set(client.ids)
    assert [name for name, n in times.items() if n > known[name]] == [], "sent again, and not named as in doubt"
    assert twice <= KILLS * SLOTS
    assert [each["how"] for each in named(serve, "deliverer_ended")] == ["signal 9"] * KILLS
    assert min(took) < 2 + BUSY_S
    tell(f"{KILLS} kills of the deliverer survived, {len(known)} events, {twice} doubles; {took[0]:.1f} s without")


def freeze(serve: Serve) -> int:
    """Stop the one that delivers while it holds no lock that others write under; give which it is."""
    deliverer = serve.deliverer
    turnstile = Turnstile(serve.data)
    until(lambda: is_stopped_outside(turnstile, deliverer))
    turnstile.close()
    return deliverer


def is_stopped_outside(turnstile: Turnstile, process: int) -> bool:
    os.kill(process, signal.SIGSTOP)
    until(lambda: Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] == "T")
    if turnstile.enter_within(0.5):
        turnstile.leave()
        return True
    os.kill(process, signal.SIGCONT)
    return False


def follows(serve: Serve, gone: int) -> float:
    """Wait until another delivers; give how long that took."""
    began = time.monotonic()
    until(lambda: holder(serve.data) not in {0, gone})
    return time.monotonic() - began


@pytest.mark.parametrize("delay_s", [0.05, SLOW_S])
def test_a_deliverer_whose_server_is_killed_leaves_in_order_and_holds_nothing(
    delay_s: float, data_dir: Path, vendor: Recorder
) -> None:
    vendor.script.default = Scripted(delay_s=delay_s)
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        with Turnout(data_dir) as turnout:
            for at in range(100):
                turnout.track(f"u{at}", "E")
        vendor.wait_for(SLOTS)
        deliverer = serve.deliverer

        serve.signal(signal.SIGKILL)
        assert serve.ended() == -signal.SIGKILL
        began = time.monotonic()
        until(lambda: not is_alive(deliverer))
        took = time.monotonic() - began

    owed, is_sending = left(data_dir)
    assert took < (2 if delay_s < 1 else 6) + BUSY_S
    assert [each["process"] for each in named(serve, "left_alone")] == [deliverer]
    assert [each["reason"] for each in named(serve, "handed_over")] == ["it stops"]
    assert OwedState.UNKNOWN not in owed
    assert is_sending == (delay_s == SLOW_S), "only what nobody answered is in doubt"
    for name in ("delivery.lock", "serve.lock", "open.lock", "write.lock", "next.lock"):
        lock = FileLock(data_dir / name)
        assert lock.try_acquire(), name
        lock.close()
    tell(f"server killed, answers after {delay_s} s: the deliverer left after {took:.1f} s")


def test_ctrl_c_goes_to_both_and_both_leave_in_order(data_dir: Path, vendor: Recorder) -> None:
    vendor.script.default = Scripted(delay_s=0.3)
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        with Turnout(data_dir) as turnout:
            for at in range(60):
                turnout.track(f"u{at}", "E")
        vendor.wait_for(4)
        deliverer = serve.deliverer

        serve.interrupt()

        assert serve.ended() == 0
        assert not is_alive(deliverer)
    owed, is_sending = left(data_dir)
    assert not is_sending
    assert owed.keys() <= {OwedState.RETRY, OwedState.HELD}
    assert set(arrived(vendor).values()) == {1}
    assert named(serve, "deliverer_ended") == []
    assert len(named(serve, "closed")) == 2


def test_a_second_ctrl_c_is_not_kept_waiting_by_a_slow_vendor(data_dir: Path, vendor: Recorder) -> None:
    vendor.script.default = Scripted(delay_s=SLOW_S)
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        with Turnout(data_dir) as turnout:
            for at in range(60):
                turnout.track(f"u{at}", "E")
        vendor.wait_for(SLOTS)
        deliverer = serve.deliverer
        serve.interrupt()
        until(lambda: bool(named(serve, "leaving")))
        began = time.monotonic()

        serve.interrupt()

        assert serve.ended() == 0
        took = time.monotonic() - began
        assert not is_alive(deliverer)
    assert took < 3 + BUSY_S, "no answer is waited for"
    assert len(named(serve, "closed")) == 2
    owed, is_sending = left(data_dir)
    assert is_sending, "what nobody answered is in doubt"
    assert OwedState.UNKNOWN not in owed, "and nothing else"


def test_ctrl_c_while_it_starts_leaves_no_trace_and_no_process(data_dir: Path) -> None:
    draw = seeded("Ctrl-C at the start")
    for _ in range(3):
        with Serve(data_dir, settings=NARROW) as serve:
            deliverer = serve.deliverer
            time.sleep(draw.uniform(0, 0.6))
            serve.interrupt()
            assert serve.ended() == 0, serve.said
            assert not is_alive(deliverer)
            assert named(serve, "deliverer_ended") == []


def test_behind_a_frozen_deliverer_events_are_taken_in_and_readyz_names_it(data_dir: Path, vendor: Recorder) -> None:
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        deliverer = freeze(serve)
        client = Client(serve)
        for _ in range(20):
            client.send()
        until(lambda: bool(named(serve, "deliverer_silent")))
        until(lambda: serve.ready()[1].get("degraded") == [f"process {deliverer} should deliver and does not move"])
        status, why = serve.ready()
        numbers = metrics(serve)

        os.kill(deliverer, signal.SIGCONT)

        until(lambda: set(client.ids) == arrived(vendor).keys())
        until(lambda: serve.ready()[1] == {"ok": True, "delivering": True, "degraded": []})
        assert serve.stop() == 0
    assert (status, why["delivering"]) == (200, False)
    assert numbers["turnout_is_delivering", ""] == 0
    assert numbers["turnout_deliverer_process", ""] == deliverer
    assert [each["child"] for each in named(serve, "deliverer_silent")] == [deliverer]
    assert [each["child"] for each in named(serve, "deliverer_moves")] == [deliverer]
    assert set(arrived(vendor).values()) == {1}
    assert left(data_dir) == ({}, False)


def test_a_server_that_is_stopped_ends_a_deliverer_that_is_frozen(data_dir: Path) -> None:
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        deliverer = freeze(serve)
        began = time.monotonic()

        assert serve.stop() == 0

        assert time.monotonic() - began < SILENT_S + 2 + BUSY_S
        assert not is_alive(deliverer)


def test_a_deliverer_that_cannot_open_the_data_is_begun_ever_more_seldom_until_it_can(
    data_dir: Path, vendor: Recorder
) -> None:
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        (data_dir / "keys").rename(data_dir / "elsewhere")
        os.kill(serve.deliverer, signal.SIGKILL)
        until(lambda: len(named(serve, "deliverer_ended")) >= 4)
        until(lambda: serve.ready() == (200, {"ok": True, "delivering": False, "degraded": [BEGUN_ANEW]}))
        (data_dir / "elsewhere").rename(data_dir / "keys")
        with Turnout(data_dir) as turnout:
            turnout.track("u1", "E")
        vendor.wait_for(1)
        assert serve.stop() == 0
    ended = named(serve, "deliverer_ended")
    assert [each["how"] for each in ended] == ["signal 9"] + ["exit code 1"] * (len(ended) - 1)
    assert [each["seconds"] for each in ended] == [PAUSE_S[0] * 2**n for n in range(len(ended))]
    assert "keys" in named(serve, "not_opened")[0]["reason"]


def test_a_loss_that_the_server_accepts_its_deliverer_accepts_too(data_dir: Path) -> None:
    with Turnout(data_dir):
        pass  # it has its first source: the server itself commits nothing
    (data_dir / "tail").write_text(f"{99:<20d}\n")
    with Serve(data_dir, "--accept-loss", settings=NARROW) as serve:
        until(lambda: bool(named(serve, "took_over")))
        noted = tail.read(data_dir / "tail")
        assert serve.listens().stop() == 0
    assert noted < 99, "its commit noted what there is"


def test_what_lies_in_the_current_directory_is_not_run(data_dir: Path, tmp_path: Path) -> None:
    for name in ("anyio", "turnout", "msgspec"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)\n")
    program = Path(sys.executable).with_name("turnout")
    command = (program, "serve", "--port", "0", "--data", data_dir)
    settings = {**os.environ, "TURNOUT_LOG": "info"}
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=settings) as process:
        assert process.stderr is not None
        first = next(line for line in process.stderr if "took_over" in line or "deliverer_ended" in line)
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(60) == 0, rest

    assert "took_over" in first


def test_both_processes_tell_their_numbers(data_dir: Path, vendor: Recorder) -> None:
    with Serve(data_dir, settings=NARROW) as serve:
        serve.delivers()
        vendor.script.default = Scripted(delay_s=SLOW_S)
        with Turnout(data_dir) as turnout:
            turnout.track("u1", "E")
        vendor.wait_for(1)
        until(lambda: metrics(serve)["turnout_requests_in_flight", ""] == 1)
        numbers = metrics(serve)
        deliverer = serve.deliverer
        memory = {who: sum(sizes(process)) for who, process in (("door", serve.pid), ("deliverer", deliverer))}
        vendor.script.default = Scripted()
    assert numbers["turnout_is_delivering", ""] == 1
    assert numbers["turnout_deliverer_process", ""] == deliverer
    for who in ("door", "deliverer"):
        assert numbers["turnout_commits_total", who] > 0
        assert numbers["process_cpu_seconds_total", who] > 0
        assert numbers["process_resident_memory_bytes", who] == pytest.approx(memory[who], rel=0.2)


def test_both_together_take_no_more_than_110_mb_while_they_have_nothing_to_do(data_dir: Path) -> None:
    with Serve(data_dir) as serve:
        serve.delivers()
        both = [sizes(process) for process in (serve.pid, serve.deliverer)]
    together = sum(own for own, _ in both) + max(shared for _, shared in both)
    assert together < 110e6, both
    tell(f"idle: {together / 1e6:.0f} MB, of which {', '.join(f'{own / 1e6:.0f}' for own, _ in both)} MB their own")


def sizes(process: int) -> tuple[int, int]:
    """Give the bytes that a process has alone, and those of files, which both have: libraries above all."""
    rows = (line.split() for line in Path(f"/proc/{process}/status").read_text().splitlines())
    found = {row[0]: int(row[1]) * 1024 for row in rows if row and row[0] in {"RssAnon:", "RssFile:"}}
    return found["RssAnon:"], found["RssFile:"]
