"""What a user filled in, checked: names of other catalogues, types, defaults; all that is wrong in one message.

No message shows a value: settings are where the secrets are.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from turnout.document import Document, Json
from turnout.entropy import Entropy
from turnout.errors import InvalidSettings
from turnout.manifest.casts import KEY_PREFIX, Wrong, cast, shown
from turnout.manifest.compile import Scope, compile_nodes
from turnout.manifest.expression import nearest
from turnout.manifest.model import Manifest, Setting, Type
from turnout.manifest.read_settings import RESERVED
from turnout.manifest.values import text_of

ENDPOINT = Setting(
    RESERVED,
    Type.URL,
    label="Endpoint",
    help="Replaces scheme, host and port of every request: for recorders, proxies and regions not known here",
)


_ALONE = 8
"""A value of a URL's query is hidden by itself from this length on."""


def check(manifest: Manifest, given: Mapping[str, Json]) -> Document:
    """Check settings by a manifest. Raises: InvalidSettings, with all that is wrong."""
    return check_all(manifest.name, manifest.settings, given)


def check_all(
    title: str, settings: Mapping[str, Setting], given: Mapping[str, Json], *, endpoint: bool = True
) -> Document:
    """Check settings by their declarations: what is given under any of its names, cast, or the default.

    `endpoint` says whether requests leave, whose origin can be replaced.
    """
    problems: list[str] = []
    known = {**settings, RESERVED: ENDPOINT} if endpoint else settings
    named = _by_name(known, given, problems)
    found: Document = {}
    for name, setting in known.items():
        value = named.get(name, setting.default)
        if value is None or (value == "" and setting.type is not Type.TEXT):
            continue
        try:
            found[name] = cast(setting, value)
        except Wrong as error:
            problems.append(f"`{name}` {error}")
    missing = [setting for name, setting in settings.items() if name not in named and name not in found]
    problems += [f"`{setting.name}` is missing{_meaning(setting)}" for setting in missing if _needs(setting, found)]
    if problems:
        raise InvalidSettings(f"{title}: {'; '.join(problems)}", problems=tuple(problems))
    return found


def _by_name(known: Mapping[str, Setting], given: Mapping[str, Json], problems: list[str]) -> dict[str, Json]:
    """Put each value under our name for it."""
    ours = {_plain(alias): name for name, setting in known.items() for alias in (*setting.aka, name)}
    named: dict[str, Json] = {}
    for key, value in given.items():
        name = key if key in known else ours.get(_plain(key), "")
        if not name:
            everything = frozenset({*known, *(alias for setting in known.values() for alias in setting.aka)})
            problems.append(f"there is no setting `{shown(key)}`{nearest(key, everything)}")
        elif name in named:
            problems.append(f"`{name}` is given twice")
        elif value is not None and value != "":
            named[name] = value
    return named


def _plain(name: str) -> str:
    """Compare names whatever their style: `apiKey` is `api_key`."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _meaning(setting: Setting) -> str:
    return f" ({setting.label or setting.help})" if setting.label or setting.help else ""


def _needs(setting: Setting, found: Document) -> bool:
    if setting.required or setting.needed is None:
        return setting.required
    test = compile_nodes({"test": setting.needed}, {}, ()).functions["test"]
    return bool(test({}, found, [], None, None, Scope()))


def generated(setting: Setting, entropy: Entropy) -> str:
    """Make a value for a setting that says `generate`."""
    assert setting.generate == "whsec"
    return KEY_PREFIX + base64.b64encode(entropy.token(32)).decode()


def secrets(settings: Mapping[str, Setting], values: Document) -> dict[str, str]:
    """List the values that must not stand in evidence, by the name of their setting; of a URL, its query's values."""
    found: dict[str, str] = {}
    for name, value in values.items():
        setting = settings.get(name)
        if setting is None:
            continue
        if setting.secret and isinstance(value, dict):
            found |= {f"{name}.{key}": text_of(one) for key, one in value.items()}
        elif setting.secret:
            found[name] = text_of(value)
        elif setting.type is Type.TABLE and isinstance(value, list):
            found |= _secret_cells(setting, value)
        elif setting.type is Type.URL and isinstance(value, str):
            found |= _within_url(name, value)
    return {name: value for name, value in found.items() if value}


def _within_url(name: str, url: str) -> dict[str, str]:
    """List what a URL may prove its caller with; a short value with its key, for alone it stands everywhere by chance.

    >>> _within_url("url", "https://ann:s3cret-word@example.test/in?token=abcdefgh12&v=2")
    {'url.token': 'abcdefgh12', 'url.v': 'v=2', 'url.user': 'ann:s3cret-word', 'url.password': 's3cret-word'}
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    found = {f"{name}.{key}": value if len(value) >= _ALONE else f"{key}={value}" for key, value in pairs if value}
    if user := parts.netloc.rpartition("@")[0]:
        found[f"{name}.user"] = user
        found[f"{name}.password"] = unquote(user.partition(":")[2])
    return found


def _secret_cells(setting: Setting, rows: list[Json]) -> dict[str, str]:
    hidden = [column.name for column in setting.columns if column.secret]
    links = [column.name for column in setting.columns if column.type is Type.URL and not column.secret]
    found: dict[str, str] = {}
    for place, row in enumerate(rows):
        if isinstance(row, dict):
            found |= {f"{setting.name}.{place}.{name}": text_of(row.get(name)) for name in hidden}
            for name in links:
                found |= _within_url(f"{setting.name}.{place}.{name}", text_of(row.get(name)))
    return found
