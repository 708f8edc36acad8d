"""Proves who asks: bearer, basic, header and query, and the signature of Standard Webhooks."""

from __future__ import annotations

import base64
import hmac

from turnout.clock import SECOND
from turnout.exchange import Moment


def bearer(token: str) -> tuple[str, str]:
    """Make the header for a token. Source: RFC 6750, 2.1."""
    return "authorization", f"Bearer {token}"


def basic(user: str, password: str) -> tuple[str, str]:
    """Make the header for a name and a password, either of which may be empty. Source: RFC 7617, 2."""
    return "authorization", f"Basic {credentials(user, password)}"


def credentials(user: str, password: str) -> str:
    """Encode a name and a password."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


SIGNATURE = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})
"""Headers that `signed` makes."""


def signed(keys: tuple[bytes, ...], moment: Moment, body: bytes) -> tuple[tuple[str, str], ...]:
    """Make the headers of Standard Webhooks: one signature for each key, none without a key.

    Source: Standard Webhooks 1.0: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    """
    stamp = str(moment.now // SECOND)
    headers = (("webhook-id", moment.request_id), ("webhook-timestamp", stamp))
    if not keys:
        return headers
    content = f"{moment.request_id}.{stamp}.".encode() + body
    marks = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return (*headers, ("webhook-signature", " ".join(f"v1,{mark}" for mark in marks)))
