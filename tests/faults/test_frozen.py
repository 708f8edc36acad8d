"""A process that is stopped (Ctrl-Z, a debugger, a laptop's lid) with a lock in its hands, and wakes up again.

`FREEZES` sets how often a process is frozen at a moment of chance (12); the seed is printed, `SEED` replays it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import law
from support.destination import Recorder, Scripted
from support.driven import Agent, Message, Serve, Told, connect, run
from support.engine import open_store
from support.faulty import Disk, seeded, tell
from support.worker import until
from turnout.delivery import verdict
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

FREEZES = int(os.environ.get("FREEZES", "12"))
PATIENCE_S = 10.0


@contextmanager
def frozen(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    until(lambda: _state(process) == "T")
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]


def arrived(vendor: Recorder) -> Counter[str]:
    return Counter(str(each.json()["messageId"]) for each in list(vendor.received))


def test_behind_one_that_froze_while_it_wrote_everybody_is_told_whom_to_end_and_goes_on_when_it_wakes(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    disk = Disk(tmp_path, data)
    with Recorder() as vendor:
        connect(data, vendor.url)
        with Agent(data, settings=disk.settings) as holder, Serve(data) as serve, Agent(data) as third:
            serve.delivers()  # so that nothing is written by the one that is to freeze but what it is asked to
            ids = {each.track(f"warm-{each.pid}").result(60).message_id for each in (holder, third)}
            disk.slow(2)
            held = holder.track("held", "u2")
            until(lambda: disk.slept > 0)
            with frozen(holder.pid):
                words, took = refused(data, third, serve)
            disk.heal()
            ids |= {told(holder, held, "held", "u2"), told(third, third.track("late", "u3"), "late", "u3")}

            until(lambda: ids == arrived(vendor).keys())
            until(lambda: serve.ready()[0] == 200)
            assert [each.stop() for each in (serve, third, holder)] == [0, 0, 0]
        assert set(arrived(vendor).values()) == {1}
    for each in words:
        assert f"process {holder.pid} holds the write lock and does not move; nothing was stored. Continue" in each
    assert PATIENCE_S <= took < PATIENCE_S + 20
    store = open_store(data)
    assert store.look(law.broken) == []
    assert store.look(lambda view: view.log.bounds()) == (1, len(ids)), "what was refused was not stored"
    store.close()
    tell(f"frozen writer: survived, three others heard whom to end after {took:.1f} s")


def told(agent: Agent, asked: Future[Told], key: str, user: str) -> str:
    """Give the id of an event; where it stood in line behind the write that froze, it is withdrawn: asked again."""
    answer = asked.result(60)
    if answer.refused:
        assert "own writer is still busy, perhaps on a slow disk; nothing was stored. Try again" in answer.text
        answer = agent.track(key, user).result(60)
    return answer.message_id


def unready(serve: Serve) -> tuple[int, Message]:
    """Ask until it is not ready: for a second it goes by what it found before."""
    until(lambda: serve.ready()[0] == 503)
    return serve.ready()


def refused(data: Path, agent: Agent, serve: Serve) -> tuple[list[str], float]:
    """Ask three others; give what they say, and after how many seconds."""
    began = time.monotonic()
    late = agent.track("late", "u3")
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(unready, serve)
        code, told = run(data, "send", "track", "--user-id", "u4", "--event", "E")
        status, why = asked.result()
    assert (code, status) == (1, 503), (told, why)
    words = [late.result(60).text, str(told["error"]["message"]), str(why["reasons"][0])]
    return words, time.monotonic() - began


def test_whoever_is_frozen_at_whatever_moment_sends_nothing_again_when_it_wakes(tmp_path: Path) -> None:
    draw = seeded("frozen")
    data = tmp_path / "data"
    ids: set[str] = set()
    with Recorder() as vendor:
        connect(data, vendor.url)
        vendor.script.default = Scripted(delay_s=0.15)
        with Serve(data) as serve, Agent(data) as second, Agent(data) as third:
            serve.delivers()
            for number in range(FREEZES):
                asked = [each.track(f"{number}-{at}", f"u{at}") for at in range(6) for each in (second, third)]
                time.sleep(draw.uniform(0, 0.25))
                with frozen(draw.choice([serve.pid, serve.deliverer, second.pid, third.pid])):
                    time.sleep(draw.uniform(0.1, 0.8))
                ids |= {each.result(60).message_id for each in asked}
            until(lambda: ids == arrived(vendor).keys())
            assert len(ids) == 6 * FREEZES, "the same key at both is one event"
            assert [each.stop() for each in (serve, second, third)] == [0, 0, 0]
    store = open_store(data)
    assert store.look(law.broken) == []
    assert store.look(delivered) == len(ids)
    store.close()
    assert set(arrived(vendor).values()) == {1}, "nobody died, every answer came: nothing is sent twice"
    tell(f"{FREEZES} freezes tried and survived, {len(ids)} events")


def delivered(view: View) -> int:
    return int(view.session.rows("SELECT count(*) FROM deliveries WHERE code = ?", (verdict.DELIVERED,))[0][0])
