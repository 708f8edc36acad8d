from __future__ import annotations

from support.events import RECEIVED, event
from turnout.clock import DAY, month_of
from turnout.event.model import LIVE, TEST, Event, Namespace, SourceId
from turnout.identity.meter import bounds, counted, forecast, mtu


def total(events: list[Event], source: int = 1, namespace: Namespace = LIVE) -> int:
    rows = [row for row in counted(events) if row.source == source and row.namespace == namespace]
    return mtu(
        sum(row.kind == "u" for row in rows),
        sum(row.kind == "a" and not row.linked for row in rows),
    )


def test_a_user_on_web_and_app_counts_once() -> None:
    assert total([event("u1", "web"), event("u1", "app")]) == 1


def test_a_visitor_who_logs_in_on_one_of_two_devices_counts_twice() -> None:
    visit = [event(anonymous_id="web"), event(anonymous_id="app"), event("u1", "app")]
    assert total(visit) == 2
    assert total([*visit, event("u1", "web")]) == 1


def test_three_visits_without_a_login_count_three() -> None:
    assert total([event(anonymous_id=name) for name in ("a", "b", "c", "a")]) == 3


def test_one_device_with_two_users_counts_two() -> None:
    assert total([event("u1", "a1"), event("u2", "a1")]) == 2


def test_a_placeholder_counts_as_segment_counts_it() -> None:
    assert total([event("null"), event("anonymous")]) == 2


def test_an_email_or_previous_id_counts_nobody() -> None:
    assert total([event("u1", emails=("x@example.com",), previous_id="old")]) == 1


def test_a_user_of_two_sources_counts_once_in_each() -> None:
    events = [event("u1", source=SourceId(1)), event("u1", source=SourceId(2))]
    assert [total(events, n) for n in (1, 2)] == [1, 1]


def test_test_people_are_counted_apart() -> None:
    events = [event("u1"), event("u1", namespace=TEST), event("u2", namespace=TEST)]
    assert (total(events), total(events, namespace=TEST)) == (1, 2)


def test_a_login_of_this_month_unlinks_nothing_of_the_last() -> None:
    events = [event(anonymous_id="a1"), event("u1", "a1", received=RECEIVED + 10 * DAY)]
    rows = [row for row in counted(events) if row.kind == "a"]
    assert [(row.month, row.linked) for row in rows] == [(202511, False), (202512, True)]


def test_a_row_names_the_event_that_counted_it_first() -> None:
    rows = counted([event("u1"), event(anonymous_id="a1"), event("u1", "a1")])
    found = {(row.kind, row.source): (row.event, row.linked) for row in rows}
    assert found == {("u", 1): (0, False), ("a", 1): (1, True)}


def test_a_month_begins_at_midnight_utc() -> None:
    first, after = bounds(202512)
    assert (month_of(first - 1), month_of(first), month_of(after - 1), month_of(after)) == (
        202511,
        202512,
        202512,
        202601,
    )


def test_a_forecast_is_linear_and_ends_with_the_month() -> None:
    first, after = bounds(202511)
    assert forecast(100, first + 10 * DAY, 202511) == 300
    assert forecast(100, after, 202511) == forecast(100, after + DAY, 202511) == 100
    assert forecast(0, first + DAY, 202511) == 0
    assert forecast(7, first, 202511) == forecast(7, first - DAY, 202511) == 7
