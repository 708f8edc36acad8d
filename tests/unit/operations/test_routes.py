from __future__ import annotations

from typing import Any

import pytest

from support.carrier import BUSY, OK, Carrier, carrier
from support.workspace import AGENT, PERSON, Bench
from turnout.agent.answers import USUAL, answered
from turnout.clock import DAY, SECOND
from turnout.document import Document
from turnout.errors import InvalidInput, NotFound
from turnout.event.model import TEST
from turnout.exchange import Fault, FaultKind
from turnout.guard.masking import own_values
from turnout.guard.principal import Principal
from turnout.operations import replay, routes, update
from turnout.operations.reader import Reader
from turnout.operations.routes import Audit

URL: Document = {"url": "https://hook.example.com/in"}


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


def told(here: Bench, who: Principal = PERSON, **asked: Any) -> Document:
    reading = Reader(who, own_values({"event": asked.get("event")}))
    return here.look(lambda view: routes.audit_routing(view, here.eyes, reading, Audit(**asked)))


def rows(found: Document, name: str) -> list[dict[str, Any]]:
    listed = found[name] or []
    assert isinstance(listed, list)
    return [dict(each) for each in listed if isinstance(each, dict)]


def at(here: Bench, event: str) -> dict[str, tuple[Any, ...]]:
    """Say what each destination does with an event: whether it takes it, and why not."""
    return {
        row["destination"]: (row["takes"], row["reason"], row["rule"])
        for row in rows(told(here, event=event), "destinations")
    }


def test_of_one_event_each_destination_says_whether_it_takes_it_and_why_not(here: Bench) -> None:
    here.connect("webhook", URL, name="All")
    here.connect("webhook", URL, name="Filtered", filter="$.properties.total > 100")
    here.connect("webhook", URL, name="Tests", receives="test")
    here.connect("slack", {"webhook_url": "https://hooks.slack.com/services/T/B/x"}, name="Chat")
    here.record({"event": "Paid", "properties": {"total": 5}})

    found = at(here, "Paid")

    assert found["All"] == ("yes", None, None)
    assert found["Filtered"] == ("no", "filtered", "filter: $.properties.total > 100")
    assert found["Tests"] == ("no", "namespace", "receives test")
    assert found["Chat"][0] in {"yes", "no"}


def test_where_nothing_is_connected_no_event_reads_as_if_it_went_somewhere(here: Bench) -> None:
    here.record({"event": "Paid"})

    assert "1 event name, taken by nobody, for no destination is connected;" in str(told(here)["summary"])
    assert told(here, event="Paid")["summary"] == "No destination is connected, so none gets it."


def test_an_event_that_switches_a_destination_off_itself_is_told_so(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook")
    here.record({"event": "Paid", "integrations": {"All": False}})

    assert at(here, "Paid") == {"Hook": ("no", "integrations", None)}


def test_a_destination_that_takes_some_of_them_says_some_with_the_reason_of_the_others(here: Bench) -> None:
    here.connect("webhook", URL, name="Big", filter="$.properties.total > 100")
    here.record({"event": "Paid", "properties": {"total": 5}}, {"event": "Paid", "properties": {"total": 500}})

    assert at(here, "Paid") == {"Big": ("some", "filtered", "filter: $.properties.total > 100")}


def test_it_is_judged_by_the_configuration_of_today_and_tells_what_became_of_the_newest(
    here: Bench, lanes: Carrier
) -> None:
    hook = here.connect("webhook", URL, name="Hook", receives="test")
    here.record({"event": "Paid"})
    lanes.deliver(hook)
    here.call(update.operation(here.catalogue, here.binder), update.Update("Hook", receives="live"), PERSON, sure=True)

    (row,) = rows(told(here, event="Paid"), "destinations")

    assert (row["takes"], row["newest"]) == ("yes", "not_sent: namespace")


def test_each_destination_names_the_fields_that_it_sends_and_equal_ones_whose_they_are(here: Bench) -> None:
    here.connect("mixpanel", {"token": "tok_0123456789"}, name="Mixpanel")
    for number in (1, 2):
        here.connect("webhook", URL, name=f"Hook {number}")
    here.connect("webhook", URL, name="None", filter="$.event == 'Other'")
    here.record({"event": "Paid", "properties": {"total": 5, "items": [{"sku": "a"}, {"sku": "b"}], "none": []}})

    mixpanel, one, two, none = rows(told(here, event="Paid"), "destinations")

    assert {"event", "properties.total", "properties.items[].sku", "properties.distinct_id"} <= set(mixpanel["sends"])
    assert {"userId", "properties.total", "properties.none"} <= set(one["sends"])
    assert (two["sends_as"], "sends" in two) == ("Hook 1", False)
    assert not {"sends", "sends_as"} & none.keys()


def test_the_fields_of_all_that_were_looked_at_are_named(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook")
    for name in ("first", "middle", "last"):
        here.record({"event": "Paid", "properties": {name: 1}})

    (row,) = rows(told(here, event="Paid"), "destinations")

    assert {"properties.first", "properties.middle", "properties.last"} <= set(row["sends"])


def test_of_many_fields_the_first_are_named(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook")
    here.record({"event": "Paid", "properties": {f"field_{number}": 1 for number in range(100)}})

    (row,) = rows(told(here, event="Paid"), "destinations")

    assert len(row["sends"]) == 41
    assert str(row["sends"][-1]).startswith("and ")


def test_a_name_that_never_came_is_judged_by_its_name_and_told_what_it_looks_like(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook")
    here.record({"event": "Order Completed"})

    found = told(here, event="Order Complete")

    assert [row["takes"] for row in rows(found, "destinations")] == ["yes"]
    assert found["summary"] == (
        "1 of 1 destination would get it, as configured now. No event of this name was ever recorded, but of 1 name "
        "like it (`similar_names`); it is judged by its name."
    )
    assert [row["judged_by"] for row in rows(found, "events")] == ["name"]


def test_a_paused_destination_says_so(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook")
    here.call(update.operation(here.catalogue, here.binder), update.Update("Hook", action="pause"), PERSON, sure=True)
    here.record({"event": "Paid"})

    (row,) = rows(told(here, event="Paid"), "destinations")

    assert (row["takes"], row["state"], row["newest"]) == ("yes", "paused", "paused: paused")


def test_the_audit_lists_the_most_frequent_events_with_who_takes_them(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook")
    here.connect("webhook", URL, name="Tests", receives="test")
    here.record(*({"event": "Viewed"} for _ in range(3)), {"event": "Paid"})

    events = rows(told(here), "events")

    assert [(row["event"], row["events"], row["to"], row["not_to"]) for row in events] == [
        ("Viewed", 3, ["Hook"], {"namespace": 1}),
        ("Paid", 1, ["Hook"], {"namespace": 1}),
    ]
    assert [row["judged_by"] for row in events] == ["3 live events", "1 live event"]


def test_live_events_speak_for_a_name_where_there_are_some(here: Bench) -> None:
    here.connect("webhook", URL, name="Tests", receives="test")
    here.record({"event": "Both"})
    here.record({"event": "Both"}, {"event": "Only"}, namespace=TEST)

    found = {row["event"]: (row["judged_by"], row["to"]) for row in rows(told(here), "events")}

    assert found == {"Both": ("1 live event", []), "Only": ("1 test event", ["Tests"])}


def test_events_that_no_destination_takes_are_listed_with_the_reasons(here: Bench) -> None:
    here.connect("webhook", URL, name="Hook", filter="$.event == 'Paid'")
    here.record({"event": "Paid"}, {"event": "Viewed"})

    found = rows(told(here), "unrouted_events")

    assert [(row["event"], row["not_to"]) for row in found] == [("Viewed", {"filtered": 1})]


def test_a_destination_that_got_nothing_is_idle_with_what_stands_in_the_way(here: Bench, lanes: Carrier) -> None:
    busy, idle = here.connect("webhook", URL, name="Busy"), here.connect("webhook", URL, name="Idle", receives="test")
    here.record({"event": "Paid"}, {"event": "Viewed"})
    lanes.deliver(busy)
    lanes.deliver(idle)

    (row,) = rows(told(here), "idle_destinations")

    assert (row["destination"], row["reasons"], row["would_take"]) == ("Idle", {"namespace": 2}, "0 of 2 event names")
    assert rows(told(here), "next")[0]["arguments"] == {"destination": "Idle"}


def test_a_source_that_sent_nothing_for_days_is_stale_and_a_young_one_is_not(here: Bench) -> None:
    shop = int(str(here.source("Shop")["source_id"]))
    here.record({}, source=shop)
    here.clock.pass_s(6 * DAY / SECOND)
    here.record({})
    young = rows(told(here), "stale_sources")
    here.clock.pass_s(2 * DAY / SECOND)
    here.source("New")

    (row,) = rows(told(here), "stale_sources")

    assert young == []
    assert (row["source"], row["reason"], row["silent_days"]) == ("Shop", "silent", 8)
    assert rows(told(here, days=9), "stale_sources") == []


def test_a_source_of_which_no_event_is_kept_is_told_apart(here: Bench) -> None:
    here.source("Shop")
    here.clock.pass_s(8 * DAY / SECOND)
    here.record({})

    assert [(row["source"], row["reason"]) for row in rows(told(here), "stale_sources")] == [("Shop", "no_events")]


@pytest.mark.parametrize(("count", "stale"), [(19, True), (21, False)])
def test_a_source_far_below_the_same_hours_of_a_week_before_is_stale(here: Bench, count: int, stale: bool) -> None:  # noqa: FBT001
    here.clock.pass_s(DAY / SECOND)
    here.record(*({"userId": f"u{n}"} for n in range(100)))
    here.clock.pass_s((7 * DAY + 60 * SECOND) / SECOND)
    here.record(*({"userId": f"u{n}"} for n in range(count)))
    here.clock.pass_s(30)

    found = [(row["reason"], row["events"], row["usual"]) for row in rows(told(here), "stale_sources")]

    assert found == ([("far_below_usual", count, 100)] if stale else [])


def test_names_that_look_like_others_are_listed_by_type_with_their_counts(here: Bench) -> None:
    here.record(
        *({"event": "Order Completed"} for _ in range(6)), {"event": "order_completed"}, {"event": "Ordr Completed"}
    )
    here.record({"type": "page", "name": "Order completed"})

    found = rows(told(here), "similar_names")

    like = {"event": "Order Completed", "events": 6}
    assert [(row["event"], row["events"], row["how"], row["like"]) for row in found] == [
        ("Ordr Completed", 1, "typo", like),
        ("order_completed", 1, "same_words", like),
    ]


def test_one_source_alone_may_be_looked_at(here: Bench) -> None:
    shop = int(str(here.source("Shop")["source_id"]))
    here.record({"event": "Here"})
    here.record({"event": "There"}, source=shop)

    assert [row["event"] for row in rows(told(here, source="Shop"), "events")] == ["There"]
    with pytest.raises(NotFound, match="Shop"):
        told(here, source="Shp")


def test_nothing_went_out_twice_where_every_try_was_answered(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", URL, name="Hook")
    here.record({"messageId": "m1"})
    lanes.deliver(hook, BUSY)
    here.clock.pass_s(60)
    lanes.again(hook)

    found = told(here)

    assert found["maybe_twice"] is None
    assert "Nothing went out twice but by replays" in str(found["summary"])


def test_what_was_sent_again_after_no_answer_may_be_there_twice(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", URL, name="Hook")
    here.record({"messageId": "m1"}, {"messageId": "m2", "userId": "u2"})
    lanes.deliver(hook, Fault(FaultKind.TIMEOUT))
    before = told(here)["maybe_twice"]
    here.clock.pass_s(60)
    lanes.again(hook, OK)

    (row,) = rows(told(here), "maybe_twice")

    assert before is None
    assert (row["destination"], row["maybe_twice"]) == ("Hook", 2)
    assert {each["message_id"] for each in row["examples"]} == {"m1", "m2"}
    assert rows(told(here), "next")[0]["arguments"] in ({"message_id": "m1"}, {"message_id": "m2"})
    assert "repeat" in row["repeats"]


def test_what_a_crash_swallowed_and_was_sent_again_may_be_there_twice(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", URL, name="Hook")
    here.record({"messageId": "m1"})
    lanes.open(hook)
    lanes.reign()
    lanes.again(hook)

    assert [row["maybe_twice"] for row in rows(told(here), "maybe_twice")] == [1]


def test_what_is_older_than_the_days_asked_for_is_left_out(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", URL, name="Hook")
    here.record({"messageId": "m1"})
    lanes.deliver(hook, Fault(FaultKind.TIMEOUT))
    here.clock.pass_s(60)
    lanes.again(hook)
    here.clock.pass_s(3 * DAY / SECOND)

    assert told(here, days=2)["maybe_twice"] is None
    assert told(here, days=4)["maybe_twice"] is not None


def test_a_replay_is_told_apart_as_sent_again_on_purpose(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", URL, name="Hook")
    here.record({"messageId": "m1"})
    lanes.deliver(hook)
    here.call(replay.operation(here.eyes), replay.Replay(destination="Hook", namespace="live"), PERSON, sure=True)
    lanes.deliver(hook)

    (row,) = rows(told(here), "replayed")

    assert (row["destination"], row["delivered"]) == ("Hook", 1)
    assert told(here)["maybe_twice"] is None


def test_what_came_again_under_its_id_is_counted_as_stopped(here: Bench) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m1"}, {"messageId": "m1", "event": "Other"})

    assert told(here)["repeats_stopped"] == 2


@pytest.mark.parametrize("asked", [{"days": 0}, {"days": 91}, {"limit": 0}, {"limit": 101}])
def test_what_cannot_be_asked_is_refused(here: Bench, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        told(here, **asked)


@pytest.mark.parametrize("event", ["", "A rather long event name of number 7"])
def test_an_audit_of_forty_destinations_and_many_names_fits_the_usual_answer(here: Bench, event: str) -> None:
    for n in range(40):
        here.connect("webhook", URL, name=f"A destination of number {n}", receives=("all", "test")[n % 2])
    here.record(*({"event": f"A rather long event name of number {n}"} for n in range(200)))

    found = answered(told(here, AGENT, event=event), rest="narrow")

    assert len(found.text) <= USUAL
    assert found.structured_content is not None
    assert found.structured_content["destinations" if event else "events"]
