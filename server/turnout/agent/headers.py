"""What the headers of a message say: which era, which method, which tool; and whether the body says the same."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from starlette.types import Scope

from turnout.agent.card import LEGACY, MODERN
from turnout.document import Json

TWICE = b"\0twice"
"""What stands for a header that came more than once: it is equal to none."""
_WANTED: Final = frozenset(
    {
        *(b"accept", b"authorization", b"content-length", b"content-type", b"host"),
        *(b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id"),
    }
)
_NAMED: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose subject stands in `Mcp-Name` too, and the argument it is."""


def read(scope: Scope) -> dict[bytes, bytes]:
    """Read the headers that matter here, less the white space around a value: the parser leaves what comes after it."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _WANTED:
            found[name] = TWICE if name in found else value.strip(b" \t")
    return found


def are_plain(found: Mapping[bytes, bytes]) -> bool:
    """Tell JSON of a revision we know, for a client that takes JSON; everything else is the SDK's to refuse."""
    kind = found.get(b"content-type", b"").partition(b";")[0].strip().lower()
    known = found.get(b"mcp-protocol-version") in _VERSIONS
    return known and kind == b"application/json" and not _JSON.isdisjoint(_kinds(found.get(b"accept", b"")))


@lru_cache(maxsize=64)
def _kinds(accept: bytes) -> frozenset[bytes]:
    """Read the kinds of content that a client takes: clients say the same ones."""
    return frozenset([each.partition(b";")[0].strip().lower() for each in accept.split(b",")])


_JSON: Final = frozenset({b"application/json", b"application/*", b"*/*"})
_VERSIONS: Final = frozenset({None, *(each.encode() for each in (*LEGACY, MODERN))})
"""What `MCP-Protocol-Version` says, where it is there: older clients leave it out."""


def take_streams(found: Mapping[bytes, bytes]) -> bool:
    """Tell a client that takes an answer as a stream of events."""
    return b"text/event-stream" in _kinds(found.get(b"accept", b""))


def are_missing(found: Mapping[bytes, bytes], method: str) -> bool:
    """Tell a request of 2026-07-28 without the headers that it must have."""
    return b"mcp-method" not in found or (method in _NAMED and b"mcp-name" not in found)


def contradicted(found: Mapping[bytes, bytes], method: str, params: Json) -> str | None:
    """Say which header differs from the body, where one is there."""
    if (told := found.get(b"mcp-method")) is not None and told != method.encode():
        return "The header Mcp-Method is not the method of the body."
    name = params.get(_NAMED[method]) if method in _NAMED and isinstance(params, Mapping) else None
    if isinstance(name, str) and (told := found.get(b"mcp-name")) is not None and _decoded(told) != name:
        return f"The header Mcp-Name is not the {_NAMED[method]} of the body."
    return None


def _decoded(value: bytes) -> str | None:
    """Read a header that may hold what no header can; None where it is neither."""
    if not (value.startswith(b"=?base64?") and value.endswith(b"?=")):
        return value.decode("latin-1")
    try:
        return b64decode(value[9:-2], validate=True).decode()
    except ValueError:
        return None
