from __future__ import annotations

import json
from typing import Any

import pytest

from turnout.agent.answers import CAP, USUAL, answered
from turnout.agent.catalogue import BY_NAME, TOOLS
from turnout.agent.fitting import cut
from turnout.agent.model import AnyTool
from turnout.agent.tools.send_events import SendEvents, Sent
from turnout.document import Document

PROPERTIES: Document = {f"p{n}": "y" * 100 for n in range(280)}
EVENT: Document = {"type": "track", "event": "Order Completed", "userId": "u", "properties": PROPERTIES}


def shown(answer: Document, name: str, budget: int) -> dict[str, Any]:
    """Answer as a tool does; check that it fits, and that both halves are one."""
    result = answered(answer, budget, BY_NAME[name].advice())
    assert result.structured_content is not None
    assert len(result.text) <= budget
    assert json.loads(result.text) == result.structured_content
    return result.structured_content


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_that_changes_something_never_advises_a_repeat(tool: AnyTool) -> None:
    rows: list[Document] = [{"message_id": f"m{n}", "x": "y" * 300} for n in range(300)]

    narrow = shown({"summary": "S", "events": [*rows]}, tool.name, USUAL)["narrow"]

    assert tool.hints.read_only or ("Do not" in narrow and "Call again" not in narrow and "limit" not in narrow)


def test_all_ids_of_500_events_are_told() -> None:
    rows: list[Document] = [{"message_id": f"018f2b6e-0000-7000-8000-{n:012}", "replayed": True} for n in range(500)]
    budget = SendEvents.model_validate({"events": [{}]}).budget()

    found = shown({"summary": "S", "namespace": "test", "events": [*rows]}, "send_events", budget)

    assert found["events"] == rows
    assert "truncated" not in found


def test_of_500_events_with_their_verdicts_the_ids_stay_and_where_to_look_is_told() -> None:
    delivery: Document = {"destination": "webhook", "verdict": "delivered", "next": "n" * 80}
    rows: list[Document] = [{"message_id": f"m_{n:032}", "deliveries": [delivery, delivery]} for n in range(500)]

    found = shown({"summary": "S", "namespace": "test", "events": [*rows]}, "send_events", CAP)

    assert [row["message_id"] for row in found["events"]] == [row["message_id"] for row in rows]
    assert "deliveries" in found["narrow"]
    assert "find_events" in found["narrow"]
    Sent.model_validate(found)


def test_a_long_event_is_cut_inside_and_its_journey_stays() -> None:
    delivery: Document = {"destination": "webhook", "verdict": "discarded", "next": "Mend it. " * 30}

    found = shown(
        {"summary": "S", "found": True, "event": EVENT, "deliveries": [delivery]}, "debug_event_delivery", USUAL
    )

    assert found["truncated"] is True
    assert found["event"]["event"] == "Order Completed"
    assert len(found["event"]["properties"]) > 10
    assert str(found["event"]["properties"]["…"]).endswith(" more")
    assert found["deliveries"] == [delivery]
    assert "turnout trace" in found["narrow"]


def test_a_long_request_is_cut_inside_and_every_preview_stays() -> None:
    request: Document = {"method": "POST", "url": "https://a.example", "body": {"batch": [EVENT] * 30}}
    previews: list[Document] = [
        {"destination": f"d{n}", "verdict": "would_send", "requests": [request]} for n in range(3)
    ]

    found = shown({"summary": "S", "previews": [*previews]}, "preview_event", USUAL)

    assert [each["destination"] for each in found["previews"]] == ["d0", "d1", "d2"]
    assert found["previews"][0]["requests"][0]["url"] == "https://a.example"
    assert "With destination" in found["narrow"]


def test_a_text_cut_twice_says_all_that_is_missing() -> None:
    assert cut(cut("x" * 1_000, 512), 100) == "x" * 80 + "… (920 more)"
