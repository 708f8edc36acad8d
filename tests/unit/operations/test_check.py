from __future__ import annotations

from typing import Any

import pytest

from support.workspace import AGENT, LIVE_AGENT, Bench, reader, with_scopes
from turnout.agent.tools.test_destination import Checked as Shape
from turnout.errors import Denied, InvalidSettings, NotFound
from turnout.evidence import redact
from turnout.exchange import Class, FaultKind, Outcome
from turnout.guard.principal import Principal, Scope
from turnout.operations import check


def found(here: Bench, name: str, who: Principal = LIVE_AGENT) -> check.Checked:
    return here.look(lambda view: check.find(view, here.eyes, who, name))


def told(here: Bench, outcome: Outcome | None) -> dict[str, Any]:
    here.connect()
    checked = found(here, "Segment")
    tried = check.Tried(redact.outcome(outcome, checked.bound.spelled) if outcome else None, 12)
    answer: dict[str, Any] = check.told(checked, tried, reader())
    Shape.model_validate(answer)
    return answer


def test_a_passed_test_says_so(here: Bench) -> None:
    answer = told(here, Outcome(Class.SUCCESS, "delivered", 200))

    assert (answer["destination"], answer["ok"], answer["status"], answer["took_ms"]) == ("Segment", True, 200, 12)
    assert "reason" not in answer


def test_refused_credentials_lead_to_new_ones(here: Bench) -> None:
    answer = told(here, Outcome(Class.CREDENTIALS, "http_401", 401, "bad key"))

    assert (answer["ok"], answer["reason"], answer["status"]) == (False, "credentials", 401)
    assert answer["untrusted"] == {"answer": "bad key"}
    assert answer["next"][0]["tool"] == "update_destination"


def test_the_vendors_words_hold_no_secret_and_nobodys_address(here: Bench) -> None:
    text = "key wk_0123456789abcdef of ann@example.com \u202e"

    answer = told(here, Outcome(Class.FINAL, "http_404", 404, text))

    assert "wk_0123" not in str(answer)
    assert "ann@" not in str(answer)
    assert "\u202e" not in str(answer)
    assert "404" in answer["summary"]


@pytest.mark.parametrize("kind", [FaultKind.NAME, FaultKind.REFUSED, FaultKind.TLS, FaultKind.DISK])
def test_what_cannot_be_reached_has_failed(here: Bench, kind: FaultKind) -> None:
    answer = told(here, Outcome(Class.RETRY, str(kind)))

    assert (answer["ok"], answer["reason"]) == (False, str(kind))
    assert "status" not in answer


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Class.UNKNOWN, "timeout"),
        Outcome(Class.RETRY, "http_429", 429),
        Outcome(Class.RETRY, "http_503", 503),
    ],
    ids=str,
)
def test_an_answer_that_says_nothing_leaves_it_open(here: Bench, outcome: Outcome) -> None:
    answer = told(here, outcome)

    assert "ok" not in answer
    assert answer["reason"] == outcome.code
    assert "test again" in answer["summary"]


def test_a_vendor_without_a_test_says_what_to_do_instead(here: Bench) -> None:
    answer = told(here, None)

    assert "ok" not in answer
    assert answer["reason"].startswith("not_offered")
    preview, came = answer["next"]
    assert (preview["tool"], preview["arguments"]["namespace"]) == ("preview_event", "live")
    assert (came["tool"], came["arguments"]) == ("find_events", {"destination": "Segment"})


def test_one_that_receives_test_events_may_be_sent_one(here: Bench) -> None:
    here.connect(receives="test")

    answer: dict[str, Any] = check.told(found(here, "Segment"), check.Tried(None), reader())

    assert [call["tool"] for call in answer["next"]] == ["preview_event", "track_event"]
    assert "namespace" not in answer["next"][0]["arguments"]


def test_a_test_needs_operate(here: Bench) -> None:
    here.connect()

    with pytest.raises(Denied, match="operate"):
        found(here, "Segment", with_scopes(Scope.READ, Scope.LIVE))


def test_without_live_only_test_destinations_are_tested(here: Bench) -> None:
    here.connect(name="Live")
    here.connect(name="Test", receives="test")

    with pytest.raises(Denied, match="live"):
        found(here, "Live", AGENT)
    assert found(here, "Test", AGENT).bound.destination.name == "Test"


def test_a_destination_that_cannot_be_bound_says_why(here: Bench) -> None:
    destination = here.connect()
    here.store.commit(lambda unit: unit.entities.forget(destination.id))

    with pytest.raises(InvalidSettings, match="write_key"):
        found(here, "Segment")
    with pytest.raises(NotFound):
        found(here, "Nothing")


@pytest.mark.parametrize(
    "outcome", [Outcome(Class.UNKNOWN, "write_failed"), Outcome(Class.FINAL, "blocked_path")], ids=str
)
def test_a_file_that_cannot_be_written_speaks_of_its_path(here: Bench, outcome: Outcome) -> None:
    answer = told(here, outcome)

    assert answer["ok"] is False
    assert "Correct the path" in answer["summary"]
    assert "address" not in answer["summary"]
