from __future__ import annotations

import re

import pytest

from support.manifests import HEAD, manifest, target, value
from support.manifests import items as items_of
from turnout.document import Document, Json
from turnout.errors import InvalidInput, InvalidManifest
from turnout.manifest.compile import compile_predicate
from turnout.manifest.expression import Names, parse
from turnout.manifest.read import read
from turnout.manifest.reads import reads

ORDER: Document = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "properties": {"total": 27.5, "odd name": 1, "products": [{"sku": "b", "n": 1}, {"sku": "a", "n": 2}], "empty": {}},
    "integrations": {"ACME": {"session": 7}, "All": True},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.userId", "u1"),
        ("$.properties.products.1.sku", "a"),
        ('$.properties."odd name"', 1),
        ("$.properties.total.deeper", None),
        ("$integrations.session", 7),
        ("$.missing // $.userId | upper", "U1"),
        ("$.missing // page", "page"),
        ("= 1 + 2 * 3 - 1", 6),
        ("= not $.missing == 1", True),
        ("= not ($.userId == 'u1')", False),
        ("= 1 < 2 and 'a' in ['a', 'b'] or false", True),
        ("= 'b' not in list(a)", True),
        ("= true == 1", False),
        ("= 1 == 1.0", True),
        ("= '$device:' + $.anonymousId", None),
        ("= '$device:' + $.userId", "$device:u1"),
        ("= ($.properties.total | number) * 100 | int", 2750),
        ("= if($.userId, 'user', 'lead')", "user"),
        ("= if($.missing, 'user')", None),
        ("$.properties | omit(products empty) | keys", ["total", "odd name"]),
        ("= ($.properties.products | first).sku", "b"),
        ("$.event in {{ 1 }}", InvalidManifest),
        ("{{ $.event }} of {{ $.properties.total }} {{ $.missing }}", "Order Completed of 27.5 "),
        ("Total: {{ if($.properties.total > 20, 'big', '}}') }}", "Total: big"),
        ("plain text", "plain text"),
    ],
)
def test_an_expression_means_what_the_page_says(text: str, expected: Json | type[Exception]) -> None:
    if expected is InvalidManifest:
        with pytest.raises(InvalidManifest):
            value(f"'{text}'", ORDER)
        return
    quoted = text.replace("'", "''")
    assert value(f"'{quoted}'", ORDER) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: $.userId, b: $.missing, c: null}", {"a": "u1", "c": None}),
        ("{a: {b: $.missing}, c: {}}", {"c": {}}),
        ("{a: {$keep: true, b: $.missing}}", {"a": {}}),
        ("{$spread: $.properties.products.0, n: 5}", {"sku": "b", "n": 5}),
        ("{$spread: [$.properties.products.0, $.missing, {x: 1}], n: $.missing}", {"sku": "b", "n": 1, "x": 1}),
        ("[$.userId, $.missing, x]", ["u1", "x"]),
        ("{$each: $.properties.products, $where: $it.n > 1, $do: {s: $it.sku, i: $index}}", [{"s": "a", "i": 1}]),
        ("{$each: $.properties.products, $key: $it.sku, $value: $it.n}", {"b": 1, "a": 2}),
        ("{$each: $.properties.products.0, $key: $it.key, $value: $it.value}", {"sku": "b", "n": 1}),
        ("{$each: $.missing, $do: $it}", None),
        ("{$if: $.userId == 'u1', $then: {a: 1}, $else: {b: 1}}", {"a": 1}),
        ("{$by: $.type, track: {t: 1}, $else: 0}", {"t": 1}),
        ("{$by: $.userId, track: 1, $else: other}", "other"),
        ("{$first: [$.properties.empty, $.missing, {x: $.userId}]}", {"x": "u1"}),
        ("{$json: {a: $.userId}}", '{"a":"u1"}'),
        ("{$const: $.userId}", "$.userId"),
        ("{$set: {$email: $.userId}}", {"$set": {"$email": "u1"}}),
        ('{"group_{{ $.userId }}": true}', {"group_u1": True}),
    ],
)
def test_a_shape_means_what_the_page_says(text: str, expected: Json) -> None:
    assert value(text, ORDER) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: ($.total | number) * 2", "looks like an expression"),
        ("a: total is $settings.x", "looks like an expression"),
        ("a: '{{ $.x }'", "looks like an expression"),
        ("a: $totl", "unknown variable"),
        ("a: $.x | uppr", "did you mean `upper`"),
        ("a: $.x | lookup(nothing)", "no table"),
        ("a: $.x | truncate", "is written"),
        ("a: $.x | match('(')", "not a regular expression"),
        ("a: $auth.token", "where `auth` says how a token is got"),
        ("a: = $.x +", "ends too early"),
        ("a: = $.x ) 1", "did not expect"),
        ("a: {$if: $.x}", "needs `$then`"),
        ("a: {$then: 1}", "needs `$if`"),
        ("a: {$each: $.x}", "needs `$do`"),
        ("a: {$const: 1, b: 2}", "cannot stand beside"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InvalidManifest, match=re.escape(says)) as error:
        value(text)

    assert error.value.attributes["line"] == 1


def test_an_unknown_setting_or_named_value_is_refused_with_the_nearest() -> None:
    body = (
        "settings: {api_key!: secret}\nlet: {who: $.userId}\n"
        "actions: {a: {for: track, send: {post: 'https://a.test', json: %s}}}"
    )

    with pytest.raises(InvalidManifest, match="did you mean `api_key`"):
        manifest(body % "$settings.apikey")
    with pytest.raises(InvalidManifest, match="did you mean `who`"):
        manifest(body % "$let.whoo")


def test_named_values_that_read_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(InvalidManifest, match="may not read itself"):
        manifest("let: {a: $let.b, b: $let.a}\nactions: {x: {for: track, send: {post: 'https://a.test'}}}")


def test_a_named_value_of_an_action_is_also_written_short() -> None:
    made = target(
        """
        let: {name: common, it_of: $it.sku}
        actions:
          a:
            for: track
            let: {name: mine}
            each: $.properties.products
            item: {a: $name, b: $let.name, c: $let.it_of, d: $let.it_of}
            send: &s {post: "https://a.test", json: $item}
          b: {for: track, item: {x: 1, a: $name, b: $let.name}, send: *s}
        """
    )

    found = [item.value for item in items_of(made, ORDER)]

    assert found[0] == {"a": "mine", "b": "mine", "c": "b", "d": "b"}
    assert found[1] == {"a": "mine", "b": "mine", "c": "a", "d": "a"}
    assert found[2] == {"x": 1, "b": "common"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("actions: {a: {for: track, run: 'acme:sync'}}", "run"),
        ("actions: {a: {for: {record: insert}, send: {post: 'https://a.test'}}}", "record"),
    ],
)
def test_later_parts_of_the_language_are_refused_by_name(text: str, key: str) -> None:
    with pytest.raises(InvalidManifest, match=f"`{key}` is not supported yet"):
        read(HEAD + text)


def test_values_nested_deeper_than_python_goes_are_refused() -> None:
    nested = "$it"
    for _ in range(25):
        nested = f"{{$each: $it, $do: {nested}}}"

    with pytest.raises(InvalidManifest, match="nested too deeply"):
        value(nested)


def test_a_misspelt_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidManifest, match="did you mean `require`"):
        manifest("actions: {a: {for: track, requires: $.userId, send: {post: 'https://a.test'}}}")


def test_a_value_tells_what_it_reads() -> None:
    node = parse(
        "$.traits.email // $settings.fallback | email", Names(settings=None).plus("settings"), "actions.a.item.em"
    )

    assert reads(node, {}) == {("event", "traits", "email"), ("settings", "fallback")}


def test_a_filter_is_a_condition_on_the_event() -> None:
    test = compile_predicate("$.properties.total > 20")

    assert test(ORDER) is True
    assert test({"properties": {"total": 3}}) is False


@pytest.mark.parametrize("text", ["", "$.a ==", "$settings.key == 1", "$.a | nothing"])
def test_a_filter_that_cannot_be_read_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match="the condition cannot be read"):
        compile_predicate(text)


@pytest.mark.parametrize(
    "text", ["$." + "a." * 200 + "b", " + ".join(["$.a"] * 400), " or ".join(["$.a"] * 200)], ids=["path", "sum", "or"]
)
def test_an_expression_beyond_its_bounds_is_refused_and_not_a_fault_of_ours(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"an expression may have 300|a path may have 64"):
        compile_predicate(text)
