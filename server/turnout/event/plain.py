"""A call as a Python program makes it, as the JSON of an event: each value as JSON can say it, else its path.

| a value | becomes |
| --- | --- |
| `datetime`, `date` | text, ISO 8601 |
| `Decimal` and other real numbers | a number |
| `UUID` | text |
| `bytes` | text, when they are UTF-8 |
| an `Enum` | its value |
| tuples and sets | a list; of a set, in one order whatever the process |
| keys that are numbers, true, false or None | text |
| anything else, NaN, infinities, integers beyond 64 bits, half characters | nothing: it is odd |

Source: what segment-analytics-python 2.4 makes of them, with UUIDs, frozen sets and other mappings besides.

Wire spelling (`messageId`) stands here, in `wire` and in `stored`, nowhere else.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from numbers import Integral, Number, Real
from types import NoneType
from typing import Any, Final
from uuid import UUID

from typing_extensions import override

from turnout import document
from turnout.clock import SECOND
from turnout.document import Document, Json
from turnout.errors import InvalidCall
from turnout.event.model import Kind
from turnout.event.validate import NO_ID
from turnout.event.wire import DEPTH, HIGH, LOW

NOW_S: Final = 5.0
"""A time without a zone that is as near to now is the local clock's; any other is UTC. Source: as above."""
ZONE_S: Final = 48 * 3600.0
"""No local clock is further from UTC; what is cannot always be read by it, as the year 1."""
NO_TIME: Final = "no time (NaT, as data frames have it where there is none)"
_SHOWN: Final = 60
_PATH: Final = 240
"""Characters of a key that an error names, and of the path it is in."""

_TEXTS = {
    "user_id": "userId", "anonymous_id": "anonymousId", "previous_id": "previousId", "group_id": "groupId",
    "event": "event", "category": "category", "name": "name", "message_id": "messageId",
}  # fmt: skip
_OBJECTS = ("properties", "traits", "context", "integrations")
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    Kind.TRACK: ("event",),
    Kind.GROUP: ("group_id",),
    Kind.ALIAS: ("previous_id", "user_id"),
}


class Odd(InvalidCall):
    """A value that JSON cannot say: `found` tells what it is, `path` where it stands."""

    def __init__(self, found: str, path: str = "") -> None:
        """Tell both."""
        super().__init__(
            f"`{path}` is {found}, which an event cannot hold; send text, a finite number, a boolean, None, a date, "
            "or a list or dict of these.",
            found=found,
            path=path,
        )
        self.found = found
        self.path = path

    @override
    def __reduce__(self) -> tuple[type[Odd], tuple[str, str]]:
        """Go from a worker process to its parent."""
        return Odd, (self.found, self.path)

    def within(self, name: str) -> Odd:
        """Give it as seen from one level further out: `name` is a key, or a place in a list such as `[3]`."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        shown = name[:_SHOWN].encode(errors="backslashreplace").decode()
        return Odd(self.found, f"{shown}{joint}{self.path}"[:_PATH])


def plain(kind: Kind, given: Mapping[str, object], now: int, left_out: list[str] | None = None) -> Document:
    """Write the call of these arguments (`user_id` …) as JSON; what is None or empty is absent.

    With `left_out`, what is odd is left out with the key that it stands under, and what it is is added there.
    Raises: InvalidCall, naming an argument that is missing or of the wrong type; Odd.
    """
    texts: Document = {wire: _text(name, value) for name, wire in _TEXTS.items() if _is_there(value := given.get(name))}
    _require(kind, given)  # behind the types: a whole call as one dict, as in JavaScript, is no user id
    at = given.get("timestamp")
    times: Document = {} if at is None else {"timestamp": _moment(at, now)}
    objects = {name: _of(name, value, Mapping, "a dict") for name in _OBJECTS if (value := given.get(name))}
    return {"type": str(kind), **texts, **times, **_object(objects, left_out, 0)}


def _require(kind: Kind, given: Mapping[str, object]) -> None:
    for name in _NEEDED.get(kind, ()):
        if given.get(name) is None:
            raise InvalidCall(f"`{name}` is missing; a call of {kind} needs it.", path=name)
    if kind is not Kind.ALIAS and not (_is_there(given.get("user_id")) or _is_there(given.get("anonymous_id"))):
        raise InvalidCall(NO_ID.say, reason=NO_ID.reason)


def _is_there(value: object) -> bool:
    return value is not None and value != ""


def _text(name: str, value: object) -> str:
    try:
        return _characters(_id(name, value) if name.endswith("_id") else str.__str__(_of(name, value, str, "a string")))
    except Odd as odd:
        raise odd.within(name) from None


def _id(name: str, value: object) -> str:
    """Write an id. NaN is none: data frames have it where nobody is known, and all of those would be one person."""
    given = _of(name, value, (str, Number, UUID), "a string or a number")
    if isinstance(given, Real | Decimal) and not isinstance(given, Integral):
        _real(given)
    return str(given)


def _of(name: str, value: Any, types: type | tuple[type, ...], expected: str) -> Any:
    if not isinstance(value, types):
        raise InvalidCall(f"`{name}` is of type {_type(value)}; send {expected}.", path=name)
    return value


def _moment(given: object, now: int) -> str:
    at: datetime = _of("timestamp", given, datetime, "a datetime")
    if math.isnan(at.year):
        raise Odd(NO_TIME, "timestamp")
    if at.utcoffset() is None:
        utc, now_s = at.replace(tzinfo=UTC), now / SECOND
        local = at.astimezone() if abs(utc.timestamp() - now_s) < ZONE_S else utc
        at = local if abs(local.timestamp() - now_s) < NOW_S else utc
    return at.isoformat()


def _plain(value: object, left_out: list[str] | None, depth: int) -> Json:
    """Write one value. `depth`: how many levels it stands in."""
    if (usual := _USUAL.get(type(value))) is not None:
        return usual(value)
    if isinstance(value, _OBJECT):
        return _object(value, left_out, depth)
    if isinstance(value, _LIST):
        return _list(value, left_out, depth)
    for types, say in _SAYINGS:
        if isinstance(value, types):
            return say(value)
    if isinstance(value, Enum):
        return _plain(value.value, left_out, depth)
    raise Odd(f"of type {_type(value)}")


def _type(value: object) -> str:
    """Name its type; one that has a name of Python's own, as numpy's `bool`, with where it is from."""
    given = type(value)
    is_like = getattr(builtins, given.__name__, given) is not given
    return f"{given.__module__}.{given.__name__}" if is_like else given.__name__


def _object(value: Mapping[Any, object], left_out: list[str] | None, depth: int) -> Document:
    _bound(depth)
    said: Document = {}
    for key, each in value.items():
        try:
            said[_key(key)] = _plain(each, left_out, depth + 1)
        except Odd as odd:
            if left_out is None:
                raise odd.within(str(key)) from None
            left_out.append(odd.found)
    return said


def _list(value: Iterable[object], left_out: list[str] | None, depth: int) -> list[Json]:
    _bound(depth)
    said: list[Json] = []
    for place, each in enumerate(value):
        try:
            said.append(_plain(each, left_out, depth + 1))
        except Odd as odd:
            raise odd.within(f"[{place}]") from None
    return sorted(said, key=document.encode) if isinstance(value, _SETS) else said


def _bound(depth: int) -> None:
    if depth >= DEPTH:
        raise Odd(f"nested deeper than {DEPTH} levels")


def _key(key: object) -> str:
    if isinstance(key, str):
        return _characters(str.__str__(key))
    if key is None or isinstance(key, bool | int | float):
        return document.encode(key).decode()
    raise Odd(f"a key of type {type(key).__name__}")


def _characters(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Odd("text with half a character (a lone surrogate)") from None
    return text


def _whole(number: Any) -> int:
    if not LOW <= number <= HIGH:
        raise Odd("an integer beyond 64 bits")
    return int(number)


def _real(number: Any) -> float:
    try:
        value = float(number)
    except (OverflowError, ValueError):  # a fraction beyond a double, a signalling NaN
        value = math.inf
    if not math.isfinite(value):
        raise Odd("not a finite number")
    return value


def _dated(moment: Any) -> str:
    if math.isnan(moment.year):
        raise Odd(NO_TIME)
    return str(moment.isoformat())


def _decoded(text: Any) -> str:
    try:
        return str(text, "utf-8")
    except UnicodeDecodeError:
        raise Odd("bytes that are not UTF-8") from None


_OBJECT = (dict, Mapping)
_SETS = (set, frozenset)
_LIST = (list, tuple, *_SETS)
_SAYINGS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Json]], ...] = (
    (str, lambda text: _characters(str.__str__(text))),
    (int, _whole),
    (float, _real),
    (date, _dated),
    ((bytes, bytearray), _decoded),
    (UUID, str),
    (Integral, _whole),
    ((Decimal, Real), _real),
)
"""How values that hold no others are said, by type: the first that fits."""
_USUAL: Mapping[type, Callable[[Any], Json]] = {
    str: _characters,
    NoneType: lambda value: value,
    bool: lambda value: value,
    int: _whole,
    float: _real,
}
"""The same for those that nearly all are."""
