"""A destination of the catalogue as a caller sees it: settings with their values, actions, limits. Secrets as hints.

A URL of one's own often has a token in its query: only its keys are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from turnout.document import Document, Json
from turnout.manifest.flows import flows
from turnout.manifest.heads import Entry
from turnout.manifest.model import ActionSpec, LeftOut, Limits, Manifest, Setting, Type
from turnout.manifest.settings import ENDPOINT
from turnout.manifest.values import text_of
from turnout.operations.filled import HINT, hint
from turnout.operations.personal import personal


def settings(entry: Entry, values: Mapping[str, Json]) -> list[Json]:
    """Show all settings, and those of `values` as they are filled in; `endpoint` is every manifest's last."""
    known = [*entry.settings.values(), *([] if entry.native else [ENDPOINT])]
    return [_setting(each) | _value(each, values) for each in known]


def actions(manifest: Manifest) -> list[Json]:
    """Show what a destination does with events: on which calls, what each needs and sends of a person."""
    sent = flows(manifest)
    return [_action(spec) | {"personal": personal(sent[name])} for name, spec in manifest.actions.items()]


def limits(manifest: Manifest) -> Document:
    """Show how fast the vendor may be asked."""
    return _limits(manifest.limits)


def _limits(limits: Limits) -> Document:
    rates: list[Json] = [f"{requests:g} requests in {seconds:g} s" for requests, seconds in limits.rates]
    told: Document = {"rates": rates} if rates else {}
    return told | ({"concurrency": limits.concurrency} if limits.concurrency else {})


def left_out(found: Iterable[LeftOut]) -> list[Json]:
    """Show what the vendor offers and we do not do."""
    return [{"what": each.what, "why": each.why} for each in found]


def _setting(setting: Setting) -> Document:
    told: Document = {"name": setting.name, "type": str(setting.type)}
    flags: Document = {"required": setting.required, "secret": setting.secret}
    words: Document = {"label": setting.label, "help": setting.help, "choices": list(setting.choices)}
    told |= {name: value for name, value in (flags | words).items() if value}
    if setting.default is not None:
        told["default"] = setting.default
    if setting.columns:
        told["columns"] = [_setting(column) for column in setting.columns]
    return told


def _value(setting: Setting, values: Mapping[str, Json]) -> Document:
    if setting.name not in values:
        return {}
    return {"value": _hidden(setting, values[setting.name])}


def _hidden(setting: Setting, value: Json) -> Json:
    if setting.secret:
        if isinstance(value, Mapping):
            return {key: hint(text_of(one)) for key, one in value.items()}
        return hint(text_of(value) if isinstance(value, str) else "")
    if setting.type is Type.TABLE and isinstance(value, list):
        return [_row(setting, row) for row in value]
    return without_proof(value) if setting.type is Type.URL and isinstance(value, str) else value


def without_proof(url: str) -> str:
    """Show a URL without what may prove its caller: the values of its query, its user and password, its fragment.

    >>> without_proof("https://ann:pw@example.test/in?token=abc&v=2")
    'https://••••@example.test/in?token=••••&v=••••'
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = "&".join(f"{key}={HINT}" if equals else HINT for key, equals, _ in _pairs(parts.query))
    place = f"{HINT if user else ''}{at}{host}"
    return parts._replace(netloc=place, query=query, fragment=HINT if parts.fragment else "").geturl()


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [each.partition("=") for each in query.split("&")] if query else []


def _row(setting: Setting, row: Json) -> Json:
    columns = {column.name: column for column in setting.columns}
    if not isinstance(row, Mapping):
        return None
    return {name: _hidden(columns[name], value) for name, value in row.items() if name in columns}


def _action(spec: ActionSpec) -> Document:
    calls: Document = {kind: _calls(spec, kind) for kind in spec.triggers}
    told: Document = {"name": spec.name, "for": calls}
    needs: list[Json] = [rule.say for rule in spec.require]
    if needs:
        told["refuses"] = needs
    told |= {"limits": _limits(spec.limits)} if spec.limits.holds else {}
    return told | {"order": str(spec.order), "batches": spec.batch is not None}


def _calls(spec: ActionSpec, kind: str) -> Json:
    """List the event names that trigger an action; `all`, or all but some."""
    named, gone = spec.triggers[kind], spec.excepts.get(kind)
    if named:
        return sorted(named)
    return f"all but {', '.join(sorted(gone))}" if gone else "all"
