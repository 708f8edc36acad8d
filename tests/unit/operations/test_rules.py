"""Rules of the workspace: how they are changed, and what becomes of the events that they move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from support.carrier import Carrier, carrier
from support.workspace import AGENT, BEGIN, LIVE_AGENT, PERSON, READER, Bench, with_scopes
from turnout import document
from turnout.clock import month_of
from turnout.document import Document, Json, encode
from turnout.errors import Conflict, Denied, InvalidInput, LimitExceeded, NotFound
from turnout.event.model import LIVE, TEST, Call, Caller, Namespace, SourceId
from turnout.guard.principal import Principal, Scope
from turnout.guard.run import Done
from turnout.identity.model import Identifier, IdType
from turnout.ingest import Receipt, Recorded, ingest
from turnout.operations import deletions, find, namespaces, preview, replay, rules, send, trace
from turnout.operations.deletions import Deletion, get_deletion
from turnout.operations.find import Find
from turnout.operations.namespaces import Clear
from turnout.operations.preview import Preview
from turnout.operations.reader import Reader
from turnout.operations.replay import Replay
from turnout.operations.rules import AddRule, RemoveRule
from turnout.operations.send import Send
from turnout.operations.trace import Trace
from turnout.operations.usage import usage
from turnout.upkeep import erase
from turnout.upkeep.reign import Reign

QA = Namespace("qa")


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


def add(here: Bench, who: Principal = PERSON, *, dry_run: bool = False, **asked: Any) -> Done:
    return here.call(rules.ADD, AddRule(**asked), who, dry_run=dry_run)


def remove(here: Bench, key: str, who: Principal = PERSON, *, dry_run: bool = False) -> Done:
    return here.call(rules.REMOVE, RemoveRule(key), who, dry_run=dry_run)


def listed(here: Bench) -> list[tuple[Json, ...]]:
    rows = here.look(rules.listing)["rules"]
    assert isinstance(rows, list)
    return [
        tuple(row[name] for name in ("rule_id", "by", "pattern", "namespace")) for row in rows if isinstance(row, dict)
    ]


def spaces(here: Bench) -> list[str]:
    return [each.namespace for each in here.look(lambda view: view.log.after(0, 500))]


def keep(lanes: Carrier) -> None:
    """Let the keeper of erasures work until it rests."""
    for _ in range(60):
        if erase.advance(Reign(lanes.bench.store, lanes.epoch), lambda: True) == erase.IDLE_S:
            return


# -- changing them -----------------------------------------------------------------------------------------


def test_a_rule_holds_from_its_commit_on_and_leaves_what_is_recorded(here: Bench) -> None:
    here.record({"userId": "qa-1"})

    added = add(here, id="qa-*").answer
    here.record({"userId": "qa-1"}, {"userId": "u1"})
    remove(here, str(added["rule_id"]))
    here.record({"userId": "qa-1"})

    assert spaces(here) == [LIVE, TEST, LIVE, LIVE]


def test_rules_are_listed_in_the_order_in_which_they_are_asked(here: Bench) -> None:
    add(here, ip="203.0.113.9")
    add(here, email_domain="Bücher.Example", namespace="qa")
    add(here, id="qa-**")

    assert listed(here) == [
        ("rule_2", "ip", "203.0.113.9/32", "test"),
        ("rule_3", "email_domain", "xn--bcher-kva.example", "qa"),
        ("rule_4", "id", "qa-*", "test"),
    ]


def test_the_id_of_a_rule_is_never_used_again(here: Bench) -> None:
    first = add(here, id="qa-*").answer["rule_id"]
    remove(here, str(first))

    assert add(here, id="qa-*").answer["rule_id"] != first


@pytest.mark.parametrize("missing", [Scope.LIVE, Scope.CONFIGURE])
def test_who_may_not_configure_what_is_live_changes_no_rule(here: Bench, missing: Scope) -> None:
    added = add(here, id="qa-*").answer
    who = with_scopes(*(set(Scope) - {missing}))

    with pytest.raises(Denied, match=str(missing)):
        add(here, who, id="bot-*")
    with pytest.raises(Denied, match=str(missing)):
        remove(here, str(added["rule_id"]), who)

    assert len(listed(here)) == 1


@pytest.mark.parametrize("who", [AGENT, READER])
def test_an_agent_without_live_is_told_so_even_in_a_dry_run(here: Bench, who: Principal) -> None:
    with pytest.raises(Denied):
        add(here, who, dry_run=True, id="qa-*")


def test_a_dry_run_changes_nothing_and_counts_what_it_would_have_moved(here: Bench) -> None:
    here.record({"userId": "qa-1"}, {"userId": "u1"}, {"userId": "", "anonymousId": "qa-2"})
    here.record({"userId": "qa-3"}, namespace=TEST)
    here.record({"userId": "qa-4"})
    here.store.commit(lambda unit: unit.log.bury([5]))

    done = add(here, dry_run=True, id="qa-*")

    assert done.planned
    assert (done.answer["moves"], done.answer["of"]) == (2, 3)
    assert "It would have moved 2 of the last 3 live events." in str(done.answer["summary"])
    assert listed(here) == []


def test_what_a_rule_would_have_moved_is_counted_by_e_mails_and_addresses_as_they_are_stored(here: Bench) -> None:
    context = b'{"ip":"203.0.113.9","traits":{"email":"ann@test.example"}}'
    calls = (Call(encode({"type": "track", "event": "E", "userId": "u1"})),)
    here.store.commit(lambda unit: ingest(unit, calls, Caller(SourceId(1), LIVE, unit.now, context=context)))
    here.record({"userId": "u2"})

    by_mail = add(here, dry_run=True, email_domain="test.example").answer
    by_address = add(here, dry_run=True, ip="203.0.113.0/24").answer

    assert (by_mail["moves"], by_address["moves"]) == (1, 1)


def test_each_change_leaves_a_row_of_the_audit_without_a_pattern(here: Bench) -> None:
    added = add(here, id="u_4711").answer
    remove(here, str(added["rule_id"]))

    rows = here.look(lambda view: view.audit.all())

    done = [row.entry for row in rows if row.entry.operation.endswith("_namespace_rule")]
    assert [(each.operation, each.detail) for each in done] == [
        ("add_namespace_rule", {"rule_id": "rule_2"}),
        ("remove_namespace_rule", {"rule_id": "rule_2"}),
    ]
    assert "4711" not in str(rows)


def test_each_change_tells_the_call_that_takes_it_back(here: Bench) -> None:
    added = add(here, email_domain="test.example", namespace="qa").answer
    undo = undoing(added)
    removed = here.call(rules.REMOVE, RemoveRule(str(undo["rule_id"])), PERSON).answer
    again = here.call(rules.ADD, AddRule(**undoing(removed)), PERSON).answer

    assert [(each["by"], each["pattern"], each["namespace"]) for each in (added, again)] == [
        ("email_domain", "test.example", "qa")
    ] * 2


def undoing(answer: Document) -> dict[str, str]:
    steps = answer["next"]
    assert isinstance(steps, list)
    (step,) = steps
    assert isinstance(step, dict)
    assert isinstance(step["arguments"], dict)
    return {name: str(value) for name, value in step["arguments"].items()}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"id": "qa-*"}, {"id": "qa-*"}),
        ({"id": "qa-*"}, {"id": "qa-*", "namespace": "qa"}),
        ({"id": "qa-*"}, {"id": "qa-1"}),
        ({"email_domain": "test.example"}, {"email_domain": "qa.TEST.example"}),
        ({"ip": "10.0.0.0/8"}, {"ip": "10.1.2.3"}),
    ],
)
def test_a_rule_that_an_earlier_one_leaves_nothing_to_is_a_conflict(
    here: Bench, first: dict[str, Any], second: dict[str, Any]
) -> None:
    add(here, **first)

    with pytest.raises(Conflict, match=r"rule_2 \(.*\) moves all of these to test already"):
        add(here, **second)


def test_a_wider_rule_may_follow_a_narrower_one_which_is_asked_first(here: Bench) -> None:
    add(here, id="qa-1*", namespace="qa")
    add(here, id="qa-*")

    here.record({"userId": "qa-17"}, {"userId": "qa-2"})

    assert spaces(here) == [QA, TEST]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "give exactly one of"),
        ({"id": "qa-*", "ip": "10.0.0.0/8"}, "give exactly one of"),
        ({"id": "*"}, "would move everybody"),
        ({"id": "qa-*", "namespace": "live"}, "never makes one live"),
        ({"id": "qa-*", "namespace": "Q A"}, "expected 1 to 32"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(here: Bench, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        add(here, **asked)


def test_there_are_so_many_rules_and_no_more(here: Bench) -> None:
    for number in range(rules.MOST):
        add(here, id=f"qa-{number:03}")

    with pytest.raises(LimitExceeded, match="100 rules"):
        add(here, id="bot-*")


def test_an_unknown_rule_is_answered_with_those_there_are(here: Bench) -> None:
    with pytest.raises(NotFound, match="there is none yet"):
        remove(here, "rule_2")
    add(here, id="qa-*")

    with pytest.raises(NotFound, match="there is rule_2"):
        remove(here, "rule_9", dry_run=True)


# -- what becomes of moved events --------------------------------------------------------------------------


def sent(
    here: Bench, *events: Mapping[str, Json], namespace: str = "live", key: str = "", who: Principal = LIVE_AGENT
) -> Done:
    usual: Document = {"type": "track", "event": "Signed Up"}
    request = Send(tuple({**usual, **each} for each in events), namespace)
    return here.call(send.operation("send_events"), request, who, key=key)


def test_an_answer_says_where_its_events_went_and_which_went_elsewhere(here: Bench) -> None:
    add(here, id="qa-*", namespace="qa")

    alone = sent(here, {"userId": "qa-1", "messageId": "m1"}).answer
    mixed = sent(here, {"userId": "u1", "messageId": "m2"}, {"userId": "qa-1", "messageId": "m3"}).answer

    assert (alone["namespace"], alone["events"]) == ("qa", [{"message_id": "m1"}])
    assert alone["summary"] == "1 event was recorded in the namespace qa, where a rule of the workspace moved it."
    assert (mixed["namespace"], mixed["events"]) == (
        "live",
        [{"message_id": "m2"}, {"message_id": "m3", "namespace": "qa"}],
    )
    assert str(mixed["summary"]).startswith("1 event was recorded in the namespace live. 1 event was recorded in")


def test_a_key_that_was_used_before_the_rule_came_answers_as_it_did(here: Bench) -> None:
    before = sent(here, {"userId": "qa-1"}, key="k1").answer
    add(here, id="qa-*")

    again = sent(here, {"userId": "qa-1"}, key="k1")
    other = sent(here, {"userId": "qa-1"}, key="k2").answer

    assert (again.replayed, again.answer["namespace"], again.answer["events"]) == (True, "live", before["events"])
    assert (other["namespace"], spaces(here)) == ("test", [LIVE, TEST])


def test_a_message_id_that_was_seen_before_the_rule_came_stays_where_the_first_is(here: Bench) -> None:
    sent(here, {"userId": "qa-1", "messageId": "m1"})
    add(here, id="qa-*")

    again = sent(here, {"userId": "qa-1", "messageId": "m1"}, key="k2").answer
    receipt = taken(here, {"userId": "qa-1", "messageId": "m1"})

    assert (again["namespace"], again["events"]) == ("live", [{"message_id": "m1", "replayed": True}])
    (entry,) = receipt.entries
    assert isinstance(entry, Recorded)
    assert (entry.repeated, entry.namespace, spaces(here)) == (True, LIVE, [LIVE])


def taken(here: Bench, body: Mapping[str, Json], namespace: Namespace = LIVE) -> Receipt:
    calls = (Call(encode({"type": "track", "event": "Signed Up", **body})),)
    return here.store.commit(lambda unit: ingest(unit, calls, Caller(SourceId(1), namespace, unit.now)))


def test_every_door_is_told_where_its_event_is(here: Bench) -> None:
    add(here, id="qa-*")

    entries = [*taken(here, {"userId": "qa-1"}).entries, *taken(here, {"userId": "u1"}).entries]

    assert [each.namespace for each in entries] == [TEST, LIVE]


def test_the_same_id_in_live_and_moved_is_two_people_who_never_meet(here: Bench) -> None:
    add(here, ip="203.0.113.0/24")
    both: Document = {"userId": "u1", "anonymousId": "a1", "traits": {"email": "ann@shop.example"}, "type": "identify"}

    here.record(both, {**both, "context": {"ip": "203.0.113.9"}}, {"userId": "u1"})

    log = here.look(lambda view: view.log.after(0, 9))
    live, moved, later = (each.person for each in log)
    owners = [owner(here, LIVE), owner(here, TEST)]
    assert (live, [live, moved]) == (later, owners)
    assert live != moved
    assert not here.look(lambda view: view.session.rows("SELECT * FROM links"))


def owner(here: Bench, namespace: Namespace) -> int | None:
    return here.look(lambda view: view.people.owner(Identifier(namespace, IdType.USER, "u1")))


def test_nobody_stays_moved_by_an_earlier_event_of_theirs(here: Bench) -> None:
    """Else whoever knows an id could send one event with it and a test address, and take a live person out."""
    add(here, email_domain="test.example")

    here.record({"type": "identify", "userId": "u1", "traits": {"email": "ann@test.example"}}, {"userId": "u1"})

    assert spaces(here) == [TEST, LIVE]


def test_moved_people_and_events_count_as_test_alone(here: Bench) -> None:
    add(here, id="qa-*")
    here.record({"userId": "qa-1"}, {"userId": "qa-2"}, {"userId": "qa-1"}, {"userId": "u1"})

    found = here.look(lambda view: usage(view, "", Reader(PERSON)))

    assert (found["mtu"], found["events"], found["test_people"], found["test_events"]) == (1, 1, 2, 3)
    assert {row[0] for row in here.look(lambda view: view.people.meter(month_of(BEGIN)))} == {LIVE, TEST}


def test_a_moved_event_shows_the_rule_in_its_journey_and_in_the_list_even_when_the_rule_is_gone(
    here: Bench, lanes: Carrier
) -> None:
    add(here, id="qa-*", namespace="qa")
    here.record({"userId": "qa-1", "messageId": "m1"}, {"userId": "u1", "messageId": "m2"})
    remove(here, "rule_2")

    journeys = [told(lanes, message_id) for message_id in ("m1", "m2")]
    rows = here.look(lambda view: find.find_events(view, lanes.eyes, Reader(PERSON), Find()))["events"]

    assert [(each["namespace"], each["moved_by"]) for each in journeys] == [("qa", "rule_2"), ("live", None)]
    assert "It came as live; the workspace's rule_2 moved it to qa." in str(journeys[0]["summary"])
    assert isinstance(rows, list)
    assert [each["moved_by"] for each in rows if isinstance(each, dict)] == [None, "rule_2"]
    assert "rule" not in str(journeys[0]["event"])


def told(lanes: Carrier, message_id: str) -> Document:
    return lanes.bench.look(lambda view: trace.journey(view, lanes.eyes, Reader(PERSON), Trace(message_id)))


def test_a_preview_shows_what_the_rules_make_of_an_event(here: Bench) -> None:
    here.connect("webhook", {"url": "https://hook.example.com/in"})
    add(here, id="qa-*")
    asked = Preview(event="Signed Up", user_id="qa-1", namespace="live")

    shown = here.look(lambda view: preview.preview(view, here.eyes, Reader(LIVE_AGENT), asked))

    assert shown["namespace"] == "test"
    assert "rule_3 would move it to test" in str(shown["summary"])
    previews = shown["previews"]
    assert isinstance(previews, list)
    assert [each["reason"] for each in previews if isinstance(each, dict)] == ["namespace"]


def test_a_moved_event_leaves_for_no_live_destination_and_for_others_under_the_pools_ids(
    here: Bench, lanes: Carrier
) -> None:
    live = here.connect("webhook", {"url": "https://live.example.com/in"}, name="Live")
    tests = here.connect("webhook", {"url": "https://test.example.com/in"}, name="Tests", receives="test")
    add(here, id="qa-*")
    here.record({"userId": "qa-1"})

    lanes.deliver(live)
    left = len(lanes.sent)
    lanes.deliver(tests)

    assert left == 0
    assert "turnout-test-test-" in str(lanes.sent)
    assert "qa-1" not in str(lanes.sent)


def test_a_moved_event_is_replayed_as_a_test_event(here: Bench, lanes: Carrier) -> None:
    hook = here.connect("webhook", {"url": "https://hook.example.com/in"}, receives="all")
    add(here, id="qa-*")
    here.record({"userId": "qa-1"}, {"userId": "u1"})
    lanes.deliver(hook)

    selected = [
        here.call(replay.operation(here.eyes), Replay(namespace=space), PERSON, dry_run=True).answer["selected"]
        for space in ("test", "live")
    ]

    assert selected == [1, 1]


def test_clearing_its_namespace_takes_moved_events_and_what_comes_later_comes_again(
    here: Bench, lanes: Carrier
) -> None:
    add(here, id="qa-*", namespace="qa")
    here.record({"userId": "qa-1"}, {"userId": "u1"})

    deletion = here.call(namespaces.CLEAR, Clear("qa"), PERSON, sure=True).answer["deletion_id"]
    keep(lanes)
    here.record({"userId": "qa-1"})

    log = here.look(lambda view: view.log.after(0, 9))
    assert [(each.namespace, each.erased) for each in log] == [(QA, True), (LIVE, False), (QA, False)]
    assert here.look(lambda view: get_deletion(view, str(deletion)))["status"] == "finished"


def test_erasing_reaches_a_moved_person_in_their_test_namespace_and_leaves_the_live_one(
    here: Bench, lanes: Carrier
) -> None:
    here.record({"userId": "qa-1"})
    add(here, id="qa-*")
    here.record({"userId": "qa-1"})

    here.call(deletions.operation(here.eyes), Deletion(user_id="qa-1", namespace="test"), PERSON, sure=True)
    keep(lanes)

    log = here.look(lambda view: view.log.after(0, 9))
    assert [(each.namespace, each.erased, bool(each.meta)) for each in log] == [
        (LIVE, False, log[0].meta != b""),
        (TEST, True, False),
    ]
    assert [each.reason for each in taken(here, {"userId": "qa-1"}).refused] == ["suppressed"]


@pytest.mark.parametrize("space", [LIVE, TEST])
def test_somebody_suppressed_where_they_came_or_went_is_refused_and_no_rule_helps(
    here: Bench, space: Namespace
) -> None:
    add(here, id="qa-*")
    here.call(deletions.operation(here.eyes), Deletion(user_id="qa-1", kind="suppress", namespace=space), PERSON)
    taken(here, {"userId": "qa-1"}, TEST)  # a regular there, where only the live one is suppressed

    first, second = (taken(here, {"userId": "qa-1"}).refused for _ in range(2))

    assert [each.reason for each in first + second] == ["suppressed"] * 2
    assert not taken(here, {"userId": "qa-2"}).refused


def test_a_rule_reaches_no_call_that_was_test_already(here: Bench) -> None:
    add(here, id="qa-*", namespace="qa")

    here.record({"userId": "qa-1", "messageId": "m1"}, namespace=Namespace("ci"))
    answer = sent(here, {"userId": "qa-1"}, namespace="", who=AGENT).answer

    assert spaces(here) == ["ci", "test"]
    assert answer["namespace"] == "test"


def test_a_rules_body_is_what_it_was_when_it_is_read_again(here: Bench) -> None:
    add(here, email_domain="test.example", namespace="qa")

    (rule,) = here.look(lambda view: view.workspace.rules)

    assert (rule.number, rule.by, rule.pattern, rule.to, rule.created) == (2, "email_domain", "test.example", QA, BEGIN)
    body = here.look(lambda view: view.entities.last("rule", "2"))
    assert document.canonical(body) == document.canonical(
        {"by": "email_domain", "pattern": "test.example", "namespace": "qa", "created": BEGIN}
    )
    assert here.look(lambda view: view.entities.workspace(1)).rules == ()


@pytest.mark.parametrize("asked", [{"id": "ann@[0]"}, {"email_domain": "ann@example.com"}, {"ip": "ann@example.com"}])
def test_what_is_refused_never_shows_what_was_given(here: Bench, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(here, **asked)

    assert "ann@" not in refused.value.message
