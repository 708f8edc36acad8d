"""A JSON Schema of the language, for editors: made of the words that the readers take, so that it cannot drift.

A key that a reader takes and that has no shape here may be anything; what is an expression is not looked into. What the
schema lets pass the reader may still refuse; what the reader takes the schema lets pass. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping

from turnout.document import Document, Json
from turnout.exchange import Class, Order
from turnout.manifest import (
    families,
    hatch,
    read_actions,
    read_audiences,
    read_bodies,
    read_grants,
    read_requests,
    read_steps,
    read_tests,
)
from turnout.manifest.bodies import DECODES
from turnout.manifest.model import BEYOND, KINDS, PROFILE_HOURS, VERDICTS, Type
from turnout.manifest.read import HTTP, LEFT_OUT, NAMES, SLUG, STATUS, TOP
from turnout.manifest.read_settings import SETTING

ANY: Document = {}
TEXT: Document = {"type": "string"}
MAP: Document = {"type": "object"}
FLAG: Document = {"type": "boolean"}
NUMBER: Document = {"type": "number"}
CONDITION: Document = {"type": ["string", "boolean"], "description": "an expression, however it begins"}
DURATION: Document = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$", "description": "as 5s, 24h, 7d"}
SIZE: Document = {
    "type": ["string", "integer"],
    "pattern": r"^\d+(\.\d+)?\s*(B|KB|MB)?$",
    "description": "as 450KB, 1MB",
}
RATE: Document = {"type": "string", "pattern": r"^\d+(\.\d+)?/(\d+(\.\d+)?)?(ms|s|m|h|d)$", "description": "as 100/10s"}
PYTHON: Document = {"type": "string", "pattern": f"^(?:{hatch.NAME.pattern})$", "description": "module:function"}
WORDS: Document = {"type": ["string", "array"], "items": TEXT}


def schema() -> Document:
    """Give the schema of a file: a manifest, or a family of many."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A manifest of Turnout",
        "$defs": {
            "request": _request(),
            "results": _results(),
            "auth": _auth(),
            "setting": _setting(),
            "test": _test(),
        },
        "if": {"required": ["family"], "type": "object"},
        "then": _family(),
        "else": _manifest(),
    }


def closed(keys: tuple[str, ...], shapes: Mapping[str, Json], *required: str) -> Document:
    """Make the schema of a mapping that has these keys and no others."""
    told: Document = {"type": "object", "properties": {key: shapes.get(key, ANY) for key in keys}}
    return told | {"additionalProperties": False} | ({"required": list(required)} if required else {})


def one_of(words: tuple[str, ...]) -> Document:
    """Make the schema of a word."""
    return {"enum": list(words)}


def some(one: Json) -> Document:
    """Make the schema of one mapping or a list of them."""
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _ref(name: str) -> Document:
    return {"$ref": f"#/$defs/{name}"}


def _manifest() -> Document:
    status = closed(STATUS, dict.fromkeys(STATUS, TEXT))
    shapes: Document = {
        "turnout": {"const": 1, "description": "the version of the language"},
        "slug": {"type": "string", "pattern": f"^(?:{SLUG.pattern})$"},
        "name": {"type": "string", "minLength": 1},
        "category": TEXT,
        "aliases": closed(NAMES, dict.fromkeys(NAMES, WORDS)),
        "status": status | {"description": "verified: a day, with docs; or preview: why"},
        "profile": one_of(tuple(PROFILE_HOURS)),
        "settings": {"type": "object", "additionalProperties": _ref("setting"), "description": "`name!` is required"},
        "auth": {"anyOf": [{"const": "none"}, _ref("auth")]},
        "http": closed(HTTP, {"media": TEXT, "timeout": DURATION}),
        "limits": _limits("reset"),
        "tables": {"type": "object", "additionalProperties": MAP},
        "let": MAP,
        "actions": {"type": "object", "minProperties": 1, "additionalProperties": _action()},
        "check": _request("ok"),
        "setup": _steps(),
        "audience": closed(read_audiences.AUDIENCE, {"batch": _batch()}),
        "tests": some(_ref("test")),
        "leaves_out": some(closed(LEFT_OUT, dict.fromkeys(LEFT_OUT, TEXT), "what")),
        "hatch": {"anyOf": [PYTHON, {"type": "array", "items": PYTHON}], "description": "functions that it calls"},
    }
    return closed(TOP, shapes | _common(), "turnout", "slug", "name", "actions")


def _common() -> Document:
    """Give what a manifest says for all actions, and an action for itself."""
    return {
        "order": one_of(tuple(map(str, Order))),
        "dedupe": {
            "anyOf": [
                one_of(read_actions.WORDS),
                closed(read_actions.DEDUPE, {"item": TEXT, "memory": DURATION}, "item"),
            ],
            "description": "what the vendor drops repeats by",
        },
        "results": _ref("results"),
    }


def _family() -> Document:
    row: Document = {"type": "object", "required": ["slug"], "properties": {"slug": TEXT, "tests": some(_ref("test"))}}
    shapes: Document = {
        "family": {"type": "string", "minLength": 1},
        "defaults": MAP,
        "rows": {"type": "array", "minItems": 1, "maxItems": families.MAX_ROWS, "items": row},
    }
    return closed((*TOP, *families.KEYS), shapes, "turnout", "family", "actions", "rows")


def _action() -> Document:
    rule: Document = {"anyOf": [CONDITION, closed(read_actions.RULE, {"say": TEXT, "any": {"type": "array"}})]}
    calls = one_of((*KINDS, *BEYOND))
    named = closed((*KINDS, *BEYOND), dict.fromkeys((*KINDS, *BEYOND), WORDS))
    for_: Document = {"anyOf": [calls, {"type": "array", "items": calls}, named], "description": "which calls"}
    shapes: Document = {
        "for": for_,
        "except": for_,
        "when": CONDITION,
        "require": {"anyOf": [rule, {"type": "array", "items": rule}]},
        "skip": {"anyOf": [rule, {"type": "array", "items": rule}]},
        "max_age": DURATION,
        "let": MAP,
        "batch": _batch(),
        "send": _ref("request"),
        "steps": _steps(),
        "resume": FLAG,
        "once": closed(read_steps.CACHE, {"ttl": DURATION}, "key", "ttl"),
        "limits": _limits(),
        "plain": WORDS,
    }
    only: Document = {"oneOf": [{"required": ["send"]}, {"required": ["steps"]}]}
    return closed(read_actions.ACTION, shapes | _common(), "for") | only


def _limits(*beside: str) -> Document:
    return closed((*read_requests.LIMITS, *beside), {"rate": RATE, "burst": RATE, "concurrency": NUMBER})


def _batch() -> Document:
    return closed(read_actions.BATCH, {"bytes": SIZE, "item_bytes": SIZE, "wait": DURATION})


def _steps() -> Document:
    step: Document = {"anyOf": [closed(read_steps.DROP, {"when": CONDITION}, "drop"), _step()]}
    named: Document = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": step}
    return {"type": "array", "minItems": 1, "maxItems": read_steps.MAX_STEPS, "items": named}


def _request(*beside: str, shapes: Mapping[str, Json] | None = None) -> Document:
    known: Document = {
        **dict.fromkeys((*read_requests.VERBS, "request"), TEXT),
        "graphql": closed(read_bodies.GRAPHQL, {"query": TEXT, "operation": TEXT}, "query"),
        "multipart": {"type": "object", "minProperties": 1},
        "auth": {"anyOf": [{"const": "none"}, _ref("auth")]},
        "media": TEXT,
        "encode": PYTHON,
        "decode": one_of(DECODES),
        "timeout": DURATION,
        "results": _ref("results"),
    }
    verb: Document = {"oneOf": [{"required": [word]} for word in (*read_requests.VERBS, "request")]}
    return closed((*read_requests.REQUEST, *beside), {**known, **(shapes or {})}) | verb


def _step() -> Document:
    caught: Document = {"anyOf": [{"const": "next"}, closed(read_steps.CATCH, {"then": {"const": "again"}})]}
    statuses: Document = {"type": "object", "patternProperties": {"^[345][0-9][0-9]$": caught}}
    shapes: Document = {
        "when": CONDITION,
        "save": MAP,
        "cache": closed(read_steps.CACHE, {"ttl": DURATION}, "key", "ttl"),
        "catch": statuses | {"additionalProperties": False},
        "page": closed(read_steps.PAGE, {"max": NUMBER}, "next", "items"),
        "poll": closed(read_steps.POLL, {"every": DURATION, "for": DURATION, "until": CONDITION}, *read_steps.POLL),
        "limits": _limits(),
    }
    return _request(*read_steps.OWN, shapes=shapes)


def _results() -> Document:
    rest: Document = {"rest": one_of(VERDICTS), "key": TEXT, "where": CONDITION}
    items = closed(read_requests.ITEMS, rest, "from")
    return closed(read_requests.RESULTS, {**dict.fromkeys(VERDICTS, CONDITION), "items": some(items)})


def _auth() -> Document:
    shapes: Document = {
        "basic": {"type": "array", "minItems": 2, "maxItems": 2},
        "header": MAP,
        "query": MAP,
        "oauth2": closed(read_grants.OAUTH2, {"grant": one_of(read_grants.GRANTS), "ttl": DURATION}, "grant", "token"),
        "login": _request(*read_grants.LOGIN, shapes={"ttl": DURATION}) | {"required": ["save"]},
        "gcp": closed(read_grants.GCP, {}),
        "use": {"anyOf": [PYTHON, {"type": "array", "items": PYTHON}]},
    }
    return closed((*read_requests.AUTH, *read_grants.WAYS), shapes)


def _setting() -> Document:
    shapes: Document = {
        "type": one_of(tuple(map(str, Type))),
        "label": TEXT,
        "help": TEXT,
        "secret": FLAG,
        "enum": {"type": ["array", "object"]},
        "min": NUMBER,
        "max": NUMBER,
        "pattern": TEXT,
        "aka": WORDS,
        "generate": {"const": "whsec"},
        "columns": {"type": "object", "additionalProperties": _ref("setting")},
        "names": {"const": "header"},
        "shown": CONDITION,
        "required": CONDITION,
    }
    return {"anyOf": [one_of(tuple(map(str, Type))), closed(SETTING, shapes)]}


def _test() -> Document:
    expected = closed(read_tests.EXPECTED, {"method": TEXT, "url": TEXT, "query": MAP, "headers": MAP})
    outcome = one_of(tuple(map(str, Class)))
    shapes: Document = {
        "name": TEXT,
        "event": some(MAP),
        "events": some(MAP),
        "settings": MAP,
        "auth": MAP,
        "now": TEXT,
        "action": TEXT,
        "sends": some(expected),
        "drops": TEXT,
        "answers": some(MAP),
        "outcomes": {"anyOf": [outcome, {"type": "array", "items": outcome}]},
    }
    asked: Document = {"oneOf": [{"required": ["event"]}, {"required": ["events"]}]}
    return closed(read_tests.TEST, shapes) | asked
