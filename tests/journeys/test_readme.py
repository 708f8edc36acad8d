"""README says nothing that no test runs: its table names tests that exist, its commands are the program's."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from support.embedded import run, stored
from support.program import Program
from turnout.manifest.catalogue import Catalogue
from turnout.sinks.files import JSONL

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/.]+\.py)::(\w+)`")


def test_every_promise_names_a_test_that_is_there() -> None:
    named = NAMED.findall(README)
    table = README.split("| Today |", 1)[1].split("\n\n", 1)[0]
    rows = [line for line in table.splitlines()[1:] if "---" not in line]

    missing = [f"{file}::{name}" for file, name in named if name not in functions(ROOT / file)]

    assert len(rows) == 5
    assert all(NAMED.search(row) for row in rows)
    assert len(named) > len(rows)
    assert missing == []


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_its_commands_do_what_it_says(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = Program(data_dir)
    block = next(each for each in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "destination connect" in each)
    lines = [line for line in block.splitlines() if line.startswith("turnout ")]

    connected = program.run(*words(lines[0]), "--json")
    sent = program.run(*words(lines[1]), "--json")
    traced = program.run(*words(lines[2].replace("MESSAGE_ID", sent.told["message_id"])), "--json")
    audited = program.run(*words(lines[3]), "--json")
    profile = program.run(*words(lines[4]), "--json")
    usage = program.run(*words(lines[5]), "--json")
    found = program.run(*words(lines[6]), "--json")
    changed = program.run(*words(lines[7]), "--json")

    assert connected.told["state"] == "running"
    assert [row["verdict"] for row in sent.told["deliveries"]] == ["delivered"]
    assert traced.told["message_id"] == sent.told["message_id"]
    assert [row["takes"] for row in audited.told["destinations"]] == ["yes"]
    assert [row["events"] for row in profile.told["people"]] == [1]
    assert (usage.told["mtu"], usage.told["test_people"]) == (0, 1)
    assert [row["at"] for row in found.told["events"]] == ["JSON lines file: delivered"]
    assert [row["change"] for row in changed.told["changes"]] == ["connect_destination"]


def test_the_first_event_over_http_is_the_one_it_shows(data_dir: Path) -> None:
    block = next(each for each in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "/v1/track" in each)
    serve, create, curl, profile = [line.split("  # ")[0].strip() for line in block.splitlines()]
    program = Program(data_dir)

    with program.serving(*words(serve)[1:-1]) as url:
        key = program.tell(*words(create)[:-1])["write_key"]
        _, address, *flags = shlex.split(curl)
        user, body = flags[1].replace("WRITE_KEY", key), flags[3]
        answer = httpx2.post(url + urlsplit(address).path, content=body, auth=(user.rstrip(":"), ""), timeout=60)
        found = program.run("usage", "--json").told
        (sent,) = program.tell(*words(profile))["last_events"]
        traced = program.tell("trace", sent["message_id"])

    assert flags[::2] == ["-u", "-d"]
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (found["events"], traced["message_id"]) == (1, sent["message_id"])


def test_its_rules_are_taken(data_dir: Path) -> None:
    program = Program(data_dir)
    block = next(each for each in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "namespace rule" in each)

    ended = [program.run(*words(line), "--json") for line in block.splitlines()]

    assert [each.code for each in ended] == [0] * 5
    assert [each["pattern"] for each in ended[3].told["rules"]] == ["qa-*", "test.example", "203.0.113.0/24"]


def test_its_python_does_what_it_says(data_dir: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    key = Program(data_dir).tell("source", "create", "Web")["write_key"]
    said = [block.replace('"shop-data"', repr(str(data_dir))).replace('"wk_…"', repr(key)) for block in blocks]
    ends = ("", "import anyio; anyio.run(main)", "")

    for code, end in zip(said, ends, strict=True):
        script = f"import sys\n{code}\n{end}"
        ended = run(script, data_dir, TURNOUT_DATA=str(data_dir))
        assert (ended.code, ended.err) == (0, "")

    kept = stored(data_dir)
    assert [each["type"] for each in kept] == ["identify", "track", "track", "track"]
    assert [each["messageId"] for each in kept[1:3]] == ["order-17", "order-18"]
    assert len({each["source"] for each in kept}) == 2


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)[1:]


def test_the_destinations_it_lists_are_those_there_are() -> None:
    [limits] = re.findall(r"\*\*Destinations\*\*: these so far \((.*?)\)", README, re.DOTALL)

    assert set(re.findall(r"`([\w-]+)`", limits)) == {entry.slug for entry in Catalogue((JSONL,)).entries()}


def test_the_pages_it_points_to_are_there() -> None:
    named = re.findall(r"`((?:server|manifests|examples|tests)/[\w/.-]*|CHANGELOG\.md)`", README)

    assert [name for name in named if not (ROOT / name).exists()] == []
