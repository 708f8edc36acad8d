"""How a value becomes a body, and how bodies are read: those that answer, and our own where they are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

import orjson

from turnout.document import Document, Json, encode
from turnout.manifest import markup, multipart, sheets
from turnout.manifest.values import gather, text_of

MEDIA = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "ndjson": "application/x-ndjson",
    "xml": "application/xml",
    "csv": "text/csv",
    "graphql": "application/json",
    "multipart": "multipart/form-data",
    "text": "text/plain; charset=utf-8",
}
"""The kinds of bodies, and the content type of each where none is stated."""
ENCODED = "encode"
"""The kind of a body that a function in Python writes."""
DECODES = ("json", "xml", "csv", "form", "text")
ANSWER_BYTES = 1_000_000
"""What is read of an answer; beyond it there is no body. An answer over the wire is far smaller."""


def written(kind: str, value: Json) -> bytes:
    """Write a body of one part. Raises: Unsendable."""
    return _WRITERS[kind](value)


def pairs(value: Json) -> list[tuple[str, str]]:
    """List parameters: one for each element of a list, objects as JSON, no nulls."""
    if not isinstance(value, dict):
        return []
    return [
        (name, text_of(one))
        for name, each in value.items()
        for one in (each if isinstance(each, list) else [each])
        if one is not None
    ]


def _lines(value: Json) -> bytes:
    rows = value if isinstance(value, list) else [value]
    return b"".join(encode(row) + b"\n" for row in rows)


_WRITERS: Mapping[str, Callable[[Json], bytes]] = {
    "": lambda _: b"",
    "json": encode,
    "form": lambda value: urlencode(pairs(value)).encode(),
    "ndjson": _lines,
    "xml": lambda value: markup.write(value).encode(),
    "csv": lambda value: sheets.write(value).encode(),
    "graphql": encode,
    "text": lambda value: text_of(value).encode(),
}


def decoded(how: str, body: bytes) -> Json:
    """Read an answer's body as a manifest says; null where it is something else, or too long."""
    if len(body) > ANSWER_BYTES:
        return None
    match how:
        case "json":
            return _json(body)
        case "xml":
            return markup.read(body)
        case "csv":
            return sheets.records(body.decode("utf-8", "replace"))
        case "form":
            return fields(body.decode("utf-8", "replace"))
        case _:
            return body.decode("utf-8", "replace")


def readable(media: str, body: bytes) -> Json:
    """Read a body that we wrote, for people and tests: what has no better form is text; null when there is none."""
    if not body:
        return None
    match media.partition(";")[0].strip():
        case "application/x-www-form-urlencoded":
            return fields(body.decode("utf-8", "replace"))
        case "application/x-ndjson":
            return [_read(line) for line in body.splitlines()]
        case "text/csv":
            text = body.decode("utf-8", "replace")
            rows = sheets.read(text)
            return text if rows is None else rows
        case kind if kind.startswith("multipart/"):
            return multipart.read(media, body, readable)
        case _:
            return _read(body)


def fields(text: str) -> Document:
    """Read the fields of a form; one that stands several times is a list."""
    found: Document = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        gather(found, name, value)
    return found


def _json(body: bytes) -> Json:
    try:
        read: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return read


def _read(body: bytes) -> Json:
    try:
        read: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
    return read
