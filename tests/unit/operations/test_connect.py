from __future__ import annotations

from pathlib import Path

import pytest

from support.workspace import AGENT, LIVE_AGENT, PERSON, Bench, with_scopes
from turnout.errors import Conflict, Denied, InvalidConfirmation, InvalidInput, InvalidSettings, NotFound
from turnout.guard.principal import Principal, Scope
from turnout.guard.run import Done
from turnout.operations import connect
from turnout.operations.connect import Connect
from turnout.operations.update import Update
from turnout.operations.update import operation as update
from turnout.workspace import Receives

KEY = {"write_key": "wk_0123456789abcdef"}
HOOK = {"url": "https://hook.example/in?t=s3cret"}


def connected(
    here: Bench, request: Connect, principal: Principal = LIVE_AGENT, *, key: str = "", dry_run: bool = False,
    confirm: str = "",
) -> Done:  # fmt: skip
    operation = connect.operation(here.catalogue, here.binder)
    return here.call(operation, request, principal, key=key, dry_run=dry_run, confirm=confirm)


def token(done: Done) -> str:
    confirm = done.answer["confirm"]
    assert isinstance(confirm, dict)
    return str(confirm["token"])


def test_a_destination_gets_events_from_now_on(here: Bench) -> None:
    here.record({}, {"messageId": "m2"})

    answer = connected(here, Connect("segment", settings=KEY)).answer

    destination = here.destination(str(answer["destination_id"]))
    run = here.look(lambda view: view.lanes.run(destination.lane, 0))
    assert run is not None
    assert run.cursor == 2
    assert (answer["name"], answer["slug"], answer["state"], answer["receives"]) == (
        "Segment",
        "segment",
        "running",
        "live",
    )
    assert str(answer["destination_id"]).startswith("dst_")


def test_a_secret_is_sealed_and_stands_in_no_leaf_and_no_answer(here: Bench) -> None:
    answer = connected(here, Connect("segment", settings=KEY), key="k").answer

    destination = here.destination("Segment")
    assert destination.secrets == ("write_key",)
    assert "write_key" not in destination.settings
    assert here.secrets(destination) == KEY
    assert KEY["write_key"] not in str(answer)
    here.store.close()
    assert all(
        KEY["write_key"].encode() not in file.read_bytes() for file in here.store.folder.rglob("*") if file.is_file()
    )


def test_the_names_of_other_catalogues_are_taken(here: Bench) -> None:
    connected(here, Connect("actions-segment", settings={"writeKey": "wk_other"}))

    assert here.secrets(here.destination("segment")) == {"write_key": "wk_other"}


def test_what_was_sealed_binds_as_it_was_given(here: Bench) -> None:
    destination = here.connect("webhook", {**HOOK, "headers": {"X-Key": "k-1"}})

    bound = here.look(lambda view: here.eyes.bound(view, destination, view.counter.revision))

    assert not isinstance(bound, Exception)
    assert bound.target.secrets == {"headers.X-Key": "k-1", "url.t": "t=s3cret"}


def test_a_second_one_gets_a_number_and_a_taken_name_is_refused(here: Bench) -> None:
    connected(here, Connect("segment", settings=KEY))

    assert connected(here, Connect("segment", settings=KEY)).answer["name"] == "Segment 2"
    with pytest.raises(Conflict):
        connected(here, Connect("segment", name="SEGMENT", settings=KEY))


def test_without_live_it_receives_test_events(here: Bench) -> None:
    assert connected(here, Connect("segment", settings=KEY), AGENT).answer["receives"] == "test"


@pytest.mark.parametrize("receives", ["live", "all"])
def test_without_live_live_events_are_denied(here: Bench, receives: str) -> None:
    with pytest.raises(Denied, match="live"):
        connected(here, Connect("segment", settings=KEY, receives=receives), AGENT)
    assert here.revision == 1


def test_without_configure_it_is_denied(here: Bench) -> None:
    with pytest.raises(Denied, match="configure"):
        connected(here, Connect("segment", settings=KEY), with_scopes(Scope.READ, Scope.OPERATE, Scope.LIVE))


def test_an_unknown_slug_names_the_nearest(here: Bench) -> None:
    with pytest.raises(NotFound, match="segment"):
        connected(here, Connect("segmnt", settings=KEY))


def test_one_that_is_only_known_says_how_its_manifest_is_begun(here: Bench) -> None:
    with pytest.raises(NotFound, match=r"`snowflake` .* no manifest of it .* turnout destination new snowflake"):
        connected(here, Connect("Snowflake"))


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Connect("segment"), InvalidSettings),
        (Connect("segment", settings={"write_key": "k", "nothing": 1}), InvalidSettings),
        (Connect("segment", settings={"write_key": "k", "writeKey": "k"}), InvalidSettings),
        (Connect("segment", settings={"write_key": "••••cdef"}), InvalidSettings),
        (Connect("segment", settings=KEY, filter="$.a =="), InvalidInput),
        (Connect("segment", settings=KEY, receives="some"), InvalidInput),
        (Connect("segment", settings=KEY, name="  "), InvalidInput),
        (Connect("segment", settings=KEY, sources=("Nowhere",)), NotFound),
        (Connect("webhook", settings={"url": "https://u:p@hook.example"}), InvalidSettings),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    here: Bench, request_: Connect, error: type[Exception]
) -> None:
    with pytest.raises(error):
        connected(here, request_)
    assert here.revision == 1


def test_filter_and_sources_are_kept(here: Bench) -> None:
    request = Connect("segment", settings=KEY, filter=" $.properties.total > 5 ", sources=("Local",), receives="all")
    connected(here, request)

    found = here.destination("segment")
    assert (found.filter, found.sources, found.receives) == ("$.properties.total > 5", (1,), Receives.ALL)


def test_a_dry_run_shows_the_plan_and_connects_nothing(here: Bench) -> None:
    done = connected(here, Connect("webhook", settings=HOOK), dry_run=True)

    assert done.planned
    assert done.answer["hosts"] == ["hook.example:443"]
    assert here.revision == 1


def test_a_host_of_ones_own_choice_needs_a_yes(here: Bench) -> None:
    request = Connect("webhook", settings=HOOK)

    first = connected(here, request)
    assert first.planned
    assert "hook.example:443" in str(first.answer["confirm"])
    assert "s3cret" not in str(first.answer)
    assert here.revision == 1

    second = connected(here, request, confirm=token(first))
    assert second.answer["state"] == "running"


def test_the_endpoint_of_a_vendor_needs_a_yes(here: Bench) -> None:
    done = connected(here, Connect("segment", settings={**KEY, "endpoint": "http://127.0.0.1:9000"}))

    assert done.planned
    assert done.answer["hosts"] == ["127.0.0.1:9000 (not encrypted)"]


def test_a_vendors_own_secret_address_needs_none(here: Bench) -> None:
    done = connected(here, Connect("slack", settings={"webhook_url": "https://hooks.slack.com/services/T/B/x"}))

    assert done.answer["state"] == "running"


def test_a_person_at_the_command_line_who_is_sure_is_not_asked(here: Bench) -> None:
    assert here.connect("webhook", HOOK).name == "Webhook"


def test_a_spent_token_gives_the_stored_answer_and_connects_nothing_more(here: Bench) -> None:
    request = Connect("webhook", settings=HOOK)
    confirm = token(connected(here, request))
    first = connected(here, request, confirm=confirm)

    again = connected(here, request, confirm=confirm)

    assert again.replayed
    assert again.answer == first.answer
    with pytest.raises(InvalidConfirmation):
        connected(here, request, confirm=confirm, key="another")
    assert len(here.look(lambda view: view.workspace.destinations)) == 1


def test_a_token_fits_no_other_host(here: Bench) -> None:
    confirm = token(connected(here, Connect("webhook", settings=HOOK)))

    with pytest.raises(InvalidConfirmation):
        connected(here, Connect("webhook", settings={"url": "https://evil.example"}), confirm=confirm)


def test_the_inverse_removes_it(here: Bench) -> None:
    answer = connected(here, Connect("segment", settings=KEY)).answer
    undo = answer["next"]
    assert isinstance(undo, list)
    assert isinstance(undo[0], dict)
    assert undo[0]["tool"] == "update_destination"

    arguments = undo[0]["arguments"]
    assert isinstance(arguments, dict)
    request = Update(str(arguments["destination"]), action=str(arguments["action"]))
    here.call(update(here.catalogue, here.binder), request, LIVE_AGENT, sure=True)

    assert here.look(lambda view: view.workspace.destinations) == {}


def test_a_file_given_by_a_tool_has_a_bare_name(here: Bench) -> None:
    connected(here, Connect("jsonl", settings={"path": "events.jsonl"}))

    assert here.destination("jsonl").settings == {"path": "events.jsonl"}


@pytest.mark.parametrize("path", ["/etc/cron.d/x", "../x", ".profile", "a/b", "a\\b", ".."])
@pytest.mark.parametrize(
    "agent",
    [
        LIVE_AGENT,
        Principal("local", LIVE_AGENT.scopes, "command line"),
        Principal("to_1", frozenset(Scope), "command line"),
    ],
    ids=["a tool", "a client that calls itself so", "a token with every scope"],
)
def test_a_tool_gives_no_path_whatever_its_client_calls_itself(here: Bench, path: str, agent: Principal) -> None:
    with pytest.raises(InvalidSettings, match="bare file name"):
        connected(here, Connect("file", settings={"path": path}), agent)


def test_a_file_given_at_the_command_line_is_anywhere(here: Bench, tmp_path: Path) -> None:
    connected(here, Connect("jsonl", name="A", settings={"path": str(tmp_path / "x")}), PERSON)
    connected(here, Connect("jsonl", name="B", settings={"path": "here.jsonl"}), PERSON)

    assert here.destination("A").settings == {"path": str(tmp_path / "x")}
    assert here.destination("B").settings == {"path": str(Path("here.jsonl").absolute())}


def test_a_path_where_no_file_can_be_is_refused(here: Bench, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for path in ("", ".", str(tmp_path), f"{tmp_path}/", str(tmp_path / "link"), str(tmp_path / ("x" * 256))):
        with pytest.raises(InvalidSettings, match="`path` cannot be used"):
            connected(here, Connect("jsonl", settings={"path": path}), PERSON)
    with pytest.raises(InvalidSettings, match="a name may have 255 bytes"):
        connected(here, Connect("jsonl", settings={"path": "x" * 250 + "é.jsonl"}))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9000/in", "127.0.0.1 is a loopback address: its events are discarded unless"),
        ("http://[fd00::1]:9000/in", "fd00::1 is a private address: its events are discarded unless"),
        ("http://localhost:9000/in", "localhost is a loopback address: its events are discarded unless"),
        ("https://hook.example/in", ""),
    ],
)
def test_a_host_of_ones_own_network_comes_with_what_becomes_of_its_events(here: Bench, url: str, said: str) -> None:
    request = Connect("webhook", settings={"url": url})

    answer = connected(here, request, confirm=token(connected(here, request))).answer

    assert said in str(answer["summary"])
    assert ("TURNOUT_ALLOW_ADDRESSES" in str(answer["summary"])) is bool(said)


def test_what_was_connected_leads_to_the_test_of_its_credentials_where_there_is_one(here: Bench) -> None:
    catalogue = here.catalogue
    asked = [("sendgrid", {"api_key": "SG.0123456789"}), ("segment", {"write_key": "wk_0123456789"})]
    requests = [connect.Connect(slug, None, settings) for slug, settings in asked]

    told = [here.call(connect.operation(catalogue, here.binder), each).answer["next"] for each in requests]

    assert [[call["tool"] for call in calls] for calls in told] == [  # type: ignore[union-attr, index, call-overload]
        ["test_destination", "update_destination"],
        ["update_destination"],
    ]
