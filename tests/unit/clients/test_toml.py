"""One table of a TOML file is changed, and all else stays as it stands, comments too."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnout.clients import toml
from turnout.document import Document

UNDER, NAME = "mcp_servers", "turnout"
ENTRY: Document = {"command": "turnout", "args": ["mcp", "--live"], "required": True}
VALUES = st.sampled_from([
    "1", '"x"', "true", "[1, 2]", '[\n  "a", # in\n  "b",\n]', '"""\nlong\n"""', "'[x]'", "{a = 1}", "1979-05-27"
])  # fmt: skip
NOTES = st.sampled_from(["", "\n", "# note\n", "\n# note\n", "  # note [x]\n"])
NAMES = st.sampled_from(["other", "more.env", "a-b", '"c d"'])


@st.composite
def tables(draw: st.DrawFn, header: str) -> str:
    """Write a table as somebody might, with comments before, in and after it."""
    rows = draw(st.lists(st.tuples(NOTES, VALUES), max_size=3))
    inside = "".join(f"{note}k{at} = {value}\n" for at, (note, value) in enumerate(rows))
    return draw(NOTES) + f"[{header}]" + draw(st.sampled_from(["", " # note"])) + "\n" + inside + draw(NOTES)


@st.composite
def texts(draw: st.DrawFn, *, ours: bool) -> str:
    """Write a file: plain keys, tables of others, and perhaps ours among them."""
    headers = [f"{UNDER}.{name}" for name in draw(st.lists(NAMES, unique=True, max_size=3))]
    headers += draw(st.lists(st.sampled_from(["top", "z.y"]), unique=True, max_size=2))
    if ours:
        headers.insert(draw(st.integers(0, len(headers))), f"{UNDER}.{NAME}")
        if draw(st.booleans()):
            headers.append(f"{UNDER}.{NAME}.env")
    first = "".join(f"t{at} = {value}\n" for at, value in enumerate(draw(st.lists(VALUES, max_size=2))))
    return draw(NOTES) + first + "".join(draw(tables(each)) for each in headers)


def without_ours(text: str) -> dict[str, Any]:
    held = tomllib.loads(text)
    servers = {name: value for name, value in held.pop(UNDER, {}).items() if name != NAME}
    return {**held, **({UNDER: servers} if servers else {})}


def notes_of_others(text: str) -> list[str]:
    """Give the comments that are not on or between the lines of our own tables."""
    found, is_ours = [], False
    for line in text.splitlines():
        if line.startswith("["):
            is_ours = line.startswith(f"[{UNDER}.{NAME}")
        if not is_ours and "# " in line:
            found.append(line)
    return found


@given(texts(ours=False))
def test_a_table_is_put_at_the_end_and_goes_again_without_a_trace(text: str) -> None:
    new = toml.put(text, UNDER, NAME, ENTRY)

    assert new.startswith(text.rstrip("\n"))
    assert tomllib.loads(new)[UNDER][NAME] == ENTRY
    assert without_ours(new) == without_ours(text)
    assert toml.drop(new, UNDER, NAME).strip("\n") == text.strip("\n")


@given(texts(ours=True))
def test_a_table_is_changed_where_it_stands_and_no_comment_of_others_is_lost(text: str) -> None:
    new = toml.put(text, UNDER, NAME, ENTRY)

    held = tomllib.loads(new)[UNDER][NAME]
    assert {name: value for name, value in held.items() if name != "env"} == ENTRY
    assert without_ours(new) == without_ours(text)
    assert set(notes_of_others(text)) <= set(new.splitlines())
    assert toml.put(new, UNDER, NAME, ENTRY) == new, "a second time changes nothing"


@given(texts(ours=True))
def test_a_table_goes_with_what_is_below_it_and_no_comment_of_others(text: str) -> None:
    new = toml.drop(text, UNDER, NAME)

    assert NAME not in tomllib.loads(new).get(UNDER, {})
    assert without_ours(new) == without_ours(text)
    assert set(notes_of_others(text)) <= set(new.splitlines())
