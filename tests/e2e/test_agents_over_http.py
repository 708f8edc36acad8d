"""Agents over HTTP as they really come: a real server, the official client in both eras, and raw requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from anyio.abc import SocketAttribute, TaskStatus
from mcp import Client
from mcp.client.sse import sse_client
from mcp.types import PromptReference, TextResourceContents

from support.agents import LOOPBACK, Agent, web_agent
from support.program import Program, Served
from support.worker import until
from turnout.agent.card import CAPABILITIES, ERA, MODERN
from turnout.agent.catalogue import TOOLS

both_eras = pytest.mark.parametrize("mode", ["auto", "legacy"])
USUAL = "read,track,operate,configure,privacy"
META = {ERA: MODERN, CAPABILITIES: {}}
PATIENCE_S = 60
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@dataclass(frozen=True, slots=True)
class Web:
    """A server, and tokens for it."""

    program: Program
    server: Served
    known: dict[str, str] = field(default_factory=dict)

    @property
    def mcp(self) -> str:
        return f"{self.server.address}/mcp"

    async def made(self, scopes: str) -> Any:
        """Make a token."""
        return await self.tell("token", "create", "--scopes", scopes)

    async def token(self, scopes: str = USUAL) -> str:
        """Give the one token of these scopes that tests share."""
        if scopes not in self.known:
            self.known[scopes] = (await self.made(scopes))["token"]
        return self.known[scopes]

    async def tell(self, *words: str) -> Any:
        return await anyio.to_thread.run_sync(self.program.tell, *words)

    @asynccontextmanager
    async def agent(self, mode: str = "auto", scopes: str = USUAL) -> AsyncIterator[Agent]:
        async with web_agent(self.server.address, await self.token(scopes), mode) as one:
            yield one


@contextmanager
def served(folder: Path, *words: str, settings: Mapping[str, str] | None = None) -> Iterator[Web]:
    program = Program(folder / "data", tuple({**LOOPBACK, "TURNOUT_LOG": "debug", **(settings or {})}.items()))
    with program.served(folder / "log", *words) as server:
        yield Web(program, server)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Give a server that all tests here may ask, with the old transport too."""
    with served(tmp_path_factory.mktemp("web"), "--sse") as made:
        yield made
        assert made.server.stop() == 0


def call(name: str, **arguments: Any) -> tuple[bytes, dict[str, str]]:
    """Write a call of 2026-07-28."""
    params = {"name": name, "arguments": arguments, "_meta": META}
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
        "mcp-name": name,
    }
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode(), headers


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# -- clients ---------------------------------------------------------------------------------------------------


@both_eras
async def test_a_client_lists_and_calls_as_over_stdio(web: Web, mode: str) -> None:
    async with web.agent(mode) as one:
        listed = await one.client.list_tools()
        sent = await one.ask("track_event", event="A", user_id=f"u_{mode}")
        found = await one.ask("find_events", user_id=f"u_{mode}")

    assert [tool.name for tool in listed.tools] == [tool.name for tool in TOOLS]
    assert [row["message_id"] for row in found["events"]] == [sent["message_id"]]
    assert sent["namespace"] == "test"


@both_eras
async def test_a_resource_says_what_its_tool_says_masks_and_all(web: Web, mode: str) -> None:
    paid = {"event": f"Paid by ann@example.com {mode}", "user_id": "ann@example.com"}
    async with web.agent(mode) as one:
        sent = await one.ask("track_event", **paid, wait_seconds=20)  # it changes no more between two readings
        (content,) = (await one.client.read_resource(f"turnout://journey/{sent['message_id']}")).contents
        told = await one.ask("debug_event_delivery", message_id=sent["message_id"], diff=True)
        names = await one.client.complete(
            PromptReference(type="ref/prompt", name="debug_delivery"), {"name": "event", "value": "paid by"}
        )

    assert isinstance(content, TextResourceContents)
    assert json.loads(content.text) == told
    assert "ann@example.com" not in content.text
    assert f"Paid by a…@example.com {mode}" in names.completion.values


@both_eras
async def test_the_old_transport_serves_the_same(web: Web, mode: str) -> None:
    headers = bearer(await web.token())

    async with Client(sse_client(f"{web.server.address}/sse", headers=headers), mode=mode) as client:
        listed = await client.list_tools()
        told = await Agent(client).ask("track_event", event="A", user_id="sse")

    assert len(listed.tools) == len(TOOLS)
    assert told["namespace"] == "test"


async def test_a_stream_takes_messages_of_its_own_token_alone(web: Web) -> None:
    mine, other = await web.token(), await web.token("read")

    async with (
        httpx2.AsyncClient(base_url=web.server.address, timeout=PATIENCE_S) as client,
        client.stream("GET", "/sse", headers=bearer(mine)) as stream,
    ):
        lines = stream.aiter_lines()
        while not (line := await anext(lines)).startswith("data: "):
            pass
        where = line.removeprefix("data: ")
        statuses = [(await client.post(where, json=PING, headers=bearer(who))).status_code for who in (other, mine)]
        without = (await client.post(where, json=PING)).status_code

    assert (statuses, without) == ([404, 202], 401)


# -- who may ---------------------------------------------------------------------------------------------------


async def test_a_token_that_is_revoked_ends_a_session_at_its_next_call(web: Web) -> None:
    made = await web.made(USUAL)
    async with httpx2.AsyncClient(headers=bearer(made["token"]), timeout=PATIENCE_S) as client:
        body, headers = call("get_usage")
        before = await client.post(web.mcp, content=body, headers=headers)
        await web.tell("token", "revoke", made["token_id"])
        after = await client.post(web.mcp, content=body, headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)
    assert "invalid_token" in after.headers["www-authenticate"]


async def test_without_live_nothing_live_changes(web: Web) -> None:
    await web.tell("send", "track", "--user-id", "live_1", "--event", "Bought", "--live")
    async with web.agent() as one:
        refusals = [
            await one.refused("track_event", event="A", user_id="u", namespace="live"),
            await one.refused("request_deletion", user_id="live_1", namespace="live"),
            await one.refused("connect_destination", slug="jsonl", settings={"path": "l.jsonl"}, receives="live"),
            await one.refused("replay_events", user_id="live_1", namespace="live", destination="File"),
        ]
        before = await one.ask("get_usage")
        await one.ask("track_event", event="A", user_id="live_2")
        after = await one.ask("get_usage")
    async with web.agent(scopes="track,live") as one:
        by_default = await one.ask("track_event", event="A", user_id="u")
        said = await one.ask("track_event", event="A", user_id="u", namespace="live")

    assert all(text.startswith(("denied: ", "not_found: ")) for text in refusals), refusals
    assert sum(text.startswith("denied: ") for text in refusals) >= 3
    assert (before["mtu"], after["mtu"]) == (1, 1)
    assert (by_default["namespace"], said["namespace"]) == ("test", "live")


async def test_a_token_shows_personal_values_only_with_people(web: Web) -> None:
    await web.tell("send", "track", "--user-id", "ann@example.com", "--event", "Masked")
    shown = {}
    for scopes in ("read", "read,people"):
        async with web.agent(scopes=scopes) as one:
            (row,) = (await one.ask("find_events", event="Masked"))["events"]
            shown[scopes] = row["user_id"]

    assert shown == {"read": "a…@example.com", "read,people": "ann@example.com"}


async def test_two_tokens_have_nothing_of_each_other(web: Web) -> None:
    """Neither idempotency rows, nor cursors, nor tokens of plans."""
    order = {"event": "Shared", "user_id": "u", "idempotency_key": "shared"}
    async with web.agent() as one, web.agent(scopes=f"{USUAL},people".replace("configure,", "")) as other:
        first, second = await one.ask("track_event", **order), await other.ask("track_event", **order)
        again = await one.ask("track_event", **order)
        page = await one.ask("find_events", event="Shared", limit=1)
        foreign = await other.refused("find_events", event="Shared", limit=1, cursor=page["next_cursor"])
        plan = await one.ask("request_deletion", user_id="u")
        stolen = await other.refused("request_deletion", user_id="u", confirm=plan["confirm"]["token"])

    assert len({first["message_id"], second["message_id"]}) == 2
    assert (second["replayed"], again["replayed"]) == (False, True)
    assert foreign.startswith("invalid_input: The cursor is none of this list.")
    assert stolen.startswith("confirm_invalid: The confirm token was given to another principal.")


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/?session_id=0", "/metrics"])
async def test_a_write_key_opens_nothing(web: Web, path: str) -> None:
    source = await web.tell("source", "create", f"Shop {path}")
    body, headers = call("find_events")
    ways = [
        (method, auth)
        for key in (source["write_key"], source["test_write_key"])
        for method in ("GET", "POST")
        for auth in (bearer(key), {"authorization": "Basic " + _basic(key)})
    ]
    async with httpx2.AsyncClient(base_url=web.server.address, timeout=PATIENCE_S) as client:
        answers = [await client.request(method, path, content=body, headers=headers | auth) for method, auth in ways]

    assert {answer.status_code for answer in answers} <= ({200, 405} if path == "/metrics" else {401, 405})
    assert all("Bought" not in answer.text for answer in answers)


def _basic(key: str) -> str:
    return httpx2.BasicAuth(key, "")._auth_header.removeprefix("Basic ")


# -- guards ----------------------------------------------------------------------------------------------------


async def test_the_guards_stand_before_a_real_server(web: Web) -> None:
    token = await web.token()
    body, headers = call("get_usage")
    good = {**headers, **bearer(token)}
    asked: dict[str, tuple[str, str, bytes, dict[str, str]]] = {
        "good": ("POST", "/mcp", body, good),
        "no token": ("POST", "/mcp", body, headers),
        "another host": ("POST", "/mcp", body, good | {"host": "evil.example"}),
        "a prefix of a host": ("POST", "/mcp", body, good | {"host": "localhost:1@evil.example"}),
        "another page": ("POST", "/mcp", body, good | {"origin": "http://evil.example"}),
        "a local page": ("POST", "/mcp", body, good | {"origin": "http://localhost:3000"}),
        "too much": ("POST", "/mcp", b" " * ((4 << 20) + 1), good),
        "no stream": ("GET", "/mcp", b"", good),
        "another method": ("POST", "/mcp", body, good | {"mcp-method": "tools/list"}),
        "another name": ("POST", "/mcp", body, good | {"mcp-name": "track_event"}),
        "metadata": ("GET", "/.well-known/oauth-protected-resource/mcp", b"", {}),
        "metadata of another host": ("GET", "/.well-known/oauth-protected-resource", b"", {"host": "evil.example"}),
    }
    seen = {}
    async with httpx2.AsyncClient(base_url=web.server.address, timeout=PATIENCE_S) as client:
        for name, (method, path, content, given) in asked.items():
            seen[name] = (await client.request(method, path, content=content, headers=given)).status_code

    assert seen == {
        "good": 200,
        "no token": 401,
        "another host": 421,
        "a prefix of a host": 421,
        "another page": 403,
        "a local page": 200,
        "too much": 413,
        "no stream": 405,
        "another method": 400,
        "another name": 400,
        "metadata": 200,
        "metadata of another host": 421,
    }


def test_names_pages_and_the_rate_are_what_options_and_settings_say(tmp_path: Path) -> None:
    settings = {"TURNOUT_ALLOW_HOSTS": "set.example", "TURNOUT_ALLOW_ORIGINS": "https://set.example"}
    words = ("--allow-host", "given.example", "--allow-origin", "https://given.example:8443")
    with (
        served(tmp_path, *words, settings=settings | {"TURNOUT_MCP_RATE": "1"}) as web,
        httpx2.Client(timeout=PATIENCE_S) as client,
    ):
        url = f"{web.server.address}/healthz"
        hosts = [client.get(url, headers={"host": host}).status_code for host in ("set.example", "Given.example:80")]
        pages = ("https://set.example", "https://given.example:8443", "https://given.example")
        origins = [client.get(url, headers={"origin": page}).status_code for page in pages]
        headers = bearer(web.program.tell("token", "create", "--scopes", "read")["token"])
        answers = [client.post(web.mcp, json=PING, headers=headers)]
        while answers[-1].status_code == 200 and len(answers) < 200:  # it refills with the time that the calls take
            answers.append(client.post(web.mcp, json=PING, headers=headers))

    assert (hosts, origins) == ([200, 200], [200, 200, 403])
    assert [answer.status_code for answer in answers][:4] == [200] * 4
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize("origin", ["given.example", "https://given.example/", "*"])
def test_a_page_that_is_none_is_wrong_usage(data_dir: Path, origin: str) -> None:
    ended = Program(data_dir).run("serve", "--allow-origin", origin, "--port", "0")

    assert ended.code == 2
    assert "scheme://host[:port]" in ended.err


# -- waiting, leaving, what is loaded ----------------------------------------------------------------------------


async def test_a_call_waits_for_the_verdict(web: Web) -> None:
    async with web.agent() as one:
        await one.connect("jsonl", name="Waited", settings={"path": "waited.jsonl"})
        told = await one.ask("track_event", event="Waited", user_id="u", wait_seconds=20)

    assert [(row["destination"], row["verdict"]) for row in told["deliveries"]] == [("Waited", "delivered")]


async def connect_deaf(web: Web, deaf: Any) -> None:
    port = deaf.extra(SocketAttribute.local_port)  # noqa: S610 - a socket's, not a query's
    url = f"http://127.0.0.1:{port}/in"
    words = ("destination", "connect", "webhook", "--set", f"url={url}", "--receives", "test", "--yes")
    await web.tell(*words)


@both_eras
async def test_a_client_that_asked_hears_how_far_a_waiting_call_is(web: Web, mode: str) -> None:
    heard: list[float] = []
    told = anyio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert (total, message) == (20, "waiting for verdicts")
        heard.append(progress)
        told.set()

    asked = {"user_id": f"heard_{mode}", "event": "Heard"}
    async with web.agent(mode) as one, anyio.create_task_group() as tasks:
        waiting = partial(one.client.call_tool, "debug_event_delivery", {**asked, "wait_seconds": 20})
        answers: list[Any] = []

        async def wait() -> None:
            answers.append(await waiting(progress_callback=hear))

        tasks.start_soon(wait)
        with anyio.fail_after(PATIENCE_S):
            await told.wait()
        await one.ask("track_event", **asked)

    assert (answers[0].structured_content or {})["found"] is True
    assert heard == sorted(set(heard))


async def test_what_was_sent_stays_when_its_client_goes_away_and_who_waits_at_a_stop_is_answered(
    tmp_path: Path,
) -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as deaf:
        with served(tmp_path) as web:
            await connect_deaf(web, deaf)
            token = bearer(await web.token())
            answers: dict[str, httpx2.Response] = {}

            async def wait(event: str, *, task_status: TaskStatus[anyio.CancelScope]) -> None:
                body, headers = call("track_event", event=event, user_id="u", wait_seconds=25)
                with anyio.CancelScope() as scope:
                    task_status.started(scope)
                    async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
                        answers[event] = await client.post(web.mcp, content=body, headers=headers | token)

            async with anyio.create_task_group() as tasks:
                leaving = await tasks.start(wait, "Left")
                await tasks.start(wait, "Cut")
                async with web.agent() as one:
                    await found(one, "Left")
                    leaving.cancel()
                    await found(one, "Cut")
                    await found(one, "Left")
                code = await anyio.to_thread.run_sync(web.server.stop)

    assert code == 0
    assert list(answers) == ["Cut"]
    assert (answers["Cut"].status_code, answers["Cut"].json()["error"]["code"]) == (503, -32000)


async def found(one: Agent, event: str) -> None:
    """Wait until an event is there, which another client sends."""
    with anyio.fail_after(PATIENCE_S):
        while not (await one.ask("find_events", event=event))["events"]:  # noqa: ASYNC110 - another process
            await anyio.sleep(0.05)


async def test_a_stream_of_the_old_transport_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    """What is still there after five seconds is cut off, and that is an error in the log."""
    with served(tmp_path, "--sse") as web:
        url, headers = f"{web.server.address}/sse", bearer(await web.token())
        async with (
            httpx2.AsyncClient(timeout=PATIENCE_S) as client,
            client.stream("GET", url, headers=headers) as stream,
        ):
            code = await anyio.to_thread.run_sync(web.server.stop)
            ended = [line async for line in stream.aiter_lines()]
        log = web.server.log.read_text()

    assert code == 0
    assert any("/messages/?session_id=" in line for line in ended)
    assert '"level":"error"' not in log


def test_a_server_loads_what_agents_need_when_the_first_one_comes_and_notes_when_it_came(tmp_path: Path) -> None:
    with served(tmp_path) as web, httpx2.Client(timeout=PATIENCE_S) as client:
        made = web.program.tell("token", "create", "--scopes", "read")
        client.get(f"{web.server.address}/readyz")
        old = [client.get(web.server.address + path).status_code for path in ("/sse", "/messages/")]
        begun = loaded(web.server)
        body, headers = call("get_usage")
        answer = client.post(web.mcp, content=body, headers=headers | bearer(made["token"]))
        called = loaded(web.server)
        prompt = {"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "review_tracking"}}
        asked = client.post(web.mcp, json=prompt, headers=bearer(made["token"]))
        listed = loaded(web.server)
        until(lambda: web.program.tell("token", "list")["tokens"][0]["last_used_at"] is not None)
        (row,) = web.program.tell("token", "list")["tokens"]

    assert (answer.status_code, asked.status_code, old) == (200, 200, [404, 404])
    assert (begun, called, listed) == ((False, False), (True, False), (True, True))
    assert (row["token_id"], row["state"]) == (made["token_id"], "valid")
    assert row["last_used_at"] >= row["created_at"]


def loaded(server: Served) -> tuple[bool, bool]:
    """Tell whether the door is there, whose arguments pydantic reads, and whether the SDK is, which logs."""
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    return "pydantic_core" in maps, '"logger":"mcp.' in server.log.read_text()


async def test_a_token_stands_in_no_line_of_the_log(tmp_path: Path) -> None:
    with served(tmp_path, "--sse") as web:
        token = await web.token()
        async with web_agent(web.server.address, token) as one:
            await one.ask("track_event", event="A", user_id="u")
            await one.refused("track_event", event="A")
        async with httpx2.AsyncClient(base_url=web.server.address, headers=bearer(token), timeout=PATIENCE_S) as client:
            await client.post("/mcp", content=b"no json", headers={"content-type": "application/json"})
            await client.post("/messages/?session_id=0", json={})
            await client.get(f"/{token}")
            await client.get(f"/mcp?token={token}")
            await client.get("/healthz", headers={"host": token})
        in_the_url = [
            httpx2.post(f"{web.mcp}?{name}={token}", json={}, timeout=PATIENCE_S) for name in ("token", "access_token")
        ]
        await anyio.to_thread.run_sync(web.server.stop)
        log = web.server.log.read_text()

    assert [answer.status_code for answer in in_the_url] == [401, 401]
    assert token[16:] not in log
    assert "has something to say" in log
