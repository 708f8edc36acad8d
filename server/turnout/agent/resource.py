"""What is protected here, and how a client gets in. Source: RFC 9728; RFC 6750, 3.

Tokens are made at the command line (`turnout token create`), so no authorization server is named.
"""

from __future__ import annotations

from turnout.agent.short import TITLE
from turnout.agent.web import METADATA, PATH
from turnout.document import Document
from turnout.guard.principal import Scope

_WANTED = "Send a bearer token (turnout token create) in the header Authorization."
_UNLABELLED = "Authorization holds no bearer token; send it with the word before it: Bearer to_..."
_WRITES = "That is a write key, which only sends events; agents have a token of their own: turnout token create."
_WRONG = "The token is none of this workspace, or it was revoked or has expired."


def metadata(base: str) -> Document:
    """Describe the resource at this address."""
    return {
        "resource": base + PATH,
        "resource_name": TITLE,
        "scopes_supported": [str(each) for each in Scope],
        "bearer_methods_supported": ["header"],
    }


def refusal(given: bytes) -> Document:
    """Say to a person what is missing; `given`: what `Authorization` holds, if anything."""
    return {"error": "invalid_token", "error_description": _wrong(given) or _WANTED}


def challenge(base: str, given: bytes) -> bytes:
    """Write `WWW-Authenticate`: who gave no token is told of no error, and `read` is the least that is of use."""
    wrong = _wrong(given)
    error = f'error="invalid_token", error_description="{wrong}", ' if wrong else ""
    return f'Bearer {error}resource_metadata="{base}{METADATA}{PATH}", scope="{Scope.READ}"'.encode("latin-1")


def _wrong(given: bytes) -> str:
    """Say what is wrong with a header, in words that may stand in one; nothing of one that is not there."""
    scheme, _, token = given.strip().partition(b" ")
    if not scheme:
        return ""
    if scheme.lower() != b"bearer" or not token:
        return _UNLABELLED
    return _WRITES if token.lstrip().startswith((b"wk_", b"test_wk_")) else _WRONG
