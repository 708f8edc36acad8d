"""Every query of the store as SQLite plans it: what its comment says of an index holds, and then no table is walked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import turnout.store
from support.engine import open_store
from turnout.store.migrate import FILES
from turnout.store.queries import load
from turnout.store.store import SCHEMA, Store

NOUNS = sorted(path.stem for path in Path(turnout.store.__path__[0], "queries").glob("*.sql"))
PRIMARY = re.compile(r"USING (COVERING )?(INTEGER )?(PRIMARY KEY|INDEX sqlite_autoindex_)|^SEARCH \w+$")
"""The last is how a plan tells of a lowest or highest number alone."""
NAMED = re.compile(r"\b[Bb]y the index (\w+)")
WALKED = re.compile(r"^SCAN (?![rs]$)\w+$")
"""A table read from end to end, in no order of use; `r` and `s`: the runs and the suppressions, which are few."""


def comments(noun: str) -> dict[str, str]:
    """Read what stands under each name."""
    text = Path(turnout.store.__path__[0], "queries", f"{noun}.sql").read_text(encoding="utf-8")
    blocks = (block.partition("\n") for block in text.split("-- name: ")[1:])
    return {name: " ".join(line[3:] for line in rest.splitlines() if line.startswith("--")) for name, _, rest in blocks}


QUERIES = [(noun, name) for noun in NOUNS for name in load(noun)]
HOT = [
    ("deliveries", "list_tries"),
    ("log", "find_bounds"),
    ("messages", "find_message"),
    ("log", "read_after"),
    ("owed", "any_owed"),
    ("owed", "head_of"),
    ("owed", "list_due"),
    ("owed", "list_sending"),
    ("owed", "next_due"),
    ("people", "find_owner"),
    ("people", "find_survivor"),
    ("people", "rekey_owed"),
    ("privacy", "find_suppression"),
    ("privacy", "list_barred"),
]
"""What runs for each event, each commit of a lane, or inside the turnstile over a table that grows."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("queries"))
    yield opened
    opened.close()


def plan(store: Store, noun: str, name: str) -> list[str]:
    sql = load(noun)[name]
    rows = store.look(lambda view: view.session.rows(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")))
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize(("noun", "name"), QUERIES, ids=lambda text: text)
def test_a_query_is_planned_as_its_comment_says(store: Store, noun: str, name: str) -> None:
    said, steps = comments(noun)[name], plan(store, noun, name)

    assert [index for index in NAMED.findall(said) if not any(index in step.split() for step in steps)] == []
    if "primary key" in said:
        assert any(PRIMARY.search(step) for step in steps), steps
    if "primary key" in said or "index" in said:
        assert [step for step in steps if WALKED.match(step)] == []


@pytest.mark.parametrize(("noun", "name"), HOT, ids=lambda text: text)
def test_a_hot_query_says_how_it_finds_its_rows(noun: str, name: str) -> None:
    said = comments(noun)[name]

    assert "primary key" in said or "index" in said


def test_what_walks_a_table_is_seen(store: Store) -> None:
    """Guard this file's own pattern: the message ids are walked where nothing bounds them."""
    steps = store.look(lambda view: view.session.rows("EXPLAIN QUERY PLAN SELECT key FROM messages WHERE seq = 1"))

    assert [bool(WALKED.match(str(row[3]))) for row in steps] == [True]


def test_the_store_expects_the_schema_that_the_migrations_make() -> None:
    assert len(FILES) == SCHEMA
