from __future__ import annotations

import hashlib

import pytest

from support.carrier import BUSY, carrier
from support.workspace import AGENT, LIVE_AGENT, PERSON, Bench
from turnout.document import Document, canonical, encode
from turnout.errors import Denied, InvalidConfirmation, InvalidInput, NotFound
from turnout.event.model import LIVE, TEST, Call, Caller, Namespace, SourceId
from turnout.guard.principal import Principal, Scope
from turnout.guard.run import Done
from turnout.identity.model import Identifier, IdType
from turnout.ingest import Recorded, ingest
from turnout.operations import deletions, namespaces
from turnout.operations.deletions import Deletion, get_deletion
from turnout.operations.namespaces import Clear


def ask(
    here: Bench,
    request: Deletion,
    who: Principal = LIVE_AGENT,
    *,
    sure: bool = True,
    confirm: str = "",
    dry_run: bool = False,
) -> Done:
    return here.call(deletions.operation(here.eyes), request, who, sure=sure, confirm=confirm, dry_run=dry_run)


def takes(here: Bench, namespace: Namespace = LIVE, **ids: str) -> bool:
    """Send one event with these ids; tell whether it was stored."""
    one = Call(encode({"type": "track", "event": "Later", **ids}))
    receipt = here.store.commit(lambda unit: ingest(unit, (one,), Caller(SourceId(1), namespace, here.clock.now())))
    return isinstance(receipt.entries[0], Recorded)


def test_a_person_is_suppressed_with_all_their_identifiers(here: Bench) -> None:
    here.record({"userId": "u1", "anonymousId": "a1", "traits": {"email": "Ann@Example.com"}, "type": "identify"})

    answer = ask(here, Deletion(email="ann@example.com ", kind="suppress", namespace="live")).answer

    assert answer["suppressed"] is True
    assert [takes(here, userId="u1"), takes(here, anonymousId="a1"), takes(here, userId="u2")] == [False, False, True]


def test_live_and_test_people_are_not_the_same(here: Bench) -> None:
    ask(here, Deletion(user_id="u1", kind="suppress"), AGENT)

    assert [takes(here, TEST, userId="u1"), takes(here, LIVE, userId="u1")] == [False, True]


def test_who_is_looked_for_in_the_wrong_namespace_is_told_to_be_in_another(here: Bench) -> None:
    here.record({"userId": "u1"})

    blind = Principal("blind", frozenset({Scope.PRIVACY}))
    seen, unseen = (ask(here, Deletion(user_id="u1"), who, dry_run=True).answer["summary"] for who in (AGENT, blind))

    assert "Nobody with this identifier is known there, but in live somebody is." in str(seen)
    assert "Nobody with this identifier is known there yet." in str(unseen)


def test_somebody_unknown_so_far_can_be_suppressed(here: Bench) -> None:
    ask(here, Deletion(anonymous_id="a9", kind="suppress", namespace="live"))

    assert not takes(here, anonymousId="a9")


def test_a_suppression_is_lifted_for_all_that_was_suppressed_together_even_after_an_erasure(here: Bench) -> None:
    here.record({"userId": "u1", "anonymousId": "a1"})
    ask(here, Deletion(user_id="u1", namespace="live"))

    answer = ask(here, Deletion(user_id="u1", kind="unsuppress", namespace="live")).answer

    assert answer["suppressed"] is False
    assert [takes(here, userId="u1"), takes(here, anonymousId="a1")] == [True, True]


def test_there_must_be_a_suppression_to_lift(here: Bench) -> None:
    with pytest.raises(NotFound, match="namespace live; there is nothing to lift"):
        ask(here, Deletion(user_id="u1", kind="unsuppress", namespace="live"))


def test_who_lifts_in_the_wrong_namespace_is_told_the_right_one(here: Bench) -> None:
    ask(here, Deletion(user_id="u1", kind="suppress", namespace="live"))

    with pytest.raises(NotFound, match=r"in the namespace test, but in live$"):
        ask(here, Deletion(user_id="u1", kind="unsuppress"), AGENT)
    with pytest.raises(NotFound, match="there is nothing to lift"):
        ask(here, Deletion(user_id="u1", kind="unsuppress"), Principal("blind", frozenset({Scope.PRIVACY})))


def test_a_suppression_and_its_lifting_each_name_the_call_that_takes_it_back(here: Bench) -> None:
    for kind, back in (("suppress", "unsuppress"), ("unsuppress", "suppress")):
        request = Deletion(email="ann@example.com", kind=kind, namespace="live")
        told = deletions.undoing(ask(here, request).answer, request)

        assert told["next"] == [
            {
                "tool": "request_deletion",
                "arguments": {"email": "ann@example.com", "namespace": "live", "kind": back},
                "why": "takes this change back",
            }
        ]
    hidden = Deletion(user_id="u\u200b1", kind="suppress", namespace="live")
    assert "next" not in deletions.undoing(ask(here, hidden).answer, hidden)
    planned = Deletion(user_id="u1", kind="suppress_and_erase", namespace="live")
    assert "next" not in deletions.undoing(ask(here, planned).answer, planned)


def test_an_erasure_shows_its_plan_first_and_takes_its_token_once(here: Bench) -> None:
    here.connect("segment")
    here.record({"userId": "u1"}, {"userId": "u1", "anonymousId": "a1"})
    request = Deletion(user_id="u1", namespace="live")

    plan = ask(here, request, sure=False).answer
    token = str(plan["confirm"]["token"])  # type: ignore[index, call-overload]
    answer = ask(here, request, sure=False, confirm=token).answer

    assert (plan["events"], plan["identifiers"]) == (2, 2)
    assert plan["destinations"] == [{"destination": "Segment", "deletes": False}]
    assert answer["status"] == "received"
    assert ask(here, request, sure=False, confirm=token).replayed
    with pytest.raises(InvalidConfirmation):
        ask(here, Deletion(user_id="u2", namespace="live"), sure=False, confirm=token)


def test_a_suppression_needs_no_token(here: Bench) -> None:
    assert not ask(here, Deletion(user_id="u1", kind="suppress", namespace="live"), sure=False).planned


def test_a_dry_run_changes_nothing(here: Bench) -> None:
    here.record({"userId": "u1"})

    assert ask(here, Deletion(user_id="u1", namespace="live"), dry_run=True).planned

    assert takes(here, userId="u1")


def test_no_event_after_the_request_joins_the_person_who_goes(here: Bench) -> None:
    here.record({"userId": "u1"})
    before = here.look(lambda view: view.people.owner(Identifier(LIVE, IdType.USER, "u1")))

    ask(here, Deletion(user_id="u1", kind="erase", namespace="live"))
    stored = takes(here, userId="u1")

    after = here.look(lambda view: view.people.owner(Identifier(LIVE, IdType.USER, "u1")))
    assert stored
    assert after not in {None, before}


def test_what_is_owed_to_a_person_of_few_events_is_cancelled_at_once(here: Bench) -> None:
    hook = here.connect("webhook", {"url": "https://hook.example.com/in"})
    lanes = carrier(here)
    here.record({"userId": "u1"}, {"userId": "u2"})
    lanes.deliver(hook, BUSY)

    ask(here, Deletion(user_id="u1", kind="suppress", namespace="live"))

    assert [row.seq for row in here.look(lambda view: view.owed.of_lane(hook.lane, 10))] == [2]


@pytest.mark.parametrize(
    "request_",
    [
        Deletion(namespace="live"),
        Deletion(user_id="u1", email="a@b.c", namespace="live"),
        Deletion(email="nobody", namespace="live"),
        Deletion(user_id="u1", kind="forget", namespace="live"),
    ],
)
def test_exactly_one_identifier_and_a_known_kind_are_needed(here: Bench, request_: Deletion) -> None:
    with pytest.raises(InvalidInput):
        ask(here, request_)


def test_without_live_nobody_live_is_touched(here: Bench) -> None:
    with pytest.raises(Denied):
        ask(here, Deletion(user_id="u1", kind="suppress", namespace="live"), AGENT)


@pytest.mark.parametrize("kind", ["unsuppress", "suppress"])
def test_without_live_nobody_hears_whether_a_live_person_is_suppressed(here: Bench, kind: str) -> None:
    ask(here, Deletion(user_id="u1", kind="suppress", namespace="live"))

    for user in ("u1", "u2"):
        with pytest.raises(Denied, match="the scope `live`"):
            ask(here, Deletion(user_id=user, kind=kind, namespace="live"), AGENT)


def test_nothing_personal_stands_in_the_regulation_or_its_answer(here: Bench) -> None:
    here.record({"userId": "user-of-ours"})
    done = ask(here, Deletion(user_id="user-of-ours", namespace="live"))

    (row,) = here.look(lambda view: view.privacy.running())
    receipt = here.look(lambda view: get_deletion(view, row.id))

    told = row.steps + row.subject + encode(receipt) + encode(done.answer)
    assert b"user-of-ours" not in told
    assert receipt["status"] == "received"


def test_an_unknown_deletion_is_not_found(here: Bench) -> None:
    with pytest.raises(NotFound):
        here.look(lambda view: get_deletion(view, "del_0"))


def test_namespaces_are_listed_with_events_and_people(here: Bench) -> None:
    here.record({"userId": "u1"}, {"userId": "u2"})
    here.record({"userId": "u1"}, namespace=Namespace("ci"))

    found: Document = here.look(namespaces.listing)

    assert found["namespaces"] == [
        {"namespace": "live", "events": 2, "people": 2},
        {"namespace": "ci", "events": 1, "people": 1},
    ]


def test_the_live_namespace_is_never_cleared_and_an_unknown_one_not_found(here: Bench) -> None:
    with pytest.raises(InvalidInput):
        here.call(namespaces.CLEAR, Clear("live"), PERSON, sure=True)
    with pytest.raises(NotFound):
        here.call(namespaces.CLEAR, Clear("nowhere"), PERSON, sure=True)


def proof(here: Bench, answer: Document) -> Document:
    found = here.look(lambda view: get_deletion(view, str(answer["deletion_id"])))["proof"]
    assert isinstance(found, dict)
    return found


def test_the_proof_counts_what_a_look_finds_left_of_the_person(here: Bench) -> None:
    here.record({"anonymousId": "a1"}, {"anonymousId": "a1"}, {"userId": "u2"})
    answer = ask(here, Deletion(user_id="u1", kind="erase", namespace="live")).answer

    before = proof(here, answer)
    here.store.commit(lambda unit: unit.log.bury([1, 2]))
    after = proof(here, answer)

    assert (before["identifiers_cut"], before["identifiers_left"], before["events_left"]) == (2, 0, 2)
    assert after["events_left"] == 0


def test_somebody_who_comes_again_after_an_erasure_is_no_part_of_its_proof(here: Bench) -> None:
    here.record({})
    answer = ask(here, Deletion(user_id="u1", kind="erase", namespace="live")).answer
    here.record({}, {})

    found = proof(here, answer)

    assert (found["identifiers_left"], found["events_left"]) == (0, 1)


def test_the_hash_of_a_receipt_is_that_of_what_was_shown(here: Bench) -> None:
    here.record({})
    answer = ask(here, Deletion(user_id="u1", kind="erase", namespace="live")).answer

    told = here.look(lambda view: get_deletion(view, str(answer["deletion_id"])))

    kept = {name: value for name, value in told.items() if name not in {"summary", "proof"}}
    assert proof(here, answer)["receipt_sha256"] == hashlib.sha256(canonical(kept)).hexdigest()


def test_what_only_suppresses_has_no_proof_of_an_erasure(here: Bench) -> None:
    answer = ask(here, Deletion(user_id="u1", kind="suppress", namespace="live")).answer

    assert here.look(lambda view: get_deletion(view, str(answer["deletion_id"])))["proof"] is None
