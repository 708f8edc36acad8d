"""Bodies of several parts: fields, and files that are written here. Source: RFC 7578.

A part is `{field, kind, value, name, media}`: `kind` is `field` for plain text, else how the file is written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator

from turnout.document import Document, Json, encode
from turnout.manifest import markup, sheets
from turnout.manifest.values import gather, text_of

FILES = {"csv": "text/csv", "json": "application/json", "xml": "application/xml", "text": "text/plain; charset=utf-8"}
"""How a file may be written, and its content type where none is stated."""
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""Source: the HTML standard, multipart/form-data encoding."""
_SAID = re.compile(r'; (name|filename)="([^"]*)"')


def is_file(raw: Json) -> bool:
    """Tell whether a part is written as a file: one of its kinds, and at most `name` and `media` beside it."""
    return isinstance(raw, dict) and len(raw.keys() & FILES.keys()) == 1 and raw.keys() <= {*FILES, "name", "media"}


def part(field: str, raw: Json) -> Document:
    """Write down one part of a body as it stands under `multipart`."""
    if not isinstance(raw, dict) or not is_file(raw):
        return {"field": field, "kind": "field", "value": raw}
    kind = next(one for one in FILES if one in raw)
    beside: Document = {key: raw[key] for key in ("name", "media") if key in raw}
    return {"field": field, "kind": kind, "value": raw[kind], **beside}


def write(value: Json, request_id: str, *, boundary: str = "") -> tuple[bytes, str]:
    """Write parts, and give the boundary: one stated, or made of the request's id. Raises: Unsendable."""
    listed = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    parts = [found for one in listed for found in _parts(one)]
    boundary = boundary or _boundary(request_id, b"".join(parts))
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts) + mark + b"--\r\n", boundary


def _parts(given: Document) -> Iterator[bytes]:
    kind, value = given["kind"], given.get("value")
    field = text_of(given["field"]).translate(_QUOTED)
    if value is None:
        return
    if kind == "field":
        for one in value if isinstance(value, list) else [value]:
            yield f'Content-Disposition: form-data; name="{field}"\r\n\r\n{text_of(one)}'.encode()
        return
    name = text_of(given.get("name") or f"{field}.{'txt' if kind == 'text' else kind}").translate(_QUOTED)
    media = text_of(given.get("media") or FILES[text_of(kind)]).translate(_QUOTED)
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {media}\r\n\r\n'
    yield head.encode() + _file(text_of(kind), value)


def _file(kind: str, value: Json) -> bytes:
    match kind:
        case "csv":
            return sheets.write(value).encode()
        case "xml":
            return markup.write(value).encode()
        case "json":
            return encode(value)
        case _:
            return text_of(value).encode()


def _boundary(request_id: str, inside: bytes) -> str:
    """Make a boundary that stands nowhere inside: the same for the same request."""
    boundary = "turnout-" + hashlib.sha256(request_id.encode()).hexdigest()[:32]
    while boundary.encode() in inside:
        boundary = "turnout-" + hashlib.sha256(boundary.encode() + inside).hexdigest()[:32]
    return boundary


def read(media: str, body: bytes, show: Callable[[str, bytes], Json]) -> Json:
    """Read parts that were written here: a field's text, or `{name, media, body}` of a file, shown as its media is."""
    mark = b"--" + media.rpartition("boundary=")[2].encode()
    found: Document = {}
    for raw in body.split(mark + b"\r\n")[1:]:
        head, _, content = raw.partition(b"\r\n\r\n")
        content = content.removesuffix(mark + b"--\r\n").removesuffix(b"\r\n")
        told = head.decode("utf-8", "replace")
        said = dict(_SAID.findall(told))
        value: Json = content.decode("utf-8", "replace")
        if "filename" in said:
            kind = told.rpartition("Content-Type: ")[2]
            value = {"name": said["filename"], "media": kind, "body": show(kind, content)}
        gather(found, said.get("name", ""), value)
    return found
