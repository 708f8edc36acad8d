from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from support.carrier import BUSY, Carrier, carrier
from support.workspace import LIVE_AGENT, PERSON, READER, Bench
from turnout.api.tracking import _unknown
from turnout.document import Document, Json, encode
from turnout.errors import InvalidInput, NotFound
from turnout.event.model import LIVE, TEST, Call, Caller, SourceId
from turnout.exchange import Answer
from turnout.guard.principal import Principal
from turnout.ingest import ingest, refuse
from turnout.operations import find
from turnout.operations.find import Find
from turnout.operations.reader import Reader


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


def page(here: Bench, who: Principal = PERSON, **asked: Any) -> Document:
    request = Find(**asked)
    return here.look(lambda view: find.find_events(view, here.eyes, Reader(who), request))


def events(here: Bench, who: Principal = PERSON, **asked: Any) -> list[Mapping[str, Json]]:
    listed = page(here, who, **asked)["events"]
    assert isinstance(listed, list)
    return [each for each in listed if isinstance(each, dict)]


def ids(here: Bench, **asked: Any) -> list[Json]:
    return [each["message_id"] for each in events(here, **asked)]


def refused(here: Bench, *bodies: Document) -> None:
    calls = tuple(Call(encode(body)) for body in bodies)
    caller = Caller(SourceId(1), LIVE, here.clock.now())
    here.store.commit(lambda unit: refuse(unit, ingest(unit, calls, caller)))


def test_events_come_newest_first_live_and_test_each_labelled(here: Bench) -> None:
    here.record({"messageId": "m1"})
    here.record({"messageId": "m2", "type": "page", "name": "Home"}, namespace=TEST)

    newest, oldest = events(here)

    assert newest == {
        "message_id": "m2",
        "event": "Home",
        "type": "page",
        "user_id": "u1",
        "anonymous_id": None,
        "namespace": "test",
        "moved_by": None,
        "source": "Local",
        "received_at": "2025-11-24T16:00:00.000Z",
    }
    assert (oldest["message_id"], oldest["namespace"]) == ("m1", "live")


def test_each_filter_narrows(here: Bench) -> None:
    other = int(str(here.source("Shop")["source_id"]).rpartition("_")[2])
    here.record({"messageId": "m1", "event": "Paid"})
    here.record({"messageId": "m2", "type": "identify", "userId": "u2"}, source=other)
    here.record({"messageId": "m3", "anonymousId": "a1", "userId": ""}, namespace=TEST)

    assert ids(here, event="Paid") == ["m1"]
    assert ids(here, type="identify") == ["m2"]
    assert ids(here, source="Shop") == ["m2"]
    assert ids(here, namespace="test") == ["m3"]
    assert ids(here, user_id="u2") == ["m2"]
    assert ids(here, anonymous_id="a1") == ["m3"]
    assert ids(here, anonymous_id="a1", namespace="live") == []
    assert ids(here, user_id="u1", event="Signed Up") == []


def test_a_person_is_found_under_every_id_they_had(here: Bench) -> None:
    here.record({"messageId": "m1", "userId": "", "anonymousId": "a1"})
    here.record({"messageId": "m2"})
    here.record({"messageId": "m3", "type": "identify", "anonymousId": "a1"})
    here.record({"messageId": "m4", "userId": "u2"})

    assert ids(here, user_id="u1") == ["m3", "m2", "m1"]
    assert ids(here, anonymous_id="a1") == ["m3", "m2", "m1"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"since": "90m"}, ["m3", "m2"]),
        ({"since": "2025-11-24T18:00:00Z"}, ["m3"]),
        ({"until": "2025-11-24T17:00:00Z"}, ["m2", "m1"]),
        ({"since": "2025-11-24T16:30:00Z", "until": "2025-11-24T17:30:00Z"}, ["m2"]),
        ({"since": "1d"}, ["m3", "m2", "m1"]),
        ({"until": "2025-11-24"}, []),
    ],
)
def test_a_stretch_of_time(here: Bench, asked: dict[str, Any], found: list[str]) -> None:
    for number in (1, 2, 3):
        here.record({"messageId": f"m{number}"})
        here.clock.pass_s(3600)
    here.clock.pass_s(-3600)

    assert ids(here, **asked) == found


def test_events_far_apart_in_a_long_log_are_found_by_time(here: Bench) -> None:
    for number in range(40):
        here.record({"messageId": f"m{number}"})
        here.clock.pass_s(7200)

    assert ids(here, since="2025-11-25T00:00:00Z", until="2025-11-25T05:00:00Z") == ["m6", "m5", "m4"]


def test_events_are_found_by_what_they_came_to_anywhere(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", {"url": "https://hook.example.com/in"}, filter="$.event != 'Skipped'")
    here.connect("segment")
    for name, answer in (("good", Answer(200)), ("bad", Answer(404)), ("later", BUSY)):
        here.record({"messageId": name, "userId": name})
        lanes.deliver(hook, answer)
    here.record({"messageId": "skipped", "event": "Skipped"})
    lanes.deliver(hook)

    assert ids(here, verdict="delivered") == ["good"]
    assert ids(here, verdict="discarded") == ["bad"]
    assert ids(here, verdict="not_sent") == ["skipped"]
    assert ids(here, verdict="waiting") == ["skipped", "later", "bad", "good"]
    assert ids(here, verdict="cancelled") == []


def test_pages_follow_each_other_without_a_gap(here: Bench) -> None:
    here.record(*({"messageId": f"m{n}"} for n in range(5)))

    seen: list[Json] = []
    cursor: Json = ""
    for _ in range(10):
        found = page(here, limit=2, cursor=cursor)
        assert isinstance(found["events"], list)
        seen += [each["message_id"] for each in found["events"] if isinstance(each, dict)]
        cursor = found["next_cursor"]
        if cursor is None:
            break

    assert cursor is None
    assert seen == ["m4", "m3", "m2", "m1", "m0"]


def test_a_page_of_a_person_goes_on(here: Bench) -> None:
    here.record(*({"messageId": f"m{n}", "userId": f"u{n % 2}"} for n in range(6)))

    first = page(here, user_id="u1", limit=2)
    second = page(here, user_id="u1", limit=2, cursor=first["next_cursor"])

    assert second["next_cursor"] is None
    assert str(second["events"]).count("message_id") == 1
    assert "m1" in str(second["events"])


def test_a_cursor_is_for_the_same_caller_and_arguments(here: Bench) -> None:
    here.record(*({"messageId": f"m{n}"} for n in range(5)))
    cursor = page(here, limit=1)["next_cursor"]
    other = Principal("token 7", PERSON.scopes)

    assert page(here, limit=3, cursor=cursor)["events"]
    for who, asked in ((PERSON, {"event": "Paid"}), (other, {})):
        with pytest.raises(InvalidInput, match="cursor"):
            page(here, who, cursor=cursor, **asked)


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%%%", "ä", "A" * 500, "A" * 22])
def test_a_broken_cursor_says_how_to_get_another(here: Bench, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="without cursor"):
        page(here, cursor=cursor)


def test_a_search_that_finds_little_says_that_it_is_not_the_end(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "SCAN", 3)
    here.record({"messageId": "wanted", "event": "Paid"}, *({"messageId": f"m{n}"} for n in range(5)))

    first = page(here, event="Paid")
    second = page(here, event="Paid", cursor=first["next_cursor"])

    assert first["events"] == []
    assert "not the end" in str(first["summary"])
    assert "wanted" in str(second["events"])
    assert second["next_cursor"] is None


def test_refused_calls_are_listed_with_their_reason(here: Bench) -> None:
    refused(here, {"type": "track", "messageId": "bad1", "userId": "u1"}, {"type": "track", "messageId": "bad2"})
    here.record({"messageId": "good"})

    listed = events(here, refused=True)

    assert [each["message_id"] for each in listed] == ["bad2", "bad1"]
    assert all(":" in str(each["reason"]) and each["received_at"] for each in listed)
    assert ids(here, refused=True, user_id="u1") == ["bad1"]
    assert ids(here, refused=True, type="page") == []
    first = page(here, refused=True, limit=1)
    assert "bad1" in str(page(here, refused=True, limit=1, cursor=first["next_cursor"])["events"])


def test_a_refused_call_that_is_no_json_is_a_row_all_the_same(here: Bench) -> None:
    caller = Caller(SourceId(1), LIVE, here.clock.now())
    here.store.commit(lambda unit: refuse(unit, ingest(unit, (Call(b'{"type": tr'),), caller)))

    (row,) = events(here, refused=True)

    assert (row["event"], row["user_id"]) == (None, None)
    assert str(row["reason"]).startswith("not_json")


def test_ids_are_masked_and_names_made_harmless(here: Bench) -> None:
    here.record({"messageId": "m1", "userId": "customer_4711", "event": "Paid\x1b[2J \u202ehidden"})

    (masked,) = events(here, LIVE_AGENT)
    own = here.look(
        lambda view: find.find_events(
            view, here.eyes, Reader(READER, frozenset({"customer_4711"})), Find(user_id="customer_4711")
        )
    )

    assert masked["user_id"] not in {"customer_4711", None}
    assert "customer_4711" in str(own["events"])
    assert "\x1b" not in str(masked["event"])
    assert "\u202e" not in str(masked["event"])


def test_an_erased_event_is_not_listed(here: Bench) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m2"})
    here.store.commit(lambda unit: unit.log.bury([1]))

    assert ids(here) == ["m2"]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 101},
        {"since": "yesterday"},
        {"since": "2025-11-25", "until": "2025-11-24"},
        {"since": "1h", "until": "1d", "refused": True},
        {"type": "event"},
        {"verdict": "lost"},
        {"namespace": "A b"},
    ],
)
def test_what_makes_no_sense_is_said(here: Bench, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        page(here, **asked)


def test_an_unknown_source_is_not_found(here: Bench) -> None:
    with pytest.raises(NotFound, match="Local"):
        page(here, source="Loca")


def test_a_message_id_that_is_an_email_is_masked(here: Bench) -> None:
    here.record({"messageId": "ann@shop.example"})

    assert [each["message_id"] for each in events(here, LIVE_AGENT)] == ["a…@shop.example"]
    assert ids(here) == ["ann@shop.example"]


def test_of_a_verdict_each_row_says_where_and_why(here: Bench, lanes: Carrier) -> None:
    for number in range(3):
        here.connect("webhook", {"url": "https://hook.example.com/in"}, name=f"Hook {number}")
    here.record({"messageId": "m1"})
    for number, status in enumerate((400, 404, 422)):
        lanes.deliver(here.destination(f"Hook {number}"), Answer(status))

    (row,) = events(here, verdict="discarded")
    (only,) = events(here, destination="Hook 1")

    assert row["at"] == "Hook 0: discarded (http_400); Hook 1: discarded (http_404); and 1 more"
    assert only["at"] == "Hook 1: discarded (http_404)"
    assert events(here, destination="Hook 1", verdict="delivered") == []


def test_refused_calls_have_no_destination(here: Bench) -> None:
    here.connect()

    with pytest.raises(InvalidInput, match="no events"):
        page(here, destination="Segment", refused=True)


def test_a_call_of_no_source_keeps_the_id_that_it_came_with(here: Bench) -> None:
    body = encode({"type": "track", "event": "Paid", "userId": "u1", "messageId": "m1"})
    here.store.commit(lambda unit: _unknown(unit, Call(body)))

    (row,) = events(here, refused=True)

    assert (row["message_id"], row["source"]) == ("m1", "none")


def test_refused_calls_are_counted_by_their_reason(here: Bench) -> None:
    refused(here, {"type": "track", "event": "A"}, {"type": "track", "event": "B"}, {"type": "trak", "userId": "u1"})

    assert page(here, refused=True)["summary"] == ("3 refused calls, newest first: 2 no_user_anon_id, 1 unknown_type.")


def test_where_nothing_is_found_a_call_says_what_came_near(here: Bench) -> None:
    here.record({"messageId": "m1", "event": "Order Completed"})

    def leads(**asked: Any) -> Json:
        return page(here, **asked)["next"]

    assert leads(user_id="u2", event="Order Complted") == [
        {
            "tool": "debug_event_delivery",
            "arguments": {"user_id": "u2", "event": "Order Complted"},
            "why": "Says what came near it: another spelling, person, namespace or time.",
        }
    ]
    assert leads(event="Order Complted") == [
        {
            "tool": "audit_routing",
            "arguments": {"event": "Order Complted"},
            "why": "Lists the names that look like this one.",
        }
    ]
    assert leads(event="Order Completed") is None
    assert leads(namespace="test") is None
