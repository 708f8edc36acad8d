"""Only the modules marked `~` in the layout may wait; all others are sync."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase

from support.source import Module, modules

MAY_WAIT = (
    "app",
    "delivery.lane",
    "delivery.deliverer",
    "delivery.names",
    "delivery.sender",
    "delivery.tokens",
    "upkeep.loop",
    "store.store",
    "store.wake",
    "checks",
    "preparing",
    "waiting",
    "desk",
    "looking",
    "inprocess",
    "demo.*",
    "api.*",
    "agent.*",
    "cli.*",
    "testing",  # the scripted sender
)

# A protocol only states the shape: an `async def` there never runs.
STATED_IN = "exchange"

WAITS = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def waits(module: Module) -> list[str]:
    found = [node for node in ast.walk(module.tree) if isinstance(node, WAITS)]
    return [module.at(node) for node in found]


def stated(module: Module) -> list[str]:
    protocols = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("Protocol") for base in node.bases)
    ]
    return [module.at(each) for node in protocols for each in node.body if isinstance(each, ast.AsyncFunctionDef)]


def test_only_marked_modules_wait() -> None:
    rest = [module for module in modules() if not any(fnmatchcase(module.name, each) for each in MAY_WAIT)]

    unmarked = {at for module in rest for at in waits(module)}
    allowed = {at for module in rest if module.name == STATED_IN for at in stated(module)}

    assert sorted(unmarked - allowed) == []
