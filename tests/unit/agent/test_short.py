from __future__ import annotations

import json
from typing import Any

import pytest

from support.desk import ARGUMENTS, FakeDesk
from turnout.agent.call import Offer
from turnout.agent.caller import Caller
from turnout.agent.card import CAPABILITIES, ERA, LEGACY, MODERN
from turnout.agent.catalogue import TOOLS
from turnout.agent.desk import Desk
from turnout.agent.lanes import ask
from turnout.agent.server import build
from turnout.agent.short import call, client, message, result
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.guard.principal import EVERY

CLIENT = {"name": "c", "version": "1"}
ENVELOPE: Document = {ERA: MODERN, CAPABILITIES: {}, "io.modelcontextprotocol/clientInfo": CLIENT}
CALLS: list[tuple[str, Document]] = [
    *((tool.name, dict(ARGUMENTS[tool.name])) for tool in TOOLS),
    ("track_event", {"event": "A", "userid": "u"}),
    ("track_event", {}),
]


def offer(desk: FakeDesk) -> Offer:
    async def give() -> Desk:
        return desk

    return Offer(lambda: EVERY, give, USUAL_TOOLSETS, SystemEntropy())


def hello(version: str) -> Document:
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}


def line(**params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).encode()


async def shortly(line: bytes, greeted: Caller | None) -> tuple[Document, str]:
    """Give the short way's result, and the client that the desk has seen."""
    desk = FakeDesk()
    said = message(line)
    assert said is not None
    asked = call(said, greeted)
    assert asked is not None
    answer = json.loads(result(asked, await offer(desk).call(asked.name, asked.arguments, asked.caller)))
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    return answer["result"], desk.client


@pytest.mark.parametrize(("name", "arguments"), CALLS)
@pytest.mark.parametrize("version", LEGACY)
async def test_a_legacy_call_is_answered_as_the_sdk_answers_it(version: str, name: str, arguments: Document) -> None:
    desk = FakeDesk()
    params: Document = {"name": name, "arguments": arguments}

    _, slow = await ask(build(offer(desk)), ("initialize", hello(version)), ("tools/call", params))
    quick, seen = await shortly(line(**params), client({"params": hello(version)}))

    assert json.dumps(quick) == json.dumps(slow)
    assert seen == desk.client


@pytest.mark.parametrize(("name", "arguments"), CALLS)
async def test_a_modern_call_is_answered_as_the_sdk_answers_it(name: str, arguments: Document) -> None:
    desk = FakeDesk()
    params: Document = {"name": name, "arguments": arguments, "_meta": ENVELOPE}

    (slow,) = await ask(build(offer(desk)), ("tools/call", params))
    quick, seen = await shortly(line(**params), None)

    assert json.dumps(quick) == json.dumps(slow)
    assert seen == desk.client


ASKING: Document = {"name": "connect_destination", "arguments": {"slug": "webhook"}}
TAKES_FORMS: Document = ENVELOPE | {CAPABILITIES: {"elicitation": {}}}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"inputResponses": {"confirm": {"action": "accept", "content": {"confirm": True}}}, "requestState": "t"},
        {"inputResponses": {"confirm": {"action": "cancel"}}, "requestState": "t"},
        {"inputResponses": {"confirm": {"action": "decline"}}, "requestState": "t"},
        {"inputResponses": {"other": {"action": "cancel"}}, "requestState": "t"},
    ],
)
async def test_every_round_of_a_call_is_answered_as_the_sdk_answers_it(more: Document) -> None:
    desk = FakeDesk()
    params: Document = {**ASKING, **more, "_meta": TAKES_FORMS}

    (slow,) = await ask(build(offer(desk)), ("tools/call", params))
    quick, _ = await shortly(line(**params), None)

    assert json.dumps(quick, sort_keys=True) == json.dumps(slow, sort_keys=True)
    assert (quick["resultType"] == "input_required") is (more == {} or "other" in more["inputResponses"])  # type: ignore[operator]


PLAIN: Document = {"name": "get_usage", "arguments": {}}


@pytest.mark.parametrize(
    ("params", "greeted"),
    [
        (PLAIN, None),
        (PLAIN | {"_meta": ENVELOPE}, Caller("c 1")),
        (PLAIN | {"_meta": {ERA: MODERN}}, None),
        (PLAIN | {"_meta": ENVELOPE | {ERA: "2099-01-01"}}, None),
        (PLAIN | {"_meta": ENVELOPE | {CAPABILITIES: None}}, None),
        (PLAIN | {"_meta": ENVELOPE | {"io.modelcontextprotocol/clientInfo": {"name": 7}}}, None),
        (PLAIN | {"_meta": "x"}, Caller("c 1")),
        (PLAIN | {"arguments": []}, Caller("c 1")),
        (PLAIN | {"name": 7}, Caller("c 1")),
        (PLAIN | {"task": {}}, Caller("c 1")),
        (PLAIN | {"_meta": ENVELOPE, "requestState": 7}, None),
        (PLAIN | {"_meta": ENVELOPE, "inputResponses": None}, None),
        (PLAIN | {"_meta": ENVELOPE, "inputResponses": {"confirm": 7}}, None),
        (PLAIN | {"requestState": "s"}, Caller("c 1")),
        ({"arguments": {}}, Caller("c 1")),
    ],
)
def test_a_call_that_is_not_plain_in_its_era_is_left_to_the_sdk(params: Document, greeted: Caller | None) -> None:
    said = message(line(**params))

    assert said is not None
    assert call(said, greeted) is None


@pytest.mark.parametrize("asked", [None, True, 1.5, 1 << 63, [], {}])
def test_an_id_that_no_request_may_have_is_left_to_the_sdk(asked: object) -> None:
    assert call({"id": asked, "params": PLAIN}, Caller("c 1")) is None  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense",
        b"[]",
        b"7",
        b"{}",
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        line(name="track_event", arguments={"properties": {"a": float("nan")}}),
        line(name="track_event", arguments={"properties": {"a": 1 << 64}}),
        line(name="track_event").replace(b"7", b"\xff"),
    ],
)
def test_a_line_that_is_no_plain_message_is_left_to_the_sdk(text: bytes) -> None:
    assert message(text) is None
