"""Telling destinations of who is erased: whoever delivers is killed with the request on its way, again and again.

`KILLS` sets how often (3).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from support import law
from support.destination import Recorder, Script, Scripted
from support.driven import Serve, run
from support.engine import open_store
from support.worker import until
from turnout.operations.deletions import get_deletion

pytestmark = pytest.mark.timeout(480)

KILLS = int(os.environ.get("KILLS", "3"))


def test_no_deletion_is_lost_and_its_receipt_stays_open_until_the_destination_took_it(data_dir: Path) -> None:
    with Recorder() as vendor:
        given = ("--set", "api_key=iterable-key-0123456789", "--set", f"endpoint={vendor.url}")
        code, told = run(data_dir, "destination", "connect", "iterable", *given, "--yes")
        assert code == 0, told
        vendor.script = Script(Scripted(act="hang"))
        deletions = []
        for n in range(KILLS):
            deletions.append(erase(data_dir, f"u{n}"))
            with Serve(data_dir).delivers():
                until(lambda n=n: arrived(vendor)[f"DELETE /api/users/byUserId/u{n}"] > 0)  # type: ignore[misc]
                assert statuses(data_dir, deletions) == ["running"] * (n + 1)
        vendor.script = Script()

        with Serve(data_dir).delivers():
            until(lambda: set(statuses(data_dir, deletions)) == {"finished"})

    store = open_store(data_dir)
    assert store.look(law.broken) == []
    store.close()
    seen = arrived(vendor)
    assert set(seen) == {f"DELETE /api/users/byUserId/u{n}" for n in range(KILLS)}
    assert min(seen.values()) >= 2, "each was on its way when its deliverer died"


def erase(data: Path, user: str) -> str:
    """Ask for it at the command line, while nobody delivers."""
    code, told = run(data, "erase", user, "--live", "--yes")
    assert code == 0, told
    return str(told["deletion_id"])


def statuses(data: Path, deletions: list[str]) -> list[str]:
    store = open_store(data)
    try:
        return [str(store.look(lambda view, each=each: get_deletion(view, each))["status"]) for each in deletions]  # type: ignore[misc]
    finally:
        store.close()


def arrived(vendor: Recorder) -> Counter[str]:
    return Counter(f"{each.method} {each.path}" for each in list(vendor.received))
