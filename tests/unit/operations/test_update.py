from __future__ import annotations

from typing import Any

import pytest

from support.workspace import AGENT, LIVE_AGENT, Bench, with_scopes
from turnout.delivery import verdict
from turnout.document import Document
from turnout.errors import Conflict, Denied, InvalidConfirmation, InvalidInput, InvalidSettings, NotFound
from turnout.guard.principal import Principal, Scope
from turnout.guard.run import Done
from turnout.operations import update
from turnout.operations.update import Update
from turnout.store.lanes import LaneState
from turnout.store.owed import Owed, OwedState

HOOK = {"url": "https://hook.example/in"}
OPERATOR = with_scopes(Scope.OPERATE, Scope.LIVE)
CONFIGURER = with_scopes(Scope.CONFIGURE, Scope.LIVE)


def updated(
    here: Bench, request: Update, principal: Principal = LIVE_AGENT, *, key: str = "", dry_run: bool = False,
    confirm: str = "",
) -> Done:  # fmt: skip
    operation = update.operation(here.catalogue, here.binder)
    return here.call(operation, request, principal, key=key, dry_run=dry_run, confirm=confirm)


def token(done: Done) -> str:
    confirm = done.answer["confirm"]
    assert isinstance(confirm, dict)
    return str(confirm["token"])


def inverse(answer: Document) -> Update:
    """Read the call that takes a change back."""
    calls: Any = answer["next"]
    assert calls[0]["tool"] == "update_destination"
    given: dict[str, Any] = calls[0]["arguments"]
    return Update(**{**given, "sources": tuple(given["sources"])} if "sources" in given else given)


def test_a_paused_destination_stands_still_and_the_inverse_resumes_it(here: Bench) -> None:
    destination = here.connect()

    paused = updated(here, Update("Segment", action="pause"), OPERATOR).answer
    assert paused["state"] == "paused"
    assert here.lane(destination).state is LaneState.PAUSED

    resumed = updated(here, inverse(paused), OPERATOR).answer
    assert resumed["state"] == "running"
    assert here.lane(destination).state is LaneState.RUNNING


def test_pausing_twice_changes_nothing_the_second_time(here: Bench) -> None:
    here.connect()
    updated(here, Update("Segment", action="pause"))
    before = here.revision

    again = updated(here, Update("Segment", action="pause")).answer

    assert "already" in str(again["summary"])
    assert "next" not in again
    assert here.revision == before


def test_resuming_one_that_runs_lets_it_begin_anew(here: Bench) -> None:
    destination = here.connect()
    here.store.commit(lambda unit: unit.lanes.note_running(destination.lane, "credentials"))
    before = here.revision

    answer = updated(here, Update("Segment", action="resume")).answer

    assert "next" not in answer
    assert here.revision == before + 1
    assert here.lane(destination).reason == ""


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_pausing_and_resuming_need_operate(here: Bench, action: str) -> None:
    here.connect()

    with pytest.raises(Denied, match="operate"):
        updated(here, Update("Segment", action=action), CONFIGURER)


@pytest.mark.parametrize("request_", [Update("Segment", action="remove"), Update("Segment", name="S")], ids=str)
def test_removing_and_changing_need_configure(here: Bench, request_: Update) -> None:
    here.connect()

    with pytest.raises(Denied, match="configure"):
        updated(here, request_, OPERATOR)


@pytest.mark.parametrize(
    "request_",
    [Update("Segment", action="pause"), Update("Segment", action="remove"), Update("Segment", name="S")],
    ids=str,
)
def test_without_live_a_destination_of_live_events_is_out_of_reach(here: Bench, request_: Update) -> None:
    here.connect()

    with pytest.raises(Denied, match="live"):
        updated(here, request_, AGENT)


def test_without_live_a_test_destination_can_be_changed_but_never_made_live(here: Bench) -> None:
    here.connect(receives="test")

    assert updated(here, Update("Segment", name="S"), AGENT).answer["name"] == "S"
    with pytest.raises(Denied, match="live"):
        updated(here, Update("S", receives="live"), AGENT)


def test_removing_needs_a_yes_and_then_all_of_it_is_gone(here: Bench) -> None:
    destination = here.connect()
    here.record({})
    row = Owed(destination.lane, 0, 1, 1, 0, 1, 1, 1, OwedState.RETRY, 0, 0)
    here.store.commit(lambda unit: unit.owed.put([row]))

    first = updated(here, Update("Segment", action="remove"))
    assert first.planned
    assert first.answer["waiting"] == 2
    assert here.lane(destination).state is LaneState.RUNNING

    second = updated(here, Update("Segment", action="remove"), confirm=token(first)).answer
    assert second["state"] == "removed"
    assert "1 delivery was cancelled" in str(second["summary"])
    assert here.lane(destination).state is LaneState.REMOVED
    assert here.secrets(destination) == {}
    ledger = here.look(lambda view: view.deliveries.of_event(destination.lane, 0, 1))
    assert [each.code for each in ledger] == [verdict.CANCELLED_REMOVED]
    with pytest.raises(NotFound):
        here.destination("Segment")


def test_a_spent_token_removes_nothing_more(here: Bench) -> None:
    here.connect()
    confirm = token(updated(here, Update("Segment", action="remove")))
    updated(here, Update("Segment", action="remove"), confirm=confirm)
    here.connect()

    assert updated(here, Update("Segment", action="remove"), confirm=confirm).replayed
    with pytest.raises(InvalidConfirmation):
        updated(here, Update("Segment", action="remove"), confirm=confirm, key="another")
    assert here.destination("Segment").slug == "segment"


def test_a_dry_run_changes_nothing(here: Bench) -> None:
    here.connect()
    before = here.revision

    done = updated(here, Update("Segment", name="S", filter="$.event"), dry_run=True)

    assert done.answer["changes"] == ["name", "filter"]
    assert here.revision == before


def test_all_that_can_be_changed_is_changed_and_taken_back(here: Bench) -> None:
    here.source("Web")
    before = here.connect("webhook", {**HOOK, "batch_size": 5})
    request = Update(
        before.id,
        name="Hook",
        settings={"method": "PUT", "batch_size": None},
        receives="all",
        filter="$.a",
        sources=("Web",),
    )

    answer = updated(here, request).answer

    after = here.destination("Hook")
    assert (after.receives, after.filter, after.sources) == ("all", "$.a", (2,))
    assert after.settings == {**HOOK, "method": "PUT", "batch_size": 1}
    updated(here, inverse(answer))
    assert here.destination(before.id) == before


def test_filter_all_lifts_it_and_no_sources_are_all(here: Bench) -> None:
    here.connect(filter="$.a")
    updated(here, Update("Segment", sources=("1",)))

    updated(here, Update("Segment", filter="All", sources=()))

    assert (here.destination("Segment").filter, here.destination("Segment").sources) == ("", ())


def test_a_new_secret_is_sealed_anew_and_has_no_inverse(here: Bench) -> None:
    destination = here.connect()
    before = here.revision

    answer = updated(here, Update("Segment", settings={"writeKey": "wk_new"})).answer

    assert here.secrets(destination) == {"write_key": "wk_new"}
    assert here.revision == before + 1
    assert "next" not in answer
    assert "wk_new" not in str(answer)


def test_a_secret_that_is_null_is_forgotten(here: Bench) -> None:
    destination = here.connect("webhook", {**HOOK, "headers": {"X-Key": "k"}})

    updated(here, Update("Webhook", settings={"headers": None}))

    assert here.secrets(destination) == {}
    assert here.destination("Webhook").secrets == ()


def test_a_change_to_what_is_there_already_changes_nothing(here: Bench) -> None:
    here.connect()
    before = here.revision

    answer = updated(here, Update("Segment", name="Segment", settings={"region": "us"})).answer

    assert "Nothing was changed" in str(answer["summary"])
    assert here.revision == before


def test_a_new_host_needs_a_yes_and_an_old_one_none(here: Bench) -> None:
    here.connect("webhook", HOOK)

    same = updated(here, Update("Webhook", settings={"url": "https://hook.example/other"}))
    assert same.answer["state"] == "running"

    request = Update("Webhook", settings={"url": "https://evil.example/in?t=s3cret"})
    first = updated(here, request)
    assert first.planned
    assert first.answer["hosts"] == ["evil.example:443"]
    assert "s3cret" not in str(first.answer)
    assert here.destination("Webhook").settings["url"] == "https://hook.example/other"

    updated(here, request, confirm=token(first))
    assert here.destination("Webhook").settings["url"] == "https://evil.example/in?t=s3cret"


def test_an_endpoint_put_before_a_vendor_needs_a_yes(here: Bench) -> None:
    here.connect()

    done = updated(here, Update("Segment", settings={"endpoint": "https://proxy.example"}))

    assert done.planned
    assert here.destination("Segment").settings == {"region": "us"}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Update("Segment"), InvalidInput),
        (Update("Segment", action="pause", name="S"), InvalidInput),
        (Update("Segment", action="stop"), InvalidInput),
        (Update("Nothing", action="pause"), NotFound),
        (Update("Segment", name="webhook"), Conflict),
        (Update("Segment", receives="some"), InvalidInput),
        (Update("Segment", filter="$.a =="), InvalidInput),
        (Update("Segment", sources=("Nowhere",)), NotFound),
        (Update("Segment", settings={"region": "mars"}), InvalidSettings),
        (Update("Segment", settings={"write_key": None}), InvalidSettings),
        (Update("Segment", settings={"write_key": "••••cdef"}), InvalidSettings),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    here: Bench, request_: Update, error: type[Exception]
) -> None:
    here.connect()
    here.connect("webhook", HOOK)
    before = here.revision

    with pytest.raises(error):
        updated(here, request_)
    assert here.revision == before


def test_the_same_key_gives_the_stored_answer(here: Bench) -> None:
    here.connect()
    first = updated(here, Update("Segment", action="pause"), key="k")

    assert updated(here, Update("Segment", action="pause"), key="k").answer == first.answer


def test_secrets_that_do_not_open_any_more_can_be_given_anew(here: Bench) -> None:
    destination = here.connect()
    here.store.commit(lambda unit: unit.session.run("UPDATE secrets SET sealed = zeroblob(40)"))

    with pytest.raises(InvalidSettings, match="write_key"):
        updated(here, Update("Segment", settings={"region": "eu"}))
    updated(here, Update("Segment", settings={"write_key": "wk_new"}))

    assert here.secrets(destination) == {"write_key": "wk_new"}


def test_a_file_moved_by_a_tool_keeps_to_a_bare_name(here: Bench) -> None:
    here.connect("jsonl", {"path": "a.jsonl"})

    with pytest.raises(InvalidSettings, match="bare file name"):
        updated(here, Update("jsonl", settings={"path": "/etc/passwd"}))
    updated(here, Update("jsonl", settings={"path": "b.jsonl"}))

    assert here.destination("jsonl").settings == {"path": "b.jsonl"}


def test_a_file_name_that_is_too_long_is_refused(here: Bench) -> None:
    here.connect("jsonl", {"path": "events.jsonl"}, name="File", principal=LIVE_AGENT)

    with pytest.raises(InvalidSettings, match="a name may have 255 bytes"):
        updated(here, Update("File", settings={"path": "x" * 256}))


def test_overrides_are_merged_and_the_inverse_lifts_them_again(here: Bench) -> None:
    here.connect("mixpanel", {"token": "t0123456789"}, name="M", overrides={"events": {"Paid": "Bought"}})
    wanted: Document = {"map": {"event:properties.plan": "$.traits.plan"}, "when": {"people": 'type = "identify"'}}

    done = updated(here, Update("M", overrides=wanted)).answer
    assert here.destination("M").overrides == {"events": {"Paid": "Bought"}, **wanted}

    updated(here, inverse(done))
    assert here.destination("M").overrides == {"events": {"Paid": "Bought"}}


def test_overrides_that_do_not_fit_change_nothing_and_say_why(here: Bench) -> None:
    here.connect("mixpanel", {"token": "t0123456789"}, name="M")
    before = here.revision

    with pytest.raises(InvalidInput, match="did you mean `event`"):
        updated(here, Update("M", overrides={"map": {"evnt:properties.plan": "$.traits.plan"}}))

    assert here.revision == before


def test_a_plan_shows_the_overrides_that_there_would_be(here: Bench) -> None:
    here.connect("mixpanel", {"token": "t0123456789"}, name="M", overrides={"events": {"Paid": "Bought"}})

    plan = updated(here, Update("M", overrides={"events": {"Paid": None, "A": "B"}}), dry_run=True).answer

    assert plan["changes"] == ["overrides"]
    assert plan["overrides"] == {"events": {"A": "B"}}
