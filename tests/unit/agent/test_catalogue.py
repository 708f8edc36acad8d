from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator

import pytest

from support.desk import ARGUMENTS, SAMPLES
from turnout.agent.catalogue import BY_NAME, TOOLS, admit, offered
from turnout.agent.model import AnyTool
from turnout.agent.schema import SIZE_LIMIT
from turnout.agent.server import INSTRUCTIONS, definition
from turnout.agent.toolsets import USUAL_TOOLSETS, Toolset, toolsets
from turnout.document import encode
from turnout.errors import Denied, InvalidInput
from turnout.guard.principal import EVERY, MODES, Scope, local

COMMON = {"idempotency_key", "namespace", "destination", "wait_seconds", "dry_run", "confirm", "cursor", "limit"}

each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def tokens(tool: AnyTool) -> float:
    """Count as the budget does: bytes of name, description and input schema, divided by four."""
    shown = definition(tool)
    return len(f"{shown.name}{shown.description}".encode() + encode(shown.input_schema)) / 4


def nodes(schema: object) -> Iterator[dict[str, object]]:
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            yield from (
                (each for part in value.values() for each in nodes(part)) if key == "properties" else nodes(value)
            )
    elif isinstance(schema, list):
        for each in schema:
            yield from nodes(each)


def test_all_tools_of_the_design_are_there() -> None:
    assert {tool.name for tool in TOOLS} == set(SAMPLES) == set(ARGUMENTS) == set(BY_NAME)
    assert len(TOOLS) <= 25


def test_the_usual_tools_cost_at_most_4000_tokens() -> None:
    assert sum(tokens(tool) for tool in offered(TOOLS, EVERY, USUAL_TOOLSETS)) <= 4_000


def test_all_tools_cost_at_most_6500_tokens() -> None:
    assert sum(tokens(tool) for tool in TOOLS) <= 6_500


COUNTED = """\
What a client may show its model before anybody has asked anything, in tokens, counted as the budget counts: bytes of
the JSON, divided by four. shown: name, description and input schema, which every client shows; answer: the output
schema; all: the whole definition as it goes over the wire.
"""


def quarter(text: bytes) -> int:
    return -(-len(text) // 4)


def test_the_table_of_tokens_is_the_current_one(golden: Callable[[str, str], None]) -> None:
    rows: list[tuple[str, ...]] = [("", "shown", "answer", "all")]
    sums = [0, 0, 0]
    for tool in TOOLS:
        shown = definition(tool)
        whole = encode(shown.model_dump(mode="json", by_alias=True, exclude_none=True))
        counts = [math.ceil(tokens(tool)), quarter(encode(shown.output_schema)), quarter(whole)]
        sums = [one + other for one, other in zip(sums, counts, strict=True)]
        rows.append((tool.name, *map(str, counts)))
    rows.append(("all tools", *map(str, sums)))
    rows.append(("instructions", str(quarter(INSTRUCTIONS.encode())), "", ""))
    lines = [f"{name:<24}{shown:>7}{answer:>8}{whole:>7}".rstrip() for name, shown, answer, whole in rows]

    golden("tokens.txt", "\n".join((COUNTED, *lines, "")))


@each_tool
def test_a_definition_is_the_reviewed_one(tool: AnyTool, golden: Callable[[str, str], None]) -> None:
    shown = definition(tool).model_dump(mode="json", by_alias=True, exclude_none=True)

    golden(f"tools/{tool.name}.json", json.dumps(shown, indent=2, ensure_ascii=False) + "\n")


@each_tool
def test_a_name_fits_every_client(tool: AnyTool) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,47}", tool.name)


@each_tool
def test_a_description_has_40_to_120_tokens_and_does_not_shout(tool: AnyTool) -> None:
    assert 40 <= len(tool.description.encode()) / 4 <= 120
    assert not re.search(r"\b(?!MTU|GDPR|CCPA|HTTP|API|SDK)[A-Z]{3,}\b", tool.description)
    assert "\n" not in tool.description


@each_tool
def test_tools_that_a_description_names_exist(tool: AnyTool) -> None:
    named = set(re.findall(r"\b[a-z]+_[a-z]+(?:_[a-z]+)?\b", tool.description))

    fields = {field for each in TOOLS for field in each.args.model_fields}
    assert named - fields - {"user_id"} <= set(BY_NAME)


@each_tool
def test_all_four_hints_are_stated(tool: AnyTool) -> None:
    hints = definition(tool).annotations

    assert hints is not None
    assert None not in (
        hints.title,
        hints.read_only_hint,
        hints.destructive_hint,
        hints.idempotent_hint,
        hints.open_world_hint,
    )
    assert not (hints.read_only_hint and hints.destructive_hint)


@each_tool
def test_a_tool_that_changes_something_takes_an_idempotency_key(tool: AnyTool) -> None:
    assert tool.hints.read_only != ("idempotency_key" in tool.args.model_fields)


@each_tool
def test_arguments_are_few_and_required_ones_come_first(tool: AnyTool) -> None:
    fields = tool.args.model_fields

    assert len(set(fields) - COMMON) <= 8
    required = [field.is_required() for field in fields.values()]
    assert required == sorted(required, reverse=True)


@each_tool
def test_schemas_are_lean_and_small(tool: AnyTool) -> None:
    shown = definition(tool)

    for schema in (shown.input_schema, shown.output_schema):
        assert len(json.dumps(schema)) < SIZE_LIMIT
        for node in nodes(schema):
            assert not {"title", "default", "$ref", "$defs", "anyOf", "oneOf", "allOf"} & set(node)
    assert shown.input_schema["additionalProperties"] is False


@each_tool
def test_an_answer_begins_with_a_summary(tool: AnyTool) -> None:
    assert next(iter(tool.answer.model_fields)) == "summary"


@each_tool
def test_the_sample_answers_are_answers(tool: AnyTool) -> None:
    tool.answer.model_validate(SAMPLES[tool.name])


def test_whoever_reads_sees_only_what_reads() -> None:
    seen = offered(TOOLS, MODES["read"], USUAL_TOOLSETS)

    assert "debug_event_delivery" in {tool.name for tool in seen}
    assert all(tool.hints.read_only for tool in seen)


def test_live_and_people_alone_show_no_tool() -> None:
    assert offered(TOOLS, frozenset({Scope.LIVE, Scope.PEOPLE}), USUAL_TOOLSETS) == ()


def test_without_a_toolset_there_is_no_tool() -> None:
    assert offered(TOOLS, EVERY, frozenset()) == ()


def test_a_call_out_of_scope_names_the_scope() -> None:
    with pytest.raises(Denied, match="needs the scope operate"):
        admit(BY_NAME["replay_events"], MODES["read"], USUAL_TOOLSETS)


@pytest.mark.parametrize("name", ["connect_destination", "create_source"])
def test_who_lost_configure_to_people_is_told_how_to_have_it_and_not_the_mode_they_have(name: str) -> None:
    with pytest.raises(Denied) as refused:
        admit(BY_NAME[name], local("write", people=True).scopes, USUAL_TOOLSETS)

    fix = str(refused.value.attributes["fix"])
    assert "without --people, or allow both in turnout.toml" in fix
    assert "--mode" not in fix


def test_a_call_out_of_the_toolsets_names_the_toolset() -> None:
    with pytest.raises(Denied, match="belongs to the toolset core"):
        admit(BY_NAME["replay_events"], EVERY, frozenset())


def test_all_means_every_toolset() -> None:
    assert toolsets("all") == frozenset(Toolset)


def test_an_unknown_toolset_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there are core, and all"):
        toolsets("core,nonsense")
