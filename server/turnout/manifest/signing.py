"""Signed assertions: who signs proves itself without a password. Pure."""

from __future__ import annotations

import base64

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from turnout.document import Document, encode

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
LIVES_S = 3600


def google(account: Document, now_s: int) -> str:
    """Sign for a service account of Google: `key` its key file, `scope`, perhaps `subject`. Raises: ValueError.

    Source: RFC 7523, 3; Google, Using OAuth 2.0 for Server to Server Applications.
    """
    written = account.get("key")
    key = orjson.loads(written) if isinstance(written, str) else written
    if not isinstance(key, dict):
        raise ValueError("the key is no JSON object")  # noqa: TRY004 - as what cannot be read
    private = load_pem_private_key(str(key.get("private_key")).encode(), None)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("the key is of another kind")  # noqa: TRY004
    claims: Document = {
        "iss": key.get("client_email"),
        "scope": account.get("scope"),
        "aud": TOKEN_URL,
        "iat": now_s,
        "exp": now_s + LIVES_S,
    }
    claims |= {"sub": account["subject"]} if account.get("subject") else {}
    head: Document = {"alg": "RS256", "typ": "JWT", "kid": key.get("private_key_id")}
    signed = f"{_part(head)}.{_part(claims)}"
    return f"{signed}.{_text(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _part(fields: Document) -> str:
    return _text(encode({name: value for name, value in fields.items() if value is not None}))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
