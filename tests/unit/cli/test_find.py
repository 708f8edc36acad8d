"""`turnout find` and `turnout suppress`, as a person reads them."""

from __future__ import annotations

from pathlib import Path

from support.program import Program
from support.workspace import bench
from turnout.cli.main import MISSING
from turnout.document import encode
from turnout.event.model import LIVE, Call, Caller, SourceId
from turnout.ingest import ingest, refuse


def test_refused_calls_are_listed_with_reasons_and_events_page_by_page(data_dir: Path) -> None:
    with bench(data_dir) as here:
        calls = (Call(encode({"type": "track", "event": "Paid", "messageId": "m0"})),)
        caller = Caller(SourceId(1), LIVE, here.clock.now())
        here.store.commit(lambda unit: refuse(unit, ingest(unit, calls, caller)))
        here.record({"messageId": "m1"}, {"messageId": "m2"})
    program = Program(data_dir)

    refused = program.run("find", "--verdict", "refused").out
    first = program.run("find", "--limit", "1").out
    rest = program.tell("find", "--cursor", first.split()[-1])

    assert "1 refused call, newest first: 1 no_user_anon_id." in refused
    assert "m0" in refused
    assert "go on with --cursor." in first
    assert [each["message_id"] for each in rest["events"]] == ["m1"]


def test_a_slip_that_finds_nothing_is_led_on(data_dir: Path) -> None:
    with bench(data_dir) as here:
        here.record({"event": "Paid"})
    program = Program(data_dir)

    assert program.run("find", "--event", "Piad").out.splitlines() == [
        "No event fits.",
        "Names that look like this one: turnout audit --event NAME",
    ]
    assert program.run("find", "--namespace", "lvie").out == "No event fits. There are events of live.\n"
    assert program.run("find", "--namespace", "live", "--verdict", "refused").out == "No refused call fits.\n"


def test_people_are_listed_page_by_page(data_dir: Path) -> None:
    with bench(data_dir) as here:
        here.record({"userId": "ann"}, {"userId": "ben"})
    program = Program(data_dir)

    first = program.run("profile", "--limit", "1").out
    rest = program.tell("profile", "--limit", "1", "--cursor", first.split()[-1])

    assert "go on with --cursor." in first
    assert "ben" in first
    assert ["ann" in str(each) for each in rest["people"]] == [True]


def test_a_suppression_is_made_and_lifted_and_the_wrong_namespace_names_the_flag(data_dir: Path) -> None:
    program = Program(data_dir)

    made = program.tell("suppress", "u1", "--live")
    wrong = program.tell("suppress", "u1", "--lift", code=MISSING)["error"]
    lifted = program.tell("suppress", "u1", "--lift", "--live")

    assert (made["suppressed"], lifted["suppressed"]) == (True, False)
    assert wrong["message"] == "nobody with this identifier is suppressed in the namespace test, but in live"
    assert wrong["fix"] == "Say --live, or --namespace NAME"
