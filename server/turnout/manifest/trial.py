"""Runs the tests that a manifest holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from urllib.parse import urlsplit

from turnout.document import Document, Json, canonical
from turnout.errors import InvalidSettings
from turnout.exchange import Ask, Drop, Item, Moment, Request
from turnout.manifest import bodies, markup, multipart, settings, talk
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.hatch import CLOSED, Hatch
from turnout.manifest.model import Manifest
from turnout.manifest.plans import Compiled, compiled
from turnout.manifest.read_tests import Expected, TestCase
from turnout.manifest.times import micros
from turnout.manifest.values import Unsendable, at, same, text_of

NOW = 1_767_398_400_000_000
"""What the clock says in a test without `now`: 2026-01-03."""
REQUEST_ID = "msg_test"


def run_tests(manifest: Manifest, hatch: Hatch = CLOSED) -> list[str]:
    """Run all tests of a manifest; each failure is one sentence."""
    program = compiled(manifest, hatch)
    return [f"{case.name}: {problem}" for case in manifest.tests for problem in run_test(program, case)]


def run_test(program: Compiled, case: TestCase) -> list[str]:
    """Run one test."""
    try:
        return _run(CompiledTarget(program, settings.check(program.manifest, case.settings)), case)
    except InvalidSettings as error:
        return [error.message]
    except Unsendable as error:
        return [str(error)]


def _run(target: CompiledTarget, case: TestCase) -> list[str]:
    now = micros(case.now) if case.now else NOW
    if now is None:
        return ["`now` is no time"]
    found = list(chain.from_iterable(_items(target, event, case.action, now) for event in case.events))
    drops = [one for one in found if isinstance(one, Drop)]
    items = [one for one in found if isinstance(one, Item)]
    replies = iter([talk.reply(answer) for answer in case.answers])
    sent = [
        talk.talk(target, batch, Moment(now, REQUEST_ID, case.auth), replies) for batch in talk.batches(target, items)
    ]
    asks = [ask for one in sent for ask in one.asks]
    problems: list[str] = []
    if case.drops:
        problems += _dropped(case, drops, asks)
    if case.sends is not None:
        problems += _sent(case.sends, asks, drops)
    if case.outcomes:
        ended = [str(outcome.what) for one in sent for outcome in one.outcomes]
        if ended != list(case.outcomes):
            problems.append(f"ended {', '.join(ended) or 'without a request'}, not {', '.join(case.outcomes)}")
    return problems


def _items(target: CompiledTarget, event: Document, action: str, now: int) -> tuple[Item | Drop, ...]:
    return target.items(event, talk.selected(target, event, action), now)


def _dropped(case: TestCase, drops: Sequence[Drop], asks: Sequence[Ask]) -> list[str]:
    if asks:
        return [f"sends {len(asks)}, and should drop"]
    said = {word for drop in drops for word in (drop.code, drop.say)} or {"no_match"}
    return [] if case.drops in said else [f"dropped as {talk.reason(drops)}, not {case.drops}"]


def _sent(expected: Sequence[Expected], asks: Sequence[Ask], drops: Sequence[Drop]) -> list[str]:
    if len(expected) != len(asks):
        why = f" (dropped: {talk.reason(drops)})" if not asks else ""
        return [f"sends {len(asks)} requests, not {len(expected)}{why}"]
    problems: list[str] = []
    for place, (one, ask) in enumerate(zip(expected, asks, strict=True), 1):
        assert isinstance(ask, Request)
        problems += [f"request {place}: {problem}" for problem in _differences(one, ask)]
    return problems


def _differences(expected: Expected, ask: Request) -> list[str]:
    found = talk.shown(ask)
    problems: list[str] = []
    if expected.method and expected.method.upper() != ask.method:
        problems.append(f"the method is {ask.method}")
    if expected.url and expected.url not in {ask.url, found["url"], urlsplit(ask.url).path}:
        problems.append(f"the URL is {found['url']}")
    if expected.query is not None and expected.query != found["query"]:
        problems.append(f"the query is {_written(found['query'])}")
    headers = {name.lower(): value for name, value in ask.headers}
    for name, value in expected.headers.items():
        if headers.get(name.lower()) != value:
            problems.append(f"the header {name} is {headers.get(name.lower())}")
    if expected.kind and not alike(*_bodies(expected, ask)):
        problems.append(f"the body is {_written(found['body'])}")
    return problems


def _bodies(expected: Expected, ask: Request) -> tuple[Json, Json]:
    """Bring the body that is expected and the one that is found into one form."""
    found, media = talk.gunzip(ask), dict(ask.headers).get("content-type", "")
    match expected.body, expected.kind:
        case dict(), "graphql":
            shown = talk.body_of(ask)
            return expected.body, {key: at(shown, key) for key in expected.body}
        case dict(), "xml":
            return markup.read(_again(expected)), markup.read(found)
        case dict() as parts, "multipart":
            listed: Json = [multipart.part(name, raw) for name, raw in parts.items()]
            return bodies.readable(media, _again(replace(expected, body=listed), media)), talk.body_of(ask)
        case dict() | list(), "csv":
            return _again(expected).decode(), found.decode()
        case str(), "csv":
            return expected.body, found.decode()
        case _:
            return expected.body, talk.body_of(ask)


def _again(expected: Expected, media: str = "") -> bytes:
    """Write what is expected as the request would."""
    try:
        if expected.kind == "multipart":
            return multipart.write(expected.body, "", boundary=media.rpartition("boundary=")[2])[0]
        return bodies.written(expected.kind, expected.body)
    except Unsendable as error:
        return f"what is expected cannot be written: {error}".encode()


def alike(expected: Json, found: Json) -> bool:
    """Compare two values as JSON, whatever the order of keys."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(alike(one, found[key]) for key, one in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(alike, expected, found))
    return same(expected, found)


def _written(value: Json) -> str:
    text = canonical(value).decode()
    return text if len(text) < 2_000 else f"{text_of(text)[:2_000]}…"  # noqa: PLR2004
