"""The short way of a message: a plain call of a tool, read and answered here, without the SDK.

The SDK takes three times as long for a call as the call itself. So a call in the plain form of its era is taken
here, to the same answer, byte for byte of the result; whatever else a client may say is the SDK's to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeGuard

import msgspec

from turnout.agent.answers import Told
from turnout.agent.call import named
from turnout.agent.caller import Asking, Caller
from turnout.agent.card import CAPABILITIES, ERA, MODERN
from turnout.document import Document, Json, encode
from turnout.event.wire import HIGH, LOW, check

NAME, TITLE = "turnout", "Turnout"
try:
    VERSION = version(NAME)
except PackageNotFoundError:  # run from a source tree that is not installed
    VERSION = "0"

_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
_STAMP: Document = {"io.modelcontextprotocol/serverInfo": {"name": NAME, "title": TITLE, "version": VERSION}}
"""What each modern result says of its server."""
_PLAIN = frozenset({"name", "arguments", "_meta"})
_ROUND = _PLAIN | {"inputResponses", "requestState"}
"""What a further round of a call may have besides, since 2026-07-28."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A call of a tool as it came; `token`: what its client wants to hear of progress under."""

    id: int | str
    name: str
    arguments: Mapping[str, Json]
    caller: Caller
    modern: bool
    token: int | str | None = None


def message(line: bytes) -> Document | None:
    """Read a line that is a message of JSON-RPC; None for what is none, or holds what only a slow look tells."""
    said = check(line)
    return said if isinstance(said, dict) and said.get("jsonrpc") == "2.0" else None


def client(hello: Mapping[str, Json]) -> Caller:
    """Give the client of an `initialize`."""
    params = hello.get("params")
    if not isinstance(params, Mapping):
        return Caller()
    declared = params.get("capabilities")
    return Caller(_named(params.get("clientInfo")) or "", declared if isinstance(declared, Mapping) else {})


def call(said: Mapping[str, Json], greeted: Caller | None) -> Asked | None:
    """Take a message for a call; None where it is not a plain one. `greeted`: the client, after its `initialize`."""
    asked, params = said.get("id"), said.get("params")
    if not (is_id(asked) and isinstance(params, Mapping) and params.keys() <= _ROUND):
        return None
    name, arguments, meta = params.get("name"), params.get("arguments"), params.get("_meta")
    if not (isinstance(name, str) and isinstance(arguments, Mapping | None) and isinstance(meta, Mapping | None)):
        return None
    if modern := meta is not None and ERA in meta:
        greeted = _modern(meta, params) if greeted is None else None
    if greeted is None or not (modern or params.keys() <= _PLAIN):
        return None
    token = None if meta is None else meta.get("progressToken")
    return Asked(asked, name, arguments or {}, greeted, modern, token if is_id(token) else None)


def result(asked: Asked, told: Told | Asking) -> bytes:
    """Write the answer to a call as it goes over the wire."""
    if isinstance(told, Asking):
        input_: Document = {"inputRequests": dict(told.requests), "resultType": "input_required"}
        if told.state is not None:
            input_["requestState"] = told.state
        return encode({"jsonrpc": "2.0", "id": asked.id, "result": input_ | {"_meta": _STAMP}})
    body: Document = {"content": told.content, "isError": told.is_error}
    if asked.modern:
        body["resultType"] = "complete"
    if told.structured_content is not None:
        body["structuredContent"] = told.structured_content
    if asked.modern:
        body["_meta"] = _STAMP
    return encode({"jsonrpc": "2.0", "id": asked.id, "result": body})


def is_ping(said: Mapping[str, Json]) -> bool:
    """Tell a ping of the era that has it."""
    params = said.get("params")
    meta = params.get("_meta") if isinstance(params, Mapping) else None
    return said.get("method") == "ping" and not (isinstance(meta, Mapping) and ERA in meta)


def is_id(asked: Json) -> TypeGuard[int | str]:
    """Tell what a request may be numbered with: text, or 64 bits."""
    return isinstance(asked, str) or (isinstance(asked, int) and not isinstance(asked, bool) and LOW <= asked <= HIGH)


def _modern(meta: Mapping[str, Json], params: Mapping[str, Json]) -> Caller | None:
    """Give the client of a whole envelope of our revision, and what it brings; None where that is not whole."""
    declared, said = meta.get(CAPABILITIES), meta.get(_CLIENT)
    responses, state = params.get("inputResponses", {}), params.get("requestState")
    program = "" if said is None else _named(said)
    whole = isinstance(responses, Mapping) and all(isinstance(each, Mapping) for each in responses.values())
    if meta[ERA] != MODERN or not isinstance(declared, Mapping) or program is None or not whole:
        return None
    return Caller(program, declared, responses, state) if isinstance(state, str | None) else None  # type: ignore[arg-type]


def _named(said: Json) -> str | None:
    if not isinstance(said, Mapping):
        return None
    name, number = said.get("name"), said.get("version")
    return named(name, number) if isinstance(name, str) and isinstance(number, str) else None
