from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.document import Json, decode, encode
from turnout.manifest.codes import ulid
from turnout.manifest.compile import Scope, compile_nodes
from turnout.manifest.expression import Names, parse
from turnout.manifest.operators import EXAMPLE_EVENT, EXAMPLE_NOW, EXAMPLE_TABLES, TABLE, documentation
from turnout.manifest.people import e164, email, url_param
from turnout.manifest.texts import glob
from turnout.manifest.times import iso, micros

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


@pytest.mark.parametrize(
    "written",
    [
        "5C43E809-FBA7-4FEE-A3A0-94129FCB59A5",
        "{5c43e809-fba7-4fee-a3a0-94129fcb59a5}",
        "urn:uuid:5c43e809-fba7-4fee-a3a0-94129fcb59a5",
        "5c43e809fba74feea3a094129fcb59a5",
    ],
)
def test_a_uuid_is_the_same_ulid_however_it_is_written(written: str) -> None:
    plain = "5c43e809-fba7-4fee-a3a0-94129fcb59a5"

    assert ulid(written) == ulid(plain) == "2W8FM0KYX79ZQA784M2AFWPPD5"


@pytest.mark.parametrize(
    ("link", "gives"),
    [
        ("https://a.test/?fbclid=x1", "x1"),
        ("https://a.test/?%66bclid=x1", "x1"),
        ("https://a.test/?fb\nclid=x1", "x1"),
        ("https://a.test/?other=x1", None),
        ("https://a.test/fbclid", None),
        ("https://[a.test/?fbclid=x1", None),
    ],
)
def test_a_parameter_of_a_link_is_found_however_its_name_is_written(link: str, gives: Json) -> None:
    assert url_param(link, "fbclid") == gives


@pytest.mark.parametrize("text", ["Ann", "", "@", "a@b", "a b@c.test", 7, None, ["a@b.test"]])
def test_what_is_no_address_is_null(text: Json) -> None:
    assert email(text) is None


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ("2026-02-28T03:04:05.678Z", "2026-02-28T03:04:05.678Z"),
        (" 2026-02-28T03:04:05.678Z ", "2026-02-28T03:04:05.678Z"),
        ("2026-02-29T03:04:05.678Z", None),
        ("2024-02-29T03:04:05.678Z", "2024-02-29T03:04:05.678Z"),
        ("2026-02-28T25:04:05.678Z", None),
        ("0000-02-28T03:04:05.678Z", None),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_moment_is_written_with_milliseconds_and_only_where_there_is_one(text: str, gives: Json) -> None:
    assert iso(text) == gives
