"""Our entry in the file of a client: what stands there, what would, and the change itself, with a copy of before.

Nothing is written that does not read back as it was but for the one entry.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from turnout.clients import jsonc, toml
from turnout.clients.known import NAME, Client
from turnout.document import Document, Json, encode
from turnout.errors import InvalidInput

_MARK = "\ufeff"
_WRITABLE = 0o222
_ADDRESSES = frozenset({"url", "httpUrl", "serverUrl"})
"""How clients write where a server is that they ask over HTTP."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a file; `old` is None where there is none yet."""

    file: Path
    old: str | None
    new: str

    @property
    def is_none(self) -> bool:
        """Tell whether all stands there already as it should."""
        return (self.old or "") == self.new

    def diff(self) -> str:
        """Show it as a unified diff."""
        before, after = (self.old or "").splitlines(keepends=True), self.new.splitlines(keepends=True)
        name = str(self.file)
        lines = unified_diff(before, after, name if self.old is not None else "/dev/null", name)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def plan(client: Client, file: Path, words: Sequence[str] | None) -> Change:
    """Say what the file would become with our entry, or without one. Raises: InvalidInput, with what is in the way."""
    old = _text(file)
    mark, text, end = _taken_apart(old or "")
    entry = None if words is None else client.entry(words)
    is_toml, under = file.suffix == ".toml", client.under
    by_hand = _by_hand(under, entry, is_toml=is_toml)
    try:
        before = _read(text, is_toml=is_toml)
        stands = _servers(before, under).get(NAME)
    except ValueError as error:
        raise InvalidInput(f"{file} cannot be read ({error}); nothing was changed", fix=by_hand) from error
    if NAME not in _servers(before, under) if entry is None else _holds(stands, entry):
        return Change(file, old, old or "")
    if entry is not None and isinstance(stands, dict):
        entry |= _added(stands, entry, is_toml=is_toml)
    try:
        new = _changed(text, under, entry, is_toml=is_toml, anew=_is_remote(stands))
        after = _read(new, is_toml=is_toml)
        kept = _but_for_ours(before, under) == _but_for_ours(after, under)
        is_done = kept and _is_so(_servers(after, under), entry)
    except ValueError:
        is_done, new = False, ""
    if not is_done:
        raise InvalidInput(
            f"{file} is written in a way that this command does not change; nothing was changed", fix=by_hand
        )
    return Change(file, old, mark + new.replace("\n", end))


def carry_out(change: Change, stamp: str) -> Path | None:
    """Write the file, whole or not at all, and give the copy of what it was; None where there was none."""
    file = change.file.resolve()  # a file of dotfiles is a link, and stays one
    backup: Path | None = None
    try:
        if change.old is not None and not file.stat().st_mode & _WRITABLE:
            raise InvalidInput(f"{file} may not be written; nothing was changed", fix=f"First: chmod u+w {file}")
        file.parent.mkdir(parents=True, exist_ok=True)
        if change.old is not None:
            names = (f"{file.name}.before-turnout-{stamp}{more}" for more in ("", *(f"-{n}" for n in range(2, 1000))))
            backup = next(place for name in names if not (place := file.with_name(name)).exists())
            shutil.copy2(file, backup)
        made = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            made.write_text(change.new, encoding="utf-8", newline="")
            if change.old is not None:
                shutil.copymode(file, made)
            if _text(file) != change.old:
                raise InvalidInput(
                    f"{file} was changed by somebody else in between; nothing was changed", fix="Try again"
                )
            made.replace(file)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"{error.filename or file} cannot be written ({error.strerror}); nothing was changed"
        ) from error
    return backup


def stands(client: Client, file: Path) -> bool | None:
    """Tell whether the file has an entry of ours; None where it cannot be read."""
    try:
        text = _text(file)
        return text is not None and NAME in _servers(_read(text, is_toml=file.suffix == ".toml"), client.under)
    except (ValueError, InvalidInput):
        return None


def _text(file: Path) -> str | None:
    try:
        if file.exists() and not file.is_file():
            raise InvalidInput(f"{file} is no plain file; nothing was changed")
        return file.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8; nothing was changed", fix="Save it as UTF-8") from error
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read ({error.strerror}); nothing was changed") from error


def _taken_apart(text: str) -> tuple[str, str, str]:
    """Give the mark that editors of Windows write first, the text with plain line ends, and the line end it has."""
    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(mark)
    is_of_windows = "\r\n" in text and text.count("\r\n") == text.count("\n")
    return mark, text.replace("\r\n", "\n") if is_of_windows else text, "\r\n" if is_of_windows else "\n"


def _changed(text: str, under: str, entry: Document | None, *, is_toml: bool, anew: bool) -> str:
    """Write the text with our entry, or without; `anew`: nothing of what stands there stays. Raises: ValueError."""
    if not is_toml:
        return jsonc.drop(text, (under, NAME)) if entry is None else jsonc.put(text, (under, NAME), entry)
    if entry is None or anew:
        text = toml.drop(text, under, NAME)
    return text if entry is None else toml.put(text, under, NAME, entry)


def _is_remote(stands: Json) -> bool:
    """Tell an entry for a server that is asked over HTTP: a command has no use for any of it."""
    return isinstance(stands, dict) and not _ADDRESSES.isdisjoint(stands)


def _added(stands: Document, entry: Document, *, is_toml: bool) -> Document:
    """Give what its owner added to the entry, an environment, say; of TOML tables stay by themselves."""
    return {
        name: value
        for name, value in stands.items()
        if name not in entry and not _is_remote(stands) and not (is_toml and isinstance(value, dict))
    }


def _read(text: str, *, is_toml: bool) -> Document:
    value: Json = toml.read(text) if is_toml else jsonc.read(text)
    if not isinstance(value, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 - of the text
    return value


def _servers(held: Document, under: str) -> Document:
    found = held.get(under, {})
    if not isinstance(found, dict):
        raise ValueError(f"its `{under}` is no object")  # noqa: TRY004 - of the text
    return found


def _but_for_ours(held: Document, under: str) -> Document:
    servers = {name: value for name, value in _servers(held, under).items() if name != NAME}
    return {**{name: value for name, value in held.items() if name != under}, **({under: servers} if servers else {})}


def _is_so(servers: Document, entry: Document | None) -> bool:
    return NAME not in servers if entry is None else _holds(servers.get(NAME), entry)


def _holds(found: Json, entry: Document) -> bool:
    """Tell whether an entry says all that ours does, and perhaps more."""
    return isinstance(found, dict) and {**found, **entry} == found


def _by_hand(under: str, entry: Document | None, *, is_toml: bool) -> str:
    if entry is None:
        return f"Take `{NAME}` out of `{under}` by hand"
    if is_toml:
        return f"Add by hand the lines\n\n{toml.put('', under, NAME, entry)}\nat the end of the file"
    return f"Add {encode({NAME: entry}).decode()} by hand under `{under}`"
