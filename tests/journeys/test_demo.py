"""`turnout demo` as somebody runs it who has just installed Turnout."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from support.program import TURNOUT, Ended, Program
from support.worker import until
from turnout.cli.demo import outcome
from turnout.demo.model import Check

NAMES = ["archive", "crm", "amplitude"]


def play(scratch: Path, *words: str) -> Ended:
    """Run the demo; `scratch` is where it makes its temporary folders."""
    scratch.mkdir()
    program = Program(scratch.parent / "unused", (("TMPDIR", str(scratch)),))
    ended = program.run("demo", *words)
    assert not (scratch.parent / "unused").exists(), "the demo leaves the user's own workspace alone"
    return ended


def alive(scratch: Path) -> list[str]:
    listed = subprocess.run(("ps", "axww", "-o", "args"), capture_output=True, text=True, check=True, timeout=60)
    return [line for line in listed.stdout.splitlines() if str(scratch) in line]


def test_the_demo_proves_its_story(tmp_path: Path) -> None:
    kept = tmp_path / "kept"

    ended = play(tmp_path / "scratch", "--json", "--keep", str(kept))

    assert ended.code == 0, ended
    told = ended.told
    assert told["ok"], told["checks"]
    assert [(each["destination"], each["effects"]) for each in told["arrivals"]] == [(name, 1) for name in NAMES]
    assert told["replayed"] is True
    crm = next(each for each in told["deliveries"] if each["destination"] == "crm")
    assert [each["outcome"] for each in crm["attempts"]] == ["http_503", "maybe sent", "delivered"]
    assert {each["destination"]: each["at_end"] for each in told["crash"]["landed"]} == dict.fromkeys(NAMES, 40)
    assert told["usage"]["mtu"] == 1
    assert told["usage"]["test_people"] == told["test"]["people"] == 25
    assert len(told["test"]["outward"]) <= 10

    after = Program(kept)
    traced = after.tell("trace", told["message_id"])["deliveries"][1]
    assert [each["at"] for each in traced["attempts"]] == [each["at"] for each in crm["attempts"]]
    assert after.tell("usage")["mtu"] == 1


def test_the_demo_reads_well_where_no_terminal_is(tmp_path: Path) -> None:
    ended = play(tmp_path / "scratch")

    assert ended.code == 0, ended
    story, _, client = ended.out.partition("In Claude Code:\n")
    lines = story.splitlines()
    assert "\x1b" not in ended.out
    assert max(map(len, lines)) <= 104
    assert [line for line in lines if line != line.rstrip()] == []
    assert re.search(r"crm: delivered\n.*try 1  http_503.*\n.*try 2  maybe sent.*\n.*try 3  delivered", story)
    assert re.search(r"\d+ claims hold", story)
    assert "FAILED" not in story
    add, _, rest = client.partition("\n")
    server = json.loads(rest[rest.index("{") :])["mcpServers"]["turnout"]
    assert add == f"claude mcp add --scope user turnout -- {server['command']} {' '.join(server['args'])}"
    assert Path(server["command"]).is_absolute()


def test_the_demo_leaves_no_folder_and_no_process(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(
        (*TURNOUT, "demo", "--json"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            while "in the middle" not in (line := process.stderr.readline()):
                assert line, "the demo ended before it was stopped"
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        finally:
            process.kill()

    assert code == 1
    assert list(scratch.iterdir()) == []
    until(lambda: alive(scratch) == [])


def test_the_demo_keeps_no_workspace_where_something_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine").touch()

    ended = play(tmp_path / "scratch", "--keep", str(kept))

    assert ended.code == 2, ended
    assert [each.name for each in kept.iterdir()] == ["mine"]


def test_a_claim_that_does_not_hold_is_named_and_fails_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    code = outcome((Check("it holds", ok=True, found="1"), Check("it is broken", ok=False, found="2 of 3")))

    assert code == 1
    assert capsys.readouterr().err == "failed: it is broken: 2 of 3\n"
