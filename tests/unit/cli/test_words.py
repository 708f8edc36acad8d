"""Words of the command line: what is an override, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.cli.main import run
from turnout.cli.words import Override, overrides_of

CONNECT = ("destination", "connect", "mixpanel", "--set", "token=t0123456789")


def test_an_override_is_split_at_the_first_equals_sign_outside_of_quotes() -> None:
    split = Override().convert

    assert split("event:a=$.b == 'x'", None, None) == ("event:a", "$.b == 'x'")
    assert split('event:"a=b".c = 1', None, None) == ('event:"a=b".c', "1")


def test_an_empty_value_lifts_and_an_object_is_json() -> None:
    found = overrides_of(map=[("a", ""), ("b", '{"x": ["$.y"]}'), ("c", "{not json")], events=[("A", "")], when=[])

    assert found == {"map": {"a": None, "b": {"x": ["$.y"]}, "c": "{not json"}, "events": {"A": None}}


@pytest.mark.parametrize("words", [("--map", "event:a"), ("--map", "event:a=1", "--map", "event:a=2")])
def test_what_is_no_override_is_wrong_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run((*CONNECT, *words, "--data", str(tmp_path))) == 2


def test_a_file_to_import_that_is_no_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "segment.json"
    file.write_text("{")

    assert run(("destination", "import", str(file), "--dry-run", "--data", str(tmp_path / "data"))) == 1
