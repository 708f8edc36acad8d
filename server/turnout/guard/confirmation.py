"""Sealed tokens: the second call of what cannot be undone proves that the first one showed its plan.

A token is bound to principal, operation, arguments and expiry. Its `spent_id` is a row in the commit of the effect:
it runs at most once, in whichever process.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from turnout.clock import MINUTE
from turnout.document import canonical
from turnout.errors import InvalidConfirmation

LIFETIME = 10 * MINUTE
"""Source: mcp.md 2.6, as the protocol's own request state."""
NONCE = 12
_HASH = 16
_EXPIRY = 8
_TAG = 16
_LENGTH = NONCE + _EXPIRY + 2 * _HASH + _TAG
_FOR = b"turnout confirm 1"


@dataclass(frozen=True, slots=True)
class Opened:
    """A token that is good; `spent_id` is the same each time it is opened."""

    spent_id: str


def seal(key: bytes, principal: str, operation: str, digest: bytes, *, expires: int, nonce: bytes) -> str:
    """Seal a token, 91 URL-safe characters. Shape: AES-256-GCM; `key` of 32 bytes, `nonce` of 12 drawn ones."""
    assert len(nonce) == NONCE, "the nonce fits the cipher"
    bound = expires.to_bytes(_EXPIRY, "big") + _who(principal) + _what(operation, digest)
    return urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, bound, _FOR)).decode().rstrip("=")


def open_token(key: bytes, token: str, principal: str, operation: str, digest: bytes, *, now: int) -> Opened:
    """Open a token for this very call. Raises: InvalidConfirmation."""
    sealed = _bytes(token)
    try:
        bound = AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], _FOR)
    except InvalidTag:
        raise _invalid("is not one that this workspace gave") from None
    expires, who, what = bound[:_EXPIRY], bound[_EXPIRY:-_HASH], bound[-_HASH:]
    if who != _who(principal):
        raise _invalid("was given to another principal")
    if what != _what(operation, digest):
        raise _invalid("is for other arguments")
    if now >= int.from_bytes(expires, "big"):
        raise _invalid("has expired, it holds for 10 minutes")
    return Opened(sealed[:NONCE].hex())


def _bytes(token: str) -> bytes:
    try:
        sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (NotBase64, UnicodeError):
        sealed = b""
    if len(sealed) != _LENGTH or urlsafe_b64encode(sealed).decode().rstrip("=") != token:
        raise _invalid("is not one that this workspace gave")
    return sealed


def _invalid(why: str) -> InvalidConfirmation:
    return InvalidConfirmation(f"The confirm token {why}. Nothing was changed. Call without confirm for a new plan.")


def _who(principal: str) -> bytes:
    return hashlib.blake2b(principal.encode(), digest_size=_HASH).digest()


def _what(operation: str, digest: bytes) -> bytes:
    return hashlib.blake2b(canonical([operation, digest.hex()]), digest_size=_HASH).digest()
