"""What programs may import: the names in `turnout.__all__`, no more."""

from __future__ import annotations

import ast
import importlib

import turnout
from support.source import imports, modules


def public() -> list[str]:
    return list(getattr(turnout, "__all__", []))


def test_the_public_list_is_all_that_the_package_binds() -> None:
    package = next(module for module in modules() if not module.name)
    taken = {each.target for each in imports(package) if each.target.split(".")[0] not in {"__future__", "typing"}}

    assert sorted(public()) == sorted(target.rpartition(".")[2] for target in taken)


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    silent = [name for name in public() if not (getattr(turnout, name).__doc__ or "").strip()]

    assert silent == []


def test_every_other_init_is_empty() -> None:
    packages = [module for module in modules() if module.path.name == "__init__.py" and module.name]

    assert [module.file for module in packages if module.text.strip()] == []


def test_every_module_says_what_it_is_for() -> None:
    rooms = [module for module in modules() if module.path.name != "__init__.py"]

    assert [module.file for module in rooms if not ast.get_docstring(module.tree)] == []


def test_every_module_imports() -> None:
    names = [f"turnout.{module.name}" for module in modules() if module.name not in {"", "__main__"}]

    assert [name for name in names if importlib.import_module(name).__name__ != name] == []
