from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import anyio
import pytest

from turnout.agent.asks import Asks
from turnout.agent.caller import Caller
from turnout.agent.greeting import caller, session
from turnout.document import Document, Json
from turnout.entropy import SystemEntropy

FORMS: Document = {"elicitation": {"form": {"x": "y" * 5_000}, "other": {}}, "roots": {"listChanged": True}}


def hello(**params: Json) -> Document:
    return {"method": "initialize", "params": {"clientInfo": {"name": "c", "version": "1"}, **params}}


def test_a_session_id_says_who_greeted_and_what_they_can_be_asked() -> None:
    said = caller(session(hello(capabilities=FORMS), SystemEntropy()))

    assert said == Caller("c 1", {"elicitation": {"form": {}}, "roots": {}})
    assert said.takes_forms()


def test_a_session_id_is_short_visible_and_no_other_one() -> None:
    huge = hello(capabilities=FORMS, clientInfo={"name": "n" * 50_000, "version": "1"})
    first, second = (session(huge, SystemEntropy()) for _ in range(2))

    assert first != second
    assert len(first) < 1_024
    assert all(0x21 <= byte <= 0x7E for byte in first)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x",
        b"\xff",
        b"abc-123",
        urlsafe_b64encode(b"[]"),
        urlsafe_b64encode(b'{"client":7,"declared":{}}'),
        b"A" * 9_000,
    ],
)
def test_a_session_id_that_is_none_of_ours_names_nobody(text: bytes) -> None:
    assert caller(text) == Caller()


@pytest.mark.parametrize("greeting", [{}, {"params": []}, hello(capabilities=[]), hello(clientInfo=7)])
def test_whoever_says_nothing_of_themselves_can_be_asked_nothing(greeting: Document) -> None:
    assert caller(session(greeting, SystemEntropy())).declared == {}


async def test_an_answer_meets_the_question_it_is_to_and_no_other() -> None:
    asks, asked, told = Asks(SystemEntropy()), list[Document](), dict[str, Any]()
    both = anyio.Event()

    async def say(message: Document) -> None:
        asked.append(message)
        if len(asked) == 2:
            both.set()

    async def put(name: str) -> None:
        told.update(await asks.put(say, {name: {"method": "roots/list", "params": {}}}))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put, "one")
            tasks.start_soon(put, "two")
            await both.wait()
            assert not asks.hear({"jsonrpc": "2.0", "id": "turnout-1", "result": {}})
            assert asks.hear({"jsonrpc": "2.0", "id": asked[1]["id"], "error": {"code": -32601, "message": "no"}})
            assert asks.hear({"jsonrpc": "2.0", "id": asked[0]["id"], "result": {"roots": []}})

    assert sorted(told.values(), key=str) == [{"action": "cancel"}, {"roots": []}]
    assert not asks.hear({"jsonrpc": "2.0", "id": asked[0]["id"], "result": {"roots": []}})
