"""What a write key, a wrong method or a wrong name opens: nothing. Every path, every method, every place for a key."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from support.doors import Door, opened
from support.raw import Raw, Said, request
from turnout.api.tracking import PATHS

METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"),
    *("PROPFIND", "SEARCH", "PURGE", "QUERY", "M-SEARCH", "REPORT", "LINK", "SOURCE"),
)
SENTINEL = "SENTINEL"
PERSON = f"{SENTINEL.lower()}.ann@example.com"
AGENTS = ("/mcp", "/sse", "/messages/", "/.well-known/oauth-protected-resource/mcp", "/.well-known/x")
"""Their refusals are those of their protocol."""
OTHERS = (
    *AGENTS,
    *("/", "/healthz", "/readyz", "/metrics"),
    *("/v1", "/v1/", "/v1/nothing", "/v1/pixel/track", "/v1/pixel/nothing", "/v1/m", "/sourceConfig", "/sourceConfig/"),
    *(
        "/v1/events",
        "/v1/profiles",
        f"/v1/track/{PERSON}",
        "/v1/../readyz",
        "/%76%31/track",
        "/v1/track%2f",
        "/V1/TRACK",
    ),
    *(
        "/api/s/nothing",
        "/projects/",
        "/projects/x/settings",
        "/v1/projects/x/settings",
        "/v1/spaces/x/collections/users",
    ),
)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Serve a workspace that knows a person who can be recognised."""
    with opened(tmp_path_factory.mktemp("doors"), "--sse") as door:
        body = {
            "userId": PERSON, "event": f"{SENTINEL} Bought", "properties": {"a": SENTINEL},
            "context": {"traits": {"email": PERSON}},
        }  # fmt: skip
        for path in ("/v1/track", "/v1/identify", "/v1/page"):
            assert door.post(path, json.dumps({**body, "messageId": f"{SENTINEL}{path}"}).encode()).status == 200
        assert door.post("/v1/track", json.dumps({**body, "event": None}).encode()).status == 200  # it is kept, refused
        yield door


def paths(door: Door) -> list[str]:
    mine = [f"{before}/projects/{door.key}/settings" for before in ("", "/v1")]
    return [*PATHS, *OTHERS, *mine]


def asked(raw: Raw, method: str, path: str, *headers: str, body: bytes = b"") -> Said:
    raw.send(request(path, *headers, method=method, body=body))
    said = raw.answer(method)
    assert said is not None, (method, path)
    return said


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_every_path_is_answered_in_words_for_programs(door: Door, method: str) -> None:
    with Raw(door.server.address) as raw:
        for path in paths(door):
            said = asked(raw, method, path, body=b"" if method in {"GET", "HEAD"} else b"{}")
            assert said.status < 500, (path, said)
            assert said.status in {200, 400, 401, 403, 404, 405}, (path, said)
            if said.status != 200 and method != "HEAD" and path not in AGENTS:
                assert {"code", "message"} <= set(said.told), (path, said)
            if said.status == 405:
                assert method not in said.headers["allow"].split(", "), (path, said)


def test_an_unknown_method_is_refused(door: Door) -> None:
    with Raw(door.server.address) as raw:
        raw.send(request("/v1/track", method="STEAL"))
        assert [(said.status, said.code) for said in raw.answers()] == [(400, "malformed_request")]


def test_a_name_that_is_not_ours_is_refused_on_every_path(door: Door) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost:1@evil.example", "", "127.0.0.1, evil.example"):
        with Raw(door.server.address) as raw:
            for path in paths(door):
                raw.send(request(path, door.basic, method="POST", host=host, body=b"{}"))
                said = raw.answer()
                assert said is not None
                assert (said.status, said.code) == (421, "misdirected"), (host, path)


def places(key: str) -> Iterator[tuple[str, tuple[str, ...], bytes]]:
    """Put a key everywhere: a query, headers, a body."""
    basic = base64.b64encode(f"{key}:".encode()).decode()
    yield f"?writeKey={key}", (), b"{}"
    yield "", (f"Authorization: Basic {basic}",), b"{}"
    yield "", (f"Authorization: Bearer {key}",), b"{}"
    yield "", (f"X-Write-Key: {key}",), b"{}"
    yield "", (), json.dumps({"writeKey": key, "batch": [], "userId": PERSON, "messageId": f"{SENTINEL}-1"}).encode()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "QUERY"])
def test_nothing_that_was_recorded_is_read_with_a_write_key(door: Door, method: str) -> None:
    for key in (door.key, door.test_key):
        for query, headers, body in places(key):
            with Raw(door.server.address) as raw:
                for path in paths(door):
                    said = asked(raw, method, path + query, *headers, body=b"" if method == "GET" else body)
                    told = said.body.replace(path.encode(), b"") + repr(said.headers).encode()
                    assert SENTINEL.lower() not in told.decode("latin-1").lower(), (path, said)


def test_a_write_key_is_no_token_of_an_agent(door: Door) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "find_events", "arguments": {}}}
    accept = ("Accept: application/json, text/event-stream", "Content-Type: application/json")
    for key in (door.key, door.test_key):
        for query, headers, _ in places(key):
            with Raw(door.server.address) as raw:
                said = asked(raw, "POST", f"/mcp{query}", *headers, *accept, body=json.dumps(call).encode())
                assert said.status == 401, (query, headers, said)
                assert asked(raw, "GET", f"/sse{query}", *headers, *accept).status == 401


def test_whether_an_event_or_a_person_is_known_is_not_told(door: Door) -> None:
    """The answers to who sends what is known are those to who sends what is not, but for the date."""
    for path in (*PATHS, "/v1/pixel/track"):
        said = []
        for name in (f"{SENTINEL}/v1/track", "never-seen"):
            call = {
                "type": "track",
                "event": "E",
                "userId": PERSON if name.startswith(SENTINEL) else "nobody",
                "messageId": name,
            }
            answer = door.post(path, json.dumps({**call, "batch": [call], "groupId": "g", "previousId": "p"}).encode())
            answer.headers.pop("date")
            said.append(answer)
        assert said[0] == said[1], path


def test_a_query_of_many_fields_breaks_nothing(door: Door) -> None:
    many = "&".join(["a"] * 3_000)
    for path in ("/sourceConfig", "/v1/pixel/track", "/v1/pixel/identify", "/v1/track", "/v1/projects/x/settings"):
        with Raw(door.server.address) as raw:
            assert asked(raw, "GET", f"{path}?{many}").status < 500
