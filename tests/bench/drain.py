"""Delivers a backlog in a process of its own: the real assembly, from opening the workspace to the last verdict.

`python -m bench.drain FOLDER EVENTS [trace_bytes=N] [manifests=FOLDER]`. With `manifests` the catalogue is that
folder's: a destination whose vendor states no limits.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread

from bench import fanout
from bench.measure import Cost, Mark, side
from turnout import app
from turnout.app import running
from turnout.config import Settings
from turnout.manifest.catalogue import Catalogue
from turnout.sinks.files import JSONL


def drained(room: Path, events: int, **options: object) -> Cost:
    """Deliver what waits in a workspace, in a process of its own."""
    return side("drain", room, events, *(f"{name}={value}" for name, value in options.items()))


async def drain(settings: Settings, events: int) -> Cost:
    """Deliver until every lane is through."""
    begin = Mark.here()
    async with running(settings, delivers=True) as running_app:
        with fanout.following(running_app.store.path) as behind:
            await anyio.to_thread.run_sync(fanout.wait, behind, 0)
    return begin.cost(events, Mark.here())


if __name__ == "__main__":
    GIVEN = dict(word.split("=", 1) for word in sys.argv[3:])
    SETTINGS = fanout.settings(Path(sys.argv[1]))
    if "trace_bytes" in GIVEN:
        SETTINGS = replace(SETTINGS, trace_bytes=int(GIVEN["trace_bytes"]))
    if "manifests" in GIVEN:
        setattr(app, "catalogue_of", lambda *_: Catalogue((JSONL,), Path(GIVEN["manifests"])))  # noqa: B010
    anyio.run(drain, SETTINGS, int(sys.argv[2]), backend_options=fanout.AS_SERVED).tell()
