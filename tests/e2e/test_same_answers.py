"""Over HTTP a tool answers what it answers over standard input and output: one script, two workspaces, two doors."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from mcp import MCPError

from support.agents import LOOPBACK, Agent, agent, web_agent
from support.destination import Recorder
from support.program import Program
from turnout.agent.catalogue import BY_NAME

SCOPES = "read,track,operate,configure,privacy"
"""What `turnout mcp` has without flags."""
ERAS = ("auto", "legacy")

Told: TypeAlias = dict[str, Any]
Given: TypeAlias = Callable[[Mapping[str, Told]], Told]


@dataclass(frozen=True, slots=True)
class Step:
    """One call; `given` makes its arguments, from the answers of the steps before it where it needs them."""

    name: str
    tool: str
    given: Given


def step(name: str, tool: str, /, **given: Any) -> Step:
    return Step(name, tool, lambda _: given)


def confirming(name: str, tool: str, planned: str, /, **given: Any) -> Step:
    """Make the call of a step before it again, with the token of its plan."""
    return Step(name, tool, lambda told: {**given, "confirm": told[planned]["confirm"]["token"]})


PAID: Told = {"event": "Order Paid", "user_id": "ann@example.com", "properties": {"total": 42.5, "note": "straße"}}
BATCH: list[Told] = [
    {"type": "page", "userId": "bob", "name": "Home"},
    {"type": "group", "userId": "bob", "groupId": "acme"},
]


def script(url: str) -> tuple[Step, ...]:
    hook: Told = {"slug": "webhook", "name": "Hook", "settings": {"url": url}}
    return (
        step("connect a file", "connect_destination", slug="jsonl", name="File", settings={"path": "out.jsonl"}),
        step("plan a webhook", "connect_destination", **hook),
        confirming("connect the webhook", "connect_destination", "plan a webhook", **hook),
        step("a dry run", "connect_destination", slug="jsonl", name="More", settings={"path": "x.jsonl"}, dry_run=True),
        step("track", "track_event", **PAID, wait_seconds=20, idempotency_key="paid"),
        step("track again", "track_event", **PAID, wait_seconds=20, idempotency_key="paid"),
        step("the key for something else", "track_event", event="Other", user_id="ann", idempotency_key="paid"),
        step("track live", "track_event", **PAID, namespace="live"),
        step("track with a typo", "track_event", event="A", userid="ann"),
        step("identify", "identify_user", user_id="ann@example.com", traits={"plan": "pro"}, wait_seconds=20),
        step("send a batch", "send_events", events=BATCH, idempotency_key="batch", wait_seconds=20),
        step("preview", "preview_event", event="Order Paid", user_id="ann", properties={"total": 1}),
        Step("debug", "debug_event_delivery", lambda told: {"message_id": told["track"]["message_id"], "diff": True}),
        step("debug by person", "debug_event_delivery", user_id="ann@example.com", event="Order Paid"),
        step("debug nobody", "debug_event_delivery", message_id="no-such-message"),
        step("find", "find_events", limit=2),
        Step("find on", "find_events", lambda told: {"limit": 2, "cursor": told["find"]["next_cursor"]}),
        step("find refused", "find_events", verdict="refused"),
        step("a person", "get_profile", user_id="ann@example.com"),
        step("the newest people", "get_profile", limit=1),
        step("usage", "get_usage"),
        step("usage of no month", "get_usage", month="november"),
        step("routes", "audit_routing"),
        step("routes of one event", "audit_routing", event="Order Paid"),
        step("destinations", "list_destinations"),
        step("the catalogue", "list_destinations", catalog=True, limit=100),
        step("describe one", "describe_destination", destination="Hook"),
        step("describe one of the catalogue", "describe_destination", destination="amplitude"),
        step("describe none", "describe_destination", destination="webhok"),
        step("pause", "update_destination", destination="File", action="pause"),
        step("resume", "update_destination", destination="File", action="resume"),
        step("test", "test_destination", destination="Hook", idempotency_key="test"),
        step("count a replay", "replay_events", destination="File", event="Order Paid", dry_run=True),
        step("replay", "replay_events", destination="File", event="Order Paid", idempotency_key="again"),
        step("create a source", "create_source", name="Shop"),
        step("create it again", "create_source", name="shop"),
        step("sources", "list_sources"),
        step("changes", "list_changes", destination="File"),
        step("plan a deletion", "request_deletion", user_id="bob", kind="erase"),
        confirming("erase", "request_deletion", "plan a deletion", user_id="bob", kind="erase"),
        Step("the receipt", "get_deletion", lambda told: {"deletion_id": told["erase"]["deletion_id"]}),
        step("a tool that is none", "track_events", event="A"),
    )


STEPS = tuple(each.name for each in script(""))


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client was answered."""

    structured: Told | None
    texts: tuple[str, ...]
    is_error: bool


async def played(one: Agent, url: str) -> dict[str, Heard]:
    """Play the script, one call after the other."""
    heard: dict[str, Heard] = {}
    told: dict[str, Told] = {}
    for each in script(url):
        try:
            answer = await one.client.call_tool(each.tool, each.given(told))
        except MCPError as error:
            heard[each.name] = Heard(None, (str(error.error.code), error.error.message), is_error=True)
            continue
        texts = tuple(block.text for block in answer.content if block.type == "text")
        heard[each.name] = Heard(answer.structured_content, texts, bool(answer.is_error))
        told[each.name] = answer.structured_content or {}
        if each.name == "erase":
            await _finished(one, told["erase"]["deletion_id"])
    return heard


async def _finished(one: Agent, deletion: str) -> None:
    with anyio.fail_after(60):
        while any(each["status"] == "waiting" for each in await _steps(one, deletion)):  # noqa: ASYNC110 - another process
            await anyio.sleep(0.05)


async def _steps(one: Agent, deletion: str) -> list[Told]:
    steps: list[Told] = (await one.ask("get_deletion", deletion_id=deletion))["steps"]
    return steps


@asynccontextmanager
async def over_stdio(folder: Path, mode: str) -> AsyncIterator[Agent]:
    async with agent(folder / "data", mode=mode) as one:
        yield one


@asynccontextmanager
async def over_http(folder: Path, mode: str) -> AsyncIterator[Agent]:
    program = Program(folder / "data", tuple(LOOPBACK.items()))
    token = await anyio.to_thread.run_sync(lambda: program.tell("token", "create", "--scopes", SCOPES)["token"])
    with program.served(folder / "log") as server:
        async with web_agent(server.address, token, mode) as one:
            yield one


@pytest.fixture(scope="module", params=ERAS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Heard], ...]:
    """Play the script over both doors, each on a workspace of its own."""

    async def play(door: Callable[[Path, str], Any], url: str) -> dict[str, Heard]:
        async with door(tmp_path_factory.mktemp("workspace"), request.param) as one:
            return await played(one, url)

    with Recorder() as vendor:
        return tuple(anyio.run(play, door, f"{vendor.url}/hook") for door in (over_stdio, over_http))


OURS = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"test_wk_[0-9a-f]{32}", "KEY"),
    (r"(del|dst|d)_[A-Za-z0-9_-]{6,}", "ID"),
    (r"\b1\d{9}\b", "TIME"),
    (r"\b[0-9a-f]{64}\b", "HASH"),
    (r"\b\d+ (ms|s)\b", "SOME \\1"),
)
"""Ids and times that stand in texts."""
OPAQUE = frozenset({"token", "next_cursor", "cursor", "by"})
MEASURED = frozenset({"took_ms", "lag_seconds"})


def alike(value: Any, key: str = "") -> Any:
    """Put one word for each id and time."""
    if isinstance(value, dict):
        return {name: alike(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [alike(each, key) for each in value]
    if key in MEASURED:
        return "MEASURED"
    if isinstance(value, str):
        if key in OPAQUE:
            return key.upper()
        for pattern, word in OURS:
            value = re.sub(pattern, word, value)
    return value


def differing(one: Any, other: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Name the places in which two answers differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differing(one[name], other[name], f"{at}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differing(*pair, f"{at}[{number}]")
    elif one != other:
        yield at, one, other


HERE = (
    *((r"127\.0\.0\.1:\d+", "HOST"), (r"\b20\d\d-\d\d\b", "MONTH"), (r"\b20\d\d-\d\d-\d\d\b", "DAY")),
    (r"turnout-test-[\w-]+", "POOLED"),
)
"""What else differs from run to run and from month to month."""


def whole(answer: Told) -> str:
    """Write an answer as a golden file holds it."""
    text = json.dumps(alike(answer), indent=2, ensure_ascii=False) + "\n"
    for pattern, word in HERE:
        text = re.sub(pattern, word, text)
    return text


@pytest.mark.parametrize("tool", BY_NAME)
def test_a_whole_answer_of_each_tool_is_the_reviewed_one(
    tool: str, both: tuple[dict[str, Heard], ...], golden: Callable[[str, str], None]
) -> None:
    steps = [both[0][each.name] for each in script("") if each.tool == tool]
    first = next(each.structured for each in steps if each.structured is not None)

    golden(f"answers/{tool}.json", whole(first))


def test_the_script_goes_through_every_tool() -> None:
    assert {each.tool for each in script("")} - {"track_events"} == set(BY_NAME)


@pytest.mark.parametrize("name", STEPS)
def test_both_doors_give_the_same_answer_but_for_ids_and_times(name: str, both: tuple[dict[str, Heard], ...]) -> None:
    stdio, http = (heard[name] for heard in both)

    assert http.is_error == stdio.is_error
    assert list(http.structured or {}) == list(stdio.structured or {})
    assert list(differing(alike(http.structured), alike(stdio.structured))) == []
    if stdio.is_error:
        assert [alike(text) for text in http.texts] == [alike(text) for text in stdio.texts]


@pytest.mark.parametrize("era", ERAS)
def test_the_script_is_answered_with_refusals_where_it_asks_for_them_alone(
    era: str, both: tuple[dict[str, Heard], ...]
) -> None:
    refused = {name for name, heard in both[0].items() if heard.is_error}

    assert refused == {
        "the key for something else",
        "track live",
        "track with a typo",
        "usage of no month",
        "describe none",
        "create it again",
        "a tool that is none",
    }, era
