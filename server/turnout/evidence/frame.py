"""Evidence on disk: one zstd frame of MessagePack for each settled batch of requests, no trained dictionary.

In JSON, as frames were once, each quote of a body that is itself JSON takes an escape: three times the time to write.
A dictionary trained on the workspace's events would hold people's values where erasure cannot reach them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import zstandard

from turnout import document
from turnout.document import Document
from turnout.evidence import redact
from turnout.exchange import Answer, Append, Ask, Fault, Reply, Request

LEVEL = 1
"""Level 3 takes half as long again for frames of the same size (measured, events of a shop)."""
ERASED = "[erased]"
"""Stands for what would say whom a deletion was about."""
_write = msgspec.msgpack.Encoder().encode
_mine = threading.local()
"""A compressor of each thread's own: making one costs more than a frame."""
FRAME_MAX = 64 * 1024 * 1024
"""Bytes a frame may unpack to; ours are far smaller."""


class Talk(msgspec.Struct, frozen=True):
    """One request's exchange as kept: `turns` are what was asked and answered, secrets out of them.

    `damaged`: a frame that may hold it is not as it was written.
    """

    request: int
    turns: tuple[Document, ...]
    damaged: bool = False


def turn(ask: Ask, reply: Reply, spelled: tuple[tuple[str, str], ...]) -> Document:
    """Write one turn of an exchange for keeping."""
    spelled = redact.signed(ask, spelled)
    return {"asked": _asked(ask, spelled), "answered": _answered(reply, spelled)}


def bare(ask: Ask, reply: Reply) -> Document:
    """Write one turn of which nothing may be kept that says whom it was about: to whom it went, and how it ended."""
    asked: Document = {"body": ERASED}
    if isinstance(ask, Request):
        parts = urlsplit(ask.url)
        host = parts.netloc.rpartition("@")[2]
        asked = {"method": ask.method, "url": f"{parts.scheme}://{host}/{ERASED}", "headers": [], "body": ERASED}
    if isinstance(reply, Answer):
        reply = msgspec.structs.replace(reply, headers=(), body=ERASED.encode())
    return {"asked": asked, "answered": _answered(reply, ())}


def _asked(ask: Ask, spelled: tuple[tuple[str, str], ...]) -> Document:
    if isinstance(ask, Append):
        return {"append": ask.path, "body": redact.text(b"\n".join(ask.lines))}
    return {
        "method": ask.method,
        "url": redact.hide(ask.url, spelled),
        "headers": redact.headers(ask.headers, spelled),
        "body": redact.hide(redact.body(ask), spelled),
    }


def _answered(reply: Reply, spelled: tuple[tuple[str, str], ...]) -> Document:
    if isinstance(reply, Fault):
        return {"fault": str(reply.kind), "took_ms": reply.took_ms}
    told: Document = {
        "status": reply.status,
        "headers": redact.headers(reply.headers, spelled),
        "body": redact.hide(redact.text(reply.body), spelled),
        "took_ms": reply.took_ms,
    }
    return told if reply.whole else {**told, "cut": True}


def pack(talks: Sequence[Talk]) -> bytes:
    """Write a frame."""
    body = _write([(talk.request, talk.turns) for talk in talks])
    packer: zstandard.ZstdCompressor | None = getattr(_mine, "packer", None)
    if packer is None:
        packer = _mine.packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    return packer.compress(body)


def unpack(frame: bytes) -> tuple[Talk, ...]:
    """Read a frame. Raises: ValueError for one that is not as it was written."""
    try:
        if zstandard.frame_content_size(frame) > FRAME_MAX:  # it would be made room for at once
            raise ValueError("the frame is damaged")
        packed = zstandard.ZstdDecompressor().decompress(frame, max_output_size=FRAME_MAX)
        body = document.decode(packed) if packed.startswith(b"[") else msgspec.msgpack.decode(packed)
    except (zstandard.ZstdError, TypeError, msgspec.DecodeError) as error:  # it does not unpack, or not to what it was
        raise ValueError("the frame is damaged") from error
    assert isinstance(body, list)
    return tuple(Talk(request, tuple(turns)) for request, turns in body)


def is_whole(frame: bytes) -> bool:
    """Tell whether a frame is as it was written."""
    try:
        unpack(frame)
    except ValueError:
        return False
    return True


def find(frames: Sequence[bytes], request: int) -> Talk | None:
    """Find a request's talk in the frames that may hold it."""
    damaged = False
    for frame in frames:
        try:
            talks = unpack(frame)
        except ValueError:
            damaged = True
            continue
        for talk in talks:
            if talk.request == request:
                return talk
    return Talk(request, (), damaged=True) if damaged else None


def without(frame: bytes, requests: frozenset[int]) -> bytes | None:
    """Take the content of some requests out of a frame; None when it holds none of them.

    Of a damaged one, of which nobody can tell, nothing is left.
    """
    if not is_whole(frame):
        return pack(()) if frame else None
    talks = unpack(frame)
    if not any(talk.request in requests and talk.turns for talk in talks):
        return None
    return pack([Talk(talk.request, ()) if talk.request in requests else talk for talk in talks])
