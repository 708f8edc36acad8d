"""How arguments are read: JSON, settings, names."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from turnout.document import Document, Json
from turnout.event.wire import Flaw, check

_NAMED = re.compile(r'((?:[^="]|"[^"]*")+)=(.*)', re.DOTALL)


class JsonObject(click.ParamType[Document]):
    """A JSON object on the command line; `@file` reads it from a file, `@-` from standard input."""

    name = "json"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Document:
        """Read it."""
        if isinstance(value, dict):
            return value
        text = str(value)
        if text.startswith("@"):
            text = read_file(text[1:], param, ctx)
        found = check(text.encode("utf-8", "surrogateescape"))  # as it came: arguments may be no UTF-8
        if isinstance(found, Flaw):
            say = found.say.rstrip(".").replace("The event", "It", 1)
            self.fail(f'{found.reason}: {say}; expected an object, as \'{{"plan": "pro"}}\'', param, ctx)
        if not isinstance(found, dict):
            self.fail('expected a JSON object, as \'{"plan": "pro"}\'', param, ctx)
        return found


class Setting(click.ParamType[tuple[str, str]]):
    """`key=value`; `key=@file` reads the value from a file, so that a secret stands in no list of processes."""

    name = "key=value"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"{value!r} is no setting; expected key=value, as api_key=abc", param, ctx)
        return name, read_file(text[1:], param, ctx).rstrip("\r\n") if text.startswith("@") else text


class Override(click.ParamType[tuple[str, str]]):
    """`name=value`, split at the first `=` outside of quotes; an empty value lifts what was said before."""

    name = "name=value"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        found = _NAMED.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no override; expected name=value, as properties.plan=$.traits.plan", param, ctx)
        return found[1].strip(), found[2].strip()


def overrides_of(**parts: Sequence[tuple[str, str]]) -> Mapping[str, Json]:
    """Gather overrides by their part. Raises: click.BadParameter when one is given twice."""
    found: Document = {}
    for part, pairs in parts.items():
        twice = next((name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place])), None)
        if twice is not None:
            raise click.BadParameter(f"{twice!r} is given twice", param_hint=part)
        if pairs:
            found[part] = {name: _value(text) if part == "map" else text or None for name, text in pairs}
    return found


def _value(text: str) -> Json:
    """Read a value of `map`: JSON where it is an object or a list, else as it stands."""
    read = check(text.encode("utf-8", "surrogateescape")) if text.startswith(("{", "[")) else None
    return text or None if read is None or isinstance(read, Flaw) else read


def read_file(name: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
    """Read a file, or standard input for `-`. Raises: click.BadParameter."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise click.BadParameter(f"the file {name!r} cannot be read ({why})", ctx, param) from None


def settings_of(pairs: Sequence[tuple[str, str]]) -> Mapping[str, Json]:
    """Gather settings. Raises: click.BadParameter when one is given twice."""
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise click.BadParameter(f"{twice!r} is given twice", param_hint="--set")
    return dict(pairs)
