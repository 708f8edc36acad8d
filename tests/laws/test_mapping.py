"""Laws of the mapping language: compiled equals walked, what is read is told, and nothing raises on JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.oracle import Oracle
from turnout.document import Document, Json, encode
from turnout.errors import InvalidManifest
from turnout.manifest import nodes
from turnout.manifest.compile import Scope, compile_nodes, render_template
from turnout.manifest.expression import Names, parse
from turnout.manifest.fields import Tree, place
from turnout.manifest.load import load
from turnout.manifest.nodes import Node
from turnout.manifest.operators import HIGHER, TABLE
from turnout.manifest.reads import reads
from turnout.manifest.tokens import ExpressionError

KEYS = ("a", "b", "c", "0")
NOW = 1_767_398_400_000_000
INTEGRATIONS = ("Acme", "acme")
some_keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(tuple)
keys = st.lists(st.sampled_from(KEYS), max_size=3).map(tuple)
scalars: st.SearchStrategy[Json] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ("", "a", "b", "2026-01-02T03:04:05Z", "Ann@Example.com", "+1 555 010 9999", "https://a.test/?b=c")
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
jsons: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
    max_leaves=8,
)
events: st.SearchStrategy[Document] = st.dictionaries(st.sampled_from((*KEYS, "integrations")), jsons, max_size=4)
plain_leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(nodes.Const, scalars),
    st.builds(
        nodes.Path,
        st.sampled_from(("event", "settings", "item", "asked", "it", "index", "integrations", "auth", "audience")),
        keys,
    ),
)
in_loops: st.SearchStrategy[Node] = st.builds(
    lambda key, keys: nodes.Path("it", (key, *keys)), st.sampled_from(("key", "value")), keys
)
leaves = st.one_of(plain_leaves, in_loops, st.builds(nodes.Let, st.sampled_from(("one", "two")), keys))
UNARY = sorted(
    name for name, entry in TABLE.items() if entry.least == 1 and name not in {"render", "age", "fql", *HIGHER}
)


SEVERAL = (nodes.Every, nodes.Either, nodes.Coalesce, nodes.First, nodes.Listing, nodes.Text)
COMPARES = ("==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*")
SORTS = (*SEVERAL, nodes.Get, nodes.Not, nodes.Encoded, nodes.Binary, nodes.Call, nodes.Hatched, nodes.Choose, nodes.By)
SHAPES = (nodes.Shape, nodes.Each, nodes.EachPair)
CONSTANTS: tuple[Json, ...] = (None, "a", "", True, False, 0, 1, 1.0, 2.5, [], ["a", None], ["a", 1], {"a": 1}, [True])
"""What a comparison may have on its right, that is compared where it stands."""
ROWS: Json = {"a": 1, "1": "one", "b": None}
CALLED: tuple[tuple[str, tuple[Json, ...]], ...] = (
    *(("starts", ("a",)), ("starts", (1,)), ("truncate", (1,)), ("truncate", (-1,)), ("truncate", (True,))),
    *(("replace", ("a",)), ("replace", ("a", "bb")), ("replace", ("",)), ("replace", ("a", 1)), ("split", ("a",))),
    *(("split", ("",)), ("match", ("^[a-c]",)), ("match", ("a(b)?",)), ("match", ("(",)), ("matches", ("b$",))),
    *(("omit", ("a",)), ("omit", ("a", "b")), ("omit", (["a"],)), ("pick", ("a",)), ("pick", (1, "a"))),
    *(("lookup", (ROWS,)), ("lookup", (ROWS, "other")), ("lookup", ("a",))),
)
"""Operators with constants, which are written where they stand."""
PYTHON = {"acme:pair": lambda value, other: [value, other]}
WRITTEN = ("str", "lower", "upper", "trim", "squeeze", "title", "number", "int")


@st.composite
def trees(draw: st.DrawFn, depth: int = 3, *, lets: bool = True) -> Node:  # noqa: C901, PLR0911 - one case a node
    """Draw any value of the language; without `lets` it uses no named ones."""
    sort = draw(st.sampled_from((*[None] * 6, *SORTS, *SHAPES))) if depth else None
    if sort is None:
        return draw(leaves if lets else plain_leaves)
    one = trees(depth - 1, lets=lets)
    if sort in SEVERAL:
        return sort(tuple(draw(st.lists(one, min_size=1, max_size=3))))
    if sort in SHAPES:
        return looped(draw, sort, one)
    if sort is nodes.Get:
        return nodes.Get(draw(one), draw(some_keys))
    if sort is nodes.Binary:
        right = draw(st.one_of(one, st.builds(nodes.Const, st.sampled_from(CONSTANTS))))
        return nodes.Binary(draw(st.sampled_from(COMPARES)), draw(one), right)
    if sort is nodes.Call:
        name, rest = draw(st.one_of(st.sampled_from(CALLED), st.sampled_from(UNARY).map(lambda name: (name, ()))))
        return nodes.Call(name, (draw(one), *map(nodes.Const, rest)))
    if sort is nodes.Hatched:
        return nodes.Hatched("acme:pair", (draw(one), draw(one)), nodes.JSON)
    if sort is nodes.Choose:
        return nodes.Choose(draw(one), draw(one), draw(one))
    if sort is nodes.By:
        cases = {key: draw(one) for key in draw(st.sets(st.sampled_from(KEYS), max_size=2))}
        return nodes.By(draw(one), tuple(cases.items()), draw(one))
    return nodes.Not(draw(one)) if sort is nodes.Not else nodes.Encoded(draw(one))


def looped(draw: st.DrawFn, sort: object, one: st.SearchStrategy[Node]) -> Node:
    keep = draw(st.booleans())
    if sort is nodes.Each:
        return nodes.Each(draw(one), draw(one), draw(one), keep)
    if sort is nodes.EachPair:
        return nodes.EachPair(draw(one), draw(one), draw(one), draw(one), keep)
    entries = draw(st.lists(st.tuples(st.builds(nodes.Const, st.sampled_from(KEYS)), one), max_size=3))
    return nodes.Shape(tuple(draw(st.lists(one, max_size=2))), tuple(entries), keep)


@st.composite
def named(draw: st.DrawFn) -> dict[str, Node]:
    """Draw two named values; the second may read the first."""
    plain = trees(1, lets=False)
    return {"one": draw(plain), "two": nodes.Coalesce((draw(plain), nodes.Let("one")))}


def ran(tree: Node, lets: dict[str, Node], event: Document, others: Document) -> Json:
    program = compile_nodes({"tree": tree}, lets, INTEGRATIONS, PYTHON)
    scope = Scope(
        NOW, "msg_1", others.get("item"), asked=others.get("a"), auth=others.get("auth"), audience=others.get("b")
    )
    return program.functions["tree"](event, others, program.memory(), others.get("it"), 0, scope)


def walked(tree: Node, lets: dict[str, Node], event: Document, others: Document) -> Json:
    roots = {"event": event, "settings": others, "item": others.get("item"), "it": others.get("it"), "index": 0}
    roots |= {"asked": others.get("a"), "auth": others.get("auth"), "audience": others.get("b")}
    return Oracle({**roots, "now": NOW}, lets, INTEGRATIONS, PYTHON).of(tree)


@given(trees(), named(), events, st.dictionaries(st.sampled_from((*KEYS, "item", "it", "auth")), jsons, max_size=4))
def test_a_compiled_value_equals_the_walked_one(
    tree: Node, lets: dict[str, Node], event: Document, others: Document
) -> None:
    """For every value and every event, the generated function gives what the tree means."""
    assert repr(ran(tree, lets, event, others)) == repr(walked(tree, lets, event, others))


@given(st.one_of(jsons, st.sampled_from(("ab", "b", "A b ", "1", "12.5", 1, True, {"a": None, "c": 1}))))
def test_what_is_written_where_it_stands_is_what_it_is_elsewhere(value: Json) -> None:
    """Operators and comparisons with constants, and those of text and numbers, on a value of any kind."""
    read = nodes.Path("event", ("a",))
    texts: tuple[Node, ...] = (
        read,
        nodes.Call("str", (read,)),
        nodes.Coalesce((nodes.Call("lower", (read,)), nodes.Const("x"))),
    )
    called: list[Node] = [nodes.Call(name, (one, *map(nodes.Const, rest))) for one in texts for name, rest in CALLED]
    called += [nodes.Call(name, (one,)) for one in texts for name in WRITTEN]
    compared: list[Node] = [nodes.Binary(op, read, nodes.Const(one)) for op in COMPARES for one in CONSTANTS]

    for tree in (*called, *compared):
        assert repr(ran(tree, {}, {"a": value}, {})) == repr(walked(tree, {}, {"a": value}, {})), tree


KEY, VALUE, WHOLE = (nodes.Path("it", keys) for keys in (("key",), ("value",), ()))
ROWS_OF_A = nodes.Path("event", ("a",))
LOOPS: tuple[Node, ...] = (
    nodes.EachPair(ROWS_OF_A, VALUE, KEY, VALUE),
    nodes.Each(ROWS_OF_A, nodes.TRUE, nodes.Text((KEY, nodes.Const("="), VALUE))),
    nodes.Each(ROWS_OF_A, nodes.TRUE, nodes.Path("it", ("value", "a"))),
    nodes.EachPair(ROWS_OF_A, nodes.TRUE, KEY, nodes.Let("whole")),
    nodes.EachPair(ROWS_OF_A, nodes.TRUE, KEY, WHOLE),
    nodes.EachPair(ROWS_OF_A, nodes.TRUE, KEY, nodes.Each(VALUE, nodes.TRUE, WHOLE)),
    nodes.Listing((nodes.Each(ROWS_OF_A, nodes.TRUE, VALUE), nodes.Each(VALUE, nodes.TRUE, KEY))),
)


@pytest.mark.parametrize("place", range(len(LOOPS)))
@given(st.one_of(st.dictionaries(st.sampled_from(KEYS), jsons, min_size=1, max_size=3), jsons))
def test_a_loop_over_pairs_gives_what_a_loop_over_elements_gives(place: int, value: Json) -> None:
    """What a loop reads of its element decides how it is written, and nothing else."""
    lets: dict[str, Node] = {"whole": WHOLE}
    listed: Json = [{"key": "k", "value": value}, value, None]
    others: Document = {"it": {"value": ["outer"]}}

    for given_ in (value, listed):
        event: Document = {"a": given_}
        assert repr(ran(LOOPS[place], lets, event, others)) == repr(walked(LOOPS[place], lets, event, others))


@given(st.booleans(), jsons)
def test_what_one_branch_found_is_not_known_behind_it(test: bool, value: Json) -> None:  # noqa: FBT001 - drawn
    """A value that was read where it may not have been is read again."""
    read: tuple[Node, ...] = (nodes.Path("event", ("b", "c")), nodes.Let("one"))
    for one in read:
        branch = nodes.Choose(nodes.Path("event", ("a",)), nodes.Text((one,)), nodes.Const("no"))
        tree = nodes.Listing((branch, nodes.Coalesce((nodes.Path("event", ("d",)), one)), one))
        lets: dict[str, Node] = {"one": nodes.Path("event", ("b",))}
        event: Document = {"a": test, "b": {"c": value}, "d": None if test else value}
        assert repr(ran(tree, lets, event, {})) == repr(walked(tree, lets, event, {}))


@given(trees(), named(), events)
def test_what_is_not_read_changes_nothing(tree: Node, lets: dict[str, Node], event: Document) -> None:
    """`reads` contains every path that is touched: an event without the keys it does not name maps alike."""
    told = reads(tree, lets)
    whole = any(path == ("event",) for path in told)
    touched = {path[1] for path in told if path[0] == "event" and path[1:]}
    touched |= {"integrations"} if any(path[0] == "integrations" for path in told) else set()
    less = event if whole else {key: one for key, one in event.items() if key in touched}

    assert repr(ran(tree, lets, less, {})) == repr(ran(tree, lets, event, {}))


@given(trees(), named(), events)
def test_what_is_mapped_is_json_and_the_event_stays_as_it_was(
    tree: Node, lets: dict[str, Node], event: Document
) -> None:
    """Whatever an event holds, mapping gives JSON and does not write to it."""
    before = encode(event)

    encode(ran(tree, lets, event, {}))

    assert encode(event) == before


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"if", "render", "fql", *HIGHER}))
@given(data=st.data())
def test_an_operator_never_raises_on_json(name: str, data: st.DataObject) -> None:
    """Events are strangers' words: no value may break the mapping of a batch."""
    entry = TABLE[name]
    count = data.draw(st.integers(entry.least, min(entry.most, entry.least + 2)))
    args = [data.draw(jsons) for _ in range(count)]
    if args and args[0] is None and not entry.nulls:
        args[0] = ""

    encode(entry.run(*args))


@given(st.text(max_size=40) | st.text("$.ab()|'\" /=<>+-*[],0not in", max_size=40))
def test_any_text_is_an_expression_or_refused_with_a_reason(text: str) -> None:
    """The parser never fails in a way of its own."""
    with contextlib.suppress(ExpressionError):
        parse(text, Names())


@given(st.text(max_size=60) | st.text("a: {}[]&*<!|>-'\"\n #", max_size=60))
def test_any_text_is_yaml_or_refused_with_a_place(text: str) -> None:
    """The loader never fails in a way of its own."""
    with contextlib.suppress(InvalidManifest):
        load(text)


@given(st.text(max_size=60) | st.text("{}$. |abup('er)", max_size=60), events)
def test_a_users_template_never_raises(text: str, event: Document) -> None:
    """What cannot be read as a template stays as it is."""
    encode(render_template(text, event, Scope()))


some_paths = st.lists(st.sampled_from(("a", "b", "c")), min_size=1, max_size=3).map(tuple)


def planted(wanted: dict[tuple[str, ...], Node | None]) -> Tree:
    """Make a tree of values by their paths; what stands below another is left out."""
    tree: Tree = {}
    for path, node in sorted(wanted.items(), key=lambda pair: len(pair[0])):
        here: Tree | Node | None = tree
        for key in path[:-1]:
            here = here.setdefault(key, {}) if isinstance(here, dict) else None
        if isinstance(here, dict):
            here.setdefault(path[-1], node)
    return tree


def set_plainly(value: Json, tree: Tree, walked: Callable[[Node], Json]) -> Document:
    """Put values into an object as anybody would."""
    found = dict(value) if isinstance(value, dict) else {}
    for key, below in tree.items():
        before = found.pop(key, None)
        if isinstance(below, dict):
            found[key] = set_plainly(before, below, walked)
        elif below is not None:
            found[key] = walked(below)
    return found


def pruned(value: Json, tree: Tree) -> Json:
    """Leave out, where values were put, what is null or an object that has nothing."""
    found = dict(value) if isinstance(value, dict) else {}
    for key, below in tree.items():
        if isinstance(below, dict) and key in found:
            found[key] = pruned(found[key], below)
        if key in found and (found[key] is None or (isinstance(below, dict) and not found[key])):
            del found[key]
    return found


spreads: st.SearchStrategy[Node] = st.builds(
    nodes.Shape,
    st.tuples(st.builds(nodes.Path, st.just("event"))),
    st.dictionaries(st.sampled_from(("a", "b", "c")), trees(1), max_size=2).map(
        lambda shape: tuple(
            (nodes.Const(key) if place else nodes.Text((nodes.Const(key),)), value)
            for place, (key, value) in enumerate(shape.items())
        )
    ),
    st.booleans(),
)


@settings(max_examples=100)
@given(
    trees(2) | spreads | st.builds(nodes.Path, st.just("event")),
    st.dictionaries(some_paths, st.none() | trees(1), min_size=1, max_size=4),
    named(),
    events,
)
def test_an_override_is_what_setting_the_field_by_hand_gives_and_compiled_what_it_is_walked(
    item: Node, wanted: dict[tuple[str, ...], Node | None], lets: dict[str, Node], event: Document
) -> None:
    """Compiled overrides equal the oracle, and the oracle equals an object whose fields were set one by one."""
    tree = planted(wanted)
    placed = place(item, tree, lets)

    found = walked(placed, lets, event, {})

    assert repr(ran(placed, lets, event, {})) == repr(found)
    by_hand = set_plainly(walked(item, lets, event, {}), tree, lambda node: walked(node, lets, event, {}))
    assert pruned(found, tree) == pruned(by_hand, tree)
