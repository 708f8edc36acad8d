"""Pixels: a call in the address of an image, for e-mails and pages without a script.

The answer is a transparent GIF of one point, whatever becomes of the call: an image that breaks is seen, and nobody
reads what it says. What was refused is kept with its reason, as for every door.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from urllib.parse import parse_qsl

from turnout.api import answers
from turnout.document import Document, Json, encode

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00"
    b"\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
IMAGE = answers.answer(200, GIF, b"image/gif", (b"cache-control", b"no-store"))
DEPTH = 16
"""Parts of a dotted name that become objects in one another."""


def call(query: bytes) -> bytes:
    """Read a call out of a query: `data`, JSON in base64, or one parameter a field, dots for what is inside.

    >>> call(b"writeKey=k&userId=u_1&event=Opened&properties.subject=Hello+you")
    b'{"writeKey":"k","userId":"u_1","event":"Opened","properties":{"subject":"Hello you"}}'
    """
    fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)
    if (data := dict(fields).get("data")) is not None:
        return _plain(data)
    found: Document = {}
    for name, value in fields:
        _put(found, name.split(".", DEPTH), value)
    return encode(found)


def _plain(data: str) -> bytes:
    text = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return data.encode()


def _put(into: Document, names: list[str], value: str) -> None:
    *outer, last = names
    for name in outer:
        inner: Json = into.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # a text stands there already
        into = inner
    if not isinstance(into.get(last), dict):
        into[last] = value
