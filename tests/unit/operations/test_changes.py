from __future__ import annotations

from typing import Any

import pytest

from support.workspace import LIVE_AGENT, PERSON, READER, Bench, reader
from turnout.agent.tools.list_changes import Changes as Shape
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.errors import InvalidInput, NotFound
from turnout.guard.principal import Principal, Scope
from turnout.guard.run import run
from turnout.guard.token import mint
from turnout.operations import changes, deletions, tokens, update
from turnout.operations.changes import Changes
from turnout.operations.deletions import Deletion
from turnout.operations.model import Intent
from turnout.operations.update import Update
from turnout.store.unit import Unit


def listed(here: Bench, **asked: Any) -> dict[str, Any]:
    request = Changes(**asked)
    answer: dict[str, Any] = here.look(lambda view: changes.list_changes(view, reader(READER), request))
    Shape.model_validate({key: value for key, value in answer.items() if value is not None})
    return answer


def change(here: Bench, name: str, who: Principal = LIVE_AGENT, **fields: Any) -> Document:
    here.clock.pass_s(60)
    request = Update(destination=name, **fields)
    return here.call(update.operation(here.catalogue, here.binder), request, who, sure=True).answer


def test_a_change_says_when_by_whom_and_which_fields_of_settings_the_names_alone(here: Bench) -> None:
    made = here.connect("webhook", {"url": "https://hook.example.com/in"}, name="Hook")
    change(here, "Hook", filter="$.event == 'Paid'", settings={"url": "https://hook.example.com/secret-path"})

    update_, connect = listed(here)["changes"]

    assert update_ == {
        "at": "2025-11-24T16:01:00.000Z",
        "by": "local",
        "client": None,
        "change": "update_destination",
        "of": "Hook",
        "destination_id": made.id,
        "state": "running",
        "receives": "live",
        "changed": [
            {"field": "filter", "from": "", "to": "$.event == 'Paid'"},
            {"field": "settings.url"},
        ],
    }
    assert (connect["change"], connect["client"], connect["changed"]) == ("connect_destination", "command line", None)
    assert "secret-path" not in str(listed(here))


def test_a_new_secret_is_told_by_its_name_and_neither_old_nor_new_one_shown(here: Bench) -> None:
    here.connect("amplitude", {"api_key": "a" * 32}, name="Amp")
    change(here, "Amp", settings={"api_key": "b" * 32}, receives="all")

    told = listed(here)

    assert told["changes"][0]["changed"] == [
        {"field": "receives", "from": "live", "to": "all"},
        {"field": "settings.api_key"},
    ]
    assert "aaaa" not in str(told)
    assert "bbbb" not in str(told)


def test_changes_of_one_commit_have_each_their_own_fields(here: Bench) -> None:
    for name in ("First", "Second"):
        here.connect("jsonl", {"path": f"{name}.jsonl"}, name=name)
    operation = update.operation(here.catalogue, here.binder)
    requests = [
        Update(destination="First", receives="all"),
        Update(destination="Second", filter="$.event == 'Paid'"),
        Update(destination="First", action="pause"),
        Update(destination="First", receives="test"),
    ]

    def together(unit: Unit) -> None:
        for each in requests:
            run(unit, operation, each, Intent(LIVE_AGENT, "", sure=True))

    here.store.commit(together)

    assert [(row["of"], row["changed"]) for row in listed(here)["changes"][:4]] == [
        ("First", [{"field": "receives", "from": "all", "to": "test"}]),
        ("First", None),
        ("Second", [{"field": "filter", "from": "", "to": "$.event == 'Paid'"}]),
        ("First", [{"field": "receives", "from": "live", "to": "all"}]),
    ]


def test_who_came_with_a_token_goes_by_its_name_and_a_deletion_by_its_kind(here: Bench) -> None:
    asked = tokens.CreateToken(("read", "privacy"), "Ann's agent", None, mint(SystemEntropy()))
    made = here.call(tokens.create(both_allowed=False), asked, PERSON).answer
    who = Principal(str(made["token_id"]), frozenset({Scope.PRIVACY, Scope.READ}))
    here.clock.pass_s(1)
    here.call(deletions.operation(here.eyes), Deletion(user_id="ann@example.com", kind="suppress"), who)
    here.clock.pass_s(1)
    here.call(tokens.REVOKE, tokens.RevokeToken("Ann's agent"), PERSON)

    revoked, newest, token = listed(here)["changes"]

    assert (newest["by"], newest["change"], newest["of"]) == ('token "Ann\'s agent"', "request_deletion", "suppress")
    assert (revoked["change"], revoked["of"]) == ("revoke_token", "Ann's agent")
    assert (token["change"], token["of"]) == ("create_token", "Ann's agent")
    assert "ann@" not in str(newest)


def test_changes_are_narrowed_by_time_and_destination_also_one_that_was_removed(here: Bench) -> None:
    gone = here.connect("jsonl", {"path": "a.jsonl"}, name="Gone")
    here.connect("jsonl", {"path": "b.jsonl"}, name="Stays")
    here.clock.pass_s(120)
    change(here, "Gone", action="remove")
    change(here, "Stays", action="pause")

    def told(**asked: Any) -> list[tuple[str, str | None]]:
        return [(row["of"], row["state"]) for row in listed(here, **asked)["changes"]]

    assert told(destination="Stays") == [("Stays", "paused"), ("Stays", "running")]
    assert told(destination=gone.id) == [("Gone", "removed"), ("Gone", "running")]
    assert told(since="2m") == [("Stays", "paused"), ("Gone", "removed")]
    with pytest.raises(NotFound):
        told(destination="Nobody")


def test_a_list_goes_on_at_its_cursor(here: Bench) -> None:
    for name in ("One", "Two", "Three"):
        here.connect("jsonl", {"path": f"{name}.jsonl"}, name=name)

    first = listed(here, limit=2)
    rest = listed(here, limit=2, cursor=first["next_cursor"])

    assert [row["of"] for row in first["changes"]] == ["Three", "Two"]
    assert first["summary"] == (
        "2 changes, newest first: 2 connect_destination. There may be more: go on with next_cursor."
    )
    assert [row["of"] for row in rest["changes"]] == ["One"]
    assert rest["next_cursor"] is None
    with pytest.raises(InvalidInput):
        listed(here, limit=0)
