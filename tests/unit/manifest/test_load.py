from __future__ import annotations

import pytest

from turnout.errors import InvalidManifest
from turnout.manifest.load import load


def test_words_of_yaml_1_1_are_text() -> None:
    source = load("{a: yes, b: NO, c: on, d: 12:30:00, e: 2026-11-25, f: 0123, on: 1}")

    assert source.data == {"a": "yes", "b": "NO", "c": "on", "d": "12:30:00", "e": "2026-11-25", "f": 123, "on": 1}


def test_the_core_schema_reads_null_booleans_and_numbers() -> None:
    source = load("[null, ~, true, False, -7, 0x1F, 0o17, 1.5, 1e3, '1', .5]")

    assert source.data == [None, None, True, False, -7, 31, 15, 1.5, 1000.0, "1", 0.5]


def test_a_key_is_text_whatever_it_looks_like() -> None:
    assert load("{404: next, true: x}").data == {"404": "next", "true": "x"}


def test_an_anchor_is_used_again_and_a_merge_yields_to_what_is_written() -> None:
    source = load("base: &b {x: 1, y: 2}\nused: {<<: *b, y: 3}\nmany: {<<: [*b, {x: 9, z: 4}]}")

    assert source.data == {"base": {"x": 1, "y": 2}, "used": {"x": 1, "y": 3}, "many": {"x": 1, "y": 2, "z": 4}}


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a: 1\na: 2", (2, 1), "stands twice"),
        ("a: [1,\nb: }", (2, 4), "not YAML"),
        ("a: !!python/name:os.system x", (1, 4), "tags are not allowed"),
        ("a: 1\nb: 1e999", (2, 4), "too large"),
        ("? [1]\n: x", (1, 3), "a key must be text"),
        ("a: {<<: 1}", (1, 9), "merges mappings only"),
    ],
)
def test_a_fault_is_told_with_line_and_column(text: str, place: tuple[int, int], says: str) -> None:
    with pytest.raises(InvalidManifest, match=says) as error:
        load(text, "acme.yaml")

    assert (error.value.attributes["line"], error.value.attributes["column"]) == place
    assert error.value.message.startswith("acme.yaml:")


def test_aliases_that_multiply_are_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    with pytest.raises(InvalidManifest, match="unfolds to more than"):
        load("\n".join(rows))


def test_an_alias_inside_itself_is_refused() -> None:
    with pytest.raises(InvalidManifest):
        load("a: &a [*a]")
