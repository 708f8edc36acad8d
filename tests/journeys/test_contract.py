"""What outsiders rely on, held against the real program: commands, their JSON, their exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters

from support.program import TURNOUT, Program
from support.worker import until

VERDICTS = {"delivered", "waiting", "discarded", "not_sent", "cancelled", "paused"}


@pytest.fixture
def program(data_dir: Path) -> Program:
    """Give the program on a data directory of this test's own."""
    return Program(data_dir)


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Give a workspace with a file for test events; what tests send into it does not disturb the others."""
    folder = tmp_path_factory.mktemp("wired")
    made = Program(folder / "data")
    made.tell(
        "destination",
        "connect",
        "jsonl",
        "--name",
        "File",
        "--set",
        f"path={folder / 'out.jsonl'}",
        "--receives",
        "test",
    )
    made.tell("send", "track", "--user-id", "u_1", "--event", "Signed Up")
    return made


def sent(program: Program, *words: str, wait: str = "60") -> Any:
    return program.tell("send", "track", "--user-id", "u_1", "--event", "Signed Up", "--wait", wait, *words)


# -- sending -----------------------------------------------------------------------------------------------


def test_an_event_that_is_waited_for_is_delivered_and_stands_in_the_file(wired: Program) -> None:
    told = sent(wired, "--properties", '{"plan": "pro"}', "--key", "first")

    assert set(told) >= {"message_id", "namespace", "replayed", "deliveries"}
    assert (told["namespace"], told["replayed"]) == ("test", False)
    assert [(row["destination"], row["verdict"]) for row in told["deliveries"]] == [("File", "delivered")]
    lines = [json.loads(line) for line in (wired.data.parent / "out.jsonl").read_text().splitlines()]
    assert [line["properties"] for line in lines if line["messageId"] == told["message_id"]] == [{"plan": "pro"}]


def test_the_same_key_again_has_no_second_effect(wired: Program) -> None:
    first = sent(wired, "--key", "twice")

    second = sent(wired, "--key", "twice")
    other = wired.run("send", "track", "--user-id", "u_2", "--event", "Signed Up", "--key", "twice", "--json")

    assert (second["message_id"], second["replayed"]) == (first["message_id"], True)
    assert second["deliveries"][0]["verdict"] == "delivered"
    assert (other.code, other.told["error"]["code"]) == (1, "key_reused")
    lines = (wired.data.parent / "out.jsonl").read_text()
    assert lines.count(first["message_id"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["identify", "--user-id", "u_1", "--traits", '{"plan": "pro"}'],
        ["page", "--anonymous-id", "a_1", "--name", "Home", "--properties", '{"url": "https://example.com"}'],
        ["screen", "--user-id", "u_1", "--name", "Home"],
        ["group", "--user-id", "u_1", "--group-id", "g_1", "--traits", '{"name": "Acme"}'],
        ["alias", "--user-id", "u_1", "--previous-id", "a_1"],
    ],
    ids=lambda words: words[0],
)
def test_each_of_the_six_calls_is_sent(words: list[str], wired: Program) -> None:
    told = wired.tell("send", *words)

    assert set(told) >= {"message_id", "namespace", "replayed"}
    assert "deliveries" not in told
    assert wired.tell("trace", told["message_id"])["event"]["type"] == words[0]


def test_only_live_events_are_live(program: Program) -> None:
    told = program.tell("send", "track", "--user-id", "u_1", "--event", "E", "--live")

    assert told["namespace"] == "live"
    assert program.tell("usage")["mtu"] == 1


def test_without_json_a_person_reads_the_same(wired: Program) -> None:
    ended = wired.run("send", "track", "--user-id", "u_1", "--event", "Read", "--wait", "60")

    assert ended.code == 0
    assert "File: delivered" in ended.out
    assert "\x1b" not in ended.out
    assert ended.err == "Waiting for the verdicts …\n"


def test_ctrl_c_while_it_waits_is_no_traceback(data_dir: Path) -> None:
    program = Program(data_dir, (("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"),))
    deaf = socket.create_server(("127.0.0.1", 0))
    url = f"url=http://127.0.0.1:{deaf.getsockname()[1]}/in"
    program.tell("destination", "connect", "webhook", "--set", url, "--receives", "test", "--yes")
    command = (*TURNOUT, "send", "track", "--user-id", "u_1", "--event", "E", "--wait", "60")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=program.environment) as process:
        assert process.stderr is not None
        waiting = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    deaf.close()

    assert waiting == "Waiting for the verdicts …\n"
    assert (process.returncode, rest.strip()) == (1, "stopped: Stopped.")


def test_a_reader_that_goes_away_ends_it_without_a_word() -> None:
    with subprocess.Popen(
        (*TURNOUT, "destination", "render"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(case() + "\n")
        process.stdin.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (1, "")


# -- reading -----------------------------------------------------------------------------------------------


def test_a_trace_has_one_delivery_for_each_destination(wired: Program) -> None:
    message = sent(wired, "--key", "traced")["message_id"]

    told = wired.tell("trace", message)

    assert set(told) >= {"message_id", "namespace", "source", "received_at", "event", "deliveries"}
    (delivery,) = told["deliveries"]
    assert set(delivery) >= {"destination", "verdict", "reason", "rule", "attempts", "evidence", "next"}
    assert delivery["verdict"] in VERDICTS
    assert delivery["evidence"] in {"recorded", "not_kept"}
    assert set(delivery["attempts"][0]) >= {"n", "outcome", "status", "at", "took_ms"}


def test_a_message_id_that_nothing_has_is_not_found(wired: Program) -> None:
    assert wired.tell("trace", "nothing", code=3)["error"]["code"] == "not_found"


def test_usage_counts_people_and_leaves_tests_out(program: Program) -> None:
    program.tell("send", "track", "--user-id", "u_1", "--event", "E", "--live")
    program.tell("send", "track", "--user-id", "u_2", "--event", "E")

    told = program.tell("usage")

    assert set(told) >= {"month", "mtu", "events", "test_people", "test_events", "sources", "forecast"}
    assert (told["mtu"], told["events"], told["test_people"], told["test_events"]) == (1, 1, 1, 1)
    assert program.tell("usage", "--month", "november", code=1)["error"]["code"] == "invalid_input"


# -- sources and destinations ------------------------------------------------------------------------------


def test_a_source_is_made_with_its_keys_and_listed(program: Program) -> None:
    made = program.tell("source", "create", "Web shop")

    assert set(made) >= {"source_id", "name", "write_key", "test_write_key"}
    listed = program.tell("source", "list")["sources"]
    assert made["source_id"] in {row["source_id"] for row in listed}
    assert program.tell("source", "create", "web SHOP", code=1)["error"]["code"] == "conflict"


def test_a_token_is_made_shown_once_listed_and_revoked(program: Program) -> None:
    made = program.tell("token", "create", "--scopes", "read,track", "--name", "Laptop", "--expires", "30")

    assert set(made) >= {"token_id", "token", "scopes"}
    assert (made["scopes"], made["token"].startswith(made["token_id"])) == (["read", "track"], True)
    (row,) = program.tell("token", "list")["tokens"]
    assert set(row) >= {"token_id", "name", "scopes", "created_at", "expires_at", "last_used_at", "state"}
    assert made["token"] not in str(row)
    assert program.tell("token", "create", "--scopes", "read,trak", code=1)["error"]["code"] == "invalid_input"
    assert program.tell("token", "revoke", "Lpatop", code=3)["error"]["code"] == "not_found"
    assert program.run("token", "create").code == 2
    assert set(program.tell("token", "revoke", made["token_id"])) >= {"token_id", "scopes"}
    assert program.tell("token", "list")["tokens"] == []


def test_the_catalogue_says_of_each_destination_whether_it_is_verified(program: Program) -> None:
    listed = program.tell("destination", "list", "--catalog")["destinations"]

    assert {"webhook", "jsonl"} <= {row["slug"] for row in listed}
    assert {row["status"] for row in listed} <= {"verified", "preview"}
    found = program.tell("destination", "list", "--catalog", "--search", "webhook")["destinations"]
    assert found[0]["slug"] == "webhook", "the best comes first; after it those that have the word in a setting"


def test_a_destination_is_connected_listed_paused_resumed_and_removed(program: Program, tmp_path: Path) -> None:
    made = program.tell("destination", "connect", "jsonl", "--name", "Out", "--set", f"path={tmp_path / 'out.jsonl'}")
    assert set(made) >= {"destination_id", "name", "slug", "state"}
    assert (made["name"], made["slug"], made["state"]) == ("Out", "jsonl", "running")

    assert program.tell("destination", "pause", "Out")["state"] == "paused"
    (row,) = program.tell("destination", "list")["destinations"]
    assert set(row) >= {"slug", "name", "state", "status", "health"}
    assert row["state"] == "paused"
    assert program.tell("destination", "resume", "Out")["state"] == "running"
    shown = program.tell("destination", "show", "Out")
    assert {setting["name"]: setting.get("value") for setting in shown["settings"]} == {
        "path": f"{tmp_path / 'out.jsonl'}"
    }

    refused = program.tell("destination", "remove", "Out", code=1)["error"]
    assert refused["code"] == "confirm_needed"
    assert "--yes" in refused["fix"]
    program.tell("destination", "remove", "Out", "--yes")
    assert program.tell("destination", "list")["destinations"] == []


def test_a_host_of_ones_own_choice_needs_a_yes(program: Program) -> None:
    words = ("destination", "connect", "webhook", "--set", "url=https://hooks.example.com/in")

    refused = program.tell(*words, code=1)["error"]
    made = program.tell(*words, "--yes")

    assert refused["code"] == "confirm_needed"
    assert "hooks.example.com" in refused["message"]
    assert made["slug"] == "webhook"


@pytest.mark.parametrize(("said", "code", "left"), [("n", 1, ["Out"]), ("y", 0, [])])
def test_a_person_at_a_terminal_is_asked(
    said: str, code: int, left: list[str], program: Program, tmp_path: Path
) -> None:
    program.tell("destination", "connect", "jsonl", "--name", "Out", "--set", f"path={tmp_path / 'out.jsonl'}")
    here, there = os.openpty()
    command = (*TURNOUT, "destination", "remove", "Out")

    with subprocess.Popen(
        command, stdin=there, stderr=there, stdout=subprocess.PIPE, env=program.environment
    ) as process:
        os.close(there)
        asked = b""
        while b"Go on? [y/N]" not in asked:
            asked += os.read(here, 4096)
        os.write(here, said.encode() + b"\n")
        assert process.wait(60) == code
    os.close(here)

    assert b"'Out'" in asked
    assert [row["name"] for row in program.tell("destination", "list")["destinations"]] == left


@pytest.mark.parametrize(
    ("words", "code", "near"),
    [
        (["destination", "connect", "webhok", "--set", "url=https://a.test"], 3, "webhook"),
        (["destination", "connect", "webhook", "--set", "ulr=https://a.test"], 1, "url"),
        (["destination", "connect", "webhook"], 1, "url"),
        (["destination", "pause", "Fiel"], 3, "File"),
        (["destination", "show", "Fiel"], 3, "File"),
        (["destination", "test", "Fiel"], 3, "File"),
        (["replay", "--destination", "Fiel"], 3, "File"),
        (["replay", "--since", "yesterday"], 1, "24h"),
        (["trace", "m", "--destination", "Fiel"], 3, "File"),
        (["send", "track", "--user-id", "u", "--event", "E", "--namespace", "Live!"], 1, "a-z"),
        (["namespace", "clear", "tset", "--yes"], 3, "test"),
    ],
    ids=lambda each: " ".join(each[:5]) if isinstance(each, list) else "",
)
def test_a_slip_in_a_name_is_answered_with_what_there_is(
    words: list[str], code: int, near: str, wired: Program
) -> None:
    ended = wired.run(*words, "--json")

    assert ended.code == code, ended
    assert near in ended.told["error"]["message"]
    assert "Traceback" not in ended.err


def test_credentials_are_tested_by_asking(wired: Program) -> None:
    assert wired.tell("destination", "test", "File")["ok"] is True


# -- replaying, forgetting, clearing ------------------------------------------------------------------------


def test_a_replay_is_counted_then_begun(program: Program, tmp_path: Path) -> None:
    program.tell("send", "track", "--user-id", "u_1", "--event", "Early")
    path = f"path={tmp_path / 'late.jsonl'}"
    program.tell("destination", "connect", "jsonl", "--name", "Late", "--set", path, "--receives", "all")

    counted = program.tell("replay", "--destination", "Late", "--dry-run")
    begun = program.tell("replay", "--destination", "Late", "--yes")

    assert counted["selected"] == 1
    assert set(begun) >= {"run_id", "selected", "to"}
    assert (begun["selected"], begun["to"]) == (1, ["Late"])


def test_an_erasure_leaves_a_receipt_and_nothing_else(program: Program) -> None:
    program.tell("send", "identify", "--user-id", "u_ann", "--traits", '{"email": "ann@example.com"}')
    kept = program.tell("send", "track", "--user-id", "u_bob", "--event", "Kept")

    refused = program.tell("erase", "u_ann", code=1)["error"]
    receipt = program.tell("erase", "u_ann", "--yes", "--wait")

    assert refused["code"] == "confirm_needed"
    assert set(receipt) >= {"deletion_id", "status", "suppressed", "steps"}
    assert (receipt["status"], receipt["suppressed"]) == ("finished", True)
    assert all(set(step) >= {"where", "status"} for step in receipt["steps"])
    assert b"ann@example.com" not in b"".join(file.read_bytes() for file in program.data.rglob("*") if file.is_file())
    assert program.tell("trace", kept["message_id"])["message_id"] == kept["message_id"]
    again = program.tell("send", "track", "--user-id", "u_ann", "--event", "Back", code=1)
    assert "suppressed" in again["error"]["message"]


def test_a_test_namespace_is_listed_and_cleared(program: Program) -> None:
    message = program.tell("send", "track", "--user-id", "u_1", "--event", "E", "--namespace", "trial")["message_id"]

    listed = program.tell("namespace", "list")["namespaces"]
    refused = program.tell("namespace", "clear", "trial", code=1)["error"]
    cleared = program.tell("namespace", "clear", "trial", "--yes")

    assert {"namespace": "trial", "events": 1}.items() <= next(
        row for row in listed if row["namespace"] == "trial"
    ).items()
    assert refused["code"] == "confirm_needed"
    assert cleared["namespace"] == "trial"
    assert program.run("trace", message).code in {0, 3}


# -- backup and restore ------------------------------------------------------------------------------------


def test_a_backup_is_taken_and_restored_with_the_keys_of_another_directory(program: Program, tmp_path: Path) -> None:
    program.tell("send", "track", "--user-id", "u_1", "--event", "Kept", "--live")

    taken = program.tell("backup", str(tmp_path / "b.db"))
    again = program.tell("backup", str(tmp_path / "b.db"), code=1)["error"]
    refused = program.tell("restore", str(tmp_path / "b.db"), code=1)["error"]
    elsewhere = Program(tmp_path / "new")
    without = elsewhere.tell("restore", str(tmp_path / "b.db"), code=1)["error"]
    restored = elsewhere.tell("restore", str(tmp_path / "b.db"), "--keys", str(program.data))

    assert set(taken) >= {"file", "bytes", "events", "last", "revision", "taken_at", "workspace", "without", "needs"}
    assert [(row["file"], set(row)) for row in taken["needs"]] == [
        ("keys", {"file", "path", "why"}),
        ("erasures", {"file", "path", "why"}),
    ]
    assert (again["code"], refused["code"], without["code"]) == ("conflict", "confirm_needed", "invalid_input")
    assert "--replace" in again["fix"]
    assert "--yes" in refused["fix"]
    assert "--keys DIR" in without["fix"]
    assert set(restored) >= {"file", "data", "events", "last", "newest", "lost", "deletions", "doubts", "set_aside"}
    assert elsewhere.tell("usage")["events"] == 1


@pytest.mark.parametrize("words", [["backup", "b.db"], ["restore", "b.db"]])
def test_what_is_not_there_is_not_found(words: list[str], program: Program) -> None:
    assert program.tell(*words, code=3)["error"]["code"] == "not_found"
    assert not program.data.exists()


# -- doctor ------------------------------------------------------------------------------------------------


def test_the_doctor_looks_at_each_thing(wired: Program) -> None:
    told = wired.tell("doctor")

    assert told["ok"] is True
    assert all(set(check) == {"name", "ok", "detail"} for check in told["checks"])
    names = {check["name"] for check in told["checks"]}
    assert names >= {"sqlite", "permissions", "keys", "disk", "deliverer", "tail", "integrity", "audit"}
    assert names >= {"erasures", "clock", "versions", "wal", "erased", "laws", "waiting", "destinations"}


def faults(program: Program) -> dict[str, str]:
    told = program.tell("doctor", code=1)
    assert told["ok"] is False
    return {check["name"]: check["detail"] for check in told["checks"] if not check["ok"]}


def test_the_doctor_makes_no_workspace(program: Program) -> None:
    told = program.tell("doctor")

    assert "none in" in next(check["detail"] for check in told["checks"] if check["name"] == "workspace")
    assert not program.data.exists()


def test_the_doctor_says_how_to_close_an_open_file(program: Program) -> None:
    program.tell("usage")
    (program.data / "keys").chmod(0o644)

    told = program.tell("doctor", code=1)
    (bad,) = [check for check in told["checks"] if not check["ok"]]
    assert (bad["name"], bad["detail"]) == ("permissions", f"others may read {program.data / 'keys'}")
    assert bad["do"] == f"chmod go= {program.data / 'keys'}"


def test_the_doctor_misses_the_keys_and_lost_events(program: Program) -> None:
    program.tell("usage")
    (program.data / "tail").write_bytes(b"%-20d\n" % 8)
    assert "7 acknowledged events" in faults(program)["tail"]
    (program.data / "keys").rename(program.data / "elsewhere")

    assert {"keys", "opens"} <= set(faults(program))


def test_the_doctor_finds_a_changed_audit_row(program: Program) -> None:
    program.tell("source", "create", "One")
    program.tell("source", "create", "Two")
    with sqlite3.connect(program.data / "turnout.db") as connection:
        connection.execute("UPDATE audit SET operation = 'nothing' WHERE id = (SELECT min(id) FROM audit)")
    connection.close()

    assert "row 1 of 2" in faults(program)["audit"]


def test_what_is_on_disk_is_for_its_owner_alone(wired: Program) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (wired.data, *wired.data.rglob("*"))}

    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


# -- manifests ---------------------------------------------------------------------------------------------


def case(**given: Any) -> str:
    event = {"type": "track", "messageId": "m1", "userId": "u1", "event": "Signed Up"}
    usual = {"destination": "webhook", "settings": {"url": "https://example.test/in"}, "event": event}
    return json.dumps({**usual, **given})


def test_a_stream_of_cases_is_answered_line_by_line(program: Program) -> None:
    command = (*TURNOUT, "destination", "render")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        into, out = process.stdin, process.stdout
        assert into is not None
        assert out is not None

        def ask(line: str) -> Any:
            into.write(line + "\n")
            return json.loads(out.readline())

        good, bad, unknown, wrong = ask(case(id=7)), ask("{"), ask(case(destination="nobody")), ask(case(settings={}))
        dropped = ask(case(event={"type": "delete", "messageId": "m1"}))
        into.close()
        assert process.wait(60) == 0

    (request,) = good["requests"]
    assert set(request) == {"method", "url", "headers", "query", "body"}
    assert (good["id"], request["url"], good["dropped"], good["error"]) == (7, "https://example.test/in", None, None)
    assert bad["error"] == "a case is a JSON object on one line"
    assert unknown["unsupported"] is True
    assert "`url` is missing" in wrong["error"]
    assert (dropped["requests"], dropped["dropped"]) == ([], "no_match")
    assert not program.data.exists()


# -- serving -----------------------------------------------------------------------------------------------


def test_serve_says_where_it_listens_delivers_and_leaves_on_term(wired: Program) -> None:
    with wired.serving() as address:
        alive = httpx2.get(f"{address}/healthz", timeout=60)
        ready = httpx2.get(f"{address}/readyz", timeout=60)
        told = sent(wired, "--key", "served")
        stranger = httpx2.get(f"{address}/healthz", headers={"host": "evil.example"}, timeout=60)
        metrics = httpx2.get(f"{address}/metrics", timeout=60).text

    assert (alive.status_code, ready.status_code, stranger.status_code) == (200, 200, 421)
    assert told["deliveries"][0]["verdict"] == "delivered"
    assert 'turnout_verdicts_total{destination="File",verdict="delivered",reason="delivered"}' in metrics
    assert next(c["detail"] for c in wired.tell("doctor")["checks"] if c["name"] == "deliverer").startswith("nobody")


def test_while_it_serves_the_doctor_says_who_delivers_and_the_port_is_taken(wired: Program) -> None:
    with wired.serving() as address:
        until(lambda: httpx2.get(f"{address}/readyz", timeout=60).json().get("delivering") is True)
        checks = {check["name"]: check["detail"] for check in wired.tell("doctor")["checks"]}
        second = wired.run("serve", "--port", address.rpartition(":")[2])

    assert checks["deliverer"].endswith("delivers")
    assert second.code == 1
    assert second.err.startswith("unavailable: cannot listen on 127.0.0.1 port")


# -- an agent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_sends_an_event_and_sees_it_delivered(mode: Any, wired: Program) -> None:
    command, *words = TURNOUT
    server = StdioServerParameters(command=command, args=[*words, "mcp"], env=wired.environment)

    async with Client(server, mode=mode) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        told = await client.call_tool(
            "track_event",
            {"event": "Ordered", "user_id": "u_9", "idempotency_key": f"order-{mode}", "wait_seconds": 25},
        )
        assert told.structured_content is not None, told
        journey = await client.call_tool("debug_event_delivery", {"message_id": told.structured_content["message_id"]})

    assert {"track_event", "debug_event_delivery", "request_deletion"} <= tools
    assert told.structured_content["namespace"] == "test"
    assert journey.structured_content is not None, journey
    assert journey.structured_content["found"] is True
    assert [row["verdict"] for row in journey.structured_content["deliveries"]] == ["delivered"]


async def test_a_reading_agent_is_offered_no_tool_that_writes(wired: Program) -> None:
    command, *words = TURNOUT
    server = StdioServerParameters(command=command, args=[*words, "mcp", "--mode", "read"], env=wired.environment)

    async with Client(server) as client:
        tools = (await client.list_tools()).tools

    assert all(tool.annotations is not None and tool.annotations.read_only_hint for tool in tools)
