from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from support.carrier import carrier
from support.workspace import PERSON, Bench, bench
from turnout.operations import deletions
from turnout.upkeep import loop
from turnout.upkeep.loop import Keeping
from turnout.upkeep.watch import Signs


def ask(here: Bench) -> str:
    request = deletions.Deletion(user_id="u1", namespace="live")
    return str(here.call(deletions.operation(here.eyes), request, PERSON, sure=True).answer["deletion_id"])


def test_the_keepers_finish_an_erasure_by_themselves(data_dir: Path) -> None:
    async def main(here: Bench, epoch: int) -> None:
        deletion = await anyio.to_thread.run_sync(ask, here)
        async with here.store.awake(), anyio.create_task_group() as tasks:
            tasks.start_soon(loop.run, here.store, Keeping(), epoch, Signs())
            with anyio.fail_after(60):
                status = partial(deletions.get_deletion, deletion_id=deletion)
                while (await here.store.read(status))["status"] != "finished":
                    await here.store.changed(0.05)
            tasks.cancel_scope.cancel()

    with bench(data_dir) as here:
        here.record({})
        anyio.run(main, here, carrier(here).epoch)
        assert here.look(lambda view: view.log.after(0, 1))[0].erased


def test_a_newer_reign_ends_the_older_ones_keepers_quietly(data_dir: Path) -> None:
    async def main(here: Bench, old: int) -> Counter[str]:
        signs = Signs()
        async with here.store.awake():
            with anyio.move_on_after(0.5):
                await loop.run(here.store, Keeping(), old, signs)
        return signs.faults

    with bench(data_dir) as here:
        lanes = carrier(here)
        old = lanes.epoch
        here.record({})
        ask(here)
        lanes.reign()
        failures = anyio.run(main, here, old)

        assert failures == Counter()
        assert not here.look(lambda view: view.log.after(0, 1))[0].erased


def test_what_fails_is_told_and_counted_and_the_other_keepers_go_on(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(here: Bench, epoch: int) -> tuple[Counter[str], str]:
        signs = Signs()
        deletion = await anyio.to_thread.run_sync(ask, here)
        async with here.store.awake(), anyio.create_task_group() as tasks:
            tasks.start_soon(loop.run, here.store, Keeping(), epoch, signs)
            with anyio.fail_after(60):
                while not signs.faults:
                    await here.store.changed(0.05)
            tasks.cancel_scope.cancel()
        status = await here.store.read(partial(deletions.get_deletion, deletion_id=deletion))
        return signs.faults, str(status["status"])

    with bench(data_dir) as here:
        here.record({})
        (here.store.folder / "erasures").unlink()
        (here.store.folder / "erasures").mkdir()  # the file cannot be written
        failures, status = anyio.run(main, here, carrier(here).epoch)

    assert failures.keys() == {"who is erased is gone"}
    assert "it keeps that who is erased is gone" in caplog.text
    assert [record.cause["kind"] for record in caplog.records] == ["IsADirectoryError"]  # type: ignore[attr-defined]
    assert status == "received"
