"""The hatch: functions in Python that a manifest calls where facts do not suffice, as far as the operator lets it.

A manifest lists them under `hatch`; the operator lists the modules that may be called. Nothing is imported before a
manifest that asks for it is compiled. What a function says in an error may be of a person, so only its kind is told.
"""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import TypeAlias

from turnout.manifest.expression import nearest
from turnout.manifest.load import Source
from turnout.manifest.nodes import BYTES, HEADERS, JSON
from turnout.manifest.values import Unsendable

Function: TypeAlias = "Callable[..., object]"
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_DEPTH = 64


class _ClosedError(Exception):
    """A function that may not or cannot be called."""


@dataclass(frozen=True, slots=True)
class Hatch:
    """The modules whose functions manifests may call."""

    modules: frozenset[str] = frozenset()

    def functions(self, source: Source, names: Sequence[str]) -> Mapping[str, Function]:
        """Import what a manifest lists under `hatch`. Raises: InvalidManifest, with the place."""
        found: dict[str, Function] = {}
        for place, name in enumerate(names):
            try:
                found[name] = self._function(name)
            except _ClosedError as error:
                raise source.fail(("hatch", place), str(error)) from None
        return found

    def _function(self, name: str) -> Function:
        module, _, word = name.partition(":")
        if module not in self.modules:
            raise _ClosedError(
                f"`{name}` is Python of the module `{module}`, which no manifest may call here; the operator lets it "
                f'by `hatch = ["{module}"]` in turnout.toml, or TURNOUT_HATCH={module}'
            )
        try:
            there = vars(import_module(module))
        except Exception as error:
            raise _ClosedError(
                f"`{name}`: the module `{module}` cannot be imported ({type(error).__name__}: {error}); mend it, or "
                "install it where turnout runs"
            ) from None
        found = there.get(word)
        if found is None:
            raise _ClosedError(f"the module `{module}` has no function `{word}`{nearest(word, there)}")
        if not callable(found) or isinstance(found, type):
            raise _ClosedError(f"`{name}` is no function but {type(found).__name__}; name a function of the module")
        home = str(getattr(found, "__module__", None))
        if home not in self.modules and not home.startswith(f"{module}."):
            raise _ClosedError(f"`{name}` is of the module `{home}`, which no manifest may call here; name your own")
        run: Function = found
        return run


CLOSED = Hatch()
"""No module may be called."""


def guarded(name: str, gives: str, function: Function) -> Function:
    """Call a function as its place asks: not on null where it is piped to. Raises: Unsendable, without its words."""

    def run(*args: object) -> object:
        if gives == JSON and args[0] is None:
            return None
        try:
            made = function(*args)
        except Exception as error:
            raise Unsendable(f"`{name}` raised {type(error).__name__} ({_spot(error)})") from None
        if not _GIVEN[gives](made):
            raise Unsendable(f"`{name}` gave {type(made).__name__}, not {gives}")
        return made

    return run


def _spot(error: Exception) -> str:
    """Say where an error comes from: the innermost line."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{PurePath(frame.f_code.co_filename).name}, line {line}"


def _is_json(value: object, depth: int = 0) -> bool:
    if depth > _DEPTH:
        return False
    if type(value) is dict:
        return all(type(key) is str and _is_json(one, depth + 1) for key, one in value.items())
    if type(value) is list:
        return all(_is_json(one, depth + 1) for one in value)
    return math.isfinite(value) if type(value) is float else value is None or type(value) in {str, int, bool}


def _is_headers(value: object) -> bool:
    return type(value) is dict and all(type(one) is str for pair in value.items() for one in pair)


_GIVEN: Mapping[str, Callable[[object], bool]] = {
    JSON: _is_json,
    BYTES: lambda value: type(value) is bytes,
    HEADERS: _is_headers,
}
