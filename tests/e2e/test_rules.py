"""Rules of the workspace in every door: a change at the command line holds for whoever commits next, in any process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from support.agents import agent
from support.program import Program
from turnout import Turnout

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Give a workspace with one rule, `rule_2`, that tests leave alone."""
    program = Program(tmp_path_factory.mktemp("ruled") / "data")
    program.tell("namespace", "rule", "add", "--id", "bot-*")
    return program


def usage(program: Program) -> tuple[int, int, int]:
    told = program.tell("usage")
    return told["mtu"], told["test_people"], told["test_events"]


def rules(program: Program) -> list[tuple[str, str, str, str]]:
    listed = program.tell("namespace", "rule", "list")["rules"]
    return [(each["rule_id"], each["by"], each["pattern"], each["namespace"]) for each in listed]


def test_a_rule_added_at_the_command_line_moves_the_next_event_of_a_program_that_runs(data_dir: Path) -> None:
    program = Program(data_dir)
    with Turnout(data=data_dir) as turnout:
        before = turnout.track("qa-1", "E").namespace
        program.tell("namespace", "rule", "add", "--id", "qa-*")
        after = turnout.track("qa-1", "E").namespace, turnout.track("u_1", "E").namespace
        program.tell("namespace", "rule", "remove", "rule_2")
        again = turnout.track("qa-1", "E").namespace

    assert (before, after, again) == ("live", ("test", "live"), "live")
    assert usage(program) == (2, 1, 1)


@pytest.mark.anyio
async def test_an_agent_is_told_where_its_live_events_went(data_dir: Path) -> None:
    program = Program(data_dir)
    async with agent(data_dir, "--live", "--namespace", "live") as client:
        before = await tracked(client, "qa-1")
        added = await anyio.to_thread.run_sync(program.tell, "namespace", "rule", "add", "--id", "qa-*")
        moved, stayed = await tracked(client, "qa-2"), await tracked(client, "u_1")
        batch = await client.ask("send_events", events=[page("qa-3"), page("u_2")])
        found = await client.ask("find_events", namespace="test")
        journey = await client.ask("debug_event_delivery", message_id=moved["message_id"])

    assert [each["namespace"] for each in (before, moved, stayed)] == ["live", "test", "live"]
    assert (batch["namespace"], [each.get("namespace") for each in batch["events"]]) == ("live", ["test", None])
    assert [each["moved_by"] for each in found["events"]] == [added["rule_id"]] * 2
    assert (journey["namespace"], journey["moved_by"]) == ("test", added["rule_id"])


async def tracked(client: Any, user_id: str) -> dict[str, Any]:
    told: dict[str, Any] = await client.ask("track_event", event="E", user_id=user_id)
    return told


def page(user_id: str) -> dict[str, str]:
    return {"type": "page", "userId": user_id}


def test_a_rule_is_tried_added_seen_in_a_journey_and_removed(data_dir: Path) -> None:
    program = Program(data_dir)
    program.tell("send", "identify", "--user-id", "u_1", "--traits", '{"email": "ann@qa.test.example"}', "--live")
    words = ("namespace", "rule", "add", "--email-domain", "Test.Example", "--to", "qa")

    tried = program.tell(*words, "--dry-run")
    untouched = rules(program)
    added = program.tell(*words)
    sent = program.tell("send", "track", "--user-id", "u_2", "--event", "E", "--live", "--context", CONTEXT)
    journey = program.tell("trace", sent["message_id"])
    there = rules(program)
    removed = program.tell("namespace", "rule", "remove", added["rule_id"])
    back = program.tell("send", "track", "--user-id", "u_2", "--event", "F", "--live", "--context", CONTEXT)

    assert ((tried["moves"], tried["of"]), untouched) == ((1, 1), [])
    assert there == [(added["rule_id"], "email_domain", "test.example", "qa")]
    assert (sent["namespace"], journey["namespace"], journey["moved_by"]) == ("qa", "qa", added["rule_id"])
    assert added["next"][0]["arguments"] == {"rule_id": added["rule_id"]}
    assert removed["next"][0]["arguments"] == {"email_domain": "test.example", "namespace": "qa"}
    assert (back["namespace"], rules(program), usage(program)) == ("live", [], (2, 1, 1))


CONTEXT = '{"traits": {"email": "Bob@Test.Example"}}'


def test_a_person_reads_what_a_rule_does_and_how_to_take_it_back(data_dir: Path) -> None:
    program = Program(data_dir)

    added = program.run("namespace", "rule", "add", "--ip", "203.0.113.0/24")
    removed = program.run("namespace", "rule", "remove", "rule_2")

    assert "live events with an address in 203.0.113.0/24 go to the namespace test (rule_2)" in added.out
    assert "Back: turnout namespace rule remove rule_2\n" in added.out
    assert "Back: turnout namespace rule add --ip 203.0.113.0/24 --to test\n" in removed.out


@pytest.mark.parametrize(
    ("words", "code", "kind", "said"),
    [
        (("add",), 2, "usage", "give one of --id, --email-domain and --ip"),
        (("add", "--id", "qa-*", "--ip", "10.0.0.0/8"), 2, "usage", "give one of"),
        (("add", "--id", "*"), 1, "invalid_input", "would move everybody"),
        (("add", "--id", "bot-1*"), 1, "conflict", "rule_2 (id bot-*) moves all of these"),
        (("add", "--email-domain", "com"), 1, "invalid_input", "one label"),
        (("add", "--ip", "10.0.0.1/8"), 1, "invalid_input", "did you mean 10.0.0.0/8?"),
        (("add", "--id", "qa-*", "--to", "live"), 1, "invalid_input", "never makes one live"),
        (("remove", "rule_9"), 3, "not_found", "there is rule_2"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_is_expected(
    words: tuple[str, ...], code: int, kind: str, said: str, ruled: Program
) -> None:
    refused = ruled.tell("namespace", "rule", *words, code=code)["error"]

    assert refused["code"] == kind
    assert said in refused["message"]
