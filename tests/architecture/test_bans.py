"""Each banned name in its one allowed place: Ruff lifts every ban at once for such a file, so this looks again."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from support.source import ROOT, Module, imports, modules

RUFF = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
BANNED: frozenset[str] = frozenset(RUFF["flake8-tidy-imports"]["banned-api"])

# What each file may use although it is banned. What stands nowhere here is for nobody.
ALLOWED: dict[str, frozenset[str]] = {
    "server/turnout/api/connection.py": frozenset({"asyncio"}),
    "server/turnout/api/recorder.py": frozenset({"asyncio"}),
    "server/turnout/clock.py": frozenset({"time.time", "time.time_ns", "datetime.datetime.now"}),
    "server/turnout/config.py": frozenset({"os.environ", "os.getenv"}),
    "server/turnout/delivery/multi.py": frozenset({"asyncio", "pycurl"}),
    "server/turnout/delivery/names.py": frozenset({"asyncio"}),
    "server/turnout/delivery/sender.py": frozenset({"asyncio", "pycurl"}),
    "server/turnout/entropy.py": frozenset({"random", "uuid.uuid4"}),
    "server/turnout/manifest/load.py": frozenset({"yaml"}),
    "server/turnout/telemetry.py": frozenset({"logging"}),
    "server/turnout/store/migrate.py": frozenset({"sqlite3", "pysqlite3", "sqlite_utils"}),
    "server/turnout/store/*.py": frozenset({"sqlite3", "pysqlite3"}),
}

# Each answers for code that is not its own.
MAY_CATCH_ALL = (
    "agent.call",
    "api.recorder",
    "api.tracking",
    "delivery.converse",
    "delivery.deliverer",
    "delivery.window",
    "manifest.hatch",
    "store.writer",
    "upkeep.loop",
)


def allowed(module: Module) -> frozenset[str]:
    return next((names for file, names in ALLOWED.items() if fnmatchcase(module.file, file)), frozenset())


def banned_as(name: str) -> str | None:
    """Give the entry of the ban that a dotted name falls under."""
    parts = name.split(".")
    prefixes = [".".join(parts[: n + 1]) for n in range(len(parts))]
    return next((prefix for prefix in prefixes if prefix in BANNED), None)


def used(tree: ast.Module) -> Iterator[str]:
    """Walk the dotted names in use, each spelled out by what was imported."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            known |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, dot, rest = ast.unparse(node).partition(".")
            yield f"{known.get(head, head)}{dot}{rest}"


@pytest.mark.parametrize(
    ("text", "ban"),
    [
        ("import asyncio", "asyncio"),
        ("from sqlite3 import dbapi2", "sqlite3"),
        ("from os import environ", "os.environ"),
        ("import os\nos.environ['A']", "os.environ"),
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("import time as t\nt.time()", "time.time"),
        ("def f():\n    import yaml", "yaml"),
    ],
)
def test_a_banned_name_is_found_however_it_is_written(text: str, ban: str) -> None:
    assert ban in {banned_as(name) for name in used(ast.parse(text))}


def test_banned_names_stand_only_where_they_are_allowed() -> None:
    wrong = [
        f"{module.file} uses {name}"
        for module in modules()
        for name in used(module.tree)
        if (ban := banned_as(name)) and ban not in allowed(module)
    ]

    assert sorted(set(wrong)) == []


def test_the_files_that_ruff_lets_pass_are_the_ones_checked_here() -> None:
    lifted = {file for file, codes in RUFF["per-file-ignores"].items() if "TID251" in codes}
    ours = {file for file in lifted if file.startswith("server/")}

    # The writer and the migrations are store files that Ruff or this table name once more by themselves.
    assert ours - {"server/turnout/store/writer.py"} == set(ALLOWED) - {"server/turnout/store/migrate.py"}


def test_only_the_named_places_catch_everything() -> None:
    everything = {"Exception", "BaseException"}
    catches = [
        module.at(node)
        for module in modules()
        if module.name not in MAY_CATCH_ALL
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        if node.type is None or everything & {ast.unparse(each) for each in ast.walk(node.type) if is_name(each)}
    ]

    assert catches == []


def is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def test_manifests_know_no_client_library() -> None:
    clients = {"pycurl", "httpx2", "httpx", "urllib3", "requests", "aiohttp"}
    manifest = [module for module in modules() if module.name.startswith("manifest")]

    assert [each.where for m in manifest for each in imports(m) if each.target.split(".")[0] in clients] == []
