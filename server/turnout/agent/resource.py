"""What is protected here, and how a client gets in. Source: RFC 9728; RFC 6750, 3.

Tokens are made at the command line (`turnout token create`), so no authorization server is named.
"""

from __future__ import annotations

from turnout.agent.short import TITLE
from turnout.agent.web import METADATA, PATH
from turnout.document import Document
from turnout.guard.principal import Scope

_WANTED = "Send a bearer token (turnout token create) in the header Authorization."
_WRONG = "The token is none of this workspace, or it was revoked or has expired."


def metadata(base: str) -> Document:
    """Describe the resource at this address."""
    return {
        "resource": base + PATH,
        "resource_name": TITLE,
        "scopes_supported": [str(each) for each in Scope],
        "bearer_methods_supported": ["header"],
    }


def refusal(*, given: bool) -> Document:
    """Say to a person what is missing; `given`: there was a token."""
    return {"error": "invalid_token", "error_description": _WRONG if given else _WANTED}


def challenge(base: str, *, given: bool) -> bytes:
    """Write `WWW-Authenticate`: who gave no token is told of no error, and `read` is the least that is of use."""
    error = f'error="invalid_token", error_description="{_WRONG}", ' if given else ""
    return f'Bearer {error}resource_metadata="{base}{METADATA}{PATH}", scope="{Scope.READ}"'.encode("latin-1")
