"""What cannot be undone, on clients whose person can be asked: as the answer since 2026-07-28, in the midst before."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from support.agents import Agent
from support.program import TURNOUT, Program
from turnout.agent.card import CAPABILITIES, ERA, MODERN

PERSON = {"user_id": "u_1"}
YES = {"confirm": {"action": "accept", "content": {"confirm": True}}}
SCOPES = "read,track,operate,configure,privacy"
Answer = dict[str, Any]


@dataclass
class Person:
    """Who sits at the client: what they say next, and what they were asked."""

    says: str = "accept"
    content: dict[str, Any] = field(default_factory=lambda: {"confirm": True})
    asked: list[str] = field(default_factory=list)

    async def __call__(self, context: object, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG002
        assert isinstance(params, ElicitRequestFormParams)
        assert list(params.requested_schema["properties"]) == ["confirm"]
        self.asked.append(params.message)
        return ElicitResult.model_validate(
            {"action": self.says, "content": dict(self.content) if self.says == "accept" else None}
        )


@asynccontextmanager
async def over_http(data: Path, mode: str, person: Person) -> AsyncIterator[Agent]:
    program = Program(data)
    token = await anyio.to_thread.run_sync(lambda: program.tell("token", "create", "--scopes", SCOPES)["token"])
    with program.served(data / "log") as server:
        async with (
            httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60) as http,
            Client(
                streamable_http_client(f"{server.address}/mcp", http_client=http),
                mode=mode,
                elicitation_callback=person,
            ) as client,
        ):
            yield Agent(client)


@asynccontextmanager
async def over_stdio(data: Path, mode: str, person: Person) -> AsyncIterator[Agent]:
    command, *words = TURNOUT
    parameters = StdioServerParameters(command=command, args=[*words, "--data", str(data), "mcp"], env=dict(os.environ))
    async with Client(parameters, mode=mode, elicitation_callback=person) as client:
        yield Agent(client)


@pytest.mark.parametrize("door", [over_stdio, over_http])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_who_can_be_asked_is_asked_and_their_word_holds(door: Any, mode: str, data_dir: Path) -> None:
    person = Person()
    async with door(data_dir, mode, person) as agent:
        await agent.ask("track_event", event="A", **PERSON)
        dry = await agent.ask("request_deletion", **PERSON, dry_run=True)
        asked_for_a_dry_run = list(person.asked)

        person.says = "cancel"
        put_off = await agent.ask("request_deletion", **PERSON)
        person.says = "decline"
        declined = await agent.refused("request_deletion", **PERSON)
        person.says, person.content = "accept", {"confirm": False}
        unticked = await agent.refused("request_deletion", **PERSON)
        person.content = {"confirm": True}
        done = await agent.ask("request_deletion", **PERSON)
        by_token = await agent.ask("request_deletion", **PERSON, confirm=put_off["confirm"]["token"])

    assert asked_for_a_dry_run == []
    assert person.asked[0] == put_off["confirm"]["plan"]
    assert "deletion_id" not in dry | put_off
    assert declined == unticked
    assert declined.startswith("denied: The person was asked and said no. Nothing was changed.")
    assert "turnout erase" in declined
    assert done["deletion_id"]
    assert by_token["deletion_id"]
    assert len(person.asked) == 4


@dataclass(frozen=True, slots=True)
class Door:
    """A server that is asked by raw messages, and a token for it."""

    program: Program
    address: str
    token: str

    def say(self, params: Answer, token: str = "", capabilities: Answer | None = None) -> tuple[int, Answer]:
        """Make a call of 2026-07-28, from a client that takes forms unless told."""
        declared = {"elicitation": {"form": {}}} if capabilities is None else capabilities
        headers = {
            "accept": "application/json, text/event-stream", "mcp-protocol-version": MODERN,
            "mcp-method": "tools/call", "mcp-name": params["name"], "authorization": f"Bearer {token or self.token}",
        }  # fmt: skip
        said = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**params, "_meta": meta(declared)}}
        answer = httpx2.post(f"{self.address}/mcp", json=said, headers=headers, timeout=60)
        return answer.status_code, answer.json()

    def erase(self, user: str, **more: Any) -> Answer:
        """Call `request_deletion`; give the result."""
        status, told = self.say({"name": "request_deletion", "arguments": {"user_id": user}, **more})
        assert status == 200, told
        result: Answer = told["result"]
        return result


def meta(declared: Answer) -> Answer:
    return {ERA: MODERN, CAPABILITIES: declared}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("confirming")
    program = Program(folder / "data")
    token = program.tell("token", "create", "--scopes", SCOPES)["token"]
    with program.served(folder / "log") as server:
        yield Door(program, server.address, token)


def test_a_round_that_is_repeated_has_its_effect_once_however_often(door: Door) -> None:
    first = door.erase("repeated")
    state = first["requestState"]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: door.erase("repeated", inputResponses=YES, requestState=state), range(24)))

    told = [answer["structuredContent"] for answer in answers]
    assert first["resultType"] == "input_required"
    assert len({each["deletion_id"] for each in told}) == 1
    assert sorted(each["replayed"] for each in told) == [False] + [True] * 23


def test_a_state_of_other_arguments_or_of_another_principal_or_bent_is_an_error_of_the_protocol(door: Door) -> None:
    state = door.erase("somebody")["requestState"]
    other = door.program.tell("token", "create", "--scopes", SCOPES)["token"]
    call = {"name": "request_deletion", "arguments": {"user_id": "somebody"}, "inputResponses": YES}

    wrong = [
        door.say(call | {"arguments": {"user_id": "another"}, "requestState": state}),
        door.say(call | {"requestState": state}, token=other),
        door.say(call | {"requestState": state[:-1] + ("A" if state[-1] != "A" else "B")}),
        door.say(call | {"requestState": state + "x"}),
        door.say(call | {"requestState": ""}),
    ]

    assert [(status, told["error"]["code"]) for status, told in wrong] == [(400, -32602)] * 5
    assert all("Nothing was changed" in told["error"]["message"] for _, told in wrong)
    assert door.erase("somebody", inputResponses=YES, requestState=state)["structuredContent"]["replayed"] is False


@pytest.mark.parametrize("declared", [{}, {"elicitation": {"url": {}}}, {"sampling": {}}])
def test_who_cannot_be_asked_gets_the_plan_and_its_token(declared: Answer, door: Door) -> None:
    call = {"name": "request_deletion", "arguments": {"user_id": json.dumps(declared)}}

    _, told = door.say(call, capabilities=declared)

    assert told["result"]["resultType"] == "complete"
    assert told["result"]["structuredContent"]["confirm"]["token"]
