"""Operators on text: casts, cleaning and patterns."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from math import isfinite

import orjson

from turnout.document import Json, encode
from turnout.manifest.entry import Operator
from turnout.manifest.places import alnum
from turnout.manifest.values import MAX_INT, number, text_of, whole

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_NUMBER = re.compile(r"\s*[-+]?(\d{1,300}(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?\s*", re.ASCII)
NOT_DIGITS = re.compile(r"[^0-9]+")
_TRUE = frozenset({"true", "1", "yes", "on", "y", "t"})
_FALSE = frozenset({"false", "0", "no", "off", "n", "f", ""})
MAX_MATCHED = 2_000
"""A pattern sees this many characters: what it costs stays bounded."""


def to_number(value: Json) -> Json:
    """Read a number from text; null for what is none."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        if value.strip().lstrip("+-").isdigit():
            return whole(int(value))
        read = float(value)
        return read if isfinite(read) else None
    return number(value)


def to_int(value: Json) -> Json:
    """Cut towards zero, after six decimals: 1998.9999999999998 is 1999."""
    read = to_number(value)
    if isinstance(read, float):
        read = int(round(read, 6))
    return read if isinstance(read, int) and -MAX_INT <= read <= MAX_INT else None


def to_bool(value: Json) -> Json:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    text = text_of(value).strip().lower() if isinstance(value, str | int | float) else ""
    return True if text in _TRUE else False if text in _FALSE and not isinstance(value, dict | list) else None


def unjson(value: Json) -> Json:
    """Read JSON text; null for what is none."""
    if not isinstance(value, str):
        return None
    try:
        read: Json = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return read


def snake(value: Json) -> Json:
    """Write words with underscores."""
    return "_".join(word.lower() for word in _WORDS.findall(text_of(value)))


def slug(value: Json, joint: Json = "-") -> Json:
    """Keep ASCII letters and digits, and put the joint where others were."""
    return re.sub(r"[^A-Za-z0-9]+", lambda _: text_of(joint), text_of(value)).strip(text_of(joint) or None)


def truncate(value: Json, length: Json) -> Json:
    """Cut to so many characters."""
    most = number(length)
    text = text_of(value)
    return text[: max(0, int(most))] if most is not None else text


def replace(value: Json, old: Json, new: Json = "") -> Json:
    """Replace each occurrence; an empty text is never found."""
    return text_of(value).replace(text_of(old), text_of(new)) if text_of(old) else text_of(value)


def split(value: Json, separator: Json) -> Json:
    """Cut at each separator."""
    mark = text_of(separator)
    return list(text_of(value).split(mark)) if mark else [text_of(value)]


def join(value: Json, separator: Json = ",") -> Json:
    """Join a list's texts; nulls are left out."""
    parts = value if isinstance(value, list) else [value]
    return text_of(separator).join(text_of(part) for part in parts if part is not None)


@lru_cache(maxsize=512)
def pattern_of(text: str) -> re.Pattern[str] | None:
    """Compile a pattern; None where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # `[[` means what it meant
            return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return None


def match(value: Json, pattern: Json) -> Json:
    """Search a pattern: its first group, or all that matched; null without a match."""
    compiled = pattern_of(text_of(pattern))
    found = compiled.search(text_of(value)[:MAX_MATCHED]) if compiled else None
    if found is None:
        return None
    return found[1] if found.re.groups else found[0]


def matches(value: Json, pattern: Json) -> bool:
    """Tell whether a pattern is found."""
    compiled = pattern_of(text_of(pattern))
    return compiled is not None and compiled.search(text_of(value)[:MAX_MATCHED]) is not None


def is_pattern(text: str) -> bool:
    """Tell whether a pattern compiles."""
    return pattern_of(text) is not None


def glob(value: Json, pattern: Json) -> bool:
    """Match a whole text against `*` and `?`, in time proportional to both lengths at worst."""
    text, form = text_of(value), text_of(pattern)
    here = there = 0
    star, mark = -1, 0
    while here < len(text):
        if there < len(form) and form[there] == "*":
            star, mark = there, here
            there += 1
        elif there < len(form) and form[there] in {"?", text[here]}:
            here += 1
            there += 1
        elif star >= 0:
            there = star + 1
            mark += 1
            here = mark
        else:
            return False
    return not form[there:].strip("*")


TABLE = (
    Operator("str", "value", "Write as text.", ('12.0 | str => "12"', 'true | str => "true"'), text_of),
    Operator(
        "int",
        "value",
        "Cut to a whole number, towards zero; null for what is no number.",
        ("'12.9' | int => 12", "19.99 * 100 | int => 1999"),
        to_int,
    ),
    Operator(
        "number",
        "value",
        "Read a number; null for what is none.",
        ("'12.50' | number => 12.5", "'a lot' | number => null"),
        to_number,
    ),
    Operator(
        "bool",
        "value",
        "Read true (`true 1 yes on`) or false (`false 0 no off`); else null.",
        ("'yes' | bool => true", "'perhaps' | bool => null"),
        to_bool,
    ),
    Operator(
        "json",
        "value",
        "Write as JSON text.",
        ('list(1 2) | json => "[1,2]"', '\'a\' | json => "\\"a\\""'),
        lambda value: encode(value).decode(),
    ),
    Operator(
        "unjson",
        "value",
        "Read JSON text; null for what is none.",
        ("'[1,2]' | unjson => [1,2]", "'[1,' | unjson => null"),
        unjson,
    ),
    Operator(
        "lower",
        "value",
        "Lower case.",
        ("'AbC' | lower => \"abc\"", "null | lower => null"),
        lambda value: text_of(value).lower(),
    ),
    Operator(
        "upper",
        "value",
        "Upper case.",
        ('usd | upper => "USD"', "'Äh' | upper => \"ÄH\""),
        lambda value: text_of(value).upper(),
    ),
    Operator(
        "trim",
        "value",
        "Take white space off both ends.",
        ("' Ann ' | trim => \"Ann\"", "'' | trim => \"\""),
        lambda value: text_of(value).strip(),
    ),
    Operator(
        "squeeze",
        "value",
        "Trim, and make each run of white space one blank.",
        ("'Viewed  Home ' | squeeze => \"Viewed Home\"", "'a' | squeeze => \"a\""),
        lambda value: " ".join(text_of(value).split()),
    ),
    Operator(
        "title",
        "value",
        "Begin each word with a capital.",
        ("'new york' | title => \"New York\"", "'ANN' | title => \"Ann\""),
        lambda value: text_of(value).title(),
    ),
    Operator(
        "snake",
        "value",
        "Write the words with underscores between.",
        ("'Order Completed' | snake => \"order_completed\"", "'firstName' | snake => \"first_name\""),
        snake,
    ),
    Operator(
        "slug",
        "value joint?",
        "Keep ASCII letters and digits; the joint (`-`) stands for all else.",
        ("'Order: done!' | slug => \"Order-done\"", "'a b' | slug('_') => \"a_b\""),
        slug,
    ),
    Operator(
        "alnum",
        "value",
        "Keep letters and digits.",
        ("'St. Ives' | alnum => \"StIves\"", "'10-20' | alnum => \"1020\""),
        lambda value: alnum(text_of(value)),
    ),
    Operator(
        "digits",
        "value",
        "Keep digits.",
        ("'+1 (555) 010' | digits => \"1555010\"", "'none' | digits => \"\""),
        lambda value: NOT_DIGITS.sub("", text_of(value)),
    ),
    Operator(
        "replace",
        "value old new?",
        "Replace each occurrence of a text.",
        ("'a.b.c' | replace('.' '_') => \"a_b_c\"", "'a-b' | replace('-') => \"ab\""),
        replace,
    ),
    Operator(
        "truncate",
        "value length",
        "Cut to so many characters.",
        ("'abcdef' | truncate(3) => \"abc\"", "'ab' | truncate(3) => \"ab\""),
        truncate,
    ),
    Operator(
        "split",
        "value separator",
        "Cut at each separator.",
        ("'en-GB' | split('-') => [\"en\",\"GB\"]", "'en' | split('-') => [\"en\"]"),
        split,
    ),
    Operator(
        "join",
        "value separator?",
        "Join a list's values as text.",
        ('list(a b) | join => "a,b"', "list(1 2) | join(' ') => \"1 2\""),
        join,
    ),
    Operator(
        "starts",
        "value prefix",
        "Tell whether a text begins so.",
        ("'Order Completed' | starts(Order) => true", "'Order' | starts(order) => false"),
        lambda value, prefix: text_of(value).startswith(text_of(prefix)),
    ),
    Operator(
        "match",
        "value pattern",
        "Search a regular expression: its first group, or all that matched; else null.",
        ("'id=42;' | match('id=([0-9]+)') => \"42\"", "'none' | match('[0-9]') => null"),
        match,
        patterns=(1,),
    ),
    Operator(
        "matches",
        "value pattern",
        "Tell whether a regular expression is found.",
        ("'id=42' | matches('^id=') => true", "'none' | matches('[0-9]') => false"),
        matches,
        patterns=(1,),
    ),
    Operator(
        "glob",
        "value pattern",
        "Match a whole text against `*` and `?`.",
        ("'Order Completed' | glob('Order *') => true", "'Order' | glob('Order ?*') => false"),
        glob,
    ),
)
