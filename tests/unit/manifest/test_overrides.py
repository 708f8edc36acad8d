"""Overrides of one connection: fields, names and conditions, and what may not be changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from support.catalogued import CATALOGUE, cases_of, mapped
from turnout.document import Document, Json
from turnout.errors import InvalidInput
from turnout.exchange import Drop, Item
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.model import KINDS
from turnout.manifest.overrides import merged, undone
from turnout.manifest.trial import NOW
from turnout.sinks.files import JSONL

MIXPANEL: Document = {"token": "t0123456789"}
META: Document = {"pixel_id": "1", "access_token": "x"}
PAID: Document = {
    "type": "track",
    "event": "Paid",
    "userId": "u1",
    "anonymousId": "a1",
    "messageId": "m-0123456789",
    "timestamp": "2026-01-02T03:04:05Z",
    "properties": {"plan": "pro", "email": "ann@example.com"},
    "traits": {"email": "Ann@Example.com", "plan": "free"},
    "context": {"userAgent": "UA/1"},
}
SLUGS = tuple(entry.slug for entry in CATALOGUE.entries())


def made(slug: str, settings: Document, action: str, event: Document = PAID, **overrides: Json) -> Any:
    target = CATALOGUE.bind(slug, settings, overrides)
    actions = target.select(str(event["type"]), str(event.get("event", "")))
    (one,) = (each for each in target.items(event, actions, NOW) if (isinstance(each, Drop) or each.action == action))
    return one.value if isinstance(one, Item) else one


def refused(slug: str, settings: Document, **overrides: Json) -> str:
    with pytest.raises(InvalidInput) as error:
        CATALOGUE.bind(slug, settings, overrides)
    return error.value.message


def event_of(fields: Json, event: Document = PAID, more: Mapping[str, Json] | None = None) -> Any:
    target = CATALOGUE.bind("mixpanel", MIXPANEL, {"map": fields, **(more or {})})
    (one,) = target.items(event, ("event",), NOW)
    return one.value if isinstance(one, Item) else one


def test_a_field_is_replaced_added_and_removed() -> None:
    plain = event_of({})

    fitted = event_of(
        {
            "event:properties.plan": "= $was | upper",
            "event:properties.email": "= null",
            "event:properties.team": {"of": "$.userId", "size": 3},
            'event:properties."odd name"': "as it stands",
            "event:properties.title": "{{ $.event }}!",
        }
    )

    changed = {"plan": "PRO", "team": {"of": "u1", "size": 3}, "odd name": "as it stands", "title": "Paid!"}
    kept = {key: value for key, value in plain["properties"].items() if key != "email"}
    assert fitted == {**plain, "properties": {**kept, **changed}}


def test_a_value_that_is_null_leaves_the_field_out_and_does_not_fall_back() -> None:
    assert "plan" not in event_of({"event:properties.plan": "$.traits.missing"})["properties"]


def test_a_field_without_an_action_is_that_of_every_action_that_sends_it() -> None:
    target = CATALOGUE.bind("mixpanel", {**MIXPANEL, "product_events": True}, {"map": {"properties.$user_id": "all"}})
    order = {**PAID, "event": "Order Completed", "properties": {"products": [{"sku": "a"}, {"sku": "b"}]}}

    items = target.items(order, ("event", "line_items"), NOW)

    sent: list[Any] = [each.value for each in items if isinstance(each, Item)]
    assert [each["properties"]["$user_id"] for each in sent] == ["all"] * 3


@pytest.mark.parametrize("slug", SLUGS)
def test_an_override_changes_its_own_field_of_every_action_and_nothing_else(slug: str) -> None:
    manifest = CATALOGUE.manifest(slug)
    usual = [name for name, spec in manifest.actions.items() if spec.item and set(spec.triggers) & set(KINDS)]
    fields: Document = {f"{name}:zz_own.of": "{{ $.messageId }}!" for name in usual}

    for case in cases_of(slug):
        before = mapped(case.fresh(), case.own)
        after = mapped(CATALOGUE.bind(slug, case.settings, {"map": fields}), case.own)

        assert len(before) == len(after)
        for one, two in zip(before, after, strict=True):
            if isinstance(one, Drop) or one.action not in usual:
                assert one == two
                continue
            assert isinstance(two, Item)
            assert isinstance(one.value, dict)
            assert two.value == {**one.value, "zz_own": {"of": f"{one.document.get('messageId') or ''}!"}}
            assert (one.index, one.group) == (two.index, two.group)


def test_the_name_of_an_event_is_the_one_that_the_manifest_sees() -> None:
    renamed = event_of({}, more={"events": {"Paid": "Order Completed"}})

    assert renamed["event"] == "Order Completed"
    target = CATALOGUE.bind("mixpanel", MIXPANEL, {"events": {"Paid": "Order Completed"}})
    assert target.select("track", "Paid") == CATALOGUE.bind("mixpanel", MIXPANEL).select("track", "Order Completed")
    assert target.select("page", "Paid") == ("event",)


def test_a_name_of_ours_becomes_a_standard_event_of_the_vendor() -> None:
    order: Document = {**PAID, "properties": {"total": 27.5, "currency": "EUR"}}

    sent = made("facebook-conversions-api", META, "event", order, events={"Paid": "Order Completed"})

    assert sent["event_name"] == "Purchase"
    assert PAID["event"] == "Paid"


@pytest.mark.parametrize("condition", ["$.event == 'Paid'", 'type = "track" and event = "Paid"'])
def test_an_action_is_done_only_when_its_condition_on_the_received_event_holds(condition: str) -> None:
    more: Document = {"when": {"event": condition}, "events": {"Paid": "Renamed"}}

    assert event_of({}, more=more)["event"] == "Renamed"
    assert event_of({}, {**PAID, "event": "Other"}, more) == Drop("event", "filtered", f"when event: {condition}")


def test_a_condition_that_does_not_hold_is_told_before_actions_that_were_not_meant() -> None:
    target = CATALOGUE.bind("mixpanel", MIXPANEL, {"when": {"event": "false"}})

    found = target.items({**PAID, "event": "Order Completed"}, ("event", "line_items"), NOW)

    assert [each.code for each in found if isinstance(each, Drop)] == ["filtered", "no_match"]


def test_what_the_manifest_hashes_stays_hashed() -> None:
    assert "| sha256" in refused("facebook-conversions-api", META, map={"user_data.em": "$.traits.email"})
    assert "below this one" in refused("facebook-conversions-api", META, map={"user_data": {"em": "$.traits.email"}})

    own = made("facebook-conversions-api", META, "event", map={"user_data.em": "= $.properties.email | email | sha256"})
    gone = made("facebook-conversions-api", META, "event", map={"user_data.em": "= null"})

    assert len(own["user_data"]["em"]) == 64
    assert "em" not in gone["user_data"]


def test_a_field_that_the_vendor_takes_either_way_may_be_left_plain_and_a_plain_one_hashed() -> None:
    plain = made("facebook-conversions-api", META, "event", map={"user_data.external_id": "$plain"})
    hashed = event_of({"event:properties.email": "= $was | sha256"})

    assert plain["user_data"]["external_id"] == "u1"
    assert len(hashed["properties"]["email"]) == 64
    assert "`$was` is what it sends" in refused("mixpanel", MIXPANEL, map={"event:properties.email": "$plain"})


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"map": {"evnt:properties.x": "1"}}, "no action `evnt`; did you mean `event`?"),
        ({"map": {"propertes": "1"}}, "no action sends this field; did you mean `properties`?"),
        ({"map": {"event:properties.x": "$trats.a"}}, "unknown variable `$trats` (at character 1)"),
        (
            {"map": {"event:properties.x": "= 1 + ($.a | uper)"}},
            "no function `uper`; did you mean `upper`? (at character 12)",
        ),
        (
            {"map": {"event:properties.x": "$.a ="}},
            "map.event:properties.x: cannot read `=` at character 5; did you mean `==`?",
        ),
        ({"map": {"event:properties.x": "$.a && $.b"}}, "cannot read `&& $.b` at character 5; did you mean `and`?"),
        ({"map": {"event:properties.x": "text with $.a"}}, "a literal that looks like an expression"),
        ({"map": {"event:properties.x": "$settings.token"}}, "unknown setting `token`"),
        ({"map": {"event:properties.$insert_id": "$.userId"}}, "drops repeats by this field"),
        ({"map": {"event:properties": "$.traits"}}, "drops repeats by this field"),
        ({"map": {"event:a": "1", "event:a.b": "2"}}, "stands below a field that is mapped too"),
        ({"map": {"erase:x": "1"}}, "there is no action `erase`"),
        ({"map": {"event:a b": "1"}}, "names no field"),
        ({"map": {f"event:f{place}": "1" for place in range(201)}}, "at most 200 overrides"),
        ({"mapp": {}}, "no `mapp`; did you mean `map`?"),
        ({"map": []}, "`map` is an object"),
        ({"events": {"A": 1}}, "`events` of `A` is text"),
        ({"when": {"evnt": "true"}}, "`when` of `evnt`: there is no such action; did you mean `event`?"),
        ({"when": {"event": "evnt = 'a'"}}, "`when` of `event`: the condition cannot be read: an event has no `evnt`"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place_and_the_nearest_word(overrides: Document, says: str) -> None:
    assert says in refused("mixpanel", MIXPANEL, **overrides)


def test_what_is_not_made_of_fields_is_not_mapped() -> None:
    assert "is not made of fields" in refused(
        "salesforce", dict(cases_of("salesforce")[0].settings), map={"lead:x": "1"}
    )
    with pytest.raises(InvalidInput, match="no fields to `map`"):
        Catalogue((JSONL,)).bind("jsonl", {"path": "a.jsonl"}, {"map": {"x": "1"}})


def test_a_native_destination_takes_names_and_conditions() -> None:
    target = Catalogue((JSONL,)).bind("jsonl", {"path": "a.jsonl"}, {"events": {"Paid": "Bought"}})

    (one,) = target.items(PAID, target.select("track", "Paid"), NOW)

    assert isinstance(one, Item)
    assert b"Bought" in one.text or one.document["event"] == "Bought"


def test_without_overrides_nothing_stands_around_a_destination() -> None:
    bare = CATALOGUE.bind("mixpanel", MIXPANEL)

    assert type(CATALOGUE.bind("mixpanel", MIXPANEL, {})) is type(bare)


def test_given_overrides_are_merged_and_null_lifts_one() -> None:
    before: Document = {"map": {"event:a": "1", "event:b": "2"}, "events": {"A": "B"}}

    after = merged(before, {"map": {"event:a": None, "event:c": "3"}, "when": {"event": "true"}, "events": None})

    assert after == {"map": {"event:b": "2", "event:c": "3"}, "when": {"event": "true"}}
    assert merged(after, undone(before, after)) == before
