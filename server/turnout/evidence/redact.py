"""What must not stand in evidence: secrets go under their setting's name, credentials and signatures go out."""

from __future__ import annotations

import base64
import gzip
import html
import zlib
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

import msgspec

from turnout.document import encode
from turnout.exchange import Ask, Outcome, Request
from turnout.outcome import TEXT_CHARACTERS

HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"})
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
"""What a whole URL may hold as it is: a secret in a path is escaped no further."""
BODY_MAX = 65_536
"""Bytes of a body that are kept; the rest is cut, and said to be."""
_CUT = "… ["
_GZIP = b"\x1f\x8b"
"""How what was packed begins. Source: RFC 1952, 2.3.1."""
NAMES_KEPT = 1_024
_LEAST = 4
"""Shorter secrets are not hidden: three characters stand everywhere by chance."""


def spellings(secrets: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """List every way in which a secret may be spelled, the longest first, each with what stands in its place."""
    found: dict[str, str] = {}
    for name, value in secrets.items():
        if len(value) < _LEAST:
            continue
        mark = f"[{name}]"
        raw = value.encode()
        found |= dict.fromkeys((value, *_in_urls(value), *_in_json(value), *_in_markup(value)), mark)
        found[base64.b64encode(raw).decode().rstrip("=")] = mark
        found[base64.b64encode(raw + b":").decode().rstrip("=")] = mark
    return tuple(sorted(found.items(), key=lambda pair: -len(pair[0])))


def hide(text: str, spelled: tuple[tuple[str, str], ...]) -> str:
    """Put the settings' names in the place of their values; what a cut left of one at the end is a value, too."""
    if not spelled:
        return text
    for value, mark in spelled:
        if value in text:
            text = text.replace(value, mark)
    kept, cut, more = text.rpartition(_CUT)
    if not cut:
        return text
    for value, mark in spelled:
        length = next((n for n in range(len(value) - 1, _LEAST - 1, -1) if kept.endswith(value[:n])), 0)
        kept = kept[:-length] + mark if length else kept
    return kept + cut + more


def signed(ask: Ask, spelled: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Add the proofs of a request, its signatures, to what must not be told of it and of its answer."""
    return spellings(dict(ask.proofs)) + spelled if isinstance(ask, Request) and ask.proofs else spelled


def outcome(found: Outcome, spelled: tuple[tuple[str, str], ...]) -> Outcome:
    """Hide in the destination's own words what it echoes; they are cut at their bound, and so may be what it echoes."""
    if not found.text:
        return found
    cut = _CUT if len(found.text) >= TEXT_CHARACTERS else ""
    return msgspec.structs.replace(found, text=hide(found.text + cut, spelled).removesuffix(cut)[:TEXT_CHARACTERS])


def headers(pairs: tuple[tuple[str, str], ...], spelled: tuple[tuple[str, str], ...]) -> list[list[str]]:
    """Give headers without credentials and signatures."""
    if not spelled and True not in map(_is_hidden, [key for key, _ in pairs]):
        return list(map(list, pairs))
    return [[key, "[hidden]" if _is_hidden(key) else hide(value, spelled)] for key, value in pairs]


@lru_cache(NAMES_KEPT)
def _is_hidden(name: str) -> bool:
    """Tell whether a header holds a credential or a signature by its name."""
    lower = name.lower()
    return lower in HIDDEN or "signature" in lower


def body(request: Request) -> str:
    """Give the text of a request's body, unpacked where it was packed, cut where it is long."""
    raw = request.body
    if raw.startswith(_GZIP) and any(
        key.lower() == "content-encoding" and value == "gzip" for key, value in request.headers
    ):
        try:
            raw = gzip.decompress(raw)
        except (OSError, zlib.error, EOFError):
            raw = request.body
    return text(raw)


def text(raw: bytes) -> str:
    """Give bytes as text, cut where they are long."""
    if len(raw) > BODY_MAX:
        return raw[:BODY_MAX].decode("utf-8", "replace") + f"{_CUT}{len(raw) - BODY_MAX} bytes more]"
    return raw.decode("utf-8", "replace")


def _in_urls(value: str) -> tuple[str, ...]:
    return quote(value, safe=""), quote(value, safe=_URL_SAFE), quote_plus(value)


def _in_json(value: str) -> tuple[str, ...]:
    """Escape as encoders do: in ASCII or not, and some the slash, too."""
    plain = encode(value).decode()[1:-1]
    ascii_only = "".join(one if " " <= one <= "~" else _by_number(one) for one in plain)
    return plain, ascii_only, plain.replace("/", "\\/"), ascii_only.replace("/", "\\/")


def _by_number(letter: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in memoryview(letter.encode("utf-16")[2:]).cast("H"))


def _in_markup(value: str) -> tuple[str, ...]:
    return html.escape(value, quote=False), html.escape(value)
