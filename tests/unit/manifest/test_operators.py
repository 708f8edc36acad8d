from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.document import Json, decode, encode
from turnout.manifest.compile import Scope, compile_nodes
from turnout.manifest.expression import Names, parse
from turnout.manifest.operators import EXAMPLE_EVENT, EXAMPLE_NOW, EXAMPLE_TABLES, TABLE, documentation
from turnout.manifest.people import e164
from turnout.manifest.texts import glob
from turnout.manifest.times import micros

README = Path(__file__).parents[3] / "manifests" / "README.md"
EXAMPLES = [example for entry in TABLE.values() for example in entry.examples]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_table_holds(example: str) -> None:
    written, _, gives = example.rpartition(" => ")
    program = compile_nodes({"value": parse(written, Names(tables=EXAMPLE_TABLES))}, {}, ())

    found = program.functions["value"](EXAMPLE_EVENT, {}, program.memory(), None, None, Scope(EXAMPLE_NOW))

    assert encode(found) == encode(decode(gives))


def test_the_table_in_the_readme_is_the_table() -> None:
    text = README.read_text(encoding="utf-8")
    between = text.partition("<!-- operators -->\n")[2].partition("<!-- /operators -->")[0]

    assert between.strip() == documentation().strip()


def test_the_names_and_forms_of_operators_are_kept(golden: Callable[[str, str], None]) -> None:
    golden("manifest/operators.txt", "".join(f"{entry.shown}\n" for entry in TABLE.values()))


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("abc", "*", True),
        ("abc", "a*c", True),
        ("abc", "a?c", True),
        ("abc", "ab", False),
        ("", "*", True),
        ("", "?", False),
    ],
)
def test_a_glob_matches_the_whole_text(text: str, pattern: str, *, matches: bool) -> None:
    assert glob(text, pattern) is matches


def test_a_glob_of_many_stars_takes_no_time_to_speak_of() -> None:
    assert glob("a" * 5_000, "*a" * 30 + "b") is False


@pytest.mark.parametrize(
    ("phone", "country", "gives"),
    [
        ("+49 151 2345678", None, "+491512345678"),
        ("0049 151 2345678", None, "+491512345678"),
        ("555 010 9999", "US", "+15550109999"),
        ("1 555 010 9999", "United States", "+15550109999"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("555 010 9999", None, None),
        ("12", "US", None),
    ],
)
def test_a_phone_number_is_written_as_e164(phone: str, country: Json, gives: Json) -> None:
    assert e164(phone, country) == gives


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2026-01-02 03:04:05", 1767323045, "1767323045000"]
)
def test_a_time_is_read_in_any_of_its_forms(text: Json) -> None:
    assert micros(text) == 1_767_323_045_000_000
