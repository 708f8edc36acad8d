"""What is said where Starlette would answer with plain words: every refusal has `code` and `message`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from turnout.api import answers
from turnout.api.answers import Answer

_OAUTH = re.compile(
    r"/(register|authorize|token)|(/mcp)?/\.well-known/(oauth-authorization-server|openid-configuration)(/mcp)?"
)
"""Where clients of agents look who gives out tokens, before their person is told that there is none."""


def _refused(request: Request, error: Exception) -> Response:
    """Say that there is no such path, or that it takes another method."""
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow")
    if not allowed:
        return _response(answers.NO_OAUTH if _OAUTH.fullmatch(request.url.path) else answers.NOT_FOUND)
    say = f"This path takes {allowed}; send it so."
    return _response(answers.refused(405, "method_not_allowed", say, (b"allow", allowed.encode())))


def _broke(_: Request, __: Exception) -> Response:
    return _response(answers.BROKE)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {name.decode(): value.decode() for name, value in answer.headers})


HANDLERS: Final[Mapping[Any, Any]] = {HTTPException: _refused, Exception: _broke}
"""By what was raised, as Starlette takes them."""
