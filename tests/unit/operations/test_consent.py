"""Connecting, changing and removing a destination that needs a token, and how it is told to those who ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.own import CONSENT, MACHINE
from support.workspace import AGENT, PERSON, Bench, reader, with_scopes
from turnout.delivery.eyes import held_of
from turnout.delivery.held import Held, entity_of
from turnout.delivery.tokens import put
from turnout.document import Document
from turnout.errors import Denied, InvalidInput
from turnout.exchange import Granted, Refused
from turnout.guard.principal import Scope
from turnout.manifest.catalogue import Catalogue
from turnout.operations import connect, consent, describe, preview, trace, update
from turnout.sinks.files import JSONL

KEYS: Document = {"client_id": "me", "client_secret": "s3cret-word"}
UNLESS = CONSENT.replace("oauth2: {", "oauth2: {unless: $settings.own, ").replace(
    "settings:\n", "settings:\n  own: {type: secret, label: Own}\n"
)
COMMAND = "turnout destination authorize"


@pytest.fixture
def there(here: Bench, tmp_path: Path) -> Bench:
    for slug, text in (("cloud", CONSENT), ("machine", MACHINE), ("either", UNLESS)):
        (tmp_path / f"{slug}.yaml").write_text(text.replace("slug: cloud", f"slug: {slug}"), encoding="utf-8")
    here.catalogue = Catalogue((JSONL,), tmp_path)
    return here


def kept(there: Bench, name: str) -> Held:
    return there.look(lambda view: held_of(view, there.destination(name).id))


def agree(there: Bench, name: str = "Cloud") -> Document:
    granted = Granted({"access_token": "token-1", "refresh_token": "refresh-1"}, 3600)
    return there.call(consent.operation(granted), consent.Authorize(name), PERSON).answer


def told(there: Bench, name: str) -> Document:
    return there.look(lambda view: describe.describe_destination(view, there.catalogue, name, 90))


def test_an_agent_that_connects_it_is_told_which_command_a_person_runs(there: Bench) -> None:
    request = connect.Connect("cloud", settings=KEYS)
    answer = there.call(connect.operation(there.catalogue, there.binder), request, AGENT).answer

    assert answer["state"] == "paused"
    assert answer["reason"] == "it needs a person's consent: run `turnout destination authorize Cloud`"
    assert str(answer["reason"]) in str(answer["summary"])


def test_one_that_needs_nobody_is_running_and_says_nothing(there: Bench) -> None:
    request = connect.Connect("machine", settings=KEYS)
    answer = there.call(connect.operation(there.catalogue, there.binder), request, AGENT).answer

    assert answer["state"] == "running"
    assert "reason" not in answer


def test_without_consent_it_reads_paused_with_the_command_and_with_it_running(there: Bench) -> None:
    there.connect("cloud", KEYS)

    before = told(there, "Cloud")
    agree(there)
    after = told(there, "Cloud")

    assert (before["state"], COMMAND in str(before["summary"])) == ("paused", True)
    assert (after["state"], COMMAND in str(after["summary"])) == ("running", False)
    assert "token-1" not in str(after)


def test_an_event_that_waits_for_consent_is_paused_and_says_for_what(there: Bench) -> None:
    there.connect("cloud", KEYS, receives="all")
    there.record({"messageId": "m1"})
    request = trace.Trace(message_id="m1")

    found = there.look(lambda view: trace.journey(view, there.eyes, reader(), request))

    deliveries = found["deliveries"]
    assert isinstance(deliveries, list)
    (delivery,) = deliveries
    assert isinstance(delivery, dict)
    assert (delivery["verdict"], COMMAND in str(delivery["rule"])) == ("paused", True)
    assert "A person gives the consent" in str(delivery["next"])


def test_a_consent_is_audited_without_the_token_and_makes_no_revision(there: Bench) -> None:
    there.connect("cloud", KEYS)
    revision = there.revision

    answer = agree(there)

    assert there.revision == revision
    audit = str(there.look(lambda view: view.session.rows("SELECT * FROM audit")))
    assert "authorize_destination" in audit
    assert "token-1" not in audit + str(answer)
    assert kept(there, "Cloud").fields["refresh_token"] == "refresh-1"


def test_a_removed_destination_keeps_no_token(there: Bench) -> None:
    destination = there.connect("cloud", KEYS)
    agree(there)

    request = update.Update("Cloud", action="remove")
    there.call(update.operation(there.catalogue, there.binder), request, PERSON, sure=True)

    assert there.look(lambda view: view.entities.secrets(entity_of(destination.id))) == {}


def test_other_settings_may_do_without_a_token_and_want_one_again(there: Bench) -> None:
    there.connect("either", {**KEYS, "own": "own-token"})
    change = update.operation(there.catalogue, there.binder)

    assert told(there, "Cloud")["state"] == "running"
    there.call(change, update.Update("Cloud", settings={"own": None}), PERSON)
    assert told(there, "Cloud")["state"] == "paused"
    there.call(change, update.Update("Cloud", settings={"own": "own-token"}), PERSON)
    assert told(there, "Cloud")["state"] == "running"


def test_a_consent_outlasts_a_change_of_other_settings(there: Bench) -> None:
    there.connect("cloud", KEYS)
    agree(there)

    change = update.Update("Cloud", settings={"client_secret": "another-word"})
    there.call(update.operation(there.catalogue, there.binder), change, PERSON)

    assert kept(there, "Cloud").number == 1


def test_a_token_that_cannot_be_had_is_told_in_health(there: Bench) -> None:
    destination = there.connect("machine", KEYS)
    failed = Held().refused(Refused("invalid_client"), there.revision, there.clock.now(), None)
    there.store.commit(lambda unit: put(unit, destination.id, failed))

    found = told(there, "Cloud")

    assert found["state"] == "running"
    assert "failing: its token cannot be had (invalid_client)" in str(found["summary"])


def test_a_preview_shows_the_request_and_no_token(there: Bench) -> None:
    there.connect("cloud", KEYS, receives="all")
    agree(there)

    request = preview.Preview(event="A", user_id="u1")
    found = there.look(lambda view: preview.preview(view, there.eyes, reader(), request))

    assert "would_send" in str(found)
    assert "token-1" not in str(found)


def test_consent_is_asked_for_by_who_may_configure_and_where_it_is_needed(there: Bench) -> None:
    there.connect("cloud", KEYS)
    there.connect("machine", KEYS, name="Machine")
    here = "http://127.0.0.1:1/callback"

    asking = there.look(lambda view: consent.begin(view, there.eyes, PERSON, "Cloud", here))
    assert asking.state in asking.page
    assert asking.verifier not in asking.page + repr(asking)
    with pytest.raises(InvalidInput, match="needs no consent"):
        there.look(lambda view: consent.begin(view, there.eyes, PERSON, "Machine", here))
    with pytest.raises(Denied):
        there.look(lambda view: consent.begin(view, there.eyes, with_scopes(Scope.LIVE), "Cloud", here))
