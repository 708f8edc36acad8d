"""What a manifest's own tests may state of a body, and what they say where it is another."""

from __future__ import annotations

import pytest

from support.manifests import manifest
from turnout.manifest.trial import run_tests

BODIES = {
    "xml": "{R: {'@n': $.userId, Row: [{A: 1}, {A: $.userId}]}}",
    "csv": "{rows: [{a: $.userId, b: 1}, {a: 'x;y'}], delimiter: ';'}",
    "multipart": "{a: $.userId, f: {csv: [[$.userId]], name: f.csv}, j: {json: {u: $.userId}}}",
    "graphql": "{query: 'query($u: ID) { a }', variables: {u: $.userId}}",
}


def problems(kind: str, expected: str) -> list[str]:
    send = f"{{post: 'https://a.test', {kind}: {BODIES[kind]}}}"
    tests = f"tests: [{{event: {{type: track, userId: u1}}, sends: {{{expected}}}}}]"
    return run_tests(manifest(f"actions: {{a: {{for: track, send: {send}}}}}\n{tests}"))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("xml", "xml: {R: {Row: [{A: '1'}, {A: u1}], '@n': u1}}"),
        ("xml", ('xml: "<?xml version=\\"1.0\\" encoding=\\"UTF-8\\"?>\\n<R n=\\"u1\\"><Row><A>1</A></Row>'
                '<Row><A>u1</A></Row></R>"')),
        ("csv", "csv: {rows: [{a: u1, b: 1}, {a: 'x;y'}], delimiter: ';'}"),
        ("csv", 'csv: "a;b\\r\\nu1;1\\r\\n\\"x;y\\";\\r\\n"'),
        ("multipart", "multipart: {j: {json: {u: u1}}, a: u1, f: {csv: [[u1]], name: f.csv}}"),
        ("graphql", "graphql: {variables: {u: u1}}"),
        ("graphql", "json: {query: 'query($u: ID) { a }', variables: {u: u1}}"),
    ],
)  # fmt: skip
def test_a_body_may_be_stated_as_it_is_written(kind: str, expected: str) -> None:
    assert problems(kind, expected) == []


@pytest.mark.parametrize(
    ("kind", "expected", "shown"),
    [
        ("xml", "xml: {R: {'@n': u1, Row: [{A: 1}, {A: u2}]}}", "<A>u1</A>"),
        ("xml", "xml: {R: {'@n': u1, Row: {A: 1}}}", "<A>u1</A>"),
        ("xml", "xml: {R: 1, S: 2}", "<A>u1</A>"),
        ("csv", "csv: [[a, b], [u1, 1]]", '[["a","b"],["u1","1"],["x;y",""]]'),
        ("multipart", "multipart: {a: u1, f: {csv: [[u1]], name: g.csv}, j: {json: {u: u1}}}", '"name":"f.csv"'),
        ("multipart", "multipart: {a: u1}", '"name":"f.csv"'),
        ("graphql", "graphql: {variables: {u: u2}}", '"variables":{"u":"u1"}'),
        ("graphql", "graphql: {query: '{a}'}", '"variables":{"u":"u1"}'),
    ],
)
def test_another_body_is_told_as_people_read_it(kind: str, expected: str, shown: str) -> None:
    (problem,) = problems(kind, expected)

    assert problem.startswith("test 0: request 1: the body is ")
    assert shown in problem.replace("\\", "")
