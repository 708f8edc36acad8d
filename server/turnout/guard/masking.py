"""What an agent may see of strangers' text: personal values masked, and all of it made harmless to read.

Masking is for whoever lacks the scope `people`; identifiers are masked too, except the values that the caller
itself put into the call. Making text harmless is for everyone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from turnout.document import Document, Json, Untrusted
from turnout.guard.personal import DEPTH, Exchange, Role, rewrite, rewrite_beside

LIMIT = 512
"""Characters of one text. Source: reliability-security.md 7.4."""
_ID_LENGTH = 6
_WORDS = 3
_PREFIX = re.compile(r"[A-Za-z]{1,4}[_-]")
_DIGITS = re.compile(r"\+?[\d\s().-]{7,}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HIDDEN = re.compile(
    # Unicode's default ignorables and the rest of the format characters: soft hyphen, zero-width, bidi,
    # variation selectors, fillers, tags
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def mask(value: str) -> str:
    """Mask a personal value so that its owner's neighbours still tell it apart.

    >>> [mask(value) for value in ("ann@example.com", "u_8842", "Ann Smith", "+1 202 555 0142", "203.0.113.9")]
    ['a…@example.com', 'u_…42', 'A… S…', '…42', '203.0.…']
    """
    text = value.strip()
    local, _, domain = text.rpartition("@")
    if local and "." in domain and " " not in text:
        return f"{local[:1] if len(local) > 1 else ''}…@{domain}"
    if address := _address(text):
        return address
    if _DIGITS.fullmatch(text):
        return f"…{text.rstrip(').-')[-2:]}"
    return _word(text)


def mask_document(document: Document, own: frozenset[str] = frozenset()) -> Document:
    """Copy an event with personal fields, e-mails in any text, and repeats of both masked, except what is in `own`."""
    return rewrite(document, frozenset(Role), _masks(own))


def mask_beside(document: Document, beside: Json, own: frozenset[str] = frozenset()) -> Json:
    """Copy what stands beside an event (a request that carried it, an answer) with every personal value masked.

    >>> mask_beside({"traits": {"name": "Ann"}, "context": {"ip": "203.0.113.9"}}, "no Ann from 203.0.113.9, annual")
    'no A… from 203.0.…, annual'
    """
    return rewrite_beside(document, beside, _masks(own))


def _masks(own: frozenset[str]) -> Exchange:
    kept = {value.strip().casefold() for value in own}

    def exchange(role: Role, text: str) -> str:
        if text.strip().casefold() in kept:
            return text
        return f"…{text[-2:]}" if role is Role.PHONE and len(text) >= _ID_LENGTH else mask(text)

    return exchange


def own_values(arguments: Json) -> frozenset[str]:
    """Gather the texts and numbers that a caller put into a call: they are no news to it."""
    match arguments:
        case bool() | None:
            return frozenset()
        case str():
            return frozenset({arguments})
        case int() | float():
            return frozenset({str(arguments)})
        case Mapping():
            return frozenset().union(*map(own_values, arguments.values()))
        case _:
            return frozenset().union(*map(own_values, arguments))


def untrusted(text: str, limit: int = LIMIT) -> Untrusted:
    r"""Make a stranger's text harmless: controls escaped, what cannot be seen removed, capped with `…`.

    >>> untrusted("Order\x1b[2J \u202ecompleted")
    'Order\\u001b[2J completed'
    """
    clean = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", _HIDDEN.sub("", text))
    return Untrusted(clean if len(clean) <= limit else f"{clean[: limit - 1]}…")


def untrusted_json(value: Json, limit: int = LIMIT) -> Json:
    """Make every text and key of a JSON value harmless; what is nested too deep becomes `…`."""

    def walk(value: Json, depth: int) -> Json:
        if isinstance(value, str):
            return untrusted(value, limit)
        if isinstance(value, Mapping):
            return "…" if depth > DEPTH else {untrusted(k, limit): walk(below, depth + 1) for k, below in value.items()}
        if isinstance(value, Sequence):
            return "…" if depth > DEPTH else [walk(below, depth + 1) for below in value]
        return value

    return walk(value, 0)


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if address.version == 4:  # noqa: PLR2004 - the protocol's number
        return ".".join(text.split(".")[:2]) + ".…"
    return ":".join(address.exploded.split(":")[:2]) + ":…"


def _word(text: str) -> str:
    words = text.split()
    if len(words) > 1:
        return " ".join(f"{word[0]}…" for word in words[:_WORDS])
    if len(text) < _ID_LENGTH or text.isalpha():
        return f"{text[0]}…" if len(text) > 2 else "…"  # noqa: PLR2004 - of two, one is half
    prefix = _PREFIX.match(text)
    return f"{prefix[0] if prefix and len(text) >= prefix.end() + 4 else text[0]}…{text[-2:]}"
