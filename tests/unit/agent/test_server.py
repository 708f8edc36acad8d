from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, EmptyResult, SetLevelRequest, SetLevelRequestParams, TextContent

from support.desk import ARGUMENTS, SAMPLES, FakeDesk, broken, never
from turnout.agent.answers import ordered
from turnout.agent.call import Offer, Opening
from turnout.agent.catalogue import TOOLS
from turnout.agent.desk import Desk
from turnout.agent.model import AnyTool
from turnout.agent.server import INSTRUCTIONS, build
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.entropy import SystemEntropy
from turnout.errors import NotFound
from turnout.guard.principal import EVERY, MODES, Scope

both_eras = pytest.mark.parametrize("mode", ["auto", "legacy"])


@asynccontextmanager
async def connected(desk: FakeDesk, mode: str = "auto", scopes: frozenset[Scope] = EVERY) -> AsyncIterator[Client]:
    async def give() -> Desk:
        return desk

    async with Client(build(Offer(lambda: scopes, give, USUAL_TOOLSETS, SystemEntropy())), mode=mode) as client:
        yield client


def said(result: CallToolResult) -> str:
    assert result.is_error
    assert result.structured_content is None
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


@both_eras
async def test_all_tools_are_listed_in_our_order(mode: str) -> None:
    async with connected(FakeDesk(), mode) as client:
        listed = (await client.list_tools()).tools

    assert [tool.name for tool in listed] == [tool.name for tool in TOOLS]


@both_eras
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_a_tool_asks_its_one_operation_and_shows_the_answer(tool: AnyTool, mode: str) -> None:
    desk = FakeDesk()

    async with connected(desk, mode) as client:
        result = await client.call_tool(tool.name, dict(ARGUMENTS[tool.name]))

    assert result.structured_content == ordered(SAMPLES[tool.name])
    ((name, given),) = desk.asked
    assert name == tool.name
    assert dict(given) | dict(ARGUMENTS[tool.name]) == given


@both_eras
async def test_a_call_that_only_the_sdk_can_read_is_told_of_while_it_waits(mode: str) -> None:
    heard: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - by its name
        heard.append((progress, total))

    arguments = {"event": "A", "user_id": "u", "wait_seconds": 2}
    async with connected(FakeDesk(), mode) as client:
        result = await client.call_tool("track_event", arguments, progress_callback=hear)

    assert heard
    assert heard == [(at, 2) for at in range(1, len(heard) + 1)]
    assert not result.is_error


@both_eras
async def test_neither_logs_nor_subscriptions_are_offered(mode: str) -> None:
    async with connected(FakeDesk(), mode) as client:
        offers = client.server_capabilities
        asked = SetLevelRequest(params=SetLevelRequestParams(level="info"))
        with pytest.raises(MCPError, match="not found"):
            await client.session.send_request(asked, EmptyResult)

    assert offers.logging is None
    assert offers.resources is not None
    assert not offers.resources.subscribe


async def test_refused_calls_are_a_verdict_to_look_for() -> None:
    desk = FakeDesk()

    async with connected(desk) as client:
        await client.call_tool("find_events", {"verdict": "refused"})

    ((_, given),) = desk.asked
    assert (given["refused"], given["verdict"], given["limit"]) == (True, None, 20)


async def test_connect_takes_destination_for_slug() -> None:
    desk = FakeDesk()

    async with connected(desk) as client:
        await client.call_tool("connect_destination", {"destination": "webhook"})

    assert desk.asked[0][1]["slug"] == "webhook"


@both_eras
async def test_an_unknown_tool_is_an_error_of_the_protocol(mode: str) -> None:
    async with connected(FakeDesk(), mode) as client:
        with pytest.raises(MCPError, match="Did you mean track_event") as caught:
            await client.call_tool("track_events", {})

    assert caught.value.error.code == -32602


@both_eras
async def test_wrong_arguments_are_an_answer_that_teaches(mode: str) -> None:
    desk = FakeDesk()

    async with connected(desk, mode) as client:
        result = await client.call_tool("track_event", {"event": "A", "userid": "u_42"})

    assert "did you mean 'user_id'" in said(result)
    assert "u_42" not in said(result)
    assert desk.asked == []


@both_eras
async def test_a_refusal_is_code_message_and_fix_in_one_line(mode: str) -> None:
    desk = FakeDesk(faults={"describe_destination": NotFound("No such destination.", fix="Try webhook")})

    async with connected(desk, mode) as client:
        result = await client.call_tool("describe_destination", {"destination": "x"})

    assert said(result) == "not_found: No such destination. Try webhook."


async def test_what_breaks_is_told_by_an_id_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    desk = FakeDesk(faults={"get_usage": RuntimeError("SELECT secret")})

    with caplog.at_level(logging.ERROR, logger="turnout.agent.call"):
        async with connected(desk) as client:
            text = said(await client.call_tool("get_usage", {}))

    mark = text.partition("(error ")[2].partition(",")[0]
    assert "secret" not in text
    assert len(mark) == 8
    assert mark in caplog.text
    assert [record.cause["kind"] for record in caplog.records] == ["RuntimeError"]  # type: ignore[attr-defined]


async def test_a_tool_out_of_scope_is_neither_listed_nor_run() -> None:
    desk = FakeDesk()

    async with connected(desk, scopes=MODES["read"]) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        text = said(await client.call_tool("track_event", {"event": "A", "user_id": "u"}))

    assert "track_event" not in listed
    assert text.startswith("denied: track_event needs the scope track. ")
    assert desk.asked == []


@both_eras
async def test_the_desk_learns_which_client_calls(mode: str) -> None:
    desk = FakeDesk()

    async with connected(desk, mode) as client:
        await client.call_tool("get_usage", {})

    assert desk.client.startswith("mcp")


async def test_lists_may_be_kept_for_five_minutes_by_whoever_asked() -> None:
    async with connected(FakeDesk()) as client:
        listed = await client.list_tools()

    assert (listed.ttl_ms, listed.cache_scope) == (300_000, "private")


def test_the_instructions_have_a_shop_window_of_250_characters() -> None:
    window = INSTRUCTIONS.partition("\n")[0]

    assert len(INSTRUCTIONS) <= 1_000
    assert len(window) <= 250
    assert "debug_event_delivery" in window


async def test_calls_wait_until_the_desk_is_open() -> None:
    ready = anyio.Event()
    desk = FakeDesk()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Desk]:
        await ready.wait()
        yield desk

    opening = Opening(SystemEntropy())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(opening.hold, slow)
        server = build(Offer(lambda: EVERY, opening.desk, USUAL_TOOLSETS, SystemEntropy()))
        async with Client(server) as client:
            assert len((await client.list_tools()).tools) == len(TOOLS)
            tasks.start_soon(client.call_tool, "get_usage", {})
            await anyio.wait_all_tasks_blocked()
            assert desk.asked == []
            ready.set()
            await client.call_tool("list_sources", {})
            await anyio.wait_all_tasks_blocked()
        opening.close()

    assert [name for name, _ in desk.asked] == ["get_usage", "list_sources"]


async def test_where_the_data_cannot_be_opened_each_tool_says_so() -> None:
    opening = Opening(SystemEntropy())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(opening.hold, broken)
        server = build(Offer(lambda: EVERY, opening.desk, USUAL_TOOLSETS, SystemEntropy()))
        async with Client(server) as client:
            texts = {said(await client.call_tool(name, {})) for name in ("get_usage", "list_sources")}
        opening.close()

    (text,) = texts
    assert text.startswith("unavailable: The data cannot be opened. The schema is newer than this program. ")


async def test_a_desk_may_run_tasks_of_its_own_for_as_long_as_it_is_held() -> None:
    @asynccontextmanager
    async def working() -> AsyncIterator[FakeDesk]:
        async with anyio.create_task_group() as own:
            own.start_soon(anyio.sleep_forever)
            yield FakeDesk()
            own.cancel_scope.cancel()

    opening = Opening(SystemEntropy())
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(opening.hold, working)
            desk = await opening.desk()
            opening.close()

    assert isinstance(desk, FakeDesk)


async def test_a_desk_that_is_still_being_opened_can_be_given_up() -> None:
    opening = Opening(SystemEntropy())
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(opening.hold, never)
            await anyio.wait_all_tasks_blocked()
            opening.close()
