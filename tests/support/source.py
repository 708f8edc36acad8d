"""Our own source, parsed once, for the tests of its architecture."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "server" / "turnout"


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package; `name` is without `turnout.`, with dots; the package itself is empty."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def file(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    def at(self, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
        return f"{self.file}:{node.lineno}"


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports: `target` in full (`json`, `turnout.event.model.Call`)."""

    module: Module
    target: str
    node: ast.Import | ast.ImportFrom
    inside: bool
    """Whether it stands in a function."""

    @property
    def where(self) -> str:
        return f"{self.module.at(self.node)} imports {self.target}"


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found.append(Module(name, path, text, ast.parse(text, path.name)))
    return tuple(found)


def imports(module: Module) -> Iterator[Import]:
    """Walk every import of a module, wherever it stands."""
    for node, inside in _import_nodes(module.tree, inside=False):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        else:
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        for target in targets:
            yield Import(module, target, node, inside)


def ours(target: str) -> str | None:
    """Name the module of ours that an import reaches, without `turnout.`; None for others' packages."""
    if target != "turnout" and not target.startswith("turnout."):
        return None
    known = {module.name for module in modules()}
    name = target.removeprefix("turnout").removeprefix(".")
    while name not in known:
        name = name.rpartition(".")[0]
    return name


def _import_nodes(node: ast.AST, *, inside: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, inside
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _import_nodes(child, inside=inside or is_function)
