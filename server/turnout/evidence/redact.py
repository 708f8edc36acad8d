"""What must not stand in evidence: secrets go under their setting's name, credentials and signatures go out."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

from turnout.exchange import Request

HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"})
BODY_MAX = 65_536
"""Bytes of a body that are kept; the rest is cut, and said to be."""


def spellings(secrets: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """List every way in which a secret may be spelled, the longest first, each with what stands in its place."""
    found: dict[str, str] = {}
    for name, value in secrets.items():
        if len(value) < 4:  # noqa: PLR2004 - three characters stand everywhere by chance
            continue
        mark = f"[{name}]"
        raw = value.encode()
        for text in (value, quote(value, safe=""), quote_plus(value), _escaped(value)):
            found[text] = mark
        found[base64.b64encode(raw).decode().rstrip("=")] = mark
        found[base64.b64encode(raw + b":").decode().rstrip("=")] = mark
    return tuple(sorted(found.items(), key=lambda pair: -len(pair[0])))


def hide(text: str, spelled: tuple[tuple[str, str], ...]) -> str:
    """Put the settings' names in the place of their values."""
    for value, mark in spelled:
        if value in text:
            text = text.replace(value, mark)
    return text


def headers(pairs: tuple[tuple[str, str], ...], spelled: tuple[tuple[str, str], ...]) -> list[list[str]]:
    """Give headers without credentials and signatures."""
    kept = []
    for key, value in pairs:
        lower = key.lower()
        if lower in HIDDEN or "signature" in lower:
            kept.append([key, "[hidden]"])
        else:
            kept.append([key, hide(value, spelled)])
    return kept


def body(request: Request) -> str:
    """Give the text of a request's body, unpacked where it was packed, cut where it is long."""
    raw = request.body
    if any(key.lower() == "content-encoding" and value == "gzip" for key, value in request.headers):
        try:
            raw = gzip.decompress(raw)
        except (OSError, zlib.error, EOFError):
            raw = request.body
    return text(raw)


def text(raw: bytes) -> str:
    """Give bytes as text, cut where they are long."""
    if len(raw) > BODY_MAX:
        return raw[:BODY_MAX].decode("utf-8", "replace") + f"… [{len(raw) - BODY_MAX} bytes more]"
    return raw.decode("utf-8", "replace")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
