"""A disk whose every sync takes 0.3 s: commits are shared, nothing times out, and TERM still ends in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support import law
from support.destination import Recorder
from support.driven import Agent, Serve, connect
from support.engine import open_store
from support.faulty import Disk, tell
from support.worker import until
from turnout.store.unit import View

pytestmark = pytest.mark.timeout(480)

SYNC_S = 0.3
EVENTS = 120


def test_on_a_slow_disk_many_share_a_commit_and_all_are_answered_delivered_once_and_stopped_in_time(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with Recorder() as vendor:
        connect(data, vendor.url)
        disk = Disk(tmp_path, data)
        with Serve(data, settings=disk.settings) as serve, Agent(data, settings=disk.settings) as agent:
            serve.delivers()
            agent.opened().track("warm").result(60)
            vendor.wait_for(1)
            disk.slow(SYNC_S)

            began = time.monotonic()
            answers = [agent.track(f"k{at}", f"u{at}") for at in range(EVENTS)]
            told = [answer.result(60) for answer in answers]
            recorded, syncs = time.monotonic() - began, disk.slept
            until(lambda: len(vendor.received) > EVENTS, 120)
            delivered = time.monotonic() - began
            ready, _ = serve.ready()
            began = time.monotonic()
            code = serve.stop()
            left = time.monotonic() - began

        assert [each.text for each in told if each.refused] == []
        assert syncs < EVENTS / 4, "both processes together: one sync an event would be many more"
        assert ready == 200
        assert (code, left < 5 + 15) == (0, True)
        ids = [str(each.json()["messageId"]) for each in vendor.received]
        assert sorted(ids) == sorted(set(ids)), "no time-out: nothing was sent twice"
        store = open_store(data)
        assert store.look(law.broken) == []
        assert store.look(tries) == {1}
        store.close()
    tell(
        f"slow disk: {EVENTS} events at {SYNC_S} s a sync recorded in {recorded:.1f} s, sent in {delivered:.1f} s, "
        f"stopped in {left:.1f} s"
    )


def tries(view: View) -> set[int]:
    return {int(row[0]) for row in view.session.rows("SELECT DISTINCT n FROM requests")}
