"""What agents are asked most, each answered in at most two calls of a real server over stdio.

The workspace is made and asked once; each test reads what was answered to its question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from support.agents import Agent, agent
from support.destination import Recorder
from support.script import Scripted
from support.workspace import bench
from turnout.clock import DAY, SystemClock
from turnout.event.model import TEST

pytestmark = pytest.mark.timeout(480)

Told: TypeAlias = dict[str, Any]
MOST_CALLS = 2
ORDER = "Order Completed"


@dataclass(slots=True)
class Asking:
    """One question: its calls are counted, its answers kept."""

    one: Agent
    answers: list[Told] = field(default_factory=list)

    async def ask(self, tool: str, **arguments: Any) -> Told:
        told = await self.one.ask(tool, **arguments)
        self.answers.append(told)
        return told


def begun(data: Path) -> None:
    """Begin the workspace forty days ago, with a source that has sent nothing since."""
    with bench(data) as here:
        here.clock.moment = SystemClock().now() - 40 * DAY
        shop = int(str(here.source("Shop")["source_id"]))
        here.record({"event": "Shelf Filled"}, namespace=TEST, source=shop)


async def prepared(one: Agent, receiver: Recorder) -> None:
    """Connect four destinations, and send live and test events, one of which is answered with nothing at first."""
    receiver.answer(Scripted(act="close"), Scripted(), path="/hook")
    await one.connect("webhook", name="Hook", settings={"url": f"{receiver.url}/hook"}, receives="all")
    await one.connect("jsonl", name="File", settings={"path": "all.jsonl"}, receives="all")
    await one.connect("jsonl", name="Tests", settings={"path": "tests.jsonl"}, receives="test")
    await one.connect("jsonl", name="Pages", settings={"path": "p.jsonl"}, receives="all", filter="$.type == 'page'")
    paid: Told = {"event": ORDER, "user_id": "customer_4711", "properties": {"total": 42}}
    await one.ask("track_event", **paid, namespace="live", idempotency_key="o-1", wait_seconds=20)
    await one.ask("track_event", **paid, namespace="live", idempotency_key="o-1")
    await one.ask("identify_user", user_id="customer_4711", traits={"email": "ann@shop.io"}, namespace="live")
    await one.ask("track_event", event=ORDER, user_id="qa-robot", namespace="live")
    await one.ask("track_event", event="order_completed", user_id="someone_in_test", wait_seconds=20)


async def asked(one: Agent) -> dict[str, Asking]:
    """Put the questions."""
    questions: dict[str, Asking] = {}

    def question(name: str) -> Asking:
        return questions.setdefault(name, Asking(one))

    await question("which get it").ask("audit_routing", event=ORDER)
    await question("if I sent this").ask("preview_event", event=ORDER, user_id="u_1", properties={"total": 1})
    await question("newest people").ask("get_profile")
    await question("this month").ask("get_usage")
    await question("stale").ask("audit_routing")
    await question("twice").ask("audit_routing")
    await question("what changed").ask("list_changes", since="24h")
    person: Told = {"user_id": "customer_4711", "namespace": "live"}
    plan = await question("forget").ask("request_deletion", **person)
    await question("forget").ask("request_deletion", **person, confirm=plan["confirm"]["token"], wait_seconds=20)
    return questions


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Told]]:
    data: Path = tmp_path_factory.mktemp("questions") / "data"

    async def play() -> dict[str, list[Told]]:
        with Recorder() as receiver:
            async with agent(data, "--live") as one:
                await prepared(one, receiver)
                return {name: each.answers for name, each in (await asked(one)).items()}

    begun(data)
    return anyio.run(play)


def by(rows: list[Told], name: str) -> dict[str, Told]:
    return {row[name]: row for row in rows}


def test_no_question_takes_more_than_two_calls(answers: dict[str, list[Told]]) -> None:
    assert len(answers) == 8
    assert {name: len(told) for name, told in answers.items() if len(told) > MOST_CALLS} == {}


def test_which_destinations_get_order_completed(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["which get it"]

    each = by(told["destinations"], "destination")
    assert {name: row["takes"] for name, row in each.items()} == {
        "Hook": "yes", "File": "yes", "Tests": "no", "Pages": "no",
    }  # fmt: skip
    assert (each["Tests"]["reason"], each["Pages"]["reason"]) == ("namespace", "filtered")
    assert each["File"]["newest"] == "delivered: delivered"
    assert {"event", "userId", "properties.total"} <= set(each["Hook"]["sends"])
    assert each["File"]["sends_as"] == "Hook"
    assert [row["event"] for row in told["similar_names"]] == ["order_completed"]


def test_what_would_happen_if_i_sent_this(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["if I sent this"]

    found = {row["destination"]: row["verdict"] for row in told["previews"]}
    assert found == {"Hook": "would_send", "File": "would_send", "Tests": "would_send", "Pages": "not_sent"}


def test_who_are_my_newest_people_and_which_are_tests(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["newest people"]

    newest = [(row["test"], row.get("looks_like"), row["user_id"]) for row in told["people"]]
    assert newest[:3] == [(True, ["test_like"], "s…st"), (False, ["test_like"], "qa-…ot"), (False, None, "c…11")]


def test_how_many_mtu_will_this_month_end_with_and_why(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["this month"]

    assert (told["mtu"], told["test_people"]) == (2, 1)
    assert told["counts"] == {"identified": 2, "never_identified": 0, "anonymous_identified": 0}
    assert told["forecast"] >= told["mtu"]
    assert "whole day" in told["forecast_method"]
    assert [(row["cause"], row["people"]) for row in told["inflated_by"]] == [("test_like", 1)]


def test_which_sources_are_stale(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["stale"]

    (row,) = told["stale_sources"]
    assert (row["source"], row["reason"], row["silent_days"]) == ("Shop", "silent", 40)
    assert "1 source is stale" in told["summary"]


def test_did_anything_go_out_twice(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["twice"]

    (row,) = told["maybe_twice"]
    assert (row["destination"], row["maybe_twice"]) == ("Hook", 1)
    assert row["examples"][0]["message_id"]
    assert row["repeats"]
    assert "1 event may have gone out twice" in told["summary"]


def test_what_was_changed_since_yesterday_and_by_whom(answers: dict[str, list[Told]]) -> None:
    (told,) = answers["what changed"]

    rows = [(row["change"], row["of"], row["by"]) for row in told["changes"]]
    assert rows == [("connect_destination", name, "local") for name in ("Pages", "Tests", "File", "Hook")]
    assert all(row["client"].startswith("mcp ") for row in told["changes"])


def test_forget_this_person_and_prove_it(answers: dict[str, list[Told]]) -> None:
    plan, done = answers["forget"]

    assert plan["confirm"]["plan"]
    assert done["status"] in {"finished", "partial"}
    proof = done["proof"]
    assert (proof["events_erased"], proof["events_left"], proof["identifiers_left"]) == (2, 0, 0)
    assert len(proof["receipt_sha256"]) == 64
