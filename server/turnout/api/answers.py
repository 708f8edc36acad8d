"""What the tracking paths answer: bytes made once, in the shape that every Segment client takes.

1. What was taken in is 200 with a JSON object: some clients send a 201 or 204 again, some an empty body.
2. What is not has `code` and `message`: clients that miss one send a 401 again ten times. Ruby's reads `error`.
3. Who asks from a web page may read the answer: any page may send events, that is what write keys are for.

Source: clients-on-the-wire.md 1, tracking-api.md 4 and 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from starlette.types import Send

from turnout.document import Json, encode

Headers: TypeAlias = list[tuple[bytes, bytes]]

JSON = b"application/json"
PREFLIGHT_S = 7200
"""How long a browser may remember what it was allowed: Chromium takes no more."""


class Answer(NamedTuple):
    """One answer: all of it but what a browser is told besides."""

    status: int
    headers: Headers
    body: bytes


def answer(status: int, body: bytes, kind: bytes = JSON, *more: tuple[bytes, bytes]) -> Answer:
    """Make an answer of bytes."""
    size = str(len(body)).encode()
    return Answer(status, [(b"content-type", kind), (b"content-length", size), *more], body)


def told(status: int, body: Mapping[str, Json], *more: tuple[bytes, bytes]) -> Answer:
    """Make an answer of an object."""
    return answer(status, encode(body), JSON, *more)


def refused(status: int, code: str, message: str, *more: tuple[bytes, bytes]) -> Answer:
    """Say what was found, what is expected and what to do."""
    return told(status, {"success": False, "code": code, "message": message, "error": message}, *more)


def later(status: int, code: str, message: str, after_s: int) -> Answer:
    """Ask to try again: every client keeps its events then. A page may read when, or it would come back too soon."""
    shown = (b"access-control-expose-headers", b"retry-after")
    return refused(status, code, message, (b"retry-after", str(after_s).encode()), shown)


TAKEN = told(200, {"success": True})

EMPTY = refused(400, "not_json", "The body is empty; send a JSON object.")
NO_KEY = refused(
    401,
    "missing_write_key",
    "There is no write key; send it as the user name of Basic authentication, or as `writeKey` in the body.",
)
UNKNOWN_KEY = refused(
    401,
    "invalid_write_key",
    "No source has this write key, so nothing was stored; `turnout source list` shows the keys there are.",
)
NO_WRITE_KEY = refused(
    401,
    "invalid_write_key",
    "That is a token, as agents have it for /mcp; an event comes with a write key: `turnout source list` shows them.",
)
NOT_FOUND = refused(
    404,
    "not_found",
    "There is no such path. Events go to /v1/track, /v1/identify and the like, or to /v1/batch; agents to /mcp, and "
    "those of the old transport to /sse of `turnout serve --sse`.",
)
_NO_OAUTH = (
    "No tokens are given out here. Make one with `turnout token create`, and have the client send it in the header "
    "Authorization: Bearer to_..."
)
NO_OAUTH = told(404, {"code": "no_oauth", "message": _NO_OAUTH, "error": "no_oauth", "error_description": _NO_OAUTH})
"""In the shape of OAuth's errors (RFC 6749, 5.2), which clients of agents show to their person."""
BROKE = refused(500, "internal_error", "Something broke on our side; nothing was stored, send it again.")


def not_allowed(methods: str) -> Answer:
    """Name the methods that there are."""
    say = f"This path takes {methods} and OPTIONS; send it so."
    return refused(405, "method_not_allowed", say, (b"allow", f"{methods}, OPTIONS".encode()))


def preflight(headers: Iterable[tuple[bytes, bytes]], methods: str) -> Answer:
    """Allow a browser to send what it says it is about to send; without it each event costs two requests."""
    asked = dict(headers)
    allowed = [
        (b"access-control-allow-methods", f"{methods}, OPTIONS".encode()),
        (b"access-control-max-age", str(PREFLIGHT_S).encode()),
        (b"content-length", b"0"),
    ]
    if names := asked.get(b"access-control-request-headers"):
        allowed.append((b"access-control-allow-headers", names))
    if asked.get(b"access-control-request-private-network") == b"true":
        allowed.append((b"access-control-allow-private-network", b"true"))
    return Answer(200, allowed, b"")


async def give(send: Send, given: Answer, origin: bytes) -> None:
    """Send an answer; `origin` is the page that asks, empty for none."""
    headers = given.headers
    if origin:
        headers = [
            *headers,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),  # sendBeacon always sends them; there are none of ours
            (b"vary", b"Origin"),
        ]
    await send({"type": "http.response.start", "status": given.status, "headers": headers})
    await send({"type": "http.response.body", "body": given.body})
