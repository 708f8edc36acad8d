"""The examples of the language's reference: each is a manifest, and its own tests run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.manifests import HEAD
from turnout.manifest.bodies import MEDIA
from turnout.manifest.lint import lint
from turnout.manifest.read import read, read_all
from turnout.manifest.read_signers import KINDS
from turnout.manifest.trial import run_tests

TEXT = (Path(__file__).parents[3] / "manifests" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- example -->\n```yaml\n(.*?)```\n", TEXT, re.DOTALL)
FIRST = re.findall(r"```yaml\n(turnout: 1.*?)```\n", TEXT, re.DOTALL)
HATCH = re.findall(r"<!-- hatch -->\n```yaml\n(.*?)```\n", TEXT, re.DOTALL)
ABOUT_TESTS = re.compile(r"test says|at least 3 tests|needs a label|is not stated|status|expected `verified`")


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_does_what_its_own_tests_say(text: str) -> None:
    manifest = read(HEAD + text, "README.md")

    assert manifest.tests
    assert run_tests(manifest) == []


@pytest.mark.parametrize("text", [HEAD + one for one in (*EXAMPLES, *HATCH)] + FIRST)
def test_an_example_keeps_the_contract_but_for_what_it_leaves_out(text: str) -> None:
    severe = [one.say for one in lint(read(text, "README.md")) if one.severe]

    assert [say for say in severe if not ABOUT_TESTS.search(say) and "no test is" not in say] == []


def test_every_kind_of_body_that_is_more_than_a_value_and_every_signature_has_an_example() -> None:
    shown = "\n".join((*EXAMPLES, *HATCH))

    for word in (*MEDIA.keys() - {"json", "form", "ndjson", "text"}, *KINDS, "decode"):
        assert f"{word}:" in shown, word


def test_the_example_of_a_family_is_two_destinations_whose_tests_hold() -> None:
    [text] = re.findall(r"<!-- family -->\n```yaml\n(.*?)```\n", TEXT, re.DOTALL)

    found = read_all(text)

    assert [one.slug for one in found] == ["acme", "beta"]
    assert [run_tests(one) for one in found] == [[], []]
