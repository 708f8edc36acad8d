"""The examples of tokens in the language's reference: each is a manifest, and its own tests run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.manifests import HEAD
from turnout.manifest.lint import lint
from turnout.manifest.read import read
from turnout.manifest.trial import run_tests

TEXT = (Path(__file__).parents[3] / "manifests" / "README.md").read_text(encoding="utf-8")
EXAMPLES = [text for text in re.findall(r"<!-- example -->\n```yaml\n(.*?)```\n", TEXT, re.DOTALL) if "$auth" in text]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_does_what_its_own_tests_say(text: str) -> None:
    manifest = read(HEAD + text, "README.md")

    assert manifest.tests
    assert run_tests(manifest) == []
    assert [one.say for one in lint(manifest) if one.path.startswith("auth")] == []


def test_there_is_one_of_a_consent_and_one_of_a_login() -> None:
    assert [word in text for word, text in zip(("oauth2:", "login:"), EXAMPLES, strict=True)] == [True, True]
