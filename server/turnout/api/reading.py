"""The body of a request, whole and unpacked, within bounds.

Bytes decide, not headers: Rudder's Node client labels gzipped JSON as a form, analytics.js sends JSON as text.
"""

from __future__ import annotations

import zlib

import anyio.to_thread
from starlette.types import Receive

from turnout.api.answers import Answer, refused

BODY_BYTES = 5_000_000
"""On the wire and unpacked, each: clients send up to 4 MB. Source: reliability-security.md 7.4."""
ASIDE_BYTES = 65_536
"""Packed bodies beyond this are unpacked in a thread: 5 MB take 15 ms."""
_GZIP = b"\x1f\x8b"
_STEP = 1 << 20
_PIECE = 1 << 12
"""Each member copies what stands behind it of what was given: 250,000 small ones took minutes of the whole body."""

TOO_LARGE = refused(
    400, "body_too_large", f"The body has more than {BODY_BYTES:,} bytes; send fewer events in one request."
)
BAD_GZIP = refused(400, "bad_gzip", "The body begins as gzip and cannot be unpacked; send it whole, or without gzip.")


async def read(receive: Receive) -> bytes | Answer | None:
    """Give the body, or why it is not taken; None where the client is gone."""
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
    if not body.startswith(_GZIP):
        return body
    if len(body) > ASIDE_BYTES:
        return await anyio.to_thread.run_sync(unpack, body)
    return unpack(body)


def unpack(body: bytes) -> bytes | Answer:
    """Unpack gzip of one or more members in steps, and stop at the bound."""
    parts: list[bytes] = []
    size = at = 0
    view = memoryview(body)
    try:
        while at < len(body):
            stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
            while not stream.eof:
                piece = view[at : at + _PIECE]
                part = stream.decompress(piece, _STEP)
                if not part and not piece and not stream.eof:
                    return BAD_GZIP  # it breaks off
                at += len(piece) - max(len(stream.unused_data), len(stream.unconsumed_tail))  # at the end both may be
                size += len(part)
                if size > BODY_BYTES:
                    return TOO_LARGE
                parts.append(part)
    except zlib.error:
        return BAD_GZIP
    return b"".join(parts)
