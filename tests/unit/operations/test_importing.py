"""A destination of a Segment workspace: what is taken, what is so already, what is left and why; nothing is dropped."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.document import Document, Json
from turnout.errors import InvalidInput, NotFound
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.trial import NOW
from turnout.operations.importing import plan
from turnout.operations.mappings import Plan
from turnout.sinks.files import JSONL

CATALOGUE = Catalogue((JSONL,))
LOG: Document = {
    "user_id": {"@path": "$.userId"},
    "event_type": {"@template": "App: {{event}}"},
    "event_properties": {"@path": "$.properties"},
    "carrier": "fixed",
    "app_version": {"@liquid": "{{ context.app.version | upcase }}"},
    "insert_id": {"@path": "$.messageId"},
    "enable_batching": True,
    "min_id_length": None,
    "trackRevenuePerProduct": False,
    "city": {"@transform": {"apply": {}, "mapping": {}}},
}


def subscription(name: str, trigger: str, settings: Document, *, enabled: bool = True) -> Json:
    return {"name": name, "actionSlug": name, "trigger": trigger, "enabled": enabled, "settings": settings}


def workspace(*subscriptions: Json, **more: Json) -> Document:
    destination: Document = {
        "name": "Amplitude prod",
        "enabled": True,
        "metadata": {"slug": "actions-amplitude"},
        "settings": {"apiKey": "a0123456789", "secretKey": "••••••••", "own": 1},
    }
    return {"data": {"destination": destination, "subscriptions": list(subscriptions), **more}}


TWO = workspace(
    subscription("Log", 'type = "track" and event != "Order Completed"', LOG),
    subscription("Orders", 'type = "track" and event = "Order Completed"', {"event_type": "Purchase"}),
    subscription("Off", 'type = "group"', {}, enabled=False),
    filters=[
        {"title": "bots", "if": "contains(context.userAgent, 'bot')", "actions": [{"type": "DROP"}], "enabled": True},
        {"title": "tenth", "if": "all", "actions": [{"type": "SAMPLE", "percent": 0.1}], "enabled": True},
    ],
)


def line(found: Plan, ending: str) -> Document:
    (one,) = (each for each in found.lines if str(each["what"]).endswith(ending))
    return one


def test_settings_filters_and_triggers_become_ours() -> None:
    found = plan(CATALOGUE, TWO, {})

    assert (found.slug, found.name, found.settings) == ("amplitude", "Amplitude prod", {"api_key": "a0123456789"})
    assert found.filter == "!(contains(context.userAgent, 'bot'))"
    when = found.overrides["when"]
    assert isinstance(when, dict)
    assert when["group"] == "false"
    assert when["event"] == (
        '(type = "track" and event != "Order Completed") or (type = "track" and event = "Order Completed")'
    )


def test_what_was_imported_maps_events_as_it_was_said_there() -> None:
    found = plan(CATALOGUE, TWO, {})
    target = CATALOGUE.bind(found.slug, found.settings, found.overrides)

    def sent(event: str) -> Any:
        document: Document = {"type": "track", "event": event, "userId": "u1", "messageId": "m1"}
        (one,) = target.items(document, ("event",), NOW)
        return getattr(one, "value", one)

    assert (sent("Paid")["event_type"], sent("Paid")["carrier"]) == ("App: Paid", "fixed")
    assert sent("Order Completed")["event_type"] == "Purchase"
    assert "carrier" not in sent("Order Completed")


@pytest.mark.parametrize(
    ("ending", "result", "why"),
    [
        ("field `user_id`", "already", ""),
        ("field `event_properties`", "already", ""),
        ("field `carrier`", "taken", ""),
        ("field `app_version`", "taken", ""),
        ("field `enable_batching`", "already", "batches go as the manifest says"),
        ("field `insert_id`", "not_taken", "drops repeats by this field"),
        ("field `min_id_length`", "not_taken", "it is empty there"),
        ("field `trackRevenuePerProduct`", "not_taken", "sends no such field"),
        ("field `city`", "not_taken", "nothing for `@transform`"),
        ("setting `secretKey`", "not_taken", "no such setting"),
        ("setting `own`", "not_taken", "no such setting"),
        ("filter 'tenth'", "not_taken", "SAMPLE"),
        ("mapping 'Off'", "not_taken", "disabled"),
        ("trigger of `alias`", "taken", "no mapping there"),
    ],
)
def test_each_line_says_what_became_of_it_and_why(ending: str, result: str, why: str) -> None:
    found = line(plan(CATALOGUE, TWO, {}), ending)

    assert found["result"] == result
    assert why in str(found.get("why", ""))


def test_every_field_and_setting_of_the_file_has_a_line() -> None:
    text = "\n".join(str(each["what"]) for each in plan(CATALOGUE, TWO, {}).lines)

    assert all(f"field `{name}`" in text for name in LOG)
    assert all(f"setting `{name}`" in text for name in ("apiKey", "secretKey", "own"))


def test_answers_of_several_calls_may_stand_in_one_list() -> None:
    parts: Json = [
        {"data": {"destination": {"metadata": {"name": "Mixpanel (Actions)"}}}},
        {"data": {"subscriptions": []}},
    ]

    assert plan(CATALOGUE, parts, {}).slug == "mixpanel"


def test_a_masked_secret_is_asked_for_and_one_given_beside_the_file_is_taken() -> None:
    masked: Document = {"destination": {"metadata": {"slug": "mixpanel"}, "settings": {"projectToken": "••••ab12"}}}

    assert "--set token=" in str(line(plan(CATALOGUE, masked, {}), "setting `projectToken`")["why"])
    assert plan(CATALOGUE, masked, {"token": "t0123456789"}).settings == {"token": "t0123456789"}


def test_what_is_no_destination_is_refused() -> None:
    with pytest.raises(InvalidInput, match="names no destination"):
        plan(CATALOGUE, {"subscriptions": []}, {})
    with pytest.raises(InvalidInput, match="Public API"):
        plan(CATALOGUE, ["text"], {})
    with pytest.raises(NotFound, match="--slug"):
        plan(CATALOGUE, {"destination": {"metadata": {"slug": "actions-nothing-of-the-kind"}}}, {})
    assert plan(CATALOGUE, {"subscriptions": []}, {}, "webhook").slug == "webhook"


def test_a_part_of_the_file_that_is_not_read_is_told() -> None:
    found = plan(CATALOGUE, workspace(warehouses=[]), {})

    assert line(found, "`warehouses`")["result"] == "not_taken"


def test_one_destination_at_a_time_is_read_and_what_is_of_others_is_told() -> None:
    first: Document = {"id": "d1", "sourceId": "s1", "metadata": {"slug": "mixpanel"}}
    second: Document = {"id": "d2", "name": "Other", "metadata": {"slug": "amplitude"}}
    theirs: Document = {"name": "Theirs", "destinationId": "d2", "trigger": 'type = "track"', "settings": {}}

    found = plan(CATALOGUE, {"destinations": [first, second], "subscriptions": [theirs]}, {})

    assert (found.slug, found.overrides) == ("mixpanel", {})
    assert "one destination" in str(line(found, "'Other'")["why"])
    assert "another destination" in str(line(found, "'Theirs'")["why"])
    assert "--source" in str(line(found, "source")["why"])
