"""Every requirement is shown by some test, and none is claimed that nobody stated."""

from __future__ import annotations

import ast
from pathlib import Path

from support.requirements import REQUIREMENTS


def claimed() -> set[str]:
    found: set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "claims":
                found |= {str(ast.literal_eval(each)) for each in node.args}
    return found


def test_every_requirement_is_claimed_by_a_test() -> None:
    assert claimed() == set(REQUIREMENTS)
