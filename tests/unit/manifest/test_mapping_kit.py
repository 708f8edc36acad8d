"""Directives of Segment's mapping kit as values of ours: what they give for an event, and which cannot be said."""

from __future__ import annotations

import pytest

from turnout.document import Document, Json
from turnout.manifest.compile import Scope, compile_nodes
from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.load import Source
from turnout.manifest.mapping_kit import Untaken, translated

EVENT: Document = {
    "type": "track",
    "event": "Paid",
    "userId": "u1",
    "properties": {
        "name": "Ann Ö.",
        "empty": "",
        "n": 3,
        "odd name": {"x": [1, {"y": 2}]},
        "text": '{"a":1}',
        "products": [{"sku": "a", "price": 1}, {"sku": "b"}],
        "one": {"sku": "c"},
        "tree": {"a": {"b": 1}},
    },
    "traits": {"first": "Ann", "last": None},
}
NAME: Document = {"@path": "$.properties.name"}
MISSING: Document = {"@path": "$.properties.missing"}


def given(mapping: Json) -> Json:
    node = Language(Source("", {}, {})).value(translated(mapping), (), Names())
    program = compile_nodes({"value": node}, {}, ())
    return program.functions["value"](EVENT, {}, program.memory(), None, None, Scope())


@pytest.mark.parametrize(
    ("mapping", "gives"),
    [
        ("plain", "plain"),
        ("costs $.5 {{x}}", "costs $.5 {{x}}"),
        (7, 7),
        (NAME, "Ann Ö."),
        ({"@path": "userId"}, "u1"),
        ({"@path": "$.properties['odd name'].x[1].y"}, 2),
        ({"@path": "$.properties.odd name.x[0]"}, 1),
        (MISSING, None),
        ({"@template": "{{traits.first}} {{{traits.last}}}!"}, "Ann !"),
        ({"@template": "{{properties.n}}"}, "3"),
        ({"@template": "{{properties.missing}}"}, ""),
        ({"@template": "no holes"}, "no holes"),
        ({"@if": {"exists": NAME, "then": "yes", "else": "no"}}, "yes"),
        ({"@if": {"exists": MISSING, "then": "yes", "else": NAME}}, "Ann Ö."),
        ({"@if": {"exists": {"@path": "$.properties.empty"}, "then": "yes", "else": "no"}}, "yes"),
        ({"@if": {"blank": {"@path": "$.properties.empty"}, "then": "yes", "else": "no"}}, "no"),
        ({"@if": {"exists": MISSING, "then": "yes"}}, None),
        ({"@case": {"operator": "lower", "value": NAME}}, "ann ö."),
        ({"@case": {"operator": "upper", "value": {"@path": "$.properties.n"}}}, 3),
        ({"@replace": {"value": NAME, "pattern": "n", "replacement": "N"}}, "ANN Ö."),
        ({"@replace": {"value": NAME, "pattern": "n", "pattern2": ".", "replacement2": "'"}}, "A Ö'"),
        ({"@replace": {"value": MISSING, "pattern": "n"}}, ""),
        ({"@arrayPath": ["$.properties.products"]}, EVENT["properties"]["products"]),  # type: ignore[index,call-overload]
        ({"@arrayPath": ["$.properties.products", {"id": {"@path": "$.sku"}, "p": {"@path": "$.price"}}]},
         [{"id": "a", "p": 1}, {"id": "b"}]),
        ({"@arrayPath": ["$.properties.one", {"id": {"@path": "$.sku"}}]}, [{"id": "c"}]),
        ({"@arrayPath": ["$.properties.missing", {"id": {"@path": "$.sku"}}]}, None),
        ({"@flatten": {"value": {"@path": "$.properties.tree"}, "separator": "_"}}, {"a_b": 1}),
        ({"@json": {"mode": "encode", "value": {"@path": "$.properties.tree"}}}, '{"a":{"b":1}}'),
        ({"@json": {"mode": "decode", "value": {"@path": "$.properties.text"}}}, {"a": 1}),
        ({"@json": {"mode": "decode", "value": NAME}}, "Ann Ö."),
        ({"@merge": {"objects": [{"@path": "$.properties.one"}, {"sku": "z", "t": 1}], "direction": "right"}},
         {"sku": "z", "t": 1}),
        ({"@merge": {"objects": [{"@path": "$.properties.one"}, {"sku": "z"}], "direction": "left"}}, {"sku": "c"}),
        ({"@literal": "{{x}}"}, "{{x}}"),
        ({"@excludeWhenNull": {"a": NAME, "b": MISSING}}, {"a": "Ann Ö."}),
        ({"@liquid": "{{ properties.name | upcase }}-{{ properties.missing | default: 'x' }}"}, "ANN Ö.-x"),
        ({"@liquid": "{{ event | append: '!' | prepend: \"it's \" }}"}, "it's Paid!"),
        ({"nested": {"deep": [NAME, "x"]}}, {"nested": {"deep": ["Ann Ö.", "x"]}}),
    ],
)  # fmt: skip
def test_a_directive_gives_what_it_gives_there(mapping: Json, gives: Json) -> None:
    assert given(mapping) == gives


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"@transform": {}}, "nothing for `@transform`"),
        ({"@liquid": "{% if a %}b{% endif %}"}, "a program of its own"),
        ({"@liquid": "{{ total | plus: 1 }}"}, "Liquid's `plus: 1`"),
        ({"@liquid": "{{ 'a' }}"}, "Liquid that computes"),
        ({"@replace": {"value": "a", "pattern": "b", "ignorecase": True}}, "ignores case"),
        ({"@replace": {"value": "a"}}, "without a pattern"),
        ({"@case": {"operator": "title", "value": "a"}}, "without `lower` or `upper`"),
        ({"@if": {"then": 1}}, "without `exists` or `blank`"),
        ({"@if": {"exists": {"a": 1}, "then": 1}}, "a shape inside a directive"),
        ({"@path": "a", "b": 1}, "other keys beside it"),
        ({"@path": {"@path": "a"}}, "itself computed"),
        ({"@path": 'a["b\\"c"]'}, "a quote in a name"),
        ({"@template": "$5 {{a}}"}, "a `$` or braces"),
        ({"@flatten": {"value": 1, "separator": ".", "omitArrays": True}}, "leaves lists whole"),
        ({"@arrayPath": "a"}, "without a path"),
        ({"@json": {"value": 1}}, "without `encode` or `decode`"),
        ({"@merge": {"direction": "left"}}, "without a list of objects"),
        ({"$each": 1}, "means something else"),
    ],
)
def test_what_cannot_be_said_in_our_language_says_why(mapping: Json, says: str) -> None:
    with pytest.raises(Untaken, match=says.replace("$", r"\$").replace("(", r"\(")):
        translated(mapping)
