"""The `tests` of a manifest, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnout.document import Document, Json
from turnout.exchange import Class
from turnout.manifest.bodies import MEDIA
from turnout.manifest.part import Part

BODIES = (*MEDIA, "body")
TEST = ("name", "event", "events", "settings", "auth", "now", "action", "sends", "drops", "answers", "outcomes")
EXPECTED = ("method", "url", "query", "headers", *BODIES)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a test expects of one request; what is not stated is not compared. `kind` is how `body` is written."""

    method: str = ""
    url: str = ""
    query: Mapping[str, Json] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test of a manifest: these events with these settings send this, or drop so, or end so."""

    __test__ = False

    name: str
    events: tuple[Document, ...]
    settings: Document
    auth: Document = field(default_factory=dict)
    now: str = ""
    action: str = ""
    sends: tuple[Expected, ...] | None = None
    drops: str = ""
    answers: tuple[Document, ...] = ()
    outcomes: tuple[str, ...] = ()


def read_tests(top: Part, actions: tuple[str, ...]) -> tuple[TestCase, ...]:
    """Read all tests. Raises: InvalidManifest."""
    return tuple(_test(part, actions) for part in top.parts("tests"))


def _test(part: Part, actions: tuple[str, ...]) -> TestCase:
    part.only(*TEST)
    if ("event" in part.raw) == ("events" in part.raw):
        raise part.fail("", "a test has `event` or `events`")
    if not {"sends", "drops", "outcomes"} & set(part.raw):
        raise part.fail("", "a test says what is expected: `sends`, `drops` or `outcomes`")
    action = part.text("action")
    if action and action not in actions:
        raise part.fail("action", "there is no such action")
    outcomes = part.words("outcomes")
    for word in outcomes:
        if word not in list(Class):
            raise part.fail("outcomes", f"expected one of {', '.join(Class)}")
    return TestCase(
        part.text("name") or f"test {part.path[-1] if isinstance(part.path[-1], int) else 0}",
        _documents(part, "event" if "event" in part.raw else "events"),
        part.document("settings"),
        part.document("auth"),
        part.text("now"),
        action,
        tuple(_expected(one) for one in part.parts("sends")) if "sends" in part.raw else None,
        part.text("drops"),
        _documents(part, "answers") if "answers" in part.raw else (),
        outcomes,
    )


def _documents(part: Part, key: str) -> tuple[Document, ...]:
    found = tuple(dict(one.raw) for one in part.parts(key))
    if not found:
        raise part.fail(key, "expected at least one")
    return found


def _expected(part: Part) -> Expected:
    part.only(*EXPECTED)
    bodies = [kind for kind in BODIES if kind in part.raw]
    if len(bodies) > 1:
        raise part.fail(bodies[1], "a request has one body")
    query = unwrap(part.document("query")) if "query" in part.raw else None
    headers = part.part("headers")
    return Expected(
        part.text("method"),
        part.text("url"),
        query if isinstance(query, dict) else None,
        {name: headers.text(name) for name in headers.raw},
        unwrap(part.raw[bodies[0]]) if bodies else None,
        bodies[0] if bodies else "",
    )


def unwrap(value: Json) -> Json:
    """Take `{$const: value}` for the value, so that an expectation may be written as the shape it tests."""
    if isinstance(value, dict):
        if list(value) == ["$const"]:
            literal: Json = value["$const"]
            return literal
        return {key: unwrap(one) for key, one in value.items()}
    return [unwrap(one) for one in value] if isinstance(value, list) else value
