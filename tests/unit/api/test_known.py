"""Who is asked for, and by which page: read by grammar, on every route alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from support.workspace import Bench, bench
from turnout.api.app import build
from turnout.api.health import Life
from turnout.api.known import LOCAL, known

PATHS = ("/mcp", "/sse", "/messages/", "/.well-known/oauth-protected-resource")
OPEN = ("/v1/track", "/v1/batch", "/v1/import", "/v1/pixel/track", "/v1/projects/x/settings", "/sourceConfig", "/v1/m")
ROUTES = (*PATHS, "/healthz", "/readyz", "/metrics", "/nothing")
OURS = known(LOCAL | {"turnout.lan"}, {"https://desk.example:8443"})

HOSTS = {
    "127.0.0.1:8733": True,
    "turnout.lan": True,
    "192.168.7.7:8733": True,
    "evil.example": False,
    "localhost:1@evil.example": False,
}
ORIGINS = {
    None: True,
    "http://localhost:3000": True,
    "https://desk.example:8443": True,
    "https://evil.example": False,
}


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Bench]:
    """Give an open workspace."""
    with bench(data_dir) as made:
        yield made


@asynccontextmanager
async def asked(workspace: Bench) -> AsyncIterator[httpx2.AsyncClient]:
    async def handed_in(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("in")(scope, receive, send)

    app = build(
        workspace.store, OURS.names, Life("1", 90, lambda: True), origins=OURS.origins,
        paths=dict.fromkeys(PATHS, handed_in),
    )  # fmt: skip
    transport = httpx2.ASGITransport(app)
    async with (
        workspace.store.awake(),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8733") as client,
    ):
        yield client


async def test_every_route_asks_for_the_host_and_for_the_page(opened: Bench) -> None:
    wrong = []
    async with asked(opened) as client:
        for route in ROUTES:
            for host, is_ours in HOSTS.items():
                for origin, may_call in ORIGINS.items():
                    headers = {"host": host} | ({"origin": origin} if origin else {})
                    got = (await client.get(route, headers=headers)).status_code
                    usual = 404 if route == "/nothing" else 200
                    wanted = 421 if not is_ours else 403 if not may_call else usual
                    if got != wanted:
                        wrong.append((route, host, origin, got))

    assert wrong == []


async def test_a_page_that_may_call_agents_paths_is_allowed_by_the_browser_and_may_read_the_answer(
    opened: Bench,
) -> None:
    async with asked(opened) as client:
        for route in PATHS:
            for origin, may_call in ORIGINS.items():
                headers = {"origin": origin or "", "access-control-request-method": "POST"}
                headers["access-control-request-headers"] = "authorization,content-type,mcp-protocol-version"
                before = await client.options(route, headers=headers if origin else {})
                answer = await client.post(route, headers={"origin": origin} if origin else {})
                named = origin if may_call else None
                assert answer.headers.get("access-control-allow-origin") == named, (route, origin)
                assert before.headers.get("access-control-allow-origin") == named, (route, origin)
                if named:
                    assert before.status_code == 200
                    assert before.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
                    assert before.headers["access-control-allow-headers"] == headers["access-control-request-headers"]
                    assert "mcp-session-id" in answer.headers["access-control-expose-headers"]
                    assert "access-control-allow-credentials" not in {**before.headers, **answer.headers}


@pytest.mark.parametrize("route", ["/healthz", "/readyz", "/metrics", "/nothing"])
async def test_no_page_may_read_what_is_for_operators(opened: Bench, route: str) -> None:
    async with asked(opened) as client:
        answer = await client.get(route, headers={"origin": "http://localhost:3000"})

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("page", ["chrome-extension://abcdefgh", "tauri://localhost", "app://obsidian.md"])
def test_a_page_of_a_scheme_of_its_own_may_call_where_it_is_named_and_only_there(page: str) -> None:
    named = known(LOCAL, {page.upper()})

    assert named.origin(page.encode(), b"127.0.0.1:8733")
    assert not OURS.origin(page.encode(), b"127.0.0.1:8733")
    assert not named.origin(f"{page}x".encode(), b"127.0.0.1:8733")


async def test_a_slash_at_the_end_of_agents_paths_is_none(opened: Bench) -> None:
    async with asked(opened) as client:
        found = [
            (await client.post(f"{path}/")).text for path in ("/mcp", "/sse", "/.well-known/oauth-protected-resource")
        ]
        other = await client.post("/mcp//")

    assert found == ["in"] * 3
    assert other.status_code == 404


async def test_any_page_may_send_events_but_not_by_a_name_that_is_none_of_ours(opened: Bench) -> None:
    wrong = []
    async with asked(opened) as client:
        for route in OPEN:
            for host, is_ours in HOSTS.items():
                for origin in filter(None, ORIGINS):
                    got = (await client.post(route, headers={"host": host, "origin": origin})).status_code
                    if got == 403 or (got == 421) is is_ours:
                        wrong.append((route, host, origin, got))

    assert wrong == []


async def test_a_name_that_is_not_ours_is_told_in_the_log_and_not_repeated(
    opened: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async with asked(opened) as client:
        await client.post("/v1/track", headers={"host": "turnout.evil:8733"})
        await client.post("/v1/track", headers={"host": "turnout.lan:8733"})

    assert caplog.messages == [
        "A request asked for a name that is not ours, and was refused: 421; see --allow-host NAME"
    ]


async def test_two_hosts_or_one_strange_page_of_two_are_refused(opened: Bench) -> None:
    async with asked(opened) as client:
        hosts = await client.get("/healthz", headers=[("host", "127.0.0.1"), ("host", "localhost")])
        pages = [("host", "127.0.0.1"), ("origin", "http://localhost"), ("origin", "http://evil.example")]
        origins = await client.get("/healthz", headers=pages)

    assert (hosts.status_code, origins.status_code) == (421, 403)
    assert "--allow-host" in hosts.text
    assert "--allow-origin" in origins.text


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:80", "127.0.0.1", "[::1]:8733", "[::1]", "10.0.0.5", "[fd00::5]:80", "Turnout.Lan"]
)
def test_names_of_ours_and_addresses_are_known(host: str) -> None:
    assert OURS.host(host.encode())


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "localhost:1@evil.example"),
        *("user@localhost", "localhost:", "localhost:80:80", "localhost/", "localhost#", "[localhost]", "[::1", "::1"),
        *("2130706433", "0x7f.1", "127.1", "localhost evil.example", "localhost,evil.example", "127.0.0.1:123456"),
    ],
)
def test_what_only_looks_like_a_name_of_ours_is_none(host: str) -> None:
    assert not OURS.host(host.encode())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost", "127.0.0.1:8733"),
        ("https://127.0.0.1:3000", "127.0.0.1:8733"),
        ("http://127.8.8.8", "127.0.0.1:8733"),
        ("http://[::1]:3000", "127.0.0.1:8733"),
        ("HTTPS://Desk.Example:8443", "127.0.0.1:8733"),
        ("http://turnout.lan:8733", "turnout.lan:8733"),
        ("https://turnout.lan", "turnout.lan"),
        ("http://turnout.lan", "turnout.lan:80"),
    ],
)
def test_local_pages_allowed_ones_and_our_own_may_call(origin: str, host: str) -> None:
    assert OURS.origin(origin.encode(), host.encode())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "127.0.0.1:8733"),
        ("", "127.0.0.1:8733"),
        ("https://desk.example", "127.0.0.1:8733"),
        ("http://desk.example:8443", "127.0.0.1:8733"),
        ("http://localhost:1@evil.example", "127.0.0.1:8733"),
        ("http://localhost.evil.example", "127.0.0.1:8733"),
        ("http://turnout.lan:9000", "turnout.lan:8733"),
        ("http://192.168.7.7", "127.0.0.1:8733"),
        ("file://localhost", "127.0.0.1:8733"),
        ("http://localhost/", "127.0.0.1:8733"),
        ("localhost", "localhost"),
    ],
)
def test_other_pages_may_not_call(origin: str, host: str) -> None:
    assert not OURS.origin(origin.encode(), host.encode())
