"""A disk that is nearly full, and one that is full: a small file system, or a shim where none may be mounted.

Nobody is restarted: when there is room again, what waited goes on by itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from support import law
from support.destination import Recorder, Scripted
from support.driven import Agent, Serve, connect, run
from support.engine import open_store
from support.faulty import Bounded, Mounted, small_disk, tell
from support.worker import until
from turnout.event.stored import message_id
from turnout.store.store import Store
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

SIZE = 48 << 20
LOW = 2_000_000
"""Under 5 % of it."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Mounted | Bounded]:
    with small_disk(tmp_path, SIZE) as found:
        yield found


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


def arrived(vendor: Recorder) -> Counter[str]:
    return Counter(str(each.json()["messageId"]) for each in list(vendor.received))


def opened(disk: Mounted | Bounded, folder: Path) -> Store:
    """Open a copy of what is on the disk, which this process cannot reach by its path."""
    shutil.copytree(disk.outside / "data", folder / "copy")
    return open_store(folder / "copy")


def test_with_little_room_every_door_refuses_delivery_goes_on_and_room_alone_opens_the_doors_again(
    disk: Mounted | Bounded, vendor: Recorder
) -> None:
    data, before = disk.path / "data", disk.before
    connect(data, vendor.url, before=before)
    vendor.script.default = Scripted(act="held")
    with (
        Serve(data, before=before, settings=disk.settings) as serve,
        Agent(data, before=before, settings=disk.settings) as agent,
    ):
        serve.delivers()
        asked = [agent.track(f"k{at}", f"u{at}") for at in range(40)]
        ids = {each.result(60).message_id for each in asked}
        disk.fill(LOW)
        early = len(arrived(vendor))
        time.sleep(1.1)  # it is looked up once a second
        let_go(vendor)

        refused = agent.track("late").result(60)
        code, told = run(data, "send", "track", "--user-id", "u", "--event", "E", before=before, env=disk.settings)
        ready = serve.ready()
        until(lambda: arrived(vendor).keys() == ids)
        disk.make_room()
        began = time.monotonic()
        until(lambda: not agent.track("late").result(60).refused)
        until(lambda: serve.ready()[0] == 200)
        took = time.monotonic() - began

        assert early < 40, "the others were sent with little room"
        assert refused.text.startswith("limit_exceeded: free disk is under 1 GB or 5 %")
        assert "free some and try again" in refused.text
        assert (code, told["error"]["code"]) == (1, "limit_exceeded")
        assert ready == (503, {"ok": False, "reasons": ["free disk is under 1 GB or 5 %"]})
        assert took < 20
        until(lambda: len(arrived(vendor)) == 41)
        assert (serve.stop(), agent.stop()) == (0, 0)
    assert set(arrived(vendor).values()) == {1}
    tell(f"nearly full disk ({type(disk).__name__}): survived, open again after {took:.1f} s")


def test_what_cannot_be_written_down_on_a_full_disk_is_not_sent_and_room_alone_sets_it_going(
    disk: Mounted | Bounded, vendor: Recorder, tmp_path: Path
) -> None:
    data, before = disk.path / "data", disk.before
    connect(data, vendor.url, before=before)
    command = [*before, sys.executable, "-W", "ignore", "-c", RECORDS, str(data), str(MANY)]
    subprocess.run(command, check=True, timeout=120)
    ids = {f"m{number}" for number in range(MANY)}
    vendor.script.default = Scripted(delay_s=0.1)
    disk.fill(2_000_000)
    with Serve(data, before=before, settings={**disk.settings, "TURNOUT_MAX_IN_FLIGHT": "8"}) as serve:
        serve.listens()
        vendor.wait_for(10)
        disk.fill(0)
        until(lambda: _failed(serve) > 0)  # the log has a megabyte ahead of what is written
        until(partial(is_still, vendor))
        sent = arrived(vendor)
        vendor.script.default = Scripted()
        disk.make_room()
        began = time.monotonic()
        until(lambda: arrived(vendor).keys() == ids)
        took = time.monotonic() - began
        until(lambda: serve.ready()[0] == 200)

        assert sent != arrived(vendor)
        assert serve.stop() == 0, serve.said
    twice = {name: n for name, n in arrived(vendor).items() if n > 1}
    assert not twice, "every answer was kept until it could be written down"
    store = opened(disk, tmp_path)
    assert store.look(law.broken) == []
    store.close()
    tell(f"full disk ({type(disk).__name__}): {len(sent)} sent before, {MANY - len(sent)} after, in {took:.1f} s")


def let_go(vendor: Recorder) -> None:
    """Have the vendor answer what it holds, and what comes."""
    vendor.script.default = Scripted()
    vendor.let_go()


def is_still(vendor: Recorder) -> bool:
    """Tell whether nothing comes for two seconds, two more looks of its own: the last room may take one more settle."""
    before = arrived(vendor)
    time.sleep(2)
    return vendor.open == 0 and arrived(vendor) == before


MANY = 320
RECORDS = """
import os, sys
from turnout import Turnout

turnout = Turnout(data=sys.argv[1])
for number in range(int(sys.argv[2])):
    turnout.track(f"u{number}", "Filled", {"noise": os.urandom(8000).hex()}, message_id=f"m{number}")
turnout.close()
"""


def _failed(serve: Serve) -> float:
    """Ask how many commits of the process that delivers failed."""
    with urllib.request.urlopen(f"{serve.url}/metrics", timeout=60) as answer:  # noqa: S310 - loopback
        found = re.search(rb'turnout_commits_failed_total{process="deliverer"} (\S+)', answer.read())
    return float(found[1]) if found else 0.0


SCRIBE = """
import sys
from turnout import Turnout
from turnout.errors import LimitExceeded, Unavailable

turnout = Turnout(data=sys.argv[1])
acknowledged = 0
for number in range(1_000_000):
    noise = f"{number:06}" * 3000
    try:
        turnout.track(f"u{number % 9}", "Filled", {"noise": noise}, message_id=f"m{number}")
    except (LimitExceeded, Unavailable) as error:
        print("no", f"m{number}", type(error).__name__, flush=True)
        if not sys.stdin.readline():
            break
    else:
        print("ok", f"m{number}", flush=True)
"""


def test_a_program_that_fills_the_disk_keeps_what_was_acknowledged_and_goes_on_when_there_is_room(
    disk: Mounted | Bounded, tmp_path: Path
) -> None:
    disk.fill(16 << 20)
    acknowledged, refused, why = dictated(disk)
    store = opened(disk, tmp_path)
    found = store.look(stored)
    broken = store.look(lambda view: view.session.rows("PRAGMA integrity_check"))
    store.close()

    assert set(acknowledged) <= found, "acknowledged, and gone"
    assert not found & set(refused), "refused, and stored"
    assert why.keys() <= {"Unavailable", "LimitExceeded"}
    assert broken == [("ok",)]
    tell(f"filled disk ({type(disk).__name__}): {len(acknowledged)} acknowledged, the last 200 of them after {why}")


def dictated(disk: Mounted | Bounded) -> tuple[list[str], list[str], Counter[str]]:
    """Let a program record until it is refused 20 times, make room, let it record 200 more; give what it was told."""
    told: dict[str, list[str]] = {"ok": [], "no": []}
    why: Counter[str] = Counter()
    goal = sys.maxsize
    command = [*disk.before, sys.executable, "-W", "ignore", "-c", SCRIBE, str(disk.path / "data")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **disk.settings}
    ) as scribe:
        assert scribe.stdin is not None
        assert scribe.stdout is not None
        while len(told["ok"]) < goal:
            word, name, *reason = scribe.stdout.readline().split()
            told[word].append(name)
            if word == "no":
                why.update(reason)
                if len(told["no"]) == 20:
                    disk.make_room()
                    goal = len(told["ok"]) + 200
                time.sleep(0.1)  # it may have its next word then
                scribe.stdin.write("go on\n")
                scribe.stdin.flush()
        scribe.kill()
    return told["ok"], told["no"], why


def stored(view: View) -> set[str]:
    return {str(message_id(each.body, each.meta)) for each in view.log.after(0, 1_000_000)}
