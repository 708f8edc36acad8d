"""One setting's value into its type. No message shows the value."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import orjson

from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.manifest import texts
from turnout.manifest.expression import nearest
from turnout.manifest.headers import refusal
from turnout.manifest.model import Setting, Type
from turnout.manifest.read_settings import RESERVED
from turnout.manifest.templates import template
from turnout.manifest.values import text_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAX_TEXT = 16_384
_MAX_ROWS = 1_000
_MIN_KEY, _MAX_KEY = 16, 128
KEY_PREFIX = "whsec_"
_MANY = (Type.MAP, Type.TABLE, Type.JSON)


class Wrong(ValueError):
    """Why one value does not fit; the message follows the setting's name."""


def shown(name: str) -> str:
    """Show a name that a caller chose, without what does not print."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:60])


def cast(setting: Setting, value: Json) -> Json:
    """Bring a value into its setting's type. Raises: Wrong."""
    if isinstance(value, str) and setting.type in _MANY:
        value = _decoded(value)
    read = _CASTS[setting.type](setting, value)
    if setting.pattern and not texts.matches(read, setting.pattern):
        raise Wrong(f"does not look right: expected {setting.pattern}")
    if setting.generate == "whsec":
        signing_keys(text_of(read))
    return read


def _decoded(value: str) -> Json:
    try:
        read: Json = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise Wrong("is text, and not JSON") from None
    return read


def _text(setting: Setting, value: Json) -> Json:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise Wrong("must be text")
    text = text_of(value)
    lines = setting.type in {Type.TEXT, Type.TEMPLATE}
    if (_LINES if lines else _CONTROL).search(text):
        raise Wrong("contains a control character")
    if len(text) > _MAX_TEXT:
        raise Wrong(f"is longer than {_MAX_TEXT} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Wrong("is not valid Unicode") from None
    return text


def _number(setting: Setting, value: Json) -> Json:
    whole = setting.type is Type.INT
    read = None if isinstance(value, bool) else texts.to_number(value)
    if whole and isinstance(read, float) and read.is_integer():
        read = int(read)
    if not isinstance(read, int | float) or (whole and isinstance(read, float)):
        raise Wrong("must be a whole number" if whole else "must be a number")
    if setting.minimum is not None and read < setting.minimum:
        raise Wrong(f"must be at least {setting.minimum:g}")
    if setting.maximum is not None and read > setting.maximum:
        raise Wrong(f"must be at most {setting.maximum:g}")
    return read


def _flag(_: Setting, value: Json) -> Json:
    read = texts.to_bool(value)
    if read is None:
        raise Wrong("must be true or false")
    return read


def _url(setting: Setting, value: Json) -> Json:
    text = str(_text(setting, value)).strip()
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or " " in text or "\\" in text:
        raise Wrong("must be a URL that begins with https:// or http://")
    if setting.name == RESERVED:
        return _origin(text)
    return text


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise Wrong("replaces scheme, host and port only: it must end after them")
    return f"{parts.scheme}://{parts.netloc}"


def _enum(setting: Setting, value: Json) -> Json:
    text = text_of(value) if isinstance(value, str | int | float) else ""
    if text in setting.choices:
        return text
    plain = _plain(text)
    meant = [choice for choice, label in setting.choices.items() if plain in {_plain(choice), _plain(label)}]
    if not plain or len(meant) != 1:
        raise Wrong(f"must be one of {', '.join(setting.choices)}")
    return meant[0]


def _plain(text: str) -> str:
    """Letters and digits in lower case: other catalogues write `EU`, or a flag behind it."""
    return "".join(letter for letter in text.casefold() if letter.isascii() and letter.isalnum())


def _map(setting: Setting, value: Json) -> Json:
    pairs = value if isinstance(value, dict) else _pairs(value)
    if len(pairs) > _MAX_ROWS:
        raise Wrong(f"has more than {_MAX_ROWS} entries")
    found: Document = {}
    for key, one in pairs.items():
        if _CONTROL.search(key):
            raise Wrong("has a key with a control character")
        if setting.names == "header" and (why := refusal(key)):
            raise Wrong(f"has the header `{shown(key)}`, {why}; any other name is allowed")
        found[key] = _text(setting, text_of(one) if isinstance(one, bool) else one)
    return found


def _pairs(value: Json) -> Document:
    """Read rows of two cells, as other catalogues keep a map."""
    rows = value if isinstance(value, list) else [None]
    found: Document = {}
    for row in rows:
        cells = list(row.values()) if isinstance(row, dict) else []
        if len(cells) != 2:  # noqa: PLR2004
            raise Wrong("must be a map of names to values")
        found[text_of(cells[0])] = cells[1]
    return found


def _table(setting: Setting, value: Json) -> Json:
    if not isinstance(value, list) or len(value) > _MAX_ROWS:
        raise Wrong(f"must be a list of at most {_MAX_ROWS} rows")
    columns = {column.name: column for column in setting.columns}
    return [_row(columns, row, place) for place, row in enumerate(value, 1)]


def _row(columns: Mapping[str, Setting], row: Json, place: int) -> Json:
    if not isinstance(row, dict):
        raise Wrong(f"row {place} must be a mapping of columns to values")
    stray = next((key for key in row if key not in columns), None)
    if stray is not None:
        raise Wrong(f"row {place} has no column `{shown(stray)}`{nearest(stray, columns)}")
    found: Document = {}
    for name, column in columns.items():
        one = row.get(name, column.default)
        if one is None:
            if column.required:
                raise Wrong(f"row {place} lacks `{name}`")
            continue
        try:
            found[name] = cast(column, one)
        except Wrong as error:
            raise Wrong(f"row {place}, `{name}` {error}") from None
    return found


def _template(setting: Setting, value: Json) -> Json:
    text = _text(setting, value)
    try:
        template(text_of(text))
    except InvalidInput as error:
        raise Wrong(f"cannot be used: {error.message}") from None
    return text


_CASTS: Mapping[Type, Callable[[Setting, Json], Json]] = {
    Type.STRING: _text,
    Type.TEXT: _text,
    Type.SECRET: _text,
    Type.INT: _number,
    Type.NUMBER: _number,
    Type.BOOL: _flag,
    Type.URL: _url,
    Type.ENUM: _enum,
    Type.MAP: _map,
    Type.TABLE: _table,
    Type.TEMPLATE: _template,
    Type.JSON: lambda _, value: value,
}


def signing_keys(value: str) -> tuple[bytes, ...]:
    """Read the keys of Standard Webhooks: base64 after `whsec_`, several for a rotation. Raises: ValueError."""
    keys: list[bytes] = []
    for text in value.split():
        try:
            keys.append(base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True))
        except (binascii.Error, ValueError):
            raise Wrong("must be base64 after `whsec_`") from None
        if not _MIN_KEY <= len(keys[-1]) <= _MAX_KEY:
            raise Wrong(f"must be a key of {_MIN_KEY} to {_MAX_KEY} bytes")
    return tuple(keys)
