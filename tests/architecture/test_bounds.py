"""The bounds of delivery and of the HTTP door are what the architecture page says."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "server" / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `((?:api|delivery)\.\w+)\.([A-Z_]+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("module", "name", "said"), ROWS, ids=[f"{module}.{name}" for module, name, _ in ROWS])
def test_a_bound_is_what_the_page_says(module: str, name: str, said: str) -> None:
    assert getattr(import_module(f"turnout.{module}"), name) == int(said.replace(",", ""))


def test_the_page_names_them() -> None:
    assert len(ROWS) == len(set(ROWS)) >= 29
