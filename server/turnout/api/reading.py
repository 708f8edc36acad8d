"""The body of a request, whole and unpacked, within bounds.

Bytes decide, not headers: Rudder's Node client labels gzipped JSON as a form, analytics.js sends JSON as text. What
`Content-Encoding` says counts where the bytes are neither gzip nor JSON.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import anyio.to_thread
from starlette.types import Receive

from turnout.api.answers import Answer, refused

BODY_BYTES = 5_000_000
"""On the wire and unpacked, each: clients send up to 4 MB. Source: reliability-security.md 7.4."""
ASIDE_BYTES = 65_536
"""Packed bodies beyond this are unpacked in a thread: 5 MB take 15 ms."""
MARK = b"\xef\xbb\xbf"
"""Of the order of bytes, which UTF-8 has not: PowerShell and .NET write it before a text. Source: RFC 8259, 8.1."""
_GZIP = b"\x1f\x8b"
_JSON = (b"{", b"[")
_PLAIN = frozenset({b"", b"identity", b"gzip", b"x-gzip"})
_STEP = 1 << 20
_PIECE = 1 << 12
"""Each member copies what stands behind it of what was given: 250,000 small ones took minutes of the whole body."""

TOO_LARGE = refused(
    400, "body_too_large", f"The body has more than {BODY_BYTES:,} bytes; send fewer events in one request."
)
CODED = refused(
    415,
    "unknown_encoding",
    "The body is in an encoding that is not read here; send it as gzip, deflate, or as it is.",
    (b"accept-encoding", b"gzip, deflate"),
)
BAD_DEFLATE = refused(
    400, "bad_deflate", "The body is said to be deflate and cannot be unpacked; send it whole, as gzip, or as it is."
)
BAD_GZIP = refused(400, "bad_gzip", "The body begins as gzip and cannot be unpacked; send it whole, or without gzip.")


async def read(receive: Receive, coded: bytes = b"") -> bytes | Answer | None:
    """Give the body, or why it is not taken; None where the client is gone. `coded`: its `Content-Encoding`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES:
            return TOO_LARGE
        parts.append(part)
        if not message.get("more_body"):
            break
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    if not (packed := _packed(body, coded)):
        return body.removeprefix(MARK)
    if isinstance(packed, Answer):
        return packed
    if len(body) > ASIDE_BYTES:
        return await anyio.to_thread.run_sync(unpack, body, packed)
    return unpack(body, packed)


class Packing(NamedTuple):
    """How a body is packed: zlib's number for it, and what is said where that is not so."""

    bits: int
    bad: Answer


GZIP = Packing(16 + zlib.MAX_WBITS, BAD_GZIP)
ZLIB = Packing(zlib.MAX_WBITS, BAD_DEFLATE)
RAW = Packing(-zlib.MAX_WBITS, BAD_DEFLATE)
"""Deflate without the frame that it should have; browsers read it, too."""


def _packed(body: bytes, coded: bytes) -> Packing | Answer | None:
    """Tell how a body is packed, None for one that is not, or why it is not read."""
    if body.startswith(_GZIP):
        return GZIP
    if (name := coded.strip(b" \t").lower()) in _PLAIN or body.lstrip().startswith(_JSON):
        return None
    if name != b"deflate":
        return CODED
    return ZLIB if body[:1] == b"\x78" and int.from_bytes(body[:2]) % 31 == 0 else RAW


def unpack(body: bytes, packed: Packing = GZIP) -> bytes | Answer:
    """Unpack one member, or several, in steps, and stop at the bound."""
    parts: list[bytes] = []
    size = at = 0
    view = memoryview(body)
    try:
        while at < len(body):
            stream = zlib.decompressobj(packed.bits)
            while not stream.eof:
                piece = view[at : at + _PIECE]
                part = stream.decompress(piece, _STEP)
                if not part and not piece and not stream.eof:
                    return packed.bad  # it breaks off
                at += len(piece) - max(len(stream.unused_data), len(stream.unconsumed_tail))  # at the end both may be
                size += len(part)
                if size > BODY_BYTES:
                    return TOO_LARGE
                parts.append(part)
    except zlib.error:
        return packed.bad
    return b"".join(parts)
