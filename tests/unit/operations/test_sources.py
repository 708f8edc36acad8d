from __future__ import annotations

import re

import pytest

from support.workspace import AGENT, LIVE_AGENT, READER, Bench, reader, with_scopes
from turnout.document import Document
from turnout.errors import Conflict, Denied, InvalidInput
from turnout.event.model import TEST
from turnout.guard.principal import Principal, Scope
from turnout.operations import sources


def listed(here: Bench, who: Principal = LIVE_AGENT, cursor: str | None = None, limit: int = 20) -> Document:
    return here.look(lambda view: sources.list_sources(view, reader(who), cursor, limit))


def with_keys(here: Bench, answer: Document, who: Principal) -> Document:
    return here.look(lambda view: sources.with_keys(view, answer, who))


def rows(answer: Document) -> list[Document]:
    found = answer["sources"]
    assert isinstance(found, list)
    return found


def test_the_first_source_is_local_has_the_id_1_and_is_made_once(here: Bench) -> None:
    before = here.revision
    here.store.commit(sources.ensure_first)

    found = here.look(lambda view: view.workspace.sources)

    assert [(each.id, each.name) for each in found.values()] == [(1, "Local")]
    assert here.revision == before == 1


def test_a_source_gets_a_number_and_two_random_keys(here: Bench) -> None:
    answer = with_keys(here, here.source("Web shop"), LIVE_AGENT)

    assert (answer["source_id"], answer["name"]) == ("2", "Web shop")
    assert re.fullmatch(r"wk_[0-9a-f]{32}", str(answer["write_key"]))
    assert re.fullmatch(r"test_wk_[0-9a-f]{32}", str(answer["test_write_key"]))
    assert here.look(lambda view: view.workspace.source("web shop")).write_key == answer["write_key"]


def test_a_caller_without_live_gets_a_test_key_alone(here: Bench) -> None:
    answer = with_keys(here, here.source("Web shop", AGENT), AGENT)

    assert "write_key" not in answer
    assert here.look(lambda view: view.workspace.source("Web shop")).write_key == ""


def test_the_answer_kept_under_a_key_holds_no_write_key(here: Bench) -> None:
    """Who repeats the call without `live` is told what it may see, not what the first caller saw."""
    first = here.source("Web shop", LIVE_AGENT)

    again = with_keys(here, first, AGENT)

    assert not any("key" in name for name in first)
    assert "write_key" not in again
    assert again["test_write_key"]


def test_a_source_of_a_taken_name_is_refused(here: Bench) -> None:
    with pytest.raises(Conflict):
        here.source("local")


def test_a_source_of_a_bad_name_is_refused(here: Bench) -> None:
    with pytest.raises(InvalidInput):
        here.source("7")


def test_a_caller_without_configure_makes_no_source(here: Bench) -> None:
    with pytest.raises(Denied, match="configure"):
        here.source("Web shop", with_scopes(Scope.READ, Scope.LIVE))


def test_a_dry_run_makes_no_source(here: Bench) -> None:
    done = here.call(sources.CREATE, sources.CreateSource("Web shop"), dry_run=True)

    assert done.planned
    assert str(done.answer["plan"]).startswith("The source 'Web shop' would be created.")
    assert here.revision == 1


def test_the_same_key_gives_the_same_source_again(here: Bench) -> None:
    first = here.call(sources.CREATE, sources.CreateSource("Web shop"), key="k1")

    again = here.call(sources.CREATE, sources.CreateSource("Web shop"), key="k1")

    assert again.replayed
    assert again.answer == first.answer


def test_sources_are_listed_with_what_they_sent_this_month_and_when(here: Bench) -> None:
    here.source("Web shop")
    here.record({}, {"messageId": "m2"})
    here.record({"messageId": "m3"}, namespace=TEST)

    local, shop = rows(listed(here))

    assert (local["source_id"], local["events"], local["last_event_at"]) == ("1", 3, "2025-11-24T16:00:00.000Z")
    assert (shop["source_id"], shop["events"], shop["last_event_at"]) == ("2", 0, None)


def test_write_keys_for_live_events_are_shown_only_to_those_with_live(here: Bench) -> None:
    assert "write_key" in rows(listed(here))[0]
    assert "write_key" not in rows(listed(here, AGENT))[0]
    assert "test_write_key" in rows(listed(here, AGENT))[0]


@pytest.mark.parametrize("who", [READER, with_scopes(*(set(Scope) - {Scope.CONFIGURE}))])
def test_who_may_make_no_source_sees_no_keys(here: Bench, who: Principal) -> None:
    assert not any("key" in name for name in rows(listed(here, who))[0])


def test_a_list_of_sources_goes_on_at_its_cursor(here: Bench) -> None:
    here.source("A")
    here.source("B")

    first = listed(here, limit=2)
    second = listed(here, cursor=str(first["next_cursor"]), limit=2)

    assert [row["name"] for row in rows(first) + rows(second)] == ["Local", "A", "B"]
    assert "next_cursor" not in second


@pytest.mark.parametrize("cursor", ["2", "AAAAAAAAAAAAAAAAAAAA", "é", "!!!!"])
def test_a_cursor_that_is_none_of_ours_is_refused(here: Bench, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="Call without cursor"):
        listed(here, cursor=cursor)


def test_a_cursor_of_another_principal_is_refused(here: Bench) -> None:
    here.source("A")
    cursor = str(listed(here, limit=1)["next_cursor"])

    with pytest.raises(InvalidInput, match="Call without cursor"):
        listed(here, with_scopes(Scope.READ), cursor=cursor)
