from __future__ import annotations

import pytest

from support.workspace import LIVE_AGENT, PERSON, Bench
from turnout.clock import DAY, SECOND
from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.event.model import TEST, Namespace
from turnout.guard.principal import Principal
from turnout.identity.meter import bounds, forecast
from turnout.operations.reader import Reader
from turnout.operations.usage import usage


def counted(here: Bench, month: str = "", who: Principal = PERSON) -> Document:
    return here.look(lambda view: usage(view, month, Reader(who)))


def test_user_ids_and_anonymous_ids_that_came_with_none_count(here: Bench) -> None:
    here.record(
        {"userId": "u1", "anonymousId": "a1"},
        {"userId": "u2"},
        {"userId": "u2"},
        {"userId": "", "anonymousId": "a1"},
        {"userId": "", "anonymousId": "a2"},
    )

    found = counted(here)

    assert (found["month"], found["mtu"], found["events"]) == ("2025-11", 3, 5)


def test_the_count_falls_when_a_visitor_logs_in(here: Bench) -> None:
    here.record({"userId": "", "anonymousId": "a1"}, {"userId": "u1"})
    before = counted(here)["mtu"]
    here.record({"userId": "u1", "anonymousId": "a1"})

    assert (before, counted(here)["mtu"]) == (2, 1)


def test_test_people_are_left_out_and_told_by_namespace(here: Bench) -> None:
    here.record({"userId": "u1"})
    here.record({"userId": "u1"}, {"userId": "u2"}, namespace=TEST)
    here.record({"userId": "u1"}, namespace=Namespace("ci"))

    found = counted(here)

    assert (found["mtu"], found["events"]) == (1, 1)
    assert (found["test_people"], found["test_events"], found["test_share"]) == (3, 3, 0.75)
    assert found["test_namespaces"] == [
        {"namespace": "ci", "people": 1, "events": 1},
        {"namespace": "test", "people": 2, "events": 2},
    ]


def test_a_source_has_its_own_share(here: Bench) -> None:
    shop = int(str(here.source("Shop")["source_id"]).rpartition("_")[2])
    here.record({"userId": "u1"}, {"userId": "u2"})
    here.record({"userId": "u1"}, source=shop)

    found = counted(here)

    assert found["mtu"] == 2
    assert found["sources"] == [{"name": "Local", "mtu": 2, "events": 2}, {"name": "Shop", "mtu": 1, "events": 1}]


def test_the_forecast_extends_the_month(here: Bench) -> None:
    here.record(*({"userId": f"u{n}"} for n in range(10)))

    assert counted(here)["forecast"] == forecast(10, here.clock.now(), 202511)
    here.clock.moment = bounds(202511)[1] + DAY
    assert counted(here, "2025-11")["forecast"] == 10
    assert counted(here)["mtu"] == 0


def counting(here: Bench, months: int, begun: int = 1) -> None:
    """Let one newcomer come each hour, from a day of this month or the one before up to noon of the 15th."""
    here.clock.moment = bounds(202511 - months)[0] + (begun - 1) * DAY
    end, n = bounds(202511)[0] + 14 * DAY + DAY // 2, 0
    while here.clock.now() < end:
        here.record(*({"userId": f"u{n + each}"} for each in range(12)))
        n += 12
        here.clock.pass_s(DAY / 2 / SECOND)


def test_the_forecast_rests_on_the_month_before_where_that_is_all_there(here: Bench) -> None:
    counting(here, 1)

    found = counted(here)

    assert (found["mtu"], found["forecast"]) == (14 * 24 + 12, 30 * 24)
    assert str(found["forecast_method"]).startswith("month_before: 14 whole days")
    assert f"{found['forecast_low']} to {found['forecast_high']} likely" in str(found["summary"])


def test_a_month_before_that_the_log_has_only_a_part_of_is_left_out(here: Bench) -> None:
    counting(here, 1, begun=10)

    assert str(counted(here)["forecast_method"]).startswith("days_so_far: ")


def test_without_it_the_forecast_rests_on_the_days_so_far(here: Bench) -> None:
    counting(here, 0)

    found = counted(here)

    assert found["forecast"] == 30 * 24
    assert str(found["forecast_method"]).startswith("days_so_far: What the last 7 whole days")


def test_of_a_workspace_made_today_the_forecast_has_no_range_and_says_why(here: Bench) -> None:
    here.record({"userId": "u1"})

    found = counted(here)

    assert (found["forecast_low"], found["forecast_high"]) == (None, None)
    assert str(found["forecast_method"]).startswith("proportion: ")
    assert "0 whole days tell too little" in str(found["forecast_method"])


def test_the_count_is_told_by_what_it_is_made_of(here: Bench) -> None:
    here.record({"userId": "u1", "anonymousId": "a1"}, {"userId": "u2"}, {"userId": "", "anonymousId": "a2"})
    here.record({"userId": "t1"}, namespace=TEST)

    found = counted(here)

    assert (found["mtu"], found["counts"]) == (
        3, {"identified": 2, "never_identified": 1, "anonymous_identified": 1},
    )  # fmt: skip


def causes(here: Bench) -> dict[str, int]:
    listed = counted(here)["inflated_by"] or []
    assert isinstance(listed, list)
    return {str(each["cause"]): int(str(each["people"])) for each in listed if isinstance(each, dict)}


def test_what_inflated_the_count_is_named_with_how_many(here: Bench) -> None:
    here.record({"userId": "qa-1"}, {"userId": "u2", "type": "identify", "traits": {"email": "dummy@shop.io"}})
    here.record({"userId": "null"}, {"userId": "u3", "context": {"userAgent": "Googlebot/2.1"}})
    here.record({"userId": "", "anonymousId": "a1"}, *[{"userId": "", "anonymousId": "a2"}] * 2)
    here.record({"userId": "ann@shop.io"}, {"userId": "", "anonymousId": "a3"}, {"userId": "u4", "anonymousId": "a3"})

    assert causes(here) == {"test_like": 2, "placeholder_id": 1, "bot": 1, "seen_once": 1, "email_as_id": 1}


def test_user_ids_that_are_all_addresses_inflate_nothing(here: Bench) -> None:
    here.record({"userId": "ann@shop.io"}, {"userId": "bob@shop.io"})

    assert causes(here) == {}


def test_each_month_counts_anew(here: Bench) -> None:
    here.record({"userId": "u1"})
    here.clock.pass_s((bounds(202511)[1] - here.clock.now()) / SECOND)
    here.record({"userId": "u1"}, {"userId": "u2"})

    assert (counted(here, "2025-11")["mtu"], counted(here, "2025-12")["mtu"], counted(here)["month"]) == (
        1,
        2,
        "2025-12",
    )


def test_who_counted_last_is_named_with_the_event_that_counted(here: Bench) -> None:
    here.record(
        {"messageId": "m1", "userId": "customer_4711"},
        {"messageId": "m2", "userId": "customer_4711"},
        {"messageId": "m3", "userId": "", "anonymousId": "visitor_0815"},
    )

    seen, masked = counted(here), counted(here, who=LIVE_AGENT)

    assert seen["counted_by"] == [
        {
            "counted": "anonymous_id",
            "anonymous_id": "visitor_0815",
            "type": "track",
            "event": "Signed Up",
            "message_id": "m3",
            "source": "Local",
            "received_at": "2025-11-24T16:00:00.000Z",
        },
        {
            "counted": "user_id",
            "user_id": "customer_4711",
            "type": "track",
            "event": "Signed Up",
            "message_id": "m1",
            "source": "Local",
            "received_at": "2025-11-24T16:00:00.000Z",
        },
    ]
    assert "4711" not in str(masked)
    assert "0815" not in str(masked)


def test_no_more_than_ten_are_named(here: Bench) -> None:
    here.record(*({"userId": f"u{n}"} for n in range(15)))

    named = counted(here)["counted_by"]

    assert isinstance(named, list)
    assert len(named) == 10


def test_somebody_erased_still_counts_and_is_not_named(here: Bench) -> None:
    here.record({"userId": "customer_4711"})
    here.store.commit(lambda unit: unit.log.bury([1]))

    found = counted(here)

    assert found["mtu"] == 1
    assert found["counted_by"] == [{"counted": "user_id", "event": None}]


def test_a_month_without_events_is_empty(here: Bench) -> None:
    found = counted(here, "2024-02")

    assert (found["mtu"], found["events"], found["test_people"], found["forecast"]) == (0, 0, 0, 0)
    assert found["sources"] == []


@pytest.mark.parametrize("month", ["2025-13", "2025", "2025-1", "11-2025", "0000-01", "2025-11-01"])
def test_what_is_no_month_is_said(here: Bench, month: str) -> None:
    with pytest.raises(InvalidInput, match="2025-11"):
        counted(here, month)


def test_of_a_month_that_is_over_nothing_is_expected(here: Bench) -> None:
    here.record({"userId": "u1"})

    assert counted(here, "2020-01")["summary"] == "0 monthly tracked users in 2020-01; it is over."
    assert "expected by its end" in str(counted(here)["summary"])
