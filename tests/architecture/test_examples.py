"""The examples in our docstrings say what is so."""

from __future__ import annotations

import doctest
import importlib

import pytest

from support.source import modules

SHOWN = [f"turnout.{module.name}" for module in modules() if ">>> " in module.text]


def test_there_are_examples() -> None:
    assert "turnout.clock" in SHOWN


@pytest.mark.parametrize("name", SHOWN)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)

    for example in doctest.DocTestFinder().find(importlib.import_module(name)):
        runner.run(example, out=told.append)

    assert told == []
    assert runner.tries > 0
