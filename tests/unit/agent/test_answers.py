from __future__ import annotations

import json

import pytest
from mcp.types import CallToolResult, TextContent

from support.desk import SAMPLES
from turnout.agent import answers
from turnout.agent.answers import CAP, FIELD_LIMIT, USUAL, explained
from turnout.agent.server import result as result_of
from turnout.document import Document
from turnout.errors import NotFound, Unavailable


def text(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def answered(answer: Document, budget: int = USUAL) -> CallToolResult:
    return result_of(answers.answered(answer, budget))


def refused(said: str) -> CallToolResult:
    return result_of(answers.refused(said))


def rows(count: int, size: int = 100) -> Document:
    return {"summary": "Many.", "events": [{"message_id": f"m_{n}", "x": "y" * size} for n in range(count)]}


def all_text(value: dict[str, list[str]]) -> str:
    """Join all text of a value, keys too."""
    return "".join([*value, *(each for row in value.values() for each in row)])


@pytest.mark.parametrize("name", SAMPLES)
def test_text_and_structure_are_the_same_object(name: str) -> None:
    result = answered(SAMPLES[name])

    assert json.loads(text(result)) == result.structured_content
    assert not result.is_error


def test_each_row_has_a_line_of_its_own() -> None:
    shown = text(answered(rows(3)))

    assert shown.splitlines()[:3] == [
        '{"summary":"Many.",',
        '"events":[',
        '{"message_id":"m_0","x":"' + "y" * 100 + '"},',
    ]


def test_the_summary_is_first_and_what_comes_next_last() -> None:
    answer: Document = {"next_cursor": "c", "next": [], "b": 1, "summary": "S", "a": 2}

    assert list(answered(answer).structured_content) == ["summary", "b", "a", "next", "next_cursor"]


def test_null_is_left_out_but_not_of_what_is_quoted() -> None:
    answer: Document = {"summary": "S", "reason": None, "event": {"x": None, "properties": {"coupon": None}}}

    assert answered(answer).structured_content == {"summary": "S", "event": {"properties": {"coupon": None}}}


def test_at_most_three_calls_are_suggested() -> None:
    call: Document = {"tool": "find_events", "arguments": {}, "why": "w"}

    assert len(answered({"summary": "S", "next": [call] * 5}).structured_content["next"]) == 3


def test_a_long_list_is_cut_and_says_how_to_see_the_rest() -> None:
    result = answered(rows(200) | {"next_cursor": "c_200"})

    shown = result.structured_content
    assert len(text(result)) <= USUAL
    assert list(shown)[:3] == ["summary", "truncated", "narrow"]
    assert 10 < len(shown["events"]) < 200
    assert f"limit {len(shown['events'])}" in shown["narrow"]
    assert json.loads(text(result)) == shown


def test_a_cut_list_has_no_cursor_because_it_would_skip_rows() -> None:
    assert "next_cursor" not in answered(rows(200) | {"next_cursor": "c_200"}).structured_content


def test_a_list_that_fits_the_room_asked_for_is_whole() -> None:
    assert len(answered(rows(200), CAP).structured_content["events"]) == 200


def test_no_answer_is_longer_than_the_cap() -> None:
    assert len(text(answered(rows(5_000), 10 * CAP))) <= CAP


def test_of_a_list_whose_first_row_does_not_fit_only_the_name_stays() -> None:
    row: Document = {f"k{n}": "y" * 500 for n in range(30)}

    shown = answered({"summary": "S", "found": True, "deliveries": [row]}).structured_content

    assert shown == {
        "summary": "S",
        "truncated": True,
        "narrow": "Too long, left out: deliveries. Call again with narrower arguments.",
        "found": True,
        "deliveries": [],
    }


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    shown = answered({"summary": "S", "event": "x" * 10_000}).structured_content["event"]

    assert len(shown) <= FIELD_LIMIT
    assert shown.endswith("(9508 more)")


def test_tokens_and_cursors_are_never_cut() -> None:
    token = "t" * 2_000
    answer: Document = {"summary": "S", "confirm": {"token": token, "plan": "P"}, "next_cursor": token}

    shown = answered(answer).structured_content

    assert shown["confirm"]["token"] == shown["next_cursor"] == token


@pytest.mark.parametrize("hidden", ["\x1b", "\n", "\x00", "\x9b", "\u202e", "\u200b", "\ufeff", "\U000e0041", "\ud800"])
def test_a_character_that_cannot_be_seen_is_shown_as_its_number(hidden: str) -> None:
    result = answered({"summary": "S", "event": f"a{hidden}b", "properties": {f"k{hidden}": [hidden]}})

    shown = result.structured_content
    assert shown["event"] == f"a\\u{ord(hidden):04x}b"
    assert hidden not in all_text(shown["properties"])


def test_an_error_is_one_line_of_text_and_no_structure() -> None:
    result = refused("not_found: there is\nno such\tthing.")

    assert result.is_error
    assert result.structured_content is None
    assert text(result) == "not_found: there is no such thing."


def test_an_error_says_code_message_and_fix() -> None:
    error = NotFound("No destination has this name.", fix="Call list_destinations")

    assert explained(error) == "not_found: No destination has this name. Call list_destinations."


def test_an_error_that_asks_ends_with_its_question() -> None:
    assert explained(NotFound("did you mean `slack`?")) == "not_found: did you mean `slack`?"


def test_what_failed_to_commit_says_that_it_may_be_repeated() -> None:
    said = explained(Unavailable("The disk is full."))

    assert said == "unavailable: The disk is full. Nothing changed; the same call may be made again."
