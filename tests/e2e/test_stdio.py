"""The real process, by its standard streams: everything is in the pipe before it reads the first line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from turnout.agent.card import ERA, MODERN

ROOT = Path(__file__).parents[2]
Message = dict[str, Any]
META: Message = {"_meta": {ERA: MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}
CALL: Message = {"name": "get_usage", "arguments": {}}

DISCOVER: Message = {"jsonrpc": "2.0", "id": "d", "method": "server/discover", "params": META}
INITIALIZE: Message = {
    "jsonrpc": "2.0",
    "id": "i",
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
}
INITIALIZED: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LEGACY_LIST: Message = {"jsonrpc": "2.0", "id": "l", "method": "tools/list"}
LEGACY_CALL: Message = {"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": CALL}
MODERN_LIST = LEGACY_LIST | {"params": META}
MODERN_CALL = LEGACY_CALL | {"params": CALL | META}

OPENINGS: dict[str, list[Message]] = {
    "probe, then handshake": [DISCOVER, INITIALIZE, INITIALIZED, LEGACY_LIST, LEGACY_CALL],
    "probe, then modern calls": [DISCOVER, MODERN_LIST, MODERN_CALL],
    "modern calls": [MODERN_LIST, MODERN_CALL],
    "handshake": [INITIALIZE, INITIALIZED, LEGACY_LIST, LEGACY_CALL],
}


@contextmanager
def server(cards: Path, kind: str = "opened") -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "support.desk", str(cards), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": f"{ROOT / 'server'}:{ROOT / 'tests'}"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines(messages: list[Message]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def talk(cards: Path, messages: list[Message], kind: str = "opened") -> tuple[list[Message], str]:
    """Say all of it and close; give every line of standard output, read as JSON, and standard error."""
    with server(cards, kind) as process:
        out, err = process.communicate(lines(messages), timeout=30)
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()], err.decode()


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which one start has left its card."""
    folder = tmp_path_factory.mktemp("cards")
    talk(folder, [])
    assert len(list(folder.glob("card-*.json"))) == 1
    return folder


@pytest.mark.parametrize("opening", OPENINGS)
def test_every_opening_is_answered_once_and_with_a_card_the_same(opening: str, cards: Path, tmp_path: Path) -> None:
    asked = OPENINGS[opening]

    with_card, without = (sorted(talk(folder, asked)[0], key=lambda each: each["id"]) for folder in (cards, tmp_path))

    assert with_card == without
    assert [each["id"] for each in with_card] == sorted(each["id"] for each in asked if "id" in each)
    assert all("result" in each for each in with_card), with_card
    assert with_card[0]["result"]["structuredContent"]["mtu"] == 3


def test_only_the_protocol_reaches_standard_output(cards: Path) -> None:
    said, err = talk(cards, OPENINGS["handshake"])

    assert all(each["jsonrpc"] == "2.0" for each in said)
    assert "stray" in err


def test_the_end_of_input_lets_the_desk_go(cards: Path) -> None:
    _, err = talk(cards, OPENINGS["handshake"])

    assert "desk closed" in err


def test_a_call_on_its_way_at_the_end_of_input_is_answered(cards: Path) -> None:
    slow = {"name": "track_event", "arguments": {"event": "A", "user_id": "u", "wait_seconds": 1}}

    said, _ = talk(cards, [LEGACY_CALL | {"params": slow | META}])

    assert said[0]["result"]["structuredContent"]["message_id"] == "m_1"


def test_lists_are_answered_although_the_store_cannot_be_opened(cards: Path) -> None:
    said, _ = talk(cards, OPENINGS["handshake"], "broken")

    by_id = {each["id"]: each["result"] for each in said}
    assert by_id["l"]["tools"]
    assert by_id["c"]["isError"]
    assert "The schema is newer than this program." in by_id["c"]["content"][0]["text"]


def test_lists_are_answered_while_the_store_is_being_opened(cards: Path) -> None:
    said, _ = talk(cards, OPENINGS["handshake"][:-1], "never")

    assert [each["id"] for each in said] == ["i", "l"]


def test_a_line_that_is_no_message_is_passed_over(cards: Path) -> None:
    with server(cards) as process:
        out, _ = process.communicate(b"nonsense\n\n[1]\n" + lines(OPENINGS["handshake"]), timeout=30)

    assert sorted(json.loads(line)["id"] for line in out.splitlines()) == ["c", "i", "l"]


@pytest.mark.parametrize("kind", ["opened", "never"])
def test_a_signal_ends_it_in_order(kind: str, cards: Path) -> None:
    with server(cards, kind) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(lines([INITIALIZE, INITIALIZED, {"jsonrpc": "2.0", "id": 1, "method": "ping"}]))
        process.stdin.flush()
        assert [json.loads(process.stdout.readline())["id"] for _ in range(2)] == ["i", 1]

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0
        assert ("desk closed" in process.stderr.read().decode()) == (kind == "opened")


def test_a_client_that_reads_no_more_ends_it(cards: Path) -> None:
    with server(cards) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(lines([INITIALIZE, {"jsonrpc": "2.0", "id": 1, "method": "ping"}]))
        process.stdin.flush()

        assert process.wait(timeout=10) == 0
