from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
import httpx2
import pytest

from support.workspace import Bench, bench
from turnout.api.app import build
from turnout.api.health import Life
from turnout.store import tail
from turnout.store.connect import connect_writer
from turnout.upkeep.watch import Signs

BASE = "http://127.0.0.1:8733"
NAMES = frozenset({"127.0.0.1", "localhost", "::1", "turnout.lan"})


@pytest.fixture
def opened(data_dir: Path) -> Iterator[Bench]:
    """Give an open workspace."""
    with bench(data_dir) as made:
        yield made


@asynccontextmanager
async def asked(workspace: Bench, life: Life | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    app = build(workspace.store, NAMES, life or Life("1.2", 90, lambda: True))
    async with workspace.store.awake(), httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE) as made:
        yield made


async def test_a_process_that_answers_is_alive(opened: Bench) -> None:
    async with asked(opened) as client:
        answer = await client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"ok": True})


async def test_a_store_that_commits_is_ready(opened: Bench) -> None:
    async with asked(opened) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ok": True, "delivering": True, "degraded": []})


@pytest.fixture
def damaged(opened: Bench) -> Bench:
    """Give a workspace that cannot commit what it counts."""
    connection = connect_writer(opened.store.path)
    connection.execute("DROP TABLE counts").close()
    connection.close()
    return opened


async def test_a_store_that_cannot_commit_is_not_ready(damaged: Bench) -> None:
    async with asked(damaged) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert "the commit failed" in answer.json()["reasons"][0]


@pytest.fixture
def apart(opened: Bench, tmp_path: Path) -> Bench:
    """Give a workspace whose database lies elsewhere, so that the file beside it is not where it is looked for."""
    opened.store.close()
    (tmp_path / "elsewhere").mkdir()
    opened.store.path.rename(tmp_path / "elsewhere" / "turnout.db")
    opened.store.path.symlink_to(tmp_path / "elsewhere" / "turnout.db")
    opened.store.open()
    return opened


async def test_whoever_may_send_learns_of_a_commit_that_fails_and_nothing_of_where_the_data_is(apart: Bench) -> None:
    async with asked(apart) as client:
        key = next(iter((await apart.store.read(lambda view: view.workspace)).sources.values())).write_key
        sent = await client.post("/v1/track", json={"userId": "u", "event": "E", "writeKey": key})
        ready = await client.get("/readyz")

    for answer in (sent, ready):
        assert answer.status_code == 503
        assert "the commit failed (No such file or directory)" in answer.text
        assert str(apart.store.folder) not in answer.text


async def test_a_workspace_whose_directory_was_taken_away_says_so_at_each_of_its_doors(
    opened: Bench, tmp_path: Path
) -> None:
    async with asked(opened) as client:
        await anyio.to_thread.run_sync(opened.store.folder.rename, tmp_path / "aside")
        ready, numbers = await client.get("/readyz"), await client.get("/metrics")
        taken = await client.post("/v1/track", content=b'{"userId": "u", "event": "E"}', auth=("k", ""))
        await anyio.to_thread.run_sync((tmp_path / "aside").rename, opened.store.folder)

    assert (ready.status_code, numbers.status_code, taken.status_code) == (503, 503, 503)
    assert "cannot be found or read" in ready.json()["reasons"][0]
    assert "cannot be" in numbers.json()["reasons"][0]
    assert taken.json()["code"] == "unavailable"


async def test_a_store_that_commits_and_cannot_be_read_is_not_ready(opened: Bench) -> None:
    async with asked(opened) as client:
        await opened.store.transact(lambda unit: unit.session.connection.execute("DROP TABLE entities").close())
        ready, numbers = await client.get("/readyz"), await client.get("/metrics")

    assert (ready.status_code, numbers.status_code) == (503, 503)
    assert "the database cannot be read" in ready.json()["reasons"][0]


@pytest.mark.parametrize("path", ["/v1/projects/k/settings", "/sourceConfig?writeKey=k", "/v1/track"])
async def test_a_store_that_cannot_be_read_asks_to_come_again(path: str, opened: Bench) -> None:
    async with asked(opened) as client:
        await anyio.to_thread.run_sync(opened.store.retire, "it was restored")
        answer = await client.request("POST" if path == "/v1/track" else "GET", path, content=b"{}", auth=("k", ""))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "unavailable"


async def test_an_answer_holds_for_a_second_so_that_probes_do_not_write_more(opened: Bench) -> None:
    async with asked(opened) as client:
        await client.get("/readyz")
        before = await opened.store.read(lambda view: view.counts.since(0))
        await client.get("/readyz")
        after = await opened.store.read(lambda view: view.counts.since(0))
        opened.clock.pass_s(1)
        await client.get("/readyz")
        later = await opened.store.read(lambda view: view.counts.since(0))

    assert before == after != later


@pytest.fixture
def lossy(data_dir: Path) -> Iterator[Bench]:
    """Give a workspace whose tail promises seven events more than there are."""
    with bench(data_dir):
        pass
    tail.write(data_dir / "tail", 8)
    with bench(data_dir) as made:
        yield made


async def test_a_database_that_lost_events_is_not_ready_and_says_how_many(lossy: Bench) -> None:
    async with asked(lossy) as client:
        answer = await client.get("/readyz")
        metrics = await client.get("/metrics")

    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["7 acknowledged events are missing; --accept-loss goes on without them"]
    assert "turnout_missing_events 7\n" in metrics.text


async def test_a_process_that_stops_is_not_ready_at_once(opened: Bench) -> None:
    life = Life("1.2", 90, lambda: True)
    async with asked(opened, life) as client:
        before = await client.get("/readyz")
        life.stopping = True
        after = await client.get("/readyz")

    assert before.status_code == 200
    assert (after.status_code, after.json()) == (503, {"ok": False, "reasons": ["it is stopping"]})


@pytest.fixture
def slow(opened: Bench) -> Bench:
    """Give a workspace with a destination that an event waits for since 75 days."""
    opened.connect(name="Slow")
    opened.record({})
    opened.clock.pass_s(75 * 86_400)
    return opened


async def test_what_is_not_in_the_way_yet_is_said_of_one_that_is_ready(slow: Bench) -> None:
    async with asked(slow, Life("1.2", 90, lambda: False, Signs(reader=77))) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "ok": True,
            "delivering": False,
            "degraded": [
                "Slow: its oldest unread events are given up soon",
                "process 77 keeps the write-ahead log from beginning anew",
            ],
        },
    )


async def test_what_is_the_matter_with_the_process_that_delivers_is_said(opened: Bench) -> None:
    async with asked(opened, Life("1.2", 90, lambda: False, worries=lambda: ("it does not move",))) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"ok": True, "delivering": False, "degraded": ["it does not move"]},
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8733", "localhost:1@evil.example", ""]
)
async def test_a_name_that_is_not_ours_is_refused(host: str, opened: Bench) -> None:
    async with asked(opened) as client:
        answer = await client.get("/healthz", headers={"host": host})

    assert answer.status_code == 421
    assert "--allow-host" in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8733", "[::1]:8733", "turnout.lan:443"])
async def test_a_name_of_ours_is_taken_whatever_the_port(host: str, opened: Bench) -> None:
    async with asked(opened) as client:
        answer = await client.get("/healthz", headers={"host": host})

    assert answer.status_code == 200


async def test_what_is_not_there_is_404_and_only_reads_are_taken(opened: Bench) -> None:
    async with asked(opened) as client:
        missing, posted = await client.get("/nothing"), await client.post("/readyz")

    assert (missing.status_code, posted.status_code) == (404, 405)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/oauth-authorization-server"), ("GET", "/.well-known/openid-configuration/mcp"),
        ("GET", "/mcp/.well-known/openid-configuration"), ("POST", "/register"),
    ],
)  # fmt: skip
async def test_a_client_that_looks_for_who_gives_out_tokens_is_told_where_they_come_from(
    opened: Bench, method: str, path: str
) -> None:
    async with asked(opened) as client:
        answer, other = await client.request(method, path), await client.request(method, f"{path}x")

    assert (answer.status_code, answer.json()["code"]) == (404, "no_oauth")
    assert "turnout token create" in answer.json()["error_description"]
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
