"""Operators on lists and objects."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from turnout.document import Json
from turnout.manifest.entry import Operator
from turnout.manifest.texts import glob
from turnout.manifest.values import at, compare, contains, entries, is_empty, number, same, text_of, whole


def _names(names: tuple[Json, ...]) -> set[str]:
    return {text_of(one) for name in names for one in (name if isinstance(name, list) else [name])}


def pick(value: Json, *names: Json) -> Json:
    """Keep these keys."""
    return pick_named(value, _names(names))


def pick_named(value: Json, kept: AbstractSet[str]) -> Json:
    """Keep these keys."""
    return {key: one for key, one in value.items() if key in kept} if isinstance(value, dict) else None


def omit(value: Json, *names: Json) -> Json:
    """Leave these keys out."""
    return omit_named(value, _names(names))


def omit_named(value: Json, gone: AbstractSet[str]) -> Json:
    """Leave these keys out; the object stays where it has none of them."""
    if not isinstance(value, dict):
        return None
    return value if gone.isdisjoint(value) else {key: one for key, one in value.items() if key not in gone}


def flatten(value: Json, joint: Json = ".") -> Json:
    """Lift nested keys to the top, joined; a list's elements by their number."""
    if not isinstance(value, dict):
        return None
    flat: dict[str, Json] = {}
    waiting: list[tuple[str, Json]] = list(value.items())[::-1]
    while waiting:
        key, one = waiting.pop()
        inner = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        below = [(f"{key}{text_of(joint)}{name}", each) for name, each in inner]
        if below:
            waiting.extend(below[::-1])
        else:
            flat[key] = one
    return flat


def compact(value: Json) -> Json:
    """Leave out what is null, "", [] or {}."""
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if not is_empty(one)}
    return [one for one in value if not is_empty(one)] if isinstance(value, list) else value


def limit(value: Json, count: Json) -> Json:
    """Keep the first so many elements or keys."""
    most = max(0, int(number(count) or 0))
    if isinstance(value, dict):
        return dict(list(value.items())[:most])
    return value[:most] if isinstance(value, list) else value


def _end(value: Json, place: int) -> Json:
    if not isinstance(value, list) or not value:
        return None
    end: Json = value[place]
    return end


def _numbers(value: Json) -> list[int | float]:
    return [one for each in entries(value) if (one := number(each)) is not None]


def total(value: Json) -> Json:
    """Add up a list's numbers."""
    return whole(sum(_numbers(value))) if isinstance(value, list) else None


def unique(value: Json) -> Json:
    """Keep the first of equal elements."""
    if not isinstance(value, list):
        return None
    kept: list[Json] = []
    seen: set[tuple[str, str]] = set()
    for one in value:
        sort = "number" if number(one) is not None else type(one).__name__
        mark = (sort, text_of(one))
        if mark not in seen:
            seen.add(mark)
            kept.append(one)
    return kept


def ordered(value: Json, field: Json = None) -> Json:
    """Sort a list, numbers before texts, by a field of its objects if one is named."""
    if not isinstance(value, list):
        return None

    def rank(one: Json) -> tuple[int, float, str]:
        by = one if field is None else at(one, text_of(field))
        count = number(by)
        return (0, float(count), "") if count is not None else (1, 0.0, text_of(by)) if by is not None else (2, 0.0, "")

    return sorted(value, key=rank)


def pluck(value: Json, field: Json) -> Json:
    """Take one field of each element; nulls are left out."""
    name = text_of(field)
    return [one for each in entries(value) if (one := at(each, name)) is not None] if value is not None else None


def where(value: Json, field: Json, op: Json = "ne", other: Json = None) -> Json:
    """Keep the elements whose field is so."""
    return [one for one in entries(value) if _holds(at(one, text_of(field)), text_of(op), other)]


def _holds(found: Json, op: str, other: Json) -> bool:
    match op:
        case "eq":
            return same(found, other)
        case "ne":
            return not same(found, other)
        case "glob":
            return found is not None and other is not None and glob(other, found)
        case "has":
            return contains(other, found)
        case "lt" | "le" | "gt" | "ge":
            return compare({"lt": "<", "le": "<=", "gt": ">", "ge": ">="}[op], found, other)
        case _:
            return False


def flat(value: Json) -> Json:
    """Join a list of lists."""
    if not isinstance(value, list):
        return None
    return [one for each in value for one in (each if isinstance(each, list) else [each])]


def chunk(value: Json, size: Json) -> Json:
    """Cut a list into lists of this size."""
    step = max(1, int(number(size) or 1))
    return [value[at : at + step] for at in range(0, len(value), step)] if isinstance(value, list) else None


def lookup(value: Json, table: Json, default: Json = None) -> Json:
    """Look up a value's text in a table, or in the first column of a setting's rows."""
    key = text_of(value) if value is not None else None
    found: Json
    if isinstance(table, dict) and key is not None:
        found = table.get(key)
        return default if found is None else found
    if isinstance(table, list):
        for row in table:
            cells = list(row.values()) if isinstance(row, dict) else []
            if len(cells) > 1 and text_of(cells[0]) == key:
                found = cells[1]
                return found
    return default


def external_id(context: Json, sort: Json) -> Json:
    """Find an id of this type among `context.externalIds` (Segment) or `context.externalId` (RudderStack)."""
    for name in ("externalIds", "externalId"):
        for one in entries(at(context, name)):
            if same(at(one, "type"), sort) and (found := at(one, "id")) is not None:
                return found
    return None


TABLE = (
    Operator(
        "pick",
        "value key key*",
        "Keep these keys of an object.",
        ('$.traits | pick(plan) => {"plan":"pro"}', "'a' | pick(plan) => null"),
        pick,
    ),
    Operator(
        "omit",
        "value key key*",
        "Leave these keys of an object out.",
        ('$.traits | omit(address) => {"plan":"pro"}', "null | omit(plan) => null"),
        omit,
    ),
    Operator(
        "keys",
        "value",
        "The keys of an object.",
        ('$.traits | keys => ["plan","address"]', "'a' | keys => null"),
        lambda value: list(value) if isinstance(value, dict) else None,
    ),
    Operator(
        "values",
        "value",
        "The values of an object.",
        ('$.traits | omit(address) | values => ["pro"]', "'a' | values => null"),
        lambda value: list(value.values()) if isinstance(value, dict) else None,
    ),
    Operator(
        "flatten",
        "value joint?",
        "Lift nested keys to the top, joined by `.` or the joint.",
        (
            '$.traits | flatten(_) => {"plan":"pro","address_city":"Oslo"}',
            '$.traits | flatten | keys | last => "address.city"',
        ),
        flatten,
    ),
    Operator(
        "compact",
        "value",
        'Leave out what is null, "", [] or {}.',
        ("list('' a) | compact => [\"a\"]", "'' | compact => \"\""),
        compact,
    ),
    Operator(
        "limit",
        "value count",
        "Keep the first so many elements or keys.",
        ("list(1 2 3) | limit(2) => [1,2]", '$.traits | limit(1) => {"plan":"pro"}'),
        limit,
    ),
    Operator(
        "first",
        "value",
        "The first element.",
        ("list(1 2) | first => 1", "'a' | first => null"),
        lambda value: _end(value, 0),
    ),
    Operator(
        "last",
        "value",
        "The last element.",
        ("list(1 2) | last => 2", "'a' | last => null"),
        lambda value: _end(value, -1),
    ),
    Operator(
        "count",
        "value",
        "How many elements, keys or characters.",
        ("list(1 2) | count => 2", "'abc' | count => 3"),
        lambda value: len(value) if isinstance(value, list | dict | str) else None,
    ),
    Operator(
        "sum",
        "value",
        "Add up a list's numbers.",
        ("list(1 2.5) | sum => 3.5", "$.properties.products | pluck(quantity) | sum => 3"),
        total,
    ),
    Operator(
        "min",
        "value",
        "The least of a list's numbers.",
        ("list(3 1) | min => 1", "list(a) | min => null"),
        lambda value: min(_numbers(value), default=None),
    ),
    Operator(
        "max",
        "value",
        "The greatest of a list's numbers.",
        ("list(3 1) | max => 3", "list(a) | max => null"),
        lambda value: max(_numbers(value), default=None),
    ),
    Operator(
        "unique",
        "value",
        "Keep the first of equal elements.",
        ("list(1 2 1) | unique => [1,2]", "list(1 '1') | unique => [1,\"1\"]"),
        unique,
    ),
    Operator(
        "sort",
        "value field?",
        "Sort a list, by a field of its objects if one is named.",
        ("list(3 1 2) | sort => [1,2,3]", '$.properties.products | sort(sku) | pluck(sku) => ["a","b"]'),
        ordered,
    ),
    Operator(
        "pluck",
        "value field",
        "One field of each element.",
        ('$.properties.products | pluck(sku) => ["b","a"]', "list(1) | pluck(sku) => []"),
        pluck,
    ),
    Operator(
        "where",
        "value field op? other?",
        "Keep the elements whose field is not null, or is so: `eq ne lt le gt ge has`, or a `glob` of the other.",
        (
            "$.properties.products | where(sku eq a) | pluck(quantity) => [2]",
            "$.properties.products | where(quantity gt 1) | count => 1",
        ),
        where,
    ),
    Operator(
        "list",
        "one*",
        "A list of these; nulls are left out.",
        ('list(a $.missing 1) => ["a",1]', "list() => []"),
        lambda *one: [each for each in one if each is not None],
        nulls=True,
    ),
    Operator(
        "flat",
        "value",
        "Join a list of lists.",
        ("list([1, 2] [3]) | flat => [1,2,3]", "list(1 2) | flat => [1,2]"),
        flat,
    ),
    Operator(
        "chunk",
        "value size",
        "Cut a list into lists of this size.",
        ("list(1 2 3) | chunk(2) => [[1,2],[3]]", "'a' | chunk(2) => null"),
        chunk,
    ),
    Operator(
        "lookup",
        "value table default?",
        "Look up in one of `tables`, or in a `map` or `table` setting; else the default, or null.",
        ("'Order Completed' | lookup(events) => \"purchase\"", "'Other' | lookup(events none) => \"none\""),
        lookup,
        nulls=True,
    ),
    Operator(
        "external_id",
        "context type",
        "The event's external id of a type.",
        ('external_id(braze_id) => "bz1"', "external_id(other) => null"),
        external_id,
        nulls=True,
    ),
)
