"""Operators that encode, hash, sign and escape."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac as _hmac
import re
import uuid

from turnout.document import Json
from turnout.manifest.entry import Operator
from turnout.manifest.values import text_of

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:turnout:manifest")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TWO = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
"""Ten bits, as two letters."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_HEX64 = re.compile(r"[0-9a-fA-F]{64}")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def sha256(value: Json) -> Json:
    """Hash, unless it already is a SHA-256 in hexadecimal."""
    text = text_of(value)
    if len(text) == 64 and _HEX64.fullmatch(text):  # noqa: PLR2004 - so many digits has a hash
        return text.lower()
    return hashlib.sha256(text.encode()).hexdigest()


def hmac(value: Json, key: Json, algorithm: Json = "sha256", encode: Json = "hex") -> Json:
    """Sign with a key."""
    name = text_of(algorithm)
    known = name if name in {"sha1", "sha256", "sha512", "md5"} else "sha256"
    made = _hmac.digest(text_of(key).encode(), text_of(value).encode(), known)
    return base64.b64encode(made).decode() if encode == "base64" else made.hex()


def b64d(value: Json) -> Json:
    """Read base64 as UTF-8 text; null for what is none."""
    text = text_of(value)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def uuid5(value: Json, namespace: Json = "") -> Json:
    """Derive a UUID that is the same each time."""
    return str(uuid.uuid5(_NAMESPACE, f"{text_of(namespace)}\n{text_of(value)}" if namespace else text_of(value)))


def ulid(value: Json) -> Json:
    """Write an id as a ULID: one stays, a UUID keeps its bits, any other text is hashed."""
    text = text_of(value)
    if len(text) == 26 and _ULID.fullmatch(text.upper()):  # noqa: PLR2004 - so many letters has a ULID
        return text.upper()
    bits = int(text.replace("-", ""), 16) if _UUID.fullmatch(text) else _bits(text)
    return "".join([_TWO[bits >> shift & 1023] for shift in range(120, -1, -10)])


def _bits(text: str) -> int:
    """Make 128 bits of an id: a UUID's own, however it is written; else a hash."""
    try:
        return uuid.UUID(text).int
    except ValueError:
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")


def _quote(text: str) -> str:
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in text.encode())


TABLE = (
    Operator(
        "sha256",
        "value",
        "Hash, in hexadecimal; what is such a hash already stays.",
        (
            "'a' | sha256 | truncate(8) => \"ca978112\"",
            "'a' | sha256 | sha256 | truncate(8) => \"ca978112\"",
        ),
        sha256,
    ),
    Operator(
        "sha1",
        "value",
        "Hash with SHA-1, in hexadecimal.",
        ("'a' | sha1 | truncate(8) => \"86f7e437\"", "null | sha1 => null"),
        lambda value: hashlib.sha1(text_of(value).encode(), usedforsecurity=False).hexdigest(),
    ),
    Operator(
        "md5",
        "value",
        "Hash with MD5, in hexadecimal.",
        ("'a' | md5 | truncate(8) => \"0cc175b9\"", "null | md5 => null"),
        lambda value: hashlib.md5(text_of(value).encode(), usedforsecurity=False).hexdigest(),
    ),
    Operator(
        "hmac",
        "value key algorithm? encode?",
        "Sign with a key: `sha256`, `sha1`, `sha512` or `md5`, in `hex` or `base64`.",
        (
            "'a' | hmac(key) | truncate(8) => \"780c3db4\"",
            "'a' | hmac(key sha1 base64) | truncate(8) => \"DbIfBQUv\"",
        ),
        hmac,
    ),
    Operator(
        "b64",
        "value",
        "Write the UTF-8 bytes as base64.",
        ("'user:pass' | b64 => \"dXNlcjpwYXNz\"", "'' | b64 => \"\""),
        lambda value: base64.b64encode(text_of(value).encode()).decode(),
    ),
    Operator(
        "b64d",
        "value",
        "Read base64 as UTF-8 text; null for what is none.",
        ("'YQ==' | b64d => \"a\"", "'%' | b64d => null"),
        b64d,
    ),
    Operator(
        "hex",
        "value",
        "Write the UTF-8 bytes in hexadecimal.",
        ("'az' | hex => \"617a\"", "'' | hex => \"\""),
        lambda value: text_of(value).encode().hex(),
    ),
    Operator(
        "uuid5",
        "value namespace?",
        "Derive a UUID that is the same for the same text.",
        (
            "'a' | uuid5 => \"1f128d2a-ff5e-53d3-8752-149cc280d951\"",
            "('a' | uuid5) == ('a' | uuid5(other)) => false",
        ),
        uuid5,
    ),
    Operator(
        "ulid",
        "value",
        "Write an id as a ULID: a UUID keeps its bits, any other text is hashed.",
        (
            "'01890a5d-ac96-774b-bcce-b302099a8057' | ulid => \"01H455VB4PEX5VSKNK084SN02Q\"",
            "'01H455VB4PEX5VSKNK084SN02Q' | ulid => \"01H455VB4PEX5VSKNK084SN02Q\"",
        ),
        ulid,
    ),
    Operator(
        "urlencode",
        "value",
        "Escape for a part of a URL.",
        ("'a b/c' | urlencode => \"a%20b%2Fc\"", "'é' | urlencode => \"%C3%A9\""),
        lambda value: _quote(text_of(value)),
    ),
    Operator(
        "soql",
        "value",
        "Escape for a text in quotes in SOQL.",
        ('"O\'Neil" | soql => "O\\\\\'Neil"', "'a' | soql => \"a\""),
        lambda value: text_of(value).replace("\\", "\\\\").replace("'", "\\'"),
    ),
    Operator(
        "sql",
        "value",
        "Double the quotes, for a text in quotes in SQL.",
        ('"O\'Neil" | sql => "O\'\'Neil"', "'a' | sql => \"a\""),
        lambda value: text_of(value).replace("'", "''"),
    ),
)
