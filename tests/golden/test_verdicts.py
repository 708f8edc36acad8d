"""The numbers of verdicts are on disk for ever, and their words are what outsiders read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.delivery.verdict import CODES

PAGE = Path(__file__).parents[2] / "server" / "README.md"
BEGIN = "<!-- reasons: written by `make golden` from delivery/verdict.py -->\n"
END = "<!-- /reasons -->"


def table() -> str:
    rows = [f"| `{code.verdict}` | `{code.word}` | {code.says} | {code.next} |\n" for code in CODES]
    return "\n| verdict | reason | means | what to do |\n| --- | --- | --- | --- |\n" + "".join(rows) + "\n"


def test_the_numbers_of_verdicts_stand(golden: Callable[[str, str], None]) -> None:
    golden("verdicts.txt", "".join(f"{code.number} {code.verdict} {code.word}\n" for code in CODES))


def test_every_reason_stands_in_the_architecture_page(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = before + BEGIN + table() + END + after
    if request.config.getoption("write_golden"):
        PAGE.write_text(wanted, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == wanted
