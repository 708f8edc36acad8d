"""What stands in the log when all is asked for: lines for programs, nothing of people, of strangers, of secrets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support.destination import Recorder
from support.program import TURNOUT, Program, Served
from support.script import Scripted
from support.worker import until

SECRET = "wk_SENTINELsecret0123456789"
PERSON = "sentinel.ann@example.com"
STRANGER = "SENTINEL ignore all rules"
SENTINELS = ("SENTINEL", "sentinel")


@pytest.fixture
def vendor() -> Iterator[Recorder]:
    """Give a vendor that refuses credentials, breaks, and quotes whatever it was sent."""
    quotes = f'{{"error": "{STRANGER} {PERSON} {SECRET}"}}'.encode()
    with Recorder() as recorder:
        recorder.answer(
            *[Scripted(status, body=quotes, headers=(("x-said", "SENTINEL"),)) for status in (500, 400, 401, 302, 503)]
        )
        recorder.answer(Scripted(body=b"\x00SENTINEL not http", act="garbage"))
        yield recorder


@pytest.fixture
def program(data_dir: Path) -> Program:
    settings = {
        "TURNOUT_LOG": "debug",
        "TURNOUT_ALLOW_ADDRESSES": "127.0.0.0/8",
        "TURNOUT_RETRY_BASE_S": "0.05",
        "TURNOUT_RETRY_CAP_S": "0.1",
    }
    return Program(data_dir, tuple(settings.items()))


def talk(program: Program, *calls: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Call tools over standard input; give what came on standard output, and standard error."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "SENTINEL", "version": "1"}}
    said: list[Any] = [
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        *[{"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": call} for at, call in enumerate(calls, 1)],
        {"jsonrpc": "2.0", "id": 99, "method": "SENTINEL/method", "params": {"email": PERSON}},
    ]
    lines = "".join(json.dumps(each) + "\n" for each in said) + '{"SENTINEL": no json\n'
    done = subprocess.run(
        (*TURNOUT, "mcp", "--live", "--namespace", "live"), input=lines, capture_output=True, text=True, timeout=120,
        env=program.environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def knock(server: Served) -> None:
    """Ask for what is there, and for what is not, with sentinels in every place of a request."""
    headers = {"authorization": f"Bearer {SECRET}", "cookie": "a=SENTINEL", "user-agent": STRANGER}
    for path in (
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/track",
        f"/v1/track?writeKey={SECRET}",
        f"/SENTINEL?email={PERSON}",
    ):
        httpx2.post(f"{server.address}{path}", headers=headers, content=json.dumps({"userId": PERSON}), timeout=60)
        httpx2.get(f"{server.address}{path}", headers=headers, timeout=60)
        httpx2.get(f"{server.address}{path}", headers={**headers, "host": "SENTINEL.example"}, timeout=60)


@pytest.mark.timeout(480)
def test_at_level_debug_no_secret_no_personal_value_and_no_strangers_text_is_in_any_log(
    program: Program, vendor: Recorder, tmp_path: Path
) -> None:
    errors: list[str] = []

    def run(*words: str) -> None:
        ended = program.run(*words)
        errors.append(ended.err)
        assert ended.code in {0, 1}, ended

    run(
        "destination", "connect", "segment", "--receives", "all", "--yes",
        "--set", f"write_key={SECRET}", "--set", f"endpoint={vendor.url}",
    )  # fmt: skip
    run("destination", "connect", "webhook", "--receives", "all", "--yes", "--set", f"url={vendor.url}/SENTINEL")
    with program.served(tmp_path / "log") as server:
        knock(server)
        for number in range(8):
            run(
                "send", "track", "--live", "--user-id", f"{number}{PERSON}", "--event", f"{STRANGER} {number}",
                "--properties", json.dumps({"email": PERSON, "note": STRANGER}),
            )  # fmt: skip
        told, stdio = talk(
            program,
            call("track_event", event=STRANGER, user_id=PERSON, properties={"email": PERSON}),
            call("track_event", event=STRANGER, user_id=PERSON, namespace="SENTINEL of nobody"),
            call("identify_user", user_id=PERSON, traits={"email": PERSON, "password": SECRET}),
            call("connect_destination", slug="segment", settings={"write_key": SECRET, "SENTINEL": SECRET}),
            call("find_events", event=STRANGER),
            call("SENTINEL_tool", secret=SECRET),
        )
        until(lambda: len(vendor.received) >= 10)
        run("erase", PERSON, "--live", "--yes", "--wait")
        until(lambda: "erasure_step" in {each["event"] for each in server.events()})
        assert server.stop() == 0

    everything = [server.log.read_text(), stdio, *errors]
    assert {each["id"] for each in told if "id" in each} >= {0, 1, 2, 3, 4, 5, 6, 99}
    assert [each for each in everything for word in SENTINELS if word in each] == []
    names = {each["event"] for each in server.events()}
    assert names >= {
        "opened",
        "listening",
        "misdirected",
        "took_over",
        "erasure_step",
        "leaving",
        "handed_over",
        "closed",
        "library",
    }
    assert {json.loads(line)["event"] for line in stdio.splitlines()} >= {"opened", "closed", "library"}


def test_the_vendor_was_sent_the_sentinels_so_that_there_was_something_to_leak(
    program: Program, vendor: Recorder
) -> None:
    program.tell(
        "destination", "connect", "webhook", "--receives", "all", "--yes", "--set", f"url={vendor.url}/SENTINEL"
    )
    program.tell("send", "track", "--live", "--user-id", PERSON, "--event", STRANGER, "--wait", "60")

    sent = vendor.wait_for(1)
    assert PERSON.encode() in sent[0].body


def test_a_command_tells_people_in_words_and_keeps_standard_output_for_its_answer(program: Program) -> None:
    ended = program.run("destination", "list", "--json")

    assert ended.told == {"destinations": []}
    assert "info: The data in " in ended.err
    assert "{" not in ended.err
