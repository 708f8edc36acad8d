"""JSON Web Tokens: claims signed by a key. Source: RFC 7515, RFC 7518, RFC 7519."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from turnout.clock import SECOND
from turnout.document import Document, Json, encode
from turnout.manifest.values import text_of

ALGORITHMS = ("HS256", "RS256", "ES256")
ASSERTION_S = 3_600
"""How long a service account's assertion holds at most. Source: Google, OAuth 2.0 for server to server."""
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_KEYS = 64
_COORDINATE = 32


class NoKey(ValueError):
    """A key cannot sign so; the message is ours and shows none of it."""


def token(algorithm: str, key: str, claims: Document, header: Document | None = None) -> str:
    """Sign claims. Raises: NoKey."""
    head: Document = {"alg": algorithm, "typ": "JWT", **(header or {})}
    content = f"{_written(encode(head))}.{_written(encode(claims))}"
    return f"{content}.{_written(signature(algorithm, key.encode(), content.encode()))}"


def signature(algorithm: str, key: bytes, content: bytes) -> bytes:
    """Sign bytes: with a shared key, or a private one in PEM. ES256 signs the same alike. Raises: NoKey."""
    if algorithm == "HS256":
        return hmac.digest(key, content, "sha256")
    private = _private(key)
    if algorithm == "RS256" and isinstance(private, rsa.RSAPrivateKey):
        return private.sign(content, padding.PKCS1v15(), SHA256())
    if algorithm == "ES256" and isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name == "secp256r1":
        made = private.sign(content, ec.ECDSA(SHA256(), deterministic_signing=True))
        return b"".join(part.to_bytes(_COORDINATE, "big") for part in decode_dss_signature(made))
    raise NoKey(f"the key is none that {algorithm} signs with")


@lru_cache(maxsize=_KEYS)
def _private(key: bytes) -> object:
    try:
        return load_pem_private_key(key.replace(b"\\n", b"\n"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NoKey("the key is no private key in PEM") from None


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def assertion(account: Json, scopes: Sequence[str], now: int, *, subject: str = "") -> str:
    """Sign the assertion that a Google service account's key is exchanged for a token by. Raises: NoKey.

    `account` is the key file's JSON; `subject` whom it acts for. The exchange is a form to `token_uri` with
    `grant_type` urn:ietf:params:oauth:grant-type:jwt-bearer. Units: `now` in microseconds.
    Source: Google, OAuth 2.0 for server to server; RFC 7523.
    """
    if not isinstance(account, dict) or not account.get("client_email") or not account.get("private_key"):
        raise NoKey("expected the JSON of a service account's key, with `client_email` and `private_key`")
    begins = now // SECOND
    claims: Document = {
        "iss": account["client_email"],
        "scope": " ".join(scopes),
        "aud": text_of(account.get("token_uri")) or TOKEN_URL,
        "iat": begins,
        "exp": begins + ASSERTION_S,
    }
    if subject:
        claims["sub"] = subject
    header: Document = {"kid": account["private_key_id"]} if account.get("private_key_id") else {}
    return token("RS256", text_of(account["private_key"]), claims, header)
