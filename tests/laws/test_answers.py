"""What holds for the answer of every tool: strangers' words stand in marked fields, and it fits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.crowded import EVIL, MARK, crowded, hostile
from support.desk import ARGUMENTS
from support.hostile import KINDS
from support.offered import Offered, offered
from turnout.agent.answers import USUAL
from turnout.agent.catalogue import TOOLS
from turnout.agent.fitting import DATA
from turnout.agent.server import definition

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(480)]

DISCARDED = 1
"""A destination of the crowded workspace that refused what it got."""
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("debug_event_delivery", {"message_id": f"{MARK}2", "diff": True}),
    ("debug_event_delivery", {"message_id": f"{MARK}3"}),
    ("debug_event_delivery", {"email": "nobody@example.com", "event": "Order Completed"}),
    ("find_events", {"verdict": "refused"}),
    ("find_events", {"verdict": "discarded"}),
    ("list_destinations", {"catalog": True}),
    ("describe_destination", {"destination": "mixpanel"}),
    ("replay_events", {"verdict": "discarded", "namespace": "live", "dry_run": True}),
    ("get_profile", {"email": "ann@example.com"}),
    ("get_profile", {"user_id": "u1"}),
    ("audit_routing", {"event": "Order Completed"}),
)
"""Calls beside the usual one of each tool."""


def every() -> list[tuple[str, dict[str, Any]]]:
    usual = [(tool.name, dict(ARGUMENTS[tool.name])) for tool in TOOLS]
    return [(name, given | {"dry_run": True} if _plans(name) else given) for name, given in usual] + list(ASKED)


def _plans(name: str) -> bool:
    return any(tool.name == name and "dry_run" in tool.args.model_fields for tool in TOOLS)


def strings(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield path, key
            yield from strings(below, (*path, key))
    elif isinstance(value, list):
        for below in value:
            yield from strings(below, path)


def unmarked(answer: dict[str, Any]) -> list[str]:
    """Give the texts of strangers that stand where no name says that they are data."""
    return [f"{path}: {text[:80]}" for path, text in strings(answer) if MARK in text and not DATA & set(path)]


async def journeys(tools: Offered) -> list[tuple[str, dict[str, Any]]]:
    """Ask for the journey of each event that was found, as its row tells it."""
    rows = (await tools.ask("find_events", limit=100))["events"]
    ids = [row["message_id"] for row in rows] + [f"{EVIL} {kind}" for kind in KINDS]
    return [("debug_event_delivery", {"message_id": each, "diff": True}) for each in ids]


@pytest.fixture
def full_of_ill_will(data_dir: Path) -> Path:
    hostile(data_dir)
    return data_dir


@pytest.fixture
def full(data_dir: Path) -> Path:
    crowded(data_dir, 100_000, 40)
    return data_dir


async def test_the_words_of_strangers_stand_in_fields_marked_as_data_and_nothing_unseen_is_in_any_answer(
    full_of_ill_will: Path,
) -> None:
    before = [definition(tool) for tool in TOOLS]
    faults: list[str] = []
    shown = 0
    async with offered(full_of_ill_will) as tools:
        for name, given in [*every(), *await journeys(tools)]:
            told = await tools.call(name, given)
            answer = told.structured_content or {}
            shown += MARK in told.text
            faults += [f"{name} {given}: {each}" for each in unmarked(dict(answer))]
            faults += [f"{name}: control in {text[:60]!r}" for _, text in strings(answer) if UNSEEN.search(text)]
            faults += [f"{name}: control in its text" for line in told.text.split("\n") if UNSEEN.search(line)]
            if answer:
                assert json.loads(told.text) == answer
            elif MARK in told.text and MARK not in str(given):
                faults.append(f"{name}: a stranger's words in an error: {told.text}")
        offers = [definition(tool) for tool in tools.offer.tools()]

    assert faults == []
    assert offers == before
    assert shown >= 12


def offers(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give all calls that an answer offers, those of its rows too."""
    yield from answer.get("next") or []
    yield from (row["next"] for row in answer.get("near") or [] if "next" in row)


async def test_every_call_that_an_answer_offers_works_when_it_is_passed_on(full_of_ill_will: Path) -> None:
    asked: list[dict[str, Any]] = [
        {"message_id": f"{MARK}2"},
        {"message_id": f"{MARK}3"},
        {"message_id": "never"},
        {"message_id": f"{MARK}2", "user_id": "ann"},
        {"message_id": f"{MARK}2", "destination": "amplitude"},
        {"user_id": "Ann", "event": "order completed"},
        {"user_id": "ann", "event": "Order Completed", "namespace": "test"},
        {"user_id": "ann", "event": "Order Completed", "around": "2020-01-01"},
        {"email": "ann", "event": "Order Completed"},
    ]
    made = 0
    async with offered(full_of_ill_will) as tools:
        await tools.ask("track_event", event="Order Completed", user_id="ann", namespace="live")
        for arguments in asked:
            for call in offers(await tools.ask("debug_event_delivery", **arguments)):
                await tools.ask(call["tool"], **call["arguments"])
                made += 1

    assert made >= len(asked)


async def of_one_of_many(tools: Offered) -> list[tuple[str, dict[str, Any]]]:
    """Give calls that the usual ones of a crowded workspace fall short of: each succeeds, and shows most there is."""
    one = f"Warehouse of department {DISCARDED}"
    person = {"user_id": "u_17", "namespace": "live"}
    plan = await tools.ask("request_deletion", **person)
    deletion = await tools.ask("request_deletion", **person, confirm=plan["confirm"]["token"])
    address = {"url": "https://one-more.example.com/in"}
    waiting = {"event": "Order Completed 1", "user_id": "u_18", "namespace": "live", "wait_seconds": 1}
    return [
        ("get_deletion", {"deletion_id": deletion["deletion_id"]}),
        ("track_event", waiting | {"properties": {f"p{n}": "x" * 200 for n in range(100)}}),
        ("identify_user", {"user_id": "u_18", "traits": {f"t{n}": "x" * 200 for n in range(100)}}),
        ("get_profile", {"user_id": "u_18"}),
        ("send_events", {"events": [{"type": "track", "event": "A", "userId": f"u_{n}"} for n in range(40)]}),
        ("preview_event", {"event": "A", "user_id": "u_18", "properties": {f"p{n}": "x" * 200 for n in range(100)}}),
        ("describe_destination", {"destination": one}),
        ("update_destination", {"destination": one, "action": "pause"}),
        ("connect_destination", {"slug": "webhook", "name": "One more", "settings": address, "dry_run": True}),
        ("replay_events", {"destination": one, "verdict": "discarded", "namespace": "live", "dry_run": True}),
        ("request_deletion", {"user_id": "u_19", "namespace": "live"}),
    ]


async def test_the_answers_of_a_crowded_workspace_fit_and_each_destination_keeps_its_verdict(full: Path) -> None:
    sizes = {}
    async with offered(full) as tools:
        for name, given in every():
            told = await tools.call(name, given)
            sizes[name, str(given)] = len(told.text)
        for name, given in await of_one_of_many(tools):
            told = await tools.call(name, given)
            assert told.structured_content is not None, f"{name}: {told.text}"
            sizes[name, str(given)[:200]] = len(told.text)
        journey = await tools.ask("debug_event_delivery", message_id="last")
        by_person = await tools.ask("debug_event_delivery", user_id="u_last")
        missed = await tools.call("debug_event_delivery", {"user_id": "u_17", "event": "order completed"})

    assert {call: size for call, size in sizes.items() if size > USUAL} == {}
    assert len(missed.text) <= USUAL
    assert journey["deliveries"] == by_person["deliveries"]
    rows = journey["deliveries"]
    assert len({row["destination"] for row in rows}) == 40
    assert {(row["verdict"], row["reason"]) for row in rows} == {
        ("delivered", "delivered"),
        ("discarded", "refused"),
        ("waiting", "retry"),
        ("waiting", "queued"),
    }
