"""The JSON Schema of the language: it takes what the reader takes, and refuses what an editor should show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from support.manifests import HEAD
from turnout.cli.main import run
from turnout.errors import InvalidManifest
from turnout.manifest.catalogue import packaged
from turnout.manifest.library import Library
from turnout.manifest.load import load
from turnout.manifest.read import manifest, read, read_all
from turnout.manifest.schema import schema

SCHEMA = schema()
EDITOR = jsonschema.Draft202012Validator(SCHEMA)
FILES = {sheet.name: sheet.text() for sheet in Library([packaged()]).sheets()}
README = (Path(__file__).parents[3] / "manifests" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- (?:example|family|hatch) -->\n```yaml\n(.*?)```\n", README, re.DOTALL)
GOOD = (
    HEAD
    + """\
status: {verified: 2026-11-25, docs: "https://acme.test/docs"}
order: none
dedupe: {item: id, memory: 24h}
profile: api
settings: {api_key!: {type: secret, label: Key, aka: [apiKey]}, region: {enum: [us, eu], default: us}}
auth: {bearer: $settings.api_key}
http: {base: "https://acme.test", timeout: 10s}
limits: {rate: 100/s, concurrency: 4}
let: {who: $.userId}
actions:
  event:
    for: [track, page]
    when: $.userId
    require: {any: [$.userId], say: no person}
    item: {id: $.messageId}
    batch: {max: 5, bytes: 1MB, wait: 5s}
    send: {post: /in, json: {all: $batch}, decode: json}
  person:
    for: {identify: "*"}
    steps:
      - find: {get: /people, save: {id: $res.body.id}, cache: {key: $.userId, ttl: 10m}}
      - make: {when: not $find.id, post: /people, json: {id: $.userId}, catch: {409: next}}
results: {retry: $res.body.busy, items: {from: $res.body.bad, at: $it.n, rest: ok}}
leaves_out: [{what: groups, why: none}]
tests:
  - {event: {type: track, userId: u1}, settings: {api_key: k}, sends: {method: POST}, outcomes: success}
"""
)


def refused(text: str) -> Iterator[str]:
    for error in EDITOR.iter_errors(load(text).data):
        yield error.message


def test_it_is_a_schema_and_the_command_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    assert run(("destination", "schema")) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


@pytest.mark.parametrize("name", FILES)
def test_every_packaged_manifest_and_family_passes(name: str) -> None:
    assert list(refused(FILES[name])) == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_the_reference_passes(text: str) -> None:
    assert list(refused(text if text.startswith("family") else HEAD + text)) == []


def test_what_is_broken_below_is_whole_before() -> None:
    assert list(refused(GOOD)) == []
    assert read(GOOD).slug == "acme"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("turnout: 1", "turnout: 2"),
        ("slug: acme", "slug: Acme Inc"),
        ("name: Acme\n", ""),
        ("status: {verified", "status: {verifed"),
        ("order: none", "order: nobody"),
        ("dedupe: {item: id, memory: 24h}", "dedupe: always"),
        ("memory: 24h", "memory: a day"),
        ("dedupe: {item: id, ", "dedupe: {"),
        ("profile: api", "profile: slow"),
        ("profile: api", "profil: api"),
        ("type: secret", "type: secrt"),
        ("label: Key", "lable: Key"),
        ("aka: [apiKey]", "aka: [1]"),
        ("auth: {bearer", "auth: {bearr"),
        ("auth: {bearer: $settings.api_key}", "auth: {basic: [$settings.api_key]}"),
        ("timeout: 10s", "timeout: 10"),
        ("timeout: 10s", "retries: 3"),
        ("rate: 100/s", "rate: 100 a second"),
        ("limits: {rate", "limits: {rates"),
        ("concurrency: 4", "concurrency: many"),
        ("for: [track, page]", "for: [track, pages]"),
        ("    for: [track, page]\n", ""),
        ("    when: $.userId", "    wen: $.userId"),
        ("require: {any: [$.userId]", "require: {anyone: [$.userId]"),
        ("bytes: 1MB", "bytes: 1 megabyte"),
        ("wait: 5s", "wait: soon"),
        ("{post: /in,", "{post: /in, put: /in,"),
        ("{post: /in,", "{"),
        ("{post: /in, json:", "{post: /in, jsn:"),
        ("decode: json", "decode: yaml"),
        ("cache: {key: $.userId, ttl: 10m}", "cache: {key: $.userId}"),
        ("catch: {409: next}", "catch: {conflict: next}"),
        ("catch: {409: next}", "catch: {409: again}"),
        ("for: {identify:", "for: {identity:"),
        ("rest: ok", "rest: fine"),
        ("results: {retry", "results: {retries"),
        ("from: $res.body.bad, ", ""),
        ("[{what: groups, ", "[{"),
        ("{event: {type: track, userId: u1}, ", "{"),
        ("sends: {method", "sends: {metod"),
        ("outcomes: success", "outcomes: good"),
        ("actions:\n", "actions: {}\nshared:\n"),
    ],
)
def test_a_mistake_is_refused_by_the_editor_and_by_the_reader(old: str, new: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)

    assert list(refused(text))
    with pytest.raises(InvalidManifest):
        read(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("family: hooks", "family: ''"),
        ("rows:\n", "rows: []\nshared:\n"),
        ("defaults:", "default:"),
        ("{slug: acme, ", "{"),
    ],
)
def test_a_mistake_in_a_family_is_refused_by_both(old: str, new: str) -> None:
    text = next(one for one in EXAMPLES if one.startswith("family"))
    assert old in text

    assert list(refused(text.replace(old, new, 1)))
    with pytest.raises(InvalidManifest):
        read_all(text.replace(old, new, 1))


PLACES: tuple[tuple[str | int, ...], ...] = (
    (),
    ("aliases",),
    ("status",),
    ("dedupe",),
    ("settings", "api_key!"),
    ("auth",),
    ("http",),
    ("limits",),
    ("actions", "event"),
    ("actions", "event", "require"),
    ("actions", "event", "batch"),
    ("actions", "event", "send"),
    ("actions", "person", "steps", 0, "find"),
    ("actions", "person", "steps", 0, "find", "cache"),
    ("results",),
    ("results", "items"),
    ("leaves_out", 0),
    ("tests", 0),
    ("tests", 0, "sends"),
)


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_a_key_that_nobody_reads_is_refused_by_both(path: tuple[str | int, ...]) -> None:
    source = load(GOOD)
    place: Any = source.data
    for step in path:
        place = place[step]
    assert list(EDITOR.iter_errors(source.data)) == []

    place["nonsense"] = 1

    assert list(EDITOR.iter_errors(source.data))
    with pytest.raises(InvalidManifest, match="unknown key `nonsense`"):
        manifest(source)
