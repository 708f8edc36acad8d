from __future__ import annotations

import pytest

from support.carrier import Carrier, carrier
from support.workspace import LIVE_AGENT, PERSON, Bench
from turnout.document import Document, Json, encode
from turnout.event.model import TEST
from turnout.exchange import Answer
from turnout.guard.principal import Principal
from turnout.manifest.catalogue import packaged
from turnout.operations import trace
from turnout.operations.diff import ROWS, Leaf, compare
from turnout.operations.reader import Reader
from turnout.operations.trace import Trace

TOKEN = "tk_0123456789abcdef"


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


def delivery(lanes: Carrier, message_id: str = "m1", who: Principal = PERSON) -> Document:
    request = Trace(message_id=message_id, diff=True)
    found = lanes.bench.look(lambda view: trace.journey(view, lanes.eyes, Reader(who), request, lanes.bench.catalogue))[
        "deliveries"
    ]
    assert isinstance(found, list)
    assert isinstance(found[0], dict)
    return found[0]


def rows(lanes: Carrier, message_id: str = "m1", who: Principal = PERSON) -> dict[str, Document]:
    listed = delivery(lanes, message_id, who)["diff"]
    assert isinstance(listed, list)
    return {str(row["field"]): row for row in listed if isinstance(row, dict)}


def test_what_was_forwarded_as_it_is_reads_same_and_what_was_not_left_out(here: Bench, lanes: Carrier) -> None:
    segment = here.connect("segment")
    here.record({"messageId": "m1", "properties": {"plan": "pro", "price": 12.5}})
    lanes.deliver(segment)

    found = rows(lanes)

    assert delivery(lanes)["diff_of"] == "what was sent, from evidence"
    assert {name: each for name, each in found["properties.plan"].items() if name != "line"} == {
        "field": "properties.plan", "received": "pro", "sent": "pro", "how": "same",
    }  # fmt: skip
    assert found["receivedAt"]["how"] == "left_out"
    assert found["receivedAt"]["sent"] is None


def test_what_got_another_place_says_from_where(here: Bench, lanes: Carrier) -> None:
    mixpanel = here.connect("mixpanel", {"token": TOKEN})
    here.record({"messageId": "m1", "userId": "customer_4711", "properties": {"plan": "enterprise"}})
    lanes.deliver(mixpanel)

    found = rows(lanes)

    assert found["properties.distinct_id"]["from"] == "userId"
    assert found["properties.distinct_id"]["how"] == "renamed"
    assert found["properties.plan"]["how"] == "same"


def test_of_a_batch_only_the_own_item_is_shown(here: Bench, lanes: Carrier) -> None:
    segment = here.connect("segment")
    here.record(
        {"messageId": "m1", "userId": "customer_4711", "properties": {"plan": "mine"}},
        {"messageId": "m2", "userId": "customer_4712", "properties": {"plan": "theirs"}},
    )
    lanes.deliver(segment)
    assert len(lanes.sent) == 1

    shown = str(delivery(lanes)["diff"])

    assert "mine" in shown
    assert "theirs" not in shown
    assert "4712" not in shown


def test_without_evidence_it_is_todays_mapping_and_says_so(here: Bench, lanes: Carrier) -> None:
    lanes.keep_plain = False
    mixpanel = here.connect("mixpanel", {"token": TOKEN})
    here.record({"messageId": "m1"})
    lanes.deliver(mixpanel)

    found = delivery(lanes)

    assert found["evidence"] == "not_kept"
    assert str(found["diff_of"]).startswith("today's mapping")
    assert "properties.distinct_id" in rows(lanes)


@pytest.mark.parametrize("kept", [True, False])
def test_no_secret_stands_in_a_diff(here: Bench, lanes: Carrier, *, kept: bool) -> None:
    lanes.keep_plain = kept
    mixpanel = here.connect("mixpanel", {"token": TOKEN})
    here.record({"messageId": "m1"})
    lanes.deliver(mixpanel)

    assert TOKEN not in encode(delivery(lanes)).decode()


def test_values_of_a_person_are_masked_on_both_sides(here: Bench, lanes: Carrier) -> None:
    segment = here.connect("segment")
    here.record({"messageId": "m1", "userId": "customer_4711", "context": {"traits": {"email": "ann@shop.example"}}})
    lanes.deliver(segment, Answer(400))

    row = rows(lanes, who=LIVE_AGENT)["userId"]

    assert row["received"] == row["sent"]
    assert row["how"] == "same"
    shown = encode(delivery(lanes, who=LIVE_AGENT)).decode()
    assert "customer_4711" not in shown
    assert "ann@" not in shown


def test_a_test_person_leaves_as_a_member_of_the_pool(here: Bench, lanes: Carrier) -> None:
    segment = here.connect("segment", receives="all")
    here.record({"messageId": "m1", "userId": "customer_4711"}, namespace=TEST)
    lanes.deliver(segment)

    row = rows(lanes, who=LIVE_AGENT)["userId"]

    assert row["how"] == "changed"
    assert str(row["sent"]).startswith("turnout-test-test-")
    assert row["received"] != "customer_4711"


def test_no_more_than_a_hundred_rows_are_listed(here: Bench, lanes: Carrier) -> None:
    segment = here.connect("segment")
    here.record({"messageId": "m1", "properties": {f"field {n}": n for n in range(300)}})
    lanes.deliver(segment)

    found = delivery(lanes)

    assert isinstance(found["diff"], list)
    assert len(found["diff"]) == ROWS
    assert isinstance(found["diff_more"], int)
    assert found["diff_more"] > 200


def leaf(path: str, value: Json) -> Leaf:
    return Leaf(path, path.rpartition(".")[2].lower().replace("_", ""), value, value)


@pytest.mark.parametrize(
    ("received", "sent", "how"),
    [
        (("a.plan", "pro"), ("a.plan", "pro"), "same"),
        (("a.plan", "pro"), ("a.plan", "PRO"), "changed"),
        (("a.plan", 1), ("a.plan", True), "coerced"),
        (("a.plan", 1), ("a.plan", "1"), "coerced"),
        (("a.plan", 1), ("a.plan", 1.5), "changed"),
        (("userId", "u1"), ("user_id", "u1"), "renamed"),
        (("plan", "enterprise"), ("tier", "enterprise"), "renamed"),
        (("plan", True), ("tier", True), "computed"),
        (("plan", "a"), ("tier", "b"), "computed"),
    ],
)
def test_a_field_is_found_again(received: tuple[str, Json], sent: tuple[str, Json], how: str) -> None:
    assert compare([leaf(*received)], [leaf(*sent)])[0]["how"] == how


def test_a_field_of_another_name_is_masked_by_what_it_holds(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", {"url": "https://hook.example.com/in?token=tk_01234567"})
    here.record({"messageId": "m1", "type": "identify", "traits": {"firstName": "Ann"}, "context": {"who": "Ann"}})
    lanes.deliver(hook)

    assert rows(lanes, who=LIVE_AGENT)["context.who"]["sent"] == "A…"
    assert rows(lanes)["context.who"]["sent"] == "Ann"


def test_each_field_names_the_line_of_the_manifest_that_made_it(here: Bench, lanes: Carrier) -> None:
    mixpanel = here.connect("mixpanel", {"token": TOKEN})
    context: Document = {"ip": "203.0.113.9", "os": {"name": "iOS"}}
    here.record({"messageId": "m1", "properties": {"plan": "pro"}, "context": context})
    lanes.deliver(mixpanel)
    manifest = here.catalogue.manifest("mixpanel").source
    text = (packaged() / manifest.file).read_text(encoding="utf-8").splitlines()

    lines = {name: str(row.get("line", "")) for name, row in rows(lanes).items() if row["how"] != "left_out"}

    made = {name: text[int(line.rpartition(":")[2]) - 1].strip() for name, line in lines.items()}
    assert {line.partition(":")[0] for line in lines.values()} == {"mixpanel.yaml"}
    assert made["properties.plan"].startswith("$spread: [$.properties, $let.common]")
    assert made["properties.$os"] == "$os: $.context.os.name"
    assert made["properties.distinct_id"] == "distinct_id: $let.person"
    assert made["properties.time"] == "time: $.timestamp | unix_ms"
    assert made["event"].startswith("event: >-")


def test_what_the_destination_answered_is_told_of_a_success_too_where_the_fields_are_asked_for(
    here: Bench, lanes: Carrier
) -> None:
    segment = here.connect("segment")
    here.record({"messageId": "m1"})
    lanes.deliver(segment, Answer(200, (), b'{"success": true}'))

    assert delivery(lanes)["untrusted"] == {"answer": '{"success":true}', "status": 200}


def test_what_the_mapping_would_say_today_stands_beside_what_was_sent() -> None:
    today = [leaf("plan", "pro"), leaf("same", 1)]

    row, other = compare([leaf("plan", "p")], [leaf("plan", "old"), leaf("same", 1)], today)

    assert (row["received"], row["mapped"], row["sent"], row["how"]) == ("p", "pro", "old", "changed")
    assert "mapped" not in other
