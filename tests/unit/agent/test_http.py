"""The door over HTTP: what it answers itself is what the SDK would, and what it asks of every request."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from support.desk import ARGUMENTS, FakeDesk
from support.workspace import PERSON, Bench, bench
from turnout.agent import rest, unread, web
from turnout.agent.bearer import Bearer, Bearers
from turnout.agent.card import CAPABILITIES, ERA, LEGACY, LISTS, MODERN
from turnout.agent.catalogue import TOOLS
from turnout.agent.http import Door
from turnout.agent.sdk import Sdk, serve
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.entropy import SystemEntropy
from turnout.guard.principal import Principal
from turnout.guard.token import Minted, mint
from turnout.operations import tokens

CLIENT = {"name": "c", "version": "1"}
ENVELOPE: dict[str, Any] = {ERA: MODERN, CAPABILITIES: {}, "io.modelcontextprotocol/clientInfo": CLIENT}
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
BASE = "http://127.0.0.1:8733"
Message = dict[str, Any]


@dataclass
class Open:
    """A door, a token that opens it, and the way past it: what the SDK says by itself."""

    workspace: Bench
    minted: Minted
    bearers: Bearers
    door: Door
    sdk: Sdk
    loaded: list[str]
    principals: list[Principal]
    desk: FakeDesk = field(default_factory=FakeDesk)

    @asynccontextmanager
    async def client(self, *, past: bool = False) -> AsyncIterator[httpx2.AsyncClient]:
        async def by_the_sdk(scope: Scope, receive: Receive, send: Send) -> None:
            await self.sdk.answer(self.known(), scope, receive, send)

        transport = httpx2.ASGITransport(by_the_sdk if past else self.door)
        headers = {"authorization": f"Bearer {self.minted.text}"}
        async with httpx2.AsyncClient(transport=transport, base_url=BASE, headers=headers) as made:
            yield made

    def known(self) -> Bearer:
        return self.bearers._known[self.minted.id]  # the one whose token came

    async def post(self, body: bytes, headers: Mapping[str, str], *, past: bool = False) -> httpx2.Response:
        async with self.client(past=past) as client:
            return await client.post("/mcp", content=body, headers=headers)


@pytest.fixture
def workspace(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as made:
        yield made


async def create(workspace: Bench, *scopes: str, days: int | None = None) -> Minted:
    minted = mint(SystemEntropy())
    request = tokens.CreateToken(scopes, None, days, minted)
    await anyio.to_thread.run_sync(workspace.call, tokens.create(both_allowed=False), request, PERSON)
    return minted


USUAL = ("read", "track", "operate", "configure", "privacy")


@asynccontextmanager
async def opened(
    workspace: Bench, minted: Minted, *, rate: int = 10_000, cards: Path | None = None
) -> AsyncIterator[Open]:
    desk = FakeDesk()
    loaded: list[str] = []
    principals: list[Principal] = []

    def give(principal: Principal) -> FakeDesk:
        principals.append(principal)
        return desk

    def load() -> Any:
        loaded.append("sdk")
        return serve

    async with workspace.store.awake(), anyio.create_task_group() as tasks:
        bearers = Bearers(workspace.store, give, USUAL_TOOLSETS, both_allowed=False, rate=rate)
        door = Door(bearers, tasks, load, cards)
        sdk = await tasks.start(serve, USUAL_TOOLSETS, SystemEntropy())
        yield Open(workspace, minted, bearers, door, sdk, loaded, principals, desk)
        tasks.cancel_scope.cancel()


def message(method: str, params: Message | None = None, asked: Any = 7) -> Message:
    said: Message = {"jsonrpc": "2.0", "id": asked, "method": method}
    return said if params is None else said | {"params": params}


def call(name: str, arguments: Message) -> Message:
    return {"name": name, "arguments": arguments}


def modern(method: str, params: Message | None = None, **more: str) -> tuple[Message, dict[str, str]]:
    """Write a request of 2026-07-28 with the headers that it must have."""
    named = {"mcp-name": str(params["name"])} if params and "name" in params else {}
    headers = {**JSON, "mcp-protocol-version": MODERN, "mcp-method": method, **named, **more}
    return message(method, {**(params or {}), "_meta": ENVELOPE}), headers


def legacy(version: str | None, method: str, params: Message | None = None) -> tuple[Message, dict[str, str]]:
    return message(method, params), {**JSON, **({"mcp-protocol-version": version} if version else {})}


HELLO: Message = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT}
CALLS: list[Message] = [
    *(call(tool.name, dict(ARGUMENTS[tool.name])) for tool in TOOLS),
    call("track_event", {"event": "A", "userid": "u"}),
    call("track_events", {}),
]
PLAIN: list[tuple[Message, dict[str, str]]] = [
    *(modern("tools/call", each) for each in CALLS),
    *(legacy(version, "tools/call", each) for version in (None, LEGACY[-1]) for each in CALLS),
    *(legacy(version, "tools/call", CALLS[0]) for version in LEGACY),
    *(legacy(None, "initialize", HELLO | {"protocolVersion": version}) for version in (*LEGACY, "2099-01-01")),
    *(legacy(version, method) for version in (None, LEGACY[0]) for method in (*LISTS, "ping")),
    modern("server/discover"),
    *(modern(method) for method in LISTS),
]
NOTIFICATIONS: list[tuple[Message, dict[str, str]]] = [
    ({"jsonrpc": "2.0", "method": "notifications/initialized"}, JSON),
    ({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}, JSON),
    ({"jsonrpc": "2.0", "method": "notifications/x"}, {**JSON, "mcp-protocol-version": MODERN}),
]


def named(cases: Sequence[tuple[Message, dict[str, str]]]) -> list[str]:
    return [
        f"{at} {headers.get('mcp-protocol-version', '-')} {said['method']} {said.get('params', {}).get('name', '')}"
        for at, (said, headers) in enumerate(cases)
    ]


def told(answer: httpx2.Response) -> tuple[int, str, str]:
    """Give status, kind and body, the keys in their order."""
    body = json.dumps(json.loads(answer.content)) if answer.content else ""
    return answer.status_code, answer.headers.get("content-type", "") if answer.content else "", body


@pytest.mark.parametrize("case", PLAIN, ids=named(PLAIN))
async def test_what_is_plain_is_answered_here_as_the_sdk_answers_it(
    case: tuple[Message, dict[str, str]], workspace: Bench, cards: Path
) -> None:
    said, headers = case
    body = json.dumps(said).encode()

    async with opened(workspace, await create(workspace, *USUAL), cards=cards) as one:
        here = await one.post(body, headers)
        loaded = list(one.loaded)
        there = await one.post(body, headers, past=True)

    assert told(here) == told(there)
    assert loaded == []


@pytest.mark.parametrize("case", NOTIFICATIONS, ids=named(NOTIFICATIONS))
async def test_notifications_are_taken_and_nothing_is_said(
    case: tuple[Message, dict[str, str]], workspace: Bench
) -> None:
    said, headers = case
    body = json.dumps(said).encode()

    async with opened(workspace, await create(workspace, *USUAL)) as one:
        here, there = [await one.post(body, headers, past=past) for past in (False, True)]

    assert (here.status_code, here.content, there.status_code) == (202, b"", 202)
    assert one.loaded == []


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which one server has left its card."""
    folder = tmp_path_factory.mktemp("cards")
    said, headers = modern("tools/list")

    async def leave(workspace: Bench) -> None:
        async with opened(workspace, await create(workspace, *USUAL), cards=folder) as one:
            await one.post(json.dumps(said).encode(), headers)
            assert one.loaded == ["sdk"]

    with bench(tmp_path_factory.mktemp("workspace") / "data") as made:
        anyio.run(leave, made)
    return folder


def wrong(name: str, value: str) -> dict[str, str]:
    return modern("tools/call", CALLS[0])[1] | {name: value}


LEFT = [
    (json.dumps(modern("tools/call", CALLS[0])[0]), wrong("mcp-protocol-version", "2099-01-01"), 400),
    (json.dumps(modern("tools/call", CALLS[0])[0]), wrong("content-type", "text/plain"), 400),
    (json.dumps(modern("tools/call", CALLS[0])[0]), wrong("accept", "text/html"), 406),
    (json.dumps(modern("tools/call", CALLS[0])[0]), JSON | {"mcp-protocol-version": MODERN}, 400),
    (json.dumps(message("tools/call", CALLS[0])), wrong("mcp-method", "tools/call"), 400),
    (json.dumps(modern("tasks/list")[0]), modern("tasks/list")[1], 404),
    (json.dumps(message("tasks/list")), JSON, 200),
    (json.dumps(message("tools/call", CALLS[0] | {"task": {}})), JSON, 200),
]
NO_MESSAGES = ("[]", "", '{"secret', "7", '{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": ["secret"]}',
               '{"jsonrpc": "1.0", "id": 7, "method": "secret"}', json.dumps([message("secret")]))  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status"), LEFT)
async def test_what_is_not_plain_is_the_sdks_to_answer(
    body: str, headers: dict[str, str], status: int, workspace: Bench
) -> None:
    async with opened(workspace, await create(workspace, *USUAL)) as one:
        here = await one.post(body.encode(), headers)
        there = await one.post(body.encode(), headers, past=True)

    assert here.status_code == there.status_code == status
    assert here.content == there.content
    assert one.loaded == ["sdk"]


@pytest.mark.parametrize("version", [LEGACY[-1], MODERN])
@pytest.mark.parametrize("body", NO_MESSAGES)
async def test_what_is_no_message_is_told_in_our_words_as_over_stdio_and_nothing_of_it_repeated(
    body: str, version: str, workspace: Bench
) -> None:
    async with opened(workspace, await create(workspace, *USUAL)) as one:
        here = await one.post(body.encode(), JSON | {"mcp-protocol-version": version})

    heard = rest.read(body.encode())
    assert isinstance(heard, bool)
    assert here.status_code == 400
    assert here.json() == unread.answer(body.encode(), is_json=heard)
    assert "secret" not in here.text


@pytest.mark.parametrize("version", [None, LEGACY[-1], MODERN])
@pytest.mark.parametrize(
    ("header", "value"),
    [("mcp-method", "tools/list"), ("mcp-name", "get_usage"), ("mcp-name", "=?base64?eA==?="), ("mcp-name", "")],
)
async def test_a_header_that_says_something_else_than_the_body_is_400(
    header: str, value: str, version: str | None, workspace: Bench
) -> None:
    said, headers = modern("tools/call", CALLS[0]) if version == MODERN else legacy(version, "tools/call", CALLS[0])

    async with opened(workspace, await create(workspace, *USUAL)) as one:
        answer = await one.post(json.dumps(said).encode(), headers | {header: value})

    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (400, -32020, 7)
    assert one.desk.asked == []


async def test_a_header_that_comes_twice_is_400(workspace: Bench) -> None:
    said, headers = modern("tools/call", CALLS[0])

    async with opened(workspace, await create(workspace, *USUAL)) as one, one.client() as client:
        twice = [*headers.items(), ("mcp-name", headers["mcp-name"])]
        answer = await client.post("/mcp", content=json.dumps(said).encode(), headers=twice)

    assert answer.status_code == 400
    assert one.desk.asked == []


async def test_white_space_around_a_header_is_none_of_it(workspace: Bench) -> None:
    said, headers = modern("tools/call", CALLS[0])

    async with opened(workspace, await create(workspace, *USUAL)) as one:
        answer = await one.post(json.dumps(said).encode(), headers | {"mcp-name": "\ttrack_event  "})

    assert answer.status_code == 200
    assert one.loaded == []


async def test_a_name_that_no_header_can_hold_comes_in_base64(workspace: Bench) -> None:
    said, headers = modern("tools/call", CALLS[0])

    async with opened(workspace, await create(workspace, *USUAL)) as one:
        encoded = {"mcp-name": "=?base64?dHJhY2tfZXZlbnQ=?="}
        answer = await one.post(json.dumps(said).encode(), headers | encoded)

    assert answer.status_code == 200
    assert len(one.desk.asked) == 1


# -- who may ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/mcp", "/messages/?session_id=0"])
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer x", "Basic {token}", "Bearer {token}x", "Bearer {other}"]
)
async def test_without_a_token_that_holds_it_is_401_and_says_where_to_read_on(
    path: str, given: str | None, workspace: Bench
) -> None:
    minted = await create(workspace, "read")
    other = mint(SystemEntropy()).text
    headers = {} if given is None else {"authorization": given.format(token=minted.text, other=other)}

    async with opened(workspace, minted) as one, one.client() as client:
        client.headers.pop("authorization")
        answer = await client.post(path, json={}, headers=headers)

    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    assert f'resource_metadata="{BASE}/.well-known/oauth-protected-resource/mcp"' in challenge
    assert 'scope="read"' in challenge
    assert ('error="invalid_token"' in challenge) is bool(given)
    assert minted.text not in answer.text + challenge


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "Send a bearer token (turnout token create) in the header Authorization."),
        ("{token}", "send it with the word before it: Bearer to_..."),
        ("Basic {token}", "send it with the word before it: Bearer to_..."),
        ("Bearer wk_0123", "That is a write key, which only sends events; agents have a token of their own"),
        ("bearer test_wk_0123", "That is a write key"),
        ("Bearer {token}0", "The token is none of this workspace, or it was revoked or has expired."),
    ],
)
async def test_a_401_says_what_is_wrong_with_the_header(given: str, says: str, workspace: Bench) -> None:
    minted = await create(workspace, "read")

    async with opened(workspace, minted) as one, one.client() as client:
        answer = await client.post("/mcp", json={}, headers={"authorization": given.format(token=minted.text)})

    told = answer.json()["error_description"]
    assert says in told
    assert (f'error_description="{told}"' in answer.headers["www-authenticate"]) is bool(given)


async def test_a_token_with_the_id_of_another_is_none(workspace: Bench) -> None:
    minted, other = await create(workspace, "read"), mint(SystemEntropy())
    forged = Minted(minted.id, other.text.replace(other.id, minted.id), other.digest)

    async with opened(workspace, forged) as one:
        answer = await one.post(b"{}", JSON)

    assert answer.status_code == 401


async def test_a_token_that_was_revoked_is_refused_by_the_next_request(workspace: Bench) -> None:
    minted = await create(workspace, "read")
    said, headers = modern("ping")
    body = json.dumps(said).encode()

    async with opened(workspace, minted) as one:
        before = await one.post(body, headers)
        await workspace.store.transact(lambda unit: unit.entities.revise("local", "revoke_token"))
        await workspace.store.transact(lambda unit: unit.entities.remove("token", minted.id))
        after = await one.post(body, headers)

    assert (before.status_code == 401, after.status_code) == (False, 401)


async def test_a_token_is_refused_from_the_moment_it_expires(workspace: Bench) -> None:
    minted = await create(workspace, "read", days=1)
    said, headers = legacy(None, "ping")
    body = json.dumps(said).encode()

    async with opened(workspace, minted) as one:
        workspace.clock.pass_s(86_399)
        before = await one.post(body, headers)
        workspace.clock.pass_s(1)
        after = await one.post(body, headers)

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_principal_is_its_token_and_its_namespace_test(workspace: Bench) -> None:
    minted = await create(workspace, "read", "live", "track")
    said, headers = legacy(None, "ping")

    async with opened(workspace, minted) as one:
        await one.post(json.dumps(said).encode(), headers)

    (principal,) = one.principals
    assert (principal.name, principal.default_namespace) == (minted.id, "test")
    assert sorted(principal.scopes) == ["live", "read", "track"]


async def test_a_tool_out_of_scope_is_neither_listed_nor_run(workspace: Bench) -> None:
    async with opened(workspace, await create(workspace, "read")) as one:
        listing, headers = modern("tools/list")
        listed = (await one.post(json.dumps(listing).encode(), headers)).json()["result"]["tools"]
        calling, headers = modern("tools/call", CALLS[0])
        answer = await one.post(json.dumps(calling).encode(), headers)

    assert "track_event" not in {tool["name"] for tool in listed}
    assert answer.status_code == 200
    assert answer.json()["result"]["isError"] is True
    assert answer.json()["result"]["content"][0]["text"].startswith("denied: track_event needs the scope track.")
    assert one.desk.asked == []


async def test_a_token_has_its_rate_with_room_for_a_burst(workspace: Bench) -> None:
    said, headers = legacy(None, "ping")
    body = json.dumps(said).encode()

    async with opened(workspace, await create(workspace, "read"), rate=2) as one:
        statuses = [(await one.post(body, headers)).status_code for _ in range(8)]
        refused = await one.post(body, headers)
        workspace.clock.pass_s(0.5)
        again = [(await one.post(body, headers)).status_code for _ in range(2)]

    assert statuses == [200] * 8
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert again == [200, 429]


async def test_uses_are_noted_at_once_and_then_at_the_end(workspace: Bench) -> None:
    minted = await create(workspace, "read")
    said, headers = legacy(None, "ping")
    body = json.dumps(said).encode()

    async def used() -> int:
        return (await workspace.store.read(lambda view: view.uses.all())).get(minted.id, 0)

    async with opened(workspace, minted) as one:
        before, first = await used(), workspace.clock.now()
        await one.post(body, headers)
        with anyio.fail_after(60):
            while not await used():
                await workspace.store.changed(1)
        soon = await used()
        workspace.clock.pass_s(5)
        await one.post(body, headers)
        meanwhile = await used()
    async with workspace.store.awake():
        after = await used()

    assert (before, soon, meanwhile, after) == (0, first, first, first + 5_000_000)


# -- the rest of HTTP --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS", "HEAD"])
async def test_there_is_no_stream_to_listen_to(method: str, workspace: Bench) -> None:
    async with opened(workspace, await create(workspace, "read")) as one, one.client() as client:
        answer = await client.request(method, "/mcp")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or "It is for agents, with a bearer token" in answer.json()["error_description"]


@pytest.mark.parametrize("told_before", [True, False])
async def test_a_body_over_4_mib_is_413(told_before: bool, workspace: Bench) -> None:  # noqa: FBT001 - a parameter
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (1 << 20)

    async with opened(workspace, await create(workspace, "read")) as one, one.client() as client:
        content = b" " * (web.BODY + 1) if told_before else pieces()
        answer = await client.post("/mcp", content=content, headers=JSON)

    assert answer.status_code == 413
    assert str(web.BODY) in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
async def test_what_is_protected_is_told_to_everybody(path: str, workspace: Bench) -> None:
    async with opened(workspace, await create(workspace, "read")) as one, one.client() as client:
        client.headers.pop("authorization")
        answer, posted = await client.get(path), await client.post(path)

    assert (answer.status_code, posted.status_code) == (200, 405)
    assert answer.json()["resource"] == f"{BASE}/mcp"
    assert answer.json()["bearer_methods_supported"] == ["header"]
    assert "track" in answer.json()["scopes_supported"]


SLOW = {"name": "track_event", "arguments": {"event": "A", "user_id": "u", "wait_seconds": 2}}


@pytest.mark.parametrize("version", [LEGACY[-1], MODERN])
async def test_whoever_gave_a_token_hears_of_progress_in_a_stream(version: str, workspace: Bench) -> None:
    said, headers = modern("tools/call", SLOW) if version == MODERN else legacy(version, "tools/call", SLOW)
    said["params"] = {**said["params"], "_meta": {**said["params"].get("_meta", {}), "progressToken": 7}}

    async with opened(workspace, await create(workspace, *USUAL)) as one:
        answer = await one.post(json.dumps(said).encode(), headers)

    assert answer.headers["content-type"] == "text/event-stream"
    *told, last = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if "data: " in line]
    assert [(each["method"], each["params"]["progressToken"]) for each in told] == [
        ("notifications/progress", 7) for _ in told
    ]
    assert [each["params"]["progress"] for each in told] == list(range(1, len(told) + 1))
    assert told
    assert last["id"] == 7
    assert last["result"]["structuredContent"]["message_id"] == "m_1"
    assert one.loaded == []


async def test_who_takes_no_stream_and_a_call_that_is_quick_are_answered_in_one_piece(workspace: Bench) -> None:
    answers = []
    async with opened(workspace, await create(workspace, *USUAL)) as one:
        for params, accept in ((SLOW, "application/json"), (CALLS[0], JSON["accept"])):
            said, headers = modern("tools/call", params, accept=accept)
            said["params"]["_meta"] = {**ENVELOPE, "progressToken": 7}
            answers.append(await one.post(json.dumps(said).encode(), headers))

    assert [each.headers["content-type"] for each in answers] == ["application/json"] * 2
    assert all("result" in each.json() for each in answers)


def cancelled(asked: Any) -> bytes:
    return json.dumps({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": asked}
    }).encode()  # fmt: skip


async def greeted(one: Open, capabilities: Message) -> dict[str, str]:
    """Greet; give the headers that go on with the session."""
    hello = {"protocolVersion": LEGACY[-1], "capabilities": capabilities, "clientInfo": {"name": "c", "version": "1"}}
    answer = await one.post(json.dumps(message("initialize", hello)).encode(), JSON)
    return {**JSON, "mcp-protocol-version": LEGACY[-1], "mcp-session-id": answer.headers["mcp-session-id"]}


@pytest.mark.parametrize("capabilities", [{}, {"elicitation": {}}])
async def test_a_call_that_its_client_cancels_is_over_and_no_other_one(capabilities: Message, workspace: Bench) -> None:
    slow = call("track_event", {"event": "A", "user_id": "u", "wait_seconds": 30})
    ended: dict[str, httpx2.Response] = {}

    async with opened(workspace, await create(workspace, *USUAL)) as one:
        mine, theirs = await greeted(one, capabilities), await greeted(one, capabilities)
        await one.bearers.find(f"Bearer {one.minted.text}".encode())

        async def wait(name: str, headers: dict[str, str]) -> None:
            ended[name] = await one.post(json.dumps(message("tools/call", slow)).encode(), headers)

        async with anyio.create_task_group() as tasks:
            for name, headers in (("mine", mine), ("theirs", theirs)):
                tasks.start_soon(wait, name, headers)
            with anyio.fail_after(5):
                while len(one.known().underway) < 2:
                    await anyio.lowlevel.checkpoint()
                for asked in (8, "7", None, [7]):  # of nobody
                    assert (await one.post(cancelled(asked), mine)).status_code == 202
                assert (await one.post(cancelled(7), JSON)).status_code == 202, "nor without the session"
                assert (await one.post(cancelled(7), mine)).status_code == 202
                while "mine" not in ended:
                    await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            left = len(one.known().underway)
            tasks.cancel_scope.cancel()

    assert list(ended) == ["mine"]
    assert ended["mine"].json()["error"]["message"] == "Cancelled. What was recorded stays."
    assert left == 1
    assert one.desk.asked == []


async def test_a_client_that_goes_away_ends_its_wait(workspace: Bench) -> None:
    said, headers = modern("tools/call", call("track_event", {"event": "A", "user_id": "u", "wait_seconds": 30}))
    minted = await create(workspace, *USUAL)
    body = [json.dumps(said).encode()]
    sent: list[Any] = []

    async def receive() -> Any:
        if body:
            return {"type": "http.request", "body": body.pop()}
        return {"type": "http.disconnect"}

    async def send(part: Any) -> None:
        sent.append(part)

    async with opened(workspace, minted) as one:
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        lines.append((b"authorization", f"Bearer {minted.text}".encode()))
        with anyio.fail_after(60):
            await one.door({"type": "http", "method": "POST", "path": "/mcp", "headers": lines}, receive, send)

    assert sent == []
    assert one.desk.asked == []
