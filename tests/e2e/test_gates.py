"""Limits of an action hold its own requests and no others, over the real sender and a vendor that counts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio

from support.delivering import delivering, until_seen
from support.destination import Recorder, Script, Scripted
from support.engine import caller
from support.manifests import target
from turnout.document import encode
from turnout.event.model import Call
from turnout.ingest import ingest
from turnout.store.unit import View

EVENTS = 8
MANIFEST = """
order: none
actions:
  held: {for: {track: Held}, limits: {concurrency: 1}, send: {post: "URL/held", json: $.event}}
  free: {for: {track: Free}, send: {post: "URL/free", json: $.event}}
"""


def test_an_actions_limits_hold_its_own_requests_and_no_others(data_dir: Path) -> None:
    with Recorder(Script(Scripted(delay_s=0.05))) as vendor:
        anyio.run(deliver, data_dir, vendor.url, "Held")
        held = vendor.peak
        anyio.run(deliver, data_dir / "free", vendor.url, "Free")

        assert len(vendor.received) == 2 * EVENTS
        assert (held, vendor.peak > 1) == (1, True)


async def deliver(folder: Path, url: str, event: str) -> None:
    async with delivering(folder, target(MANIFEST.replace("URL", url))) as store:
        calls = tuple(
            Call(encode({"type": "track", "event": event, "userId": f"u{n}", "messageId": f"{event}-{n}"}))
            for n in range(EVENTS)
        )
        await store.transact(partial(ingest, calls=calls, caller=caller(store.clock.now())))
        await until_seen(store, at_rest)


def at_rest(view: View) -> bool:
    run = view.lanes.run(1, 0)
    return run is not None and run.cursor == EVENTS and not view.owed.any(1) and not view.lanes.windows()
