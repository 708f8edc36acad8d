"""One member of a commented JSON file is changed, and all else stays as it stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout import document
from turnout.clients import jsonc

PATH = ("mcpServers", "turnout")
ENTRY = {"command": "turnout", "args": ["mcp"]}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab{}[]":,/*\\\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abx/", max_size=3), inner, max_size=3),
    max_leaves=8,
)
ENDS = st.booleans()
GAPS = st.sampled_from(["", " ", "\n  ", " // a { note\n", "/* a , note */", "\t"])


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Give an object as somebody's file might hold it, and what it says."""
    held = draw(st.dictionaries(st.text("abx/", max_size=3), VALUES, max_size=3))
    if draw(st.booleans()):
        held["mcpServers"] = draw(st.dictionaries(st.sampled_from(["other", "turnout"]), VALUES, max_size=2))
    return draw(GAPS) + written(draw, held) + draw(GAPS), held


def written(draw: st.DrawFn, value: Any) -> str:
    ends = "," if value and draw(ENDS) else ""
    if isinstance(value, dict):
        named = [(document.encode(name).decode(), written(draw, each)) for name, each in value.items()]
        parts = [f"{draw(GAPS)}{name}{draw(GAPS)}:{draw(GAPS)}{each}{draw(GAPS)}" for name, each in named]
        return "{" + ",".join(parts) + ends + draw(GAPS) + "}"
    if isinstance(value, list):
        parts = [f"{draw(GAPS)}{written(draw, each)}{draw(GAPS)}" for each in value]
        return "[" + ",".join(parts) + ends + draw(GAPS) + "]"
    return document.encode(value).decode()


@given(texts())
def test_a_file_says_what_it_said_and_our_entry(made: tuple[str, dict[str, Any]]) -> None:
    text, held = made
    assert jsonc.read(text) == held

    new = jsonc.put(text, PATH, ENTRY)

    assert jsonc.read(new) == {**held, "mcpServers": {**held.get("mcpServers", {}), "turnout": ENTRY}}
    if "turnout" not in held.get("mcpServers", {}):
        assert new.count("note") == text.count("note"), "no comment is lost"


@given(texts())
def test_a_file_without_our_entry_says_all_else(made: tuple[str, dict[str, Any]]) -> None:
    text, held = made
    servers = {name: value for name, value in held.get("mcpServers", {}).items() if name != "turnout"}

    new = jsonc.drop(text, PATH)

    assert jsonc.read(new) == ({**held, "mcpServers": servers} if "mcpServers" in held else held)
    assert text.count("note") == new.count("note") or "turnout" in held.get("mcpServers", {})


def test_it_is_written_as_the_file_is_indented() -> None:
    text = '{\n\t// mine\n\t"theme": "dark", // darker\n\t"mcpServers": {\n\t\t"other": {"command": "o"},\n\t}\n}\n'

    assert jsonc.put(text, PATH, {"command": "turnout"}) == (
        '{\n\t// mine\n\t"theme": "dark", // darker\n\t"mcpServers": {'
        '\n\t\t"turnout": {\n\t\t\t"command": "turnout"\n\t\t},\n\t\t"other": {"command": "o"},\n\t}\n}\n'
    )
    assert jsonc.drop(jsonc.put(text, PATH, {"command": "turnout"}), PATH) == text


def test_an_empty_file_becomes_one_that_people_can_read() -> None:
    assert jsonc.put("", PATH, {"command": "turnout"}) == (
        '{\n  "mcpServers": {\n    "turnout": {\n      "command": "turnout"\n    }\n  }\n}\n'
    )
    assert jsonc.put("{}", ("a",), 1) == '{\n  "a": 1\n}'
    assert jsonc.put("{\n  // nothing yet\n}\n", ("a",), 1) == '{\n  "a": 1\n  // nothing yet\n}\n'


@pytest.mark.parametrize(
    "text", ['{"a": 1', '{"a" 1}', "[1]", "{\"a\": 'b'}", "{a: 1}", '{"mcpServers": [1]}', "null", '"x']
)
def test_what_is_no_such_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        jsonc.put(text, PATH, ENTRY)
