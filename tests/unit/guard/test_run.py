"""What every changing call passes: each row of reliability-security.md 5.2, through the real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from support.workspace import AGENT, LIVE_AGENT, PERSON, READER, Bench, bench
from turnout.clock import DAY, MINUTE
from turnout.document import Document, Json
from turnout.errors import (
    Denied,
    InProgress,
    InvalidCall,
    InvalidConfirmation,
    InvalidInput,
    KeyReused,
    OutcomeUnknown,
)
from turnout.guard import run as guard
from turnout.guard.run import Done
from turnout.operations import connect, send, sources
from turnout.operations.connect import Connect
from turnout.operations.model import Intent
from turnout.operations.send import Send


@pytest.fixture
def here(data_dir: Path) -> Iterator[Bench]:
    with bench(data_dir) as made:
        yield made


def track(here: Bench, key: str = "", tool: str = "track_event", space: str = "", **properties: Json) -> Done:
    """Track one event as a tool does."""
    event: Document = {"type": "track", "event": "Bought", "userId": "u1", "properties": properties}
    return here.call(send.operation(tool), Send((event,), space, alone=True), AGENT, key=key)


def events(here: Bench) -> int:
    return here.look(lambda view: view.counter.seq) - 1


def ids(done: Done) -> list[object]:
    rows = done.answer["events"]
    assert isinstance(rows, list)
    return [row["message_id"] for row in rows if isinstance(row, dict)]


# -- the same again ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["order-1", ""], ids=["given", "derived"])
def test_the_same_call_again_has_its_stored_answer_and_no_effect(here: Bench, key: str) -> None:
    first = track(here, key)
    here.clock.pass_s(5)

    again = track(here, key)

    assert (first.replayed, again.replayed, again.derived) == (False, True, not key)
    assert ids(again) == ids(first)
    assert events(here) == 1


def test_a_hit_without_a_key_says_since_when_and_how_to_send_again(here: Bench) -> None:
    track(here)
    here.clock.pass_s(90)

    said = str(track(here).answer["summary"])

    assert "90 s ago" in said
    assert "idempotency_key" in said


def test_the_same_key_with_other_arguments_names_those_that_differ(here: Bench) -> None:
    track(here, "order-1", revenue=42)

    with pytest.raises(KeyReused, match=r"\(properties\)"):
        track(here, "order-1", revenue=43)

    assert events(here) == 1


def test_a_default_left_out_and_one_written_out_are_the_same_call(here: Bench) -> None:
    assert [track(here, "k").replayed, track(here, "k", space="test").replayed] == [False, True]
    assert [track(here, n=1).replayed, track(here, space="test", n=1).replayed] == [False, True]


def test_the_same_key_of_another_operation_is_another_key(here: Bench) -> None:
    first, second = track(here, "k"), track(here, "k", "send_events")

    assert (second.replayed, events(here)) == (False, 2)
    assert ids(first) != ids(second)


def test_after_its_time_a_key_begins_anew_with_new_ids(here: Bench) -> None:
    first, derived = track(here, "k"), track(here, n=1)
    here.clock.pass_s(11 * MINUTE / 1e6)
    still, anew = track(here, "k"), track(here, n=1)
    here.clock.pass_s(90 * DAY / 1e6)

    late = track(here, "k")

    assert [still.replayed, anew.replayed, late.replayed] == [True, False, False]
    assert ids(still) == ids(first)
    assert ids(anew) != ids(derived)
    assert ids(late) != ids(first)


# -- what stores nothing -----------------------------------------------------------------------------------


def test_a_refusal_stores_nothing_so_the_key_is_free(here: Bench) -> None:
    bad = Send(({"type": "track", "userId": "u1"},), "", alone=True)
    with pytest.raises(InvalidCall, match="event_not_defined"):
        here.call(send.operation("track_event"), bad, AGENT, key="k")

    assert track(here, "k").replayed is False


def test_all_or_none_of_a_list_is_recorded(here: Bench) -> None:
    good, bad = {"type": "track", "event": "A", "userId": "u1"}, {"type": "track", "event": "A"}

    with pytest.raises(InvalidCall, match="event 1: no_user_anon_id"):
        here.call(send.operation("send_events"), Send((good, bad)), AGENT, key="k")

    assert events(here) == 0


def test_a_dry_run_and_a_plan_store_nothing(here: Bench) -> None:
    create = partial(here.call, sources.CREATE, sources.CreateSource("web"), LIVE_AGENT, key="k")

    planned, done = create(dry_run=True), create()

    assert (planned.planned, done.replayed) == (True, False)


@pytest.mark.parametrize("key", ["ü", "a\n", "x" * 256], ids=["not ASCII", "not printable", "too long"])
def test_a_key_that_is_none_is_refused(here: Bench, key: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 255"):
        track(here, key)


def test_who_lacks_the_scope_is_told_so_before_anything_is_looked_up(here: Bench) -> None:
    with pytest.raises(Denied, match="track"):
        here.call(send.operation("track_event"), Send(({"type": "track"},), "", alone=True), READER, key="k")


# -- confirmation ------------------------------------------------------------------------------------------


def hook(here: Bench, url: str = "https://example.com/in", *, confirm: str = "", sure: bool = False) -> Done:
    request = Connect("webhook", None, {"url": url}, "test", None, None)
    operation = connect.operation(here.catalogue, here.binder)
    return here.call(operation, request, AGENT, confirm=confirm, sure=sure)


def token(done: Done) -> str:
    confirm = done.answer["confirm"]
    assert isinstance(confirm, dict)
    return str(confirm["token"])


def test_a_confirmed_call_runs_once_however_often_its_token_comes(here: Bench) -> None:
    planned = hook(here)

    first, again = hook(here, confirm=token(planned)), hook(here, confirm=token(planned))

    assert (planned.planned, first.replayed, again.replayed) == (True, False, True)
    assert again.answer["destination_id"] == first.answer["destination_id"]
    assert len(here.look(lambda view: view.workspace.destinations)) == 1


def test_a_token_for_other_arguments_or_out_of_time_does_nothing(here: Bench) -> None:
    planned = hook(here)
    with pytest.raises(InvalidConfirmation, match="other arguments"):
        hook(here, "https://evil.example/in", confirm=token(planned))
    here.clock.pass_s(601)

    with pytest.raises(InvalidConfirmation, match="expired"):
        hook(here, confirm=token(planned))

    assert here.look(lambda view: view.workspace.destinations) == {}


def test_a_person_at_the_command_line_is_not_asked_for_a_token(here: Bench) -> None:
    assert hook(here, sure=True).planned is False


# -- what reaches outside ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    destination: str = "crm"


CALL = Intent(PERSON, "k")


def claim(here: Bench, request: Check | None = None) -> Done | None:
    act = partial(guard.claim, operation="test_destination", request=request or Check(), intent=CALL)
    return here.store.commit(act)


def test_a_call_that_reaches_outside_claims_its_key_first_and_answers_once(here: Bench) -> None:
    first = claim(here)
    with pytest.raises(InProgress):
        claim(here)
    here.store.commit(partial(guard.answer, operation="test_destination", intent=CALL, told={"ok": True}))

    again = claim(here)

    assert first is None
    assert again is not None
    assert (again.answer["ok"], again.replayed) == (True, True)


def test_one_that_died_before_its_answer_is_never_done_twice_in_silence(here: Bench) -> None:
    claim(here)
    here.clock.pass_s(120)

    with pytest.raises(OutcomeUnknown):
        claim(here)


def test_one_that_was_cut_off_says_at_once_that_nobody_knows(here: Bench) -> None:
    claim(here)
    here.store.commit(partial(guard.answer, operation="test_destination", intent=CALL, told=None))

    with pytest.raises(OutcomeUnknown):
        claim(here)


def test_every_change_leaves_a_row_of_the_audit_and_sending_none(here: Bench) -> None:
    track(here)
    here.call(sources.CREATE, sources.CreateSource("web"), LIVE_AGENT)

    rows = here.look(lambda view: view.audit.all())

    assert [row.entry.operation for row in rows] == ["create_source"]
    assert rows[0].entry.detail == {"source_id": "2"}
