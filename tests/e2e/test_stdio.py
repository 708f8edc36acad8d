"""The real process, by its standard streams: everything is in the pipe before it reads the first line."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from turnout.agent.card import ERA, MODERN
from turnout.agent.wire import LINES

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
"""What clients ask for right after the greeting."""
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
def server(
    cards: Path, kind: str = "opened", stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "support.desk", str(cards), kind],
        stdin=stdin,
        stdout=stdout,
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
        out, err = process.communicate(lines(messages), timeout=120)
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


def test_a_file_may_be_the_input(cards: Path, tmp_path: Path) -> None:
    (tmp_path / "said").write_bytes(lines(OPENINGS["handshake"]))

    with (tmp_path / "said").open("rb") as said, server(cards, stdin=said.fileno()) as process:
        out, err = process.communicate(timeout=120)

    assert {json.loads(line)["id"] for line in out.splitlines()} == {"i", "l", "c"}, err


def test_a_socket_may_be_both(cards: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, server(cards, stdin=theirs.fileno(), stdout=theirs.fileno()) as process:
        theirs.close()
        ours.settimeout(120)
        ours.sendall(lines(OPENINGS["handshake"][:2]))
        answers = ours.makefile("rb")
        assert json.loads(answers.readline())["id"] == "i"
        for byte in lines([LEGACY_CALL]):
            ours.sendall(bytes([byte]))
        assert json.loads(answers.readline())["id"] == "c"
        ours.shutdown(socket.SHUT_WR)

        assert process.wait(timeout=60) == 0
        assert answers.read() == b""


def test_more_lines_than_wait_at_once_are_each_answered(cards: Path) -> None:
    pings = [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in range(4 * LINES)]
    with server(cards) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines([INITIALIZE, INITIALIZED, LEGACY_CALL]))
        process.stdin.flush()
        opened = [json.loads(process.stdout.readline())["id"] for _ in range(2)]
        assert sorted(opened) == ["c", "i"], "now the loop reads"
        out, err = process.communicate(lines(pings), timeout=120)

    assert [json.loads(line)["id"] for line in out.splitlines()] == list(range(4 * LINES)), err
    assert process.returncode == 0


def test_one_socket_for_both_may_be_read_late(cards: Path) -> None:
    calls = [LEGACY_CALL | {"id": n} for n in range(2 * LINES)]
    ours, theirs = socket.socketpair()
    with ours, theirs, server(cards, stdin=theirs.fileno(), stdout=theirs.fileno()) as process:
        ours.settimeout(120)
        answers = ours.makefile("rb")
        ours.sendall(lines([INITIALIZE, INITIALIZED, LEGACY_CALL]))
        assert {json.loads(answers.readline())["id"] for _ in range(2)} == {"c", "i"}, "now the loop reads"
        sending = Thread(target=ours.sendall, args=(lines(calls),))
        sending.start()
        until = time.monotonic() + 60
        while select.select([], [theirs], [], 0)[1] and time.monotonic() < until:
            os.sched_yield()  # it still has room for answers

        answered = [json.loads(answers.readline())["id"] for _ in calls]
        sending.join()
        assert os.get_blocking(theirs.fileno())
        theirs.close()
        ours.shutdown(socket.SHUT_WR)

        assert sorted(answered) == list(range(2 * LINES))
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_somebody_else_may_read_the_same_input_and_finds_it_as_it_was(kind: str, cards: Path) -> None:
    ping = {"jsonrpc": "2.0", "id": "p", "method": "ping"}
    reads, writes = os.pipe() if kind == "pipe" else (each.detach() for each in socket.socketpair())
    with server(cards, stdin=reads) as process:
        assert process.stdout is not None
        os.write(writes, lines([INITIALIZE, INITIALIZED, LEGACY_CALL]))
        assert {json.loads(process.stdout.readline())["id"] for _ in range(2)} == {"c", "i"}, "now the loop reads"
        with subprocess.Popen(["cat"], stdin=reads, stdout=subprocess.DEVNULL) as other:
            for _ in range(1_000):
                os.write(writes, b"\n")
            assert other.poll() is None, "it waits, and was not told that there is nothing"
            other.kill()
        os.write(writes, lines([ping]))
        assert json.loads(process.stdout.readline())["id"] == "p"
        os.close(writes)

        assert process.wait(timeout=60) == 0
    os.close(reads)


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


def test_a_plain_talk_does_without_the_sdk(cards: Path) -> None:
    ping: Message = {"jsonrpc": "2.0", "id": "p", "method": "ping"}

    for opening in OPENINGS.values():
        meta = {} if INITIALIZE in opening else META
        lists = [{"jsonrpc": "2.0", "id": method, "method": method, "params": meta} for method in LISTS]
        said, err = talk(cards, [*opening, *lists, *([ping] if INITIALIZE in opening else [])])

        assert "desk closed without the SDK" in err
        assert all("result" in each for each in said)


@pytest.mark.parametrize("opening", OPENINGS)
def test_what_only_the_sdk_can_answer_is_answered_in_the_era_of_the_talk(opening: str, cards: Path) -> None:
    meta = {} if INITIALIZE in OPENINGS[opening] else META
    tasks: Message = {"jsonrpc": "2.0", "id": "p", "method": "tasks/list", "params": meta}

    said, err = talk(cards, [*OPENINGS[opening], tasks, LEGACY_CALL | {"id": "z", "params": CALL | meta}])

    by_id = {each["id"]: each for each in said}
    assert len(said) == len(by_id)
    assert by_id["p"]["error"]["code"] == -32601
    assert by_id["z"]["result"]["structuredContent"]["mtu"] == 3
    assert "desk closed with the SDK" in err


def test_a_call_of_the_other_era_is_refused(cards: Path) -> None:
    said, _ = talk(cards, [INITIALIZE, INITIALIZED, MODERN_CALL, LEGACY_CALL | {"id": "z"}])

    by_id = {each["id"]: each for each in said}
    assert by_id["c"]["error"]["code"] == -32600
    assert "result" in by_id["z"]


def test_a_name_that_is_no_tool_is_an_error_of_the_protocol(cards: Path) -> None:
    said, err = talk(cards, [INITIALIZE, INITIALIZED, LEGACY_CALL | {"params": {"name": "track_events"}}])

    assert said[1]["error"] == {"code": -32602, "message": "Unknown tool: track_events. Did you mean track_event?"}
    assert "without the SDK" in err


def test_a_call_that_the_client_cancels_is_not_answered_and_the_others_are(cards: Path) -> None:
    slow = {"name": "track_event", "arguments": {"event": "A", "user_id": "u", "wait_seconds": 30}}
    cancel: Message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "s"}}
    with server(cards) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(lines([INITIALIZE, INITIALIZED, {**LEGACY_CALL, "id": "s", "params": slow}]))
        process.stdin.flush()
        while b"waiting" not in process.stderr.readline():
            pass

        process.stdin.write(lines([cancel]))
        process.stdin.flush()
        while b"let go" not in process.stderr.readline():
            pass
        out, _ = process.communicate(lines([LEGACY_CALL]), timeout=120)

    assert [each["id"] for each in map(json.loads, out.splitlines())] == ["i", "c"]


@pytest.mark.parametrize("opening", [[], [INITIALIZE, INITIALIZED]])
def test_whoever_gave_a_token_hears_of_progress_until_the_answer(opening: list[Message], cards: Path) -> None:
    meta = {"_meta": {**({} if opening else META["_meta"]), "progressToken": "t"}}
    slow = {"name": "track_event", "arguments": {"event": "A", "user_id": "u", "wait_seconds": 2}}

    said, _ = talk(cards, [*opening, LEGACY_CALL | {"params": slow | meta}])

    *told, answer = [each for each in said if each.get("id") != "i"]
    assert [each["method"] for each in told] == ["notifications/progress"] * len(told)
    assert told[0]["params"] == {
        "progressToken": "t", "progress": 1, "total": 2, "message": "waiting for verdicts",
    }  # fmt: skip
    assert answer["result"]["structuredContent"]["message_id"] == "m_1"


def test_calls_wait_beside_each_other_and_each_is_answered_once(cards: Path) -> None:
    slow = {"name": "track_event", "arguments": {"event": "A", "user_id": "u", "wait_seconds": 1}}
    calls = [{**LEGACY_CALL, "id": n, "params": slow} for n in range(300)]
    began = time.monotonic()

    said, _ = talk(cards, [INITIALIZE, INITIALIZED, *calls, LEGACY_CALL])

    assert sorted(str(each["id"]) for each in said) == sorted(["i", "c", *map(str, range(300))])
    assert all("result" in each for each in said)
    assert time.monotonic() - began < 60, "300 seconds one after the other"


def test_a_call_that_is_left_behind_hears_so(cards: Path) -> None:
    slow = {"name": "track_event", "arguments": {"event": "A", "user_id": "u", "wait_seconds": 30}}

    said, err = talk(cards, [INITIALIZE, INITIALIZED, LEGACY_CALL | {"params": slow}])

    assert said[1] == {"jsonrpc": "2.0", "id": "c", "error": {"code": -32000, "message": "Connection closed"}}
    assert "desk closed" in err


def test_lists_are_answered_although_the_store_cannot_be_opened(cards: Path) -> None:
    said, _ = talk(cards, OPENINGS["handshake"], "broken")

    by_id = {each["id"]: each["result"] for each in said}
    assert by_id["l"]["tools"]
    assert by_id["c"]["isError"]
    assert "The schema is newer than this program." in by_id["c"]["content"][0]["text"]


def test_lists_are_answered_while_the_store_is_being_opened(cards: Path) -> None:
    said, _ = talk(cards, OPENINGS["handshake"][:-1], "never")

    assert [each["id"] for each in said] == ["i", "l"]


def ask_for_usage(number: str) -> bytes:
    """Write a call whose id stands last, as Node's SDK does."""
    call = b'{"method":"tools/call","params":{"name":"get_usage","arguments":{"month":%s}},"jsonrpc":"2.0","id":"x"}'
    return call % number.encode()


UNREADABLE: dict[str, tuple[bytes, int, str | None]] = {
    "half a surrogate pair": (ask_for_usage('"\\ud83d"'), -32700, "x"),
    "a number of 5,000 digits": (ask_for_usage("1" * 5_000), -32700, "x"),
    "nesting of 5,000 levels": (ask_for_usage("[" * 5_000 + "]" * 5_000), -32700, "x"),
    "a cut-off line": (b'{"jsonrpc":"2.0","id":"x","method":"pi', -32700, "x"),
    "no JSON": (b"nonsense", -32700, None),
    "a batch": (b'[{"jsonrpc":"2.0","id":"x","method":"ping"}]', -32600, None),
    "no message": (b'{"id":"x","method":7}', -32600, "x"),
    "an id beyond 64 bits": (b'{"jsonrpc":"2.0","id":1%s,"method":"ping"}' % (b"0" * 30), -32600, None),
    "over 4 MiB": (ask_for_usage('"' + "y" * (5 << 20) + '"'), -32600, "x"),
}


@pytest.mark.parametrize("line", UNREADABLE)
def test_a_line_that_is_no_message_is_answered_and_the_next_one_too(line: str, cards: Path) -> None:
    sent, code, asked = UNREADABLE[line]

    with server(cards) as process:
        out, _ = process.communicate(sent + b"\n" + lines(OPENINGS["handshake"]), timeout=120)

    said = {each["id"]: each for each in map(json.loads, out.splitlines())}
    assert set(said) == {asked, "c", "i", "l"}
    assert said[asked]["error"]["code"] == code
    assert "result" in said["c"]


@pytest.mark.parametrize("given", ["NaN", "Infinity", "1e999", "9223372036854775808"])
def test_a_number_that_cannot_be_kept_refuses_the_call_and_names_its_argument(given: str, cards: Path) -> None:
    call = lines([LEGACY_CALL]).replace(
        json.dumps(CALL).encode(),
        b'{"name":"track_event","arguments":{"event":"A","user_id":"u","properties":{"a":[%s]}}}' % given.encode(),
    )

    with server(cards) as process:
        out, _ = process.communicate(lines([INITIALIZE, INITIALIZED]) + call, timeout=120)

    (result,) = (each["result"] for each in map(json.loads, out.splitlines()) if each["id"] == "c")
    assert result["isError"]
    assert "properties: the number at 'a.0' is not finite, or beyond 64 bits" in result["content"][0]["text"]
    assert given not in result["content"][0]["text"]


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

        assert process.wait(timeout=60) == 0
        assert ("desk closed" in process.stderr.read().decode()) == (kind == "opened")


def test_a_client_that_reads_no_more_ends_it(cards: Path) -> None:
    with server(cards) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(lines([INITIALIZE, {"jsonrpc": "2.0", "id": 1, "method": "ping"}]))
        process.stdin.flush()

        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("lists", [60, 400])
@pytest.mark.parametrize("end", ["input ends", "SIGTERM", "SIGINT"])
def test_a_client_that_never_reads_does_not_keep_it(end: str, lists: int, cards: Path) -> None:
    with server(cards) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(lines([INITIALIZE, INITIALIZED, *({**LEGACY_LIST, "id": n} for n in range(lists))]))
        process.stdin.flush()
        assert b"stray" in process.stderr.readline(), "the desk is open, and the answers fill the pipe"
        began = time.monotonic()

        if end == "input ends":
            process.stdin.close()
        else:
            process.send_signal(signal.Signals[end])

        assert process.wait(timeout=60) == 0
        assert time.monotonic() - began < 5 + 15, "5 s to settle, and what a busy machine adds"
        assert b"desk closed" in process.stderr.read()
