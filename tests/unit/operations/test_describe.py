from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from support.workspace import LIVE_AGENT, READER, Bench, reader
from turnout.agent.tools.describe_destination import Described
from turnout.agent.tools.list_destinations import Destinations
from turnout.clock import HOUR
from turnout.delivery import verdict
from turnout.document import Document, encode
from turnout.errors import InvalidInput, NotFound
from turnout.guard.principal import Principal
from turnout.operations import describe
from turnout.store.lanes import LaneState
from turnout.store.owed import Owed, OwedState
from turnout.store.unit import Unit


def listed(
    here: Bench, search: str | None = None, *, catalog: bool = False, cursor: str | None = None, limit: int = 20,
    who: Principal = READER,
) -> dict[str, Any]:  # fmt: skip
    look = partial(
        describe.list_destinations, reader=reader(who), catalogue=here.catalogue, search=search, catalog=catalog,
        cursor=cursor, limit=limit, retention_days=90,
    )  # fmt: skip
    answer: dict[str, Any] = here.look(look)
    Destinations.model_validate(answer)
    return answer


def described(here: Bench, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = here.look(lambda view: describe.describe_destination(view, here.catalogue, name, 90))
    Described.model_validate(answer)
    return answer


def setting(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in answer["settings"] if each["name"] == name)
    return found


def test_an_empty_workspace_says_what_to_do(here: Bench) -> None:
    answer = listed(here)

    assert answer["summary"] == "No destination is connected yet."
    assert answer["destinations"] == []
    assert answer["next"][0]["arguments"] == {"catalog": True}


def test_a_destination_is_listed_with_lag_and_what_waits(here: Bench) -> None:
    destination = here.connect()
    here.record({}, {"messageId": "m2"})
    here.clock.pass_s(90)

    (row,) = listed(here)["destinations"]

    assert (row["name"], row["slug"], row["destination_id"]) == ("Segment", "segment", destination.id)
    assert (row["state"], row["status"], row["receives"], row["health"]) == ("running", "verified", "live", "ok")
    assert (row["lag_seconds"], row["waiting"]) == (90.0, 2)


def test_counts_are_of_24_hours_by_verdict_and_reason(here: Bench) -> None:
    lane = here.connect().lane
    here.store.commit(lambda unit: unit.counts.add(lane, verdict.REFUSED, 9))
    here.clock.pass_s(26 * 3600)

    def count(unit: Any) -> None:
        unit.counts.add(lane, verdict.DELIVERED, 3)
        unit.counts.add(lane, verdict.FILTERED, 2)
        unit.counts.took(lane, [12])

    here.store.commit(count)

    assert listed(here)["destinations"][0]["counts"] == {"delivered": {"delivered": 3}, "not_sent": {"filtered": 2}}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("trouble", "failing: its requests fail"),
        ("credentials", "failing: credentials refused"),
        ("gone", "failing: it wants no more events"),
    ],
)
def test_what_a_lane_notes_is_its_health(here: Bench, reason: str, words: str) -> None:
    lane = here.connect().lane
    here.store.commit(lambda unit: unit.lanes.note_running(lane, reason))

    answer = listed(here)

    assert answer["destinations"][0]["health"] == words
    assert answer["summary"] == "1 connected destination; in need of attention: 1: Segment."


@pytest.mark.parametrize(
    ("slug", "settings", "tool"),
    [
        ("sendgrid", {"api_key": "SG.0123456789"}, "test_destination"),
        ("jsonl", {"path": "a.jsonl"}, "test_destination"),
        ("segment", None, "find_events"),
    ],
)
def test_a_test_is_offered_where_there_is_one(here: Bench, slug: str, settings: Document | None, tool: str) -> None:
    destination = here.connect(slug, settings)
    here.store.commit(lambda unit: unit.lanes.note_running(destination.lane, "trouble"))

    (call,) = listed(here, who=LIVE_AGENT)["next"]
    (reads,) = listed(here, who=READER)["next"]

    assert (call["tool"], call["arguments"]) == (tool, {"destination": destination.id})
    assert reads["tool"] == "find_events", "who may not test is not sent to test"


def test_those_in_need_of_attention_are_named_whatever_the_page(here: Bench) -> None:
    made = [here.connect("jsonl", {"path": f"{number}.jsonl"}, name=f"File {number}") for number in range(9)]
    for each in made[2:]:
        here.store.commit(partial(lambda unit, lane: unit.lanes.note_running(lane, "trouble"), lane=each.lane))

    told = listed(here, limit=2)

    assert [row["health"] for row in told["destinations"]] == ["ok", "ok"]
    assert told["summary"] == (
        "9 connected destinations; in need of attention: 7: File 2, File 3, File 4, File 5, File 6 and 2 more."
    )


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (
            (verdict.BLOCKED, verdict.BLOCKED, verdict.REFUSED),
            "none delivered and 3 discarded in 24 hours, most as blocked",
        ),
        ((verdict.BLOCKED, verdict.DELIVERED), "ok"),
        ((verdict.FILTERED,), "ok"),
    ],
)
def test_a_destination_where_nothing_arrives_is_not_ok(here: Bench, codes: tuple[int, ...], words: str) -> None:
    lane = here.connect().lane
    for code in codes:
        here.store.commit(partial(lambda unit, code: unit.counts.add(lane, code, 1), code=code))

    assert words in str(listed(here)["destinations"][0]["health"])


def test_what_is_owed_shows_in_health(here: Bench) -> None:
    lane = here.connect().lane
    rows = [
        Owed(lane, 0, 1, 1, 0, 1, 1, 1, OwedState.RETRY, 0, 0),
        Owed(lane, 0, 2, 1, 0, 1, 1, 1, OwedState.UNKNOWN, 0, 0),
    ]
    here.store.commit(lambda unit: unit.owed.put(rows))

    (row,) = listed(here)["destinations"]

    assert (row["health"], row["waiting"]) == ("retrying: 1 to try again, 1 maybe sent", 2)


def test_health_says_how_it_failed_last_and_when_that_is_given_up(here: Bench) -> None:
    lane, now = here.connect().lane, here.clock.now()

    def owe(tries: int, hours: float) -> str:
        def put(unit: Unit) -> None:
            why = unit.deliveries.intern(0, "http_503")
            unit.owed.put([Owed(lane, 0, 1, 1, 0, 1, now - round(hours * HOUR), tries, OwedState.RETRY, 0, why)])

        here.store.commit(put)
        return str(listed(here)["destinations"][0]["health"])

    assert owe(9, 1) == "retrying: 1 to try again (http_503)"
    assert owe(3, 3.5) == "retrying: 1 to try again (http_503)"
    assert owe(9, 3.5).endswith("(http_503); its oldest event is given up in 0.5 hours, 4 after its first try")


def test_a_paused_destination_says_so_and_needs_no_attention(here: Bench) -> None:
    lane = here.connect().lane
    here.store.commit(lambda unit: unit.lanes.set_state(lane, LaneState.PAUSED, "paused"))

    answer = listed(here)

    assert (answer["destinations"][0]["state"], answer["destinations"][0]["health"]) == ("paused", "paused")
    assert "next" not in answer


def test_a_destination_whose_settings_no_longer_fit_stands_still(here: Bench) -> None:
    destination = here.connect()
    here.store.commit(lambda unit: unit.entities.forget(destination.id))

    assert str(listed(here)["destinations"][0]["health"]).startswith("standing still: Segment: `write_key` is missing")


def test_connected_destinations_are_searched_by_name_slug_and_category(here: Bench) -> None:
    here.connect(name="Copy")
    here.connect("slack", {"webhook_url": "https://hooks.slack.com/services/T/B/x"})

    assert [row["slug"] for row in listed(here, "copy")["destinations"]] == ["segment"]
    assert [row["slug"] for row in listed(here, "notifications")["destinations"]] == ["slack"]
    assert listed(here, "copy slack")["destinations"] == []


def test_a_list_goes_on_at_its_cursor_and_only_that_list(here: Bench) -> None:
    for name in ("A", "B", "C"):
        here.connect(name=name)

    first = listed(here, limit=2)
    second = listed(here, limit=2, cursor=first["next_cursor"])

    assert [row["name"] for row in first["destinations"] + second["destinations"]] == ["A", "B", "C"]
    assert "next_cursor" not in second
    with pytest.raises(InvalidInput, match="Call without cursor"):
        listed(here, "other", cursor=first["next_cursor"])


def test_the_catalogue_is_listed_page_by_page_with_its_status(here: Bench) -> None:
    every = listed(here, catalog=True, limit=1000)["destinations"]
    first = listed(here, catalog=True, limit=3)
    second = listed(here, catalog=True, limit=3, cursor=first["next_cursor"])

    assert {"jsonl", "webhook", "segment"} <= {row["slug"] for row in every}
    assert {row["status"] for row in every} <= {"verified", "preview"}
    assert first["destinations"] + second["destinations"] == every[:6]


def test_the_catalogue_is_searched_by_words(here: Bench) -> None:
    assert listed(here, "slack", catalog=True)["destinations"][0]["slug"] == "slack"


def test_a_search_says_which_are_built_and_which_only_known(here: Bench) -> None:
    answer = listed(here, "snowflake", catalog=True)
    near = listed(here, "snowflaek", catalog=True)

    assert {row["status"] for row in answer["destinations"]} == {"known"}
    assert answer["summary"].startswith("2 matches: 0 can be connected, 0 of them verified; 2 only known")
    assert near["destinations"] == answer["destinations"]
    assert "these have 'snowflake'" in near["summary"]
    assert listed(here, "amplitude", catalog=True)["destinations"][0]["status"] == "verified"


def test_without_words_the_catalogue_lists_what_can_be_connected(here: Bench) -> None:
    rows = listed(here, catalog=True, limit=1000)["destinations"]

    assert {row["slug"] for row in rows} == {entry.slug for entry in here.catalogue.entries()}


def test_a_page_of_known_destinations_stays_small(here: Bench) -> None:
    answer = listed(here, "analytics", catalog=True, limit=100)

    assert len(answer["destinations"]) == 100
    assert len(encode(answer)) < 12_000
    assert len(listed(here, "analytics", catalog=True, cursor=answer["next_cursor"])["destinations"]) == 20


def test_a_destination_of_the_catalogue_is_described_with_all_it_takes(here: Bench) -> None:
    answer = described(here, "actions-segment")

    assert (answer["slug"], answer["connected"], answer["status"]) == ("segment", False, "verified")
    key = setting(answer, "write_key")
    assert (key["type"], key["required"], key["secret"], key["label"]) == ("secret", True, True, "Write key")
    region = setting(answer, "region")
    assert (region["choices"], region["default"]) == (["us", "eu"], "us")
    assert "required" not in region
    assert setting(answer, "endpoint")["type"] == "url"
    assert answer["actions"][0]["for"] == {"track": "all", "page": "all", "screen": "all"}
    assert answer["documentation"].startswith("https://")
    assert answer["leaves_out"][0]["what"] == "whether Segment kept the event"


def test_a_connected_destination_shows_its_settings_and_of_a_secret_the_end(here: Bench) -> None:
    here.source("Web")
    here.connect("segment", {"write_key": "wk_0123456789abcdef", "region": "eu"}, name="Copy", filter="$.a")

    answer = described(here, "copy")

    assert (answer["name"], answer["connected"], answer["state"], answer["filter"]) == ("Copy", True, "running", "$.a")
    assert setting(answer, "region")["value"] == "eu"
    assert setting(answer, "write_key")["value"] == "••••cdef"
    assert "wk_0123" not in str(answer)


def test_a_connected_destination_shows_what_it_changes_of_its_manifest(here: Bench) -> None:
    overrides: Document = {"map": {"event:properties.plan": "$.traits.plan"}, "events": {"Paid": "Bought"}}
    here.connect("mixpanel", {"token": "t0123456789"}, name="M", overrides=overrides)

    assert described(here, "M")["overrides"] == overrides
    assert "overrides" not in described(here, "segment")


def test_secrets_in_a_map_are_hinted_one_by_one(here: Bench) -> None:
    here.connect("webhook", {"url": "https://hook.example", "headers": {"X-Key": "0123456789abcdef", "X-Pin": "1234"}})

    assert setting(described(here, "webhook"), "headers")["value"] == {"X-Key": "••••cdef", "X-Pin": "••••"}


def test_a_native_destination_is_described_without_manifest(here: Bench) -> None:
    answer = described(here, "file")

    assert (answer["slug"], [each["name"] for each in answer["settings"]]) == ("jsonl", ["path"])
    assert "actions" not in answer


def test_a_slug_that_several_have_describes_the_catalogue(here: Bench) -> None:
    here.connect(name="A")
    here.connect(name="B")

    answer = described(here, "segment")

    assert answer["connected"] is False
    assert "2 of them are connected" in answer["summary"]


def test_an_unknown_name_is_not_found_with_what_there_is(here: Bench) -> None:
    here.connect(name="Copy")

    with pytest.raises(NotFound, match="Copy"):
        described(here, "qqqqqqqq")


def test_every_destination_of_the_catalogue_can_be_described(here: Bench) -> None:
    slugs = [entry.slug for entry in here.catalogue.entries()]

    assert [described(here, slug)["slug"] for slug in slugs] == slugs


def test_a_url_is_shown_without_what_may_be_a_token(here: Bench) -> None:
    here.connect("webhook", {"url": "https://hook.example.com/in?token=tk_01234567&v=2"}, name="Hook")

    answer = described(here, "Hook")

    assert setting(answer, "url")["value"] == "https://hook.example.com/in?token=••••&v=••••"
    assert "tk_01234567" not in str(answer)


def test_each_action_says_what_it_sends_of_a_person(here: Bench) -> None:
    said = {each["name"]: each["personal"] for each in described(here, "mailchimp")["actions"]}

    assert said["erase"] == {"plain": ["id"], "hashed": ["email"]}
    assert "name" in said["member"]["plain"]
