"""The examples run as their first lines say, and what they print is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.embedded import stored
from support.program import LIMIT_S, Program

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = ["page", "identify", "group", "track", "screen", "alias", "track"]


def run(name: str, *words: str, environment: dict[str, str] | None = None) -> str:
    """Run an example in a process of its own; give what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def message_ids(printed: str) -> list[str]:
    return re.findall(r"^  .* (\S+)$", printed, re.MULTILINE)


def lines(data: Path, name: str) -> list[str]:
    path = data / "files" / name
    return path.read_text().splitlines() if path.exists() else []


def test_each_example_is_run_here() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == ["agent.py", "service.py", "shop.py"]


def test_what_the_shop_prints_is_stored_once_also_the_order_of_the_worker_that_died(data_dir: Path) -> None:
    printed = run("shop.py", "--data", str(data_dir))

    program = Program(data_dir)
    told = [program.tell("trace", message_id) for message_id in message_ids(printed)]
    assert [each["event"]["type"] for each in told] == KINDS
    assert {each["namespace"] for each in told} == {"test"}
    assert "Is that order lost? No: it was on disk, and is there once." in printed
    assert (counted := program.tell("usage"))["test_events"] == len(KINDS)
    assert counted["mtu"] == 0


def test_the_shop_counts_its_customers_when_it_is_live(data_dir: Path) -> None:
    printed = run("shop.py", "--data", str(data_dir), "--live")

    assert "namespace live:" in printed
    assert Program(data_dir).tell("usage")["mtu"] > 0


def test_what_the_service_answers_is_stored_once_although_requests_come_twice(data_dir: Path) -> None:
    program = Program(data_dir)
    key = program.tell("source", "create", "Web")["write_key"]

    printed = run("service.py", "--data", str(data_dir), "--write-key", key)

    orders = sorted(f"order-{name}-{number}" for name in ("ann", "ben", "cem", "dora") for number in (1, 2, 3))
    again = [f"order-{name}-3 (was there already)" for name in ("ann", "ben", "cem", "dora")]
    kept = stored(data_dir)
    assert re.findall(r"^  (.*)$", printed, re.MULTILINE) == sorted([*orders, *again])
    assert sorted(str(each["messageId"]) for each in kept if each["type"] == "track") == orders
    assert sum(each["type"] == "identify" for each in kept) == 4
    assert {each["namespace"] for each in kept} == {"live"}
    assert "And a mistake is named: `properties.why` is of type object, which an event cannot hold" in printed


@pytest.mark.parametrize("name", ["shop.py", "agent.py", "service.py"])
def test_an_example_makes_a_workspace_of_its_own_when_none_is_given(name: str, tmp_path: Path) -> None:
    run(name, environment={"TMPDIR": str(tmp_path)})

    (made,) = tmp_path.glob("turnout-*")
    assert (made / "turnout.db").is_file()


@pytest.mark.parametrize(("mode", "protocol"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_agent_learns_why_its_order_did_not_arrive(mode: str, protocol: str, data_dir: Path) -> None:
    printed = run("agent.py", "--data", str(data_dir), "--mode", mode)

    assert f"protocol {protocol}" in printed
    assert "  Orders: delivered\n  Big orders: not_sent\n" in printed
    assert "not_sent, because of its filter:" in printed
    assert "would_send: user turnout-test-" in printed
    assert "  0 tracked users in " in printed
    assert [json.loads(line)["properties"] for line in lines(data_dir, "orders.jsonl")] == [{"revenue": 42.5}]
    assert lines(data_dir, "big.jsonl") == []


def test_a_second_run_of_the_agent_changes_nothing(data_dir: Path) -> None:
    first = run("agent.py", "--data", str(data_dir))

    second = run("agent.py", "--data", str(data_dir))

    assert second == first
    assert len(lines(data_dir, "orders.jsonl")) == 1
