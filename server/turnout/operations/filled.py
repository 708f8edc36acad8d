"""The settings of a destination as a caller fills them in: named, checked, and the secret ones kept apart.

Secrets are sealed as text, which `manifest.settings` reads back into their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.document import Document, Json, encode
from turnout.errors import InvalidSettings
from turnout.guard.principal import Principal, command_line
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.heads import Entry
from turnout.manifest.model import Setting, Type
from turnout.manifest.read_settings import RESERVED
from turnout.manifest.values import text_of
from turnout.sinks.files import JSONL
from turnout.sinks.paths import is_bare_name, refusal

HINT = "••••"
"""How a secret is shown; `hint` writes it."""
_TELLS = 12
"""A value shorter than this would be told by its last four characters."""
_JSON = frozenset({Type.MAP, Type.TABLE, Type.JSON})


@dataclass(frozen=True, slots=True)
class Filled:
    """Settings that fit: `public` for everybody's eyes, `secrets` as text for the vault, `checked` both."""

    public: Document
    secrets: Mapping[str, str] = field(repr=False)
    checked: Document = field(repr=False)


def hint(secret: str) -> str:
    """Show a secret: its last four characters, where it is long enough not to be told by them."""
    return f"{HINT}{secret[-4:]}" if len(secret) >= _TELLS else HINT


def named(entry: Entry, given: Mapping[str, Json], principal: Principal) -> Document:
    """Put what a caller gives under our names; what has none stays for `fill` to refuse. Raises: InvalidSettings."""
    ours = {_plain(alias): name for name, setting in entry.settings.items() for alias in (*setting.aka, name)}
    ours[RESERVED] = RESERVED
    found: Document = {}
    for key, value in given.items():
        name = key if key in entry.settings else ours.get(_plain(key), key)
        if name in found:
            raise InvalidSettings(f"{entry.name}: `{name}` is given twice")
        if _is_hint(entry.settings.get(name), value):
            raise InvalidSettings(f"{entry.name}: `{name}` is a masked value; give the real one, or leave it out")
        found[name] = value
    return _placed(entry, found, principal)


def fill(catalogue: Catalogue, entry: Entry, values: Mapping[str, Json]) -> Filled:
    """Check settings whole. Raises: InvalidSettings, with all that is wrong."""
    checked = catalogue.check_settings(entry.slug, values)
    hidden = catalogue.secret_names(entry.slug)
    secrets = {name: _text(entry.settings[name], value) for name, value in checked.items() if name in hidden}
    return Filled({name: value for name, value in checked.items() if name not in hidden}, secrets, checked)


def _placed(entry: Entry, given: Document, principal: Principal) -> Document:
    """Say where a file goes: under `files/` by its bare name, or, from the command line, anywhere."""
    path = given.get("path")
    if entry.slug != JSONL.slug or not isinstance(path, str):
        return given
    own = _at_command_line(principal)
    if (own or is_bare_name(path)) and (why := refusal(path)):
        raise InvalidSettings(f"{entry.name}: `path` cannot be used: {why}. Name the file to write.")
    if own:
        return {**given, "path": _whole(entry, path)}
    if not is_bare_name(path):
        raise InvalidSettings(
            f"{entry.name}: `path` must be a bare file name, for example events.jsonl; the file stands in the folder "
            "`files` of the data directory. Only the command line takes a path."
        )
    return given


def _whole(entry: Entry, path: str) -> str:
    """Write a path out. Raises: InvalidSettings where something else than a file stands."""
    whole = Path(path).absolute()
    if whole.is_symlink() or (whole.exists() and not whole.is_file()):
        raise InvalidSettings(f"{entry.name}: `path` cannot be used: what stands there is no plain file.")
    return str(whole)


def _at_command_line(principal: Principal) -> bool:
    """Tell a person at the command line, by all that makes one: a client may call itself anything."""
    return principal == command_line(principal.default_namespace)


def _is_hint(setting: Setting | None, value: Json) -> bool:
    """Tell a secret as we show it from one: given back, it would take the place of the real one."""
    every = () if setting is None else (setting, *setting.columns)
    return any(each.secret or each.type is Type.URL for each in every) and HINT in text_of(value)


def _text(setting: Setting, value: Json) -> str:
    return encode(value).decode() if setting.type in _JSON else text_of(value)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
