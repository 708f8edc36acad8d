"""Cursors and tokens of plans in the wrong hands: another list's, another plan's, bent, and used by several at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from support.crowded import crowded
from support.offered import Offered, offered
from turnout.agent.answers import Told
from turnout.store.unit import View

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

LISTS = ("find_events", "list_destinations", "get_profile", "list_sources", "list_changes")
AT_ONCE = 8
PERSON = {"user_id": "u_17", "namespace": "live"}
ONE = "Warehouse of department 1"
ADDRESS = {"url": "https://one-more.example.com/in"}
PLANS: dict[str, tuple[str, dict[str, Any]]] = {
    "deletion": ("request_deletion", PERSON),
    "another's deletion": ("request_deletion", {"user_id": "u_18", "namespace": "live"}),
    "replay": ("replay_events", {"namespace": "live"}),
    "removal": ("update_destination", {"destination": ONE, "action": "remove"}),
    "another removal": ("update_destination", {"destination": "Warehouse of department 2", "action": "remove"}),
    "connection": ("connect_destination", {"slug": "webhook", "name": "One more", "settings": ADDRESS}),
}


@pytest.fixture
def workspace(data_dir: Path) -> Path:
    crowded(data_dir, 1_000, 4)
    return data_dir


async def pages(tools: Offered) -> dict[str, str]:
    """Give the cursor of the first page of every list; there are more sources than one, then."""
    await tools.ask("create_source", name="Web shop")
    return {name: (await tools.ask(name, limit=1))["next_cursor"] for name in LISTS}


def refused(told: Told) -> bool:
    return told.is_error and told.text.startswith("invalid_input: The cursor is none of this list.")


async def test_a_cursor_is_good_for_its_own_list_alone(workspace: Path) -> None:
    async with offered(workspace) as tools:
        cursors = await pages(tools)
        wrong = [
            (name, other)
            for name in LISTS
            for other in LISTS
            if other != name and not refused(await tools.call(name, {"limit": 1, "cursor": cursors[other]}))
        ]
        own = [await tools.ask(name, limit=1, cursor=cursors[name]) for name in LISTS]

    assert wrong == []
    assert len(own) == len(LISTS)


@pytest.mark.parametrize("name", LISTS)
async def test_a_cursor_that_is_bent_anywhere_is_refused(name: str, workspace: Path) -> None:
    async with offered(workspace) as tools:
        cursor = (await pages(tools))[name]
        bent = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
        bent += [cursor[:at] for at in range(1, len(cursor))] + [cursor + cursor, cursor[::-1], "\u202e" + cursor * 99]
        passed = [each for each in bent if not refused(await tools.call(name, {"limit": 1, "cursor": each}))]

    assert passed == []


async def planned(tools: Offered) -> dict[str, str]:
    """Ask for every plan; give its token."""
    return {what: (await tools.ask(name, **arguments))["confirm"]["token"] for what, (name, arguments) in PLANS.items()}


async def test_a_token_is_good_for_its_own_plan_alone(workspace: Path) -> None:
    async with offered(workspace) as tools:
        before = await tools.app.store.read(effects)
        tokens = await planned(tools)
        passed = []
        for what, (name, arguments) in PLANS.items():
            for other in PLANS.keys() - {what}:
                told = await tools.call(name, {**arguments, "confirm": tokens[other]})
                if not (told.is_error and "confirm_invalid: The confirm token is for other arguments." in told.text):
                    passed.append((what, other, told.text))
        for what, (name, arguments) in PLANS.items():
            bent = tokens[what][:-4] + ("AAAA" if not tokens[what].endswith("AAAA") else "BBBB")
            told = await tools.call(name, {**arguments, "confirm": bent})
            if not (told.is_error and "is not one that this workspace gave" in told.text):
                passed.append((what, "bent", told.text))
        after = await tools.app.store.read(effects)

    assert passed == []
    assert after == before


@pytest.mark.parametrize("with_keys", [False, True])
@pytest.mark.parametrize(
    ("what", "where", "change"),
    [
        ("deletion", "regulations", 1),
        ("replay", "runs", 4),
        ("removal", "destinations", -1),
        ("connection", "destinations", 1),
    ],
)
async def test_a_token_that_several_use_at_once_has_its_effect_once(
    what: str, where: str, change: int, workspace: Path, *, with_keys: bool
) -> None:
    name, arguments = PLANS[what]
    told: list[Told] = []

    async with offered(workspace) as tools:
        token = (await tools.ask(name, **arguments))["confirm"]["token"]

        async def use(number: int) -> None:
            key = {"idempotency_key": f"k{number}"} if with_keys else {}
            told.append(await tools.call(name, {**arguments, "confirm": token, **key}))

        before = await tools.app.store.read(effects)
        async with anyio.create_task_group() as tasks:
            for number in range(AT_ONCE):
                tasks.start_soon(use, number)
        after = await tools.app.store.read(effects)

    late = [each.text for each in told if each.is_error]
    done = Counter(each.structured_content["replayed"] for each in told if each.structured_content is not None)
    assert done == ({False: 1} if with_keys else {False: 1, True: AT_ONCE - 1})
    assert len(late) == (AT_ONCE - 1 if with_keys else 0), late
    assert after[where] - before[where] == change


def effects(view: View) -> dict[str, int]:
    """Count what the plans would have done."""
    rows = {table: view.session.row(f"SELECT count(*) FROM {table}", ()) for table in ("regulations", "runs")}  # noqa: S608
    counts = {table: int(row[0]) if row else 0 for table, row in rows.items()}
    return {**counts, "destinations": len(view.workspace.destinations)}
