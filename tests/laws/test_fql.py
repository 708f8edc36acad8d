"""Laws of Segment's filter language: compiled equals a plain reading, and nothing raises."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.document import Document, Json, encode
from turnout.errors import InvalidInput
from turnout.manifest.compile import compile_predicate
from turnout.manifest.expression import nearest
from turnout.manifest.fql import is_fql, parse
from turnout.manifest.tokens import ExpressionError

KEYS = ("plan", "total", "a b", "0")
TEXTS = ("", "pro", "Order Completed", "a'b\"c\\d", "äß")
GLOBS = ("*", "p*", "*Completed", "Order ?ompleted", "[a-p]r[m-o]", "[pq][r-s]o", "?")
scalars: st.SearchStrategy[Json] = st.one_of(
    st.none(), st.booleans(), st.integers(0, 2), st.sampled_from((0.5, 2.0)), st.sampled_from(TEXTS)
)
jsons: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
    max_leaves=6,
)
events: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {"type": st.sampled_from(("track", "identify")), "event": st.sampled_from(TEXTS)},
    optional={
        "properties": st.fixed_dictionaries(dict.fromkeys(KEYS, jsons)) | jsons,
        "traits": st.fixed_dictionaries(dict.fromkeys(KEYS, scalars)),
    },
)


@dataclass(frozen=True)
class Said:
    """A piece of a condition: how it is written, and what a plain reading of it gives for an event."""

    text: str
    op: str
    parts: tuple[Said, ...] = ()
    value: Json = None
    keys: tuple[str, ...] = ()

    def of(self, event: Document) -> Json:  # noqa: C901, PLR0911, PLR0912 - one case a word: the language at a glance
        found = [] if self.op in {"and", "or"} else [part.of(event) for part in self.parts]
        match self.op:
            case "path":
                here: Json = event
                for key in self.keys:
                    if isinstance(here, dict):
                        here = here.get(key)
                    elif isinstance(here, list) and key.isdigit() and int(key) < len(here):
                        here = here[int(key)]
                    else:
                        return None
                return here
            case "literal":
                return self.value
            case "and":
                return all(part.of(event) is True for part in self.parts)
            case "or":
                return any(part.of(event) is True for part in self.parts)
            case "!":
                return found[0] is not True
            case "=" | "!=":
                return alike(found[0], found[1]) is (self.op == "=")
            case "<" | "<=" | ">" | ">=":
                return ordered(self.op, found[0], found[1])
            case "in":
                return isinstance(found[1], list) and any(alike(found[0], one) for one in found[1])
            case "contains":
                return isinstance(found[0], str) and isinstance(found[1], str) and found[1] in found[0]
            case "match":
                return isinstance(found[0], str) and isinstance(found[1], str) and fnmatchcase(found[0], found[1])
            case "length":
                one = found[0]
                return len(one.encode()) if isinstance(one, str) else len(one) if isinstance(one, list) else 0
            case "typeof":
                kinds = {type(None): "null", bool: "bool", int: "number", float: "number", str: "string", list: "list"}
                return kinds.get(type(found[0]), "object")
            case _:
                return found[0].lower() if isinstance(found[0], str) else found[0]


def alike(one: Json, two: Json) -> bool:
    return one == two and isinstance(one, bool) is isinstance(two, bool)


def ordered(op: str, one: Json, two: Json) -> bool:
    numbers = [type(each) in {int, float} for each in (one, two)]
    if not all(numbers) and not (isinstance(one, str) and isinstance(two, str)):
        return False
    assert isinstance(one, str | int | float)
    assert isinstance(two, str | int | float)
    less, equal = one < two, one == two  # type: ignore[operator]  # both of one kind
    return {"<": less, "<=": less or equal, ">": not less and not equal, ">=": not less}[op]


def written(value: Json) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return encode(value).decode()


@st.composite
def paths(draw: st.DrawFn) -> Said:
    first = draw(st.sampled_from(("type", "event", "properties", "properties", "traits")))
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=2)) if first in {"properties", "traits"} else []
    forms = [draw(st.sampled_from((".{}", '["{}"]'))) for _ in keys]
    text = first + "".join(
        form.format(key if '"' in form else key.replace(" ", "\\ ")) for form, key in zip(forms, keys, strict=True)
    )
    return Said(text, "path", keys=(first, *keys))


literals = scalars.map(lambda value: Said(written(value), "literal", value=value))
lists = st.lists(scalars, max_size=3).map(lambda value: Said(written(list(value)), "literal", value=list(value)))


@st.composite
def operands(draw: st.DrawFn) -> Said:
    word = draw(st.sampled_from(("", "", "", "length", "typeof", "lowercase")))
    if not word:
        return draw(st.one_of(paths(), paths(), literals))
    inner = draw(paths())
    return Said(f"{word}({inner.text})", word, (inner,))


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> Said:
    sort = draw(
        st.sampled_from(("compare", "compare", "in", "contains", "match", *(("and", "or", "!") if depth else ())))
    )
    if sort in {"and", "or"}:
        parts = draw(st.lists(conditions(depth - 1), min_size=2, max_size=3))
        return Said(f" {sort} ".join(f"({part.text})" for part in parts), sort, tuple(parts))
    if sort == "!":
        part = draw(conditions(depth - 1))
        return Said(f"!({part.text})", "!", (part,))
    one = draw(operands())
    if sort == "in":
        many = draw(st.one_of(lists, paths()))
        return Said(f"{one.text} in {many.text}", "in", (one, many))
    if sort == "contains":
        two = draw(st.one_of(literals, paths()))
        return Said(f"contains({one.text}, {two.text})", sort, (one, two))
    if sort == "match":
        form = draw(st.sampled_from(GLOBS))
        return Said(f"match( {one.text}, '{form}' )", sort, (one, Said("", "literal", value=form)))
    op = draw(st.sampled_from(("=", "!=", "<", "<=", ">", ">=")))
    two = draw(operands())
    return Said(f"{one.text} {op} {two.text}", op, (one, two))


@settings(max_examples=200)
@given(conditions(), events)
def test_a_compiled_condition_is_what_a_plain_reading_gives(condition: Said, event: Document) -> None:
    """For every condition and every event, the generated function says what the words mean."""
    assert is_fql(condition.text)
    assert compile_predicate(condition.text)(event) is condition.of(event)


@given(st.lists(conditions(0), min_size=3, max_size=3), events)
def test_and_binds_before_or_without_brackets(three: list[Said], event: Document) -> None:
    """`a or b and c` is `a or (b and c)`."""
    one, two, last = three
    text = f"{one.text} or {two.text} and {last.text}"

    assert compile_predicate(text)(event) is (
        one.of(event) is True or (two.of(event) is True and last.of(event) is True)
    )


@given(st.text(max_size=40) | st.text("typeven=!<>()[]'\".,\\ andorin12*?", max_size=40))
def test_any_text_is_a_condition_or_refused_with_a_reason(text: str) -> None:
    """The reader never fails in a way of its own."""
    with contextlib.suppress(ExpressionError):
        parse(text, nearest)


@given(st.text("ab*?[]-\\", max_size=12), st.text("ab-", max_size=12))
def test_any_form_is_matched_without_a_fault(form: str, text: str) -> None:
    """A pattern is somebody's words: it matches or does not."""
    condition = f"match(event, {written(form)})"

    assert compile_predicate(condition)({"event": text}) in {True, False}


@given(events)
def test_a_filter_of_segment_reads_nothing_but_the_event(event: Document) -> None:
    """A `$` makes it ours, and then what is no event is unknown."""
    before = encode(event)

    compile_predicate("properties.plan = 'pro' or typeof(traits) = 'object'")(event)

    assert encode(event) == before
    with pytest.raises(InvalidInput):
        compile_predicate("$settings.key = 1")
