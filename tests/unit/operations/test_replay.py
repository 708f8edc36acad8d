from __future__ import annotations

import json

import pytest

from support.carrier import BUSY, Carrier, carrier
from support.workspace import AGENT, LIVE_AGENT, PERSON, Bench
from turnout.delivery.selection import Selection, ended, read_selection, selects, write_selection
from turnout.document import Document, Json
from turnout.errors import Denied, InvalidInput, NotFound
from turnout.event.model import LIVE, TEST
from turnout.exchange import Answer, Request
from turnout.guard.principal import Principal
from turnout.guard.run import Done
from turnout.operations import replay
from turnout.operations.replay import Replay
from turnout.store.lanes import RunState
from turnout.workspace import Destination

URL: Document = {"url": "https://hook.example.com/in"}
BAD = Answer(400, took_ms=1)


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


@pytest.fixture
def hook(here: Bench) -> Destination:
    return here.connect("webhook", URL)


def ask(here: Bench, request: Replay, who: Principal = LIVE_AGENT, *, sure: bool = True, dry_run: bool = False) -> Done:
    return here.call(replay.operation(here.eyes), request, who, sure=sure, dry_run=dry_run)


def rows(answer: Document) -> list[dict[str, Json]]:
    found = answer["destinations"]
    assert isinstance(found, list)
    return found


def sent_again(lanes: Carrier, hook: Destination) -> int:
    before = len(lanes.sent)
    lanes.deliver(hook)
    return len(lanes.sent) - before


def sent_bodies(lanes: Carrier, hook: Destination) -> list[bytes]:
    before = len(lanes.sent)
    lanes.deliver(hook)
    return [each.body for each in lanes.sent[before:] if isinstance(each, Request)]


def test_a_dry_run_counts_and_begins_nothing(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({}, {}, {"event": "Other"})
    lanes.deliver(hook)

    plan = ask(here, Replay(event="Signed Up", namespace="live"), dry_run=True).answer

    assert (plan["selected"], plan["to"], plan["more"]) == (2, ["Webhook"], False)
    assert rows(plan)[0]["repeats"] == "dropped: by the id that every try of an event carries"
    assert len(here.look(lambda view: view.lanes.runs(hook.lane))) == 1


def test_what_is_selected_goes_out_again_and_the_run_ends_by_itself(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"messageId": "m1", "event": "Other"}, {"messageId": "m2"})
    lanes.deliver(hook)

    answer = ask(here, Replay(event="Other", namespace="live")).answer
    during = here.look(lambda view: view.lanes.runs(hook.lane))[-1].state
    again = sent_again(lanes, hook)

    assert (answer["selected"], again, during) == (1, 1, RunState.RUNNING)
    assert here.look(lambda view: view.lanes.runs(hook.lane))[-1].state == RunState.DONE


def test_only_what_came_to_the_verdict_is_selected(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"event": "A"})
    lanes.deliver(hook, BAD)
    here.record({"event": "B"})
    lanes.deliver(hook)

    answer = ask(here, Replay(verdict="discarded", namespace="live")).answer

    assert answer["selected"] == 1


def test_what_a_replay_has_delivered_since_is_not_selected_again(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"event": "A"}, {"event": "B", "userId": "u2"})
    lanes.deliver(hook, BAD)
    failed = Replay(verdict="discarded", namespace="live")
    ask(here, Replay(event="A", verdict="discarded", namespace="live"))
    parts = lanes.open(hook)

    moving = ask(here, failed, dry_run=True).answer["selected"]
    lanes.answer(hook, parts)
    after = ask(here, failed, dry_run=True).answer["selected"]
    delivered = ask(here, Replay(verdict="delivered", namespace="live"), dry_run=True).answer["selected"]
    ask(here, failed)
    events = [json.loads(body)["event"] for body in sent_bodies(lanes, hook)]

    assert (moving, after) == (2, 1), "one that is on its way has not ended"
    assert delivered == 1
    assert events == ["B"]


def test_what_a_replay_delivered_is_known_behind_forty_later_ones(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"event": "A"}, {"event": "B", "userId": "u2", "messageId": "b"})
    lanes.deliver(hook, BAD)
    ask(here, Replay(event="A", verdict="discarded", namespace="live"))
    lanes.deliver(hook)
    for _ in range(40):
        ask(here, Replay(message_ids=("b",), namespace="live"))
        lanes.deliver(hook, BAD)

    found = {
        word: ask(here, Replay(verdict=word, namespace="live"), dry_run=True).answer["selected"]
        for word in ("delivered", "discarded")
    }

    assert len(here.look(lambda view: ended(view, hook.lane))) == 41
    assert found == {"delivered": 1, "discarded": 1}


def test_a_run_has_ended_once_nothing_of_it_is_on_its_way_or_owed(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({})
    lanes.deliver(hook)
    ask(here, Replay(namespace="live"))

    def over() -> tuple[int, ...]:
        return here.look(lambda view: ended(view, hook.lane))

    begun = over()
    parts = lanes.open(hook)
    moving = over()
    lanes.answer(hook, parts, BUSY)
    owed = over()
    here.clock.pass_s(3600)
    lanes.again(hook)

    assert (begun, moving, owed) == ((), (), ())
    assert over() == (1,)


def test_what_is_still_owed_or_not_read_yet_comes_anyway_and_is_not_selected(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"event": "A"})
    lanes.deliver(hook, BUSY)
    here.record({"event": "B"})

    plan = ask(here, Replay(namespace="live"), dry_run=True).answer

    assert plan["selected"] == 0
    assert rows(plan)[0]["still_owed"] == 1


def test_nothing_selected_begins_no_run(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    lanes.deliver(hook)

    answer = ask(here, Replay(event="Never", namespace="live")).answer

    assert "run_id" not in answer
    assert len(here.look(lambda view: view.lanes.runs(hook.lane))) == 1


def test_a_replay_of_one_person_takes_all_ids_they_had(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record(
        {"userId": "", "anonymousId": "a1"}, {"userId": "u1"}, {"userId": "u1", "anonymousId": "a1"}, {"userId": "u2"}
    )
    lanes.deliver(hook)

    assert ask(here, Replay(user_id="u1", namespace="live")).answer["selected"] == 3


def test_named_events_are_found_by_their_message_ids(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"messageId": "m1"}, {"messageId": "m2"}, {"messageId": "m3"})
    lanes.deliver(hook)

    answer = ask(here, Replay(message_ids=("m1", "m3"), namespace="live")).answer

    assert (answer["selected"], sent_again(lanes, hook)) == (2, 2)


@pytest.mark.usefixtures("hook")
def test_an_unknown_message_id_is_named_by_its_place(here: Bench) -> None:
    here.record({"messageId": "m1"})

    with pytest.raises(NotFound, match="position 1"):
        ask(here, Replay(message_ids=("m1", "m9"), namespace="live"))


def test_a_time_span_is_counted_back_from_now(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({})
    here.clock.pass_s(7200)
    here.record({}, {})
    lanes.deliver(hook)

    counts = [
        ask(here, Replay(since=since, until=until, namespace="live"), dry_run=True).answer["selected"]
        for since, until in (("1h", None), (None, "1h"), ("3h", None), ("2025-11-25", None))
    ]

    assert counts == [2, 1, 3, 0]


@pytest.mark.usefixtures("hook")
def test_a_wrong_verdict_is_refused(here: Bench) -> None:
    with pytest.raises(InvalidInput, match="verdict"):
        ask(here, Replay(verdict="waiting", namespace="live"))


@pytest.mark.usefixtures("hook")
def test_a_stretch_that_ends_before_it_begins_is_refused(here: Bench) -> None:
    with pytest.raises(InvalidInput, match="later than `until`"):
        ask(here, Replay(since="1h", until="1d", namespace="live"))


def test_without_live_nothing_live_is_replayed(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"messageId": "m1"})
    lanes.deliver(hook)

    with pytest.raises(Denied):
        ask(here, Replay(namespace="live"), AGENT)
    with pytest.raises(InvalidInput, match="live"):
        ask(here, Replay(destination="Webhook", message_ids=("m1",)), AGENT)


def test_without_live_test_events_go_only_to_where_no_live_events_go(here: Bench, lanes: Carrier) -> None:
    tests = here.connect("webhook", URL, name="Tests", receives="test")
    both = here.connect("webhook", URL, name="Both", receives="all")
    here.record({}, namespace=TEST)
    lanes.deliver(tests)
    lanes.deliver(both)

    assert ask(here, Replay(destination="Tests"), AGENT).answer["to"] == ["Tests"]
    with pytest.raises(Denied):
        ask(here, Replay(destination="Both"), AGENT)


def test_many_live_events_need_a_token(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record(*[{} for _ in range(101)])
    lanes.deliver(hook)

    plan = ask(here, Replay(namespace="live"), sure=False)
    few = ask(here, Replay(namespace="live", user_id="u1", event="Never"), sure=False)

    assert plan.planned
    assert "token" in plan.answer["confirm"]  # type: ignore[operator]
    assert not few.planned


def test_a_person_at_the_command_line_means_every_namespace(here: Bench, lanes: Carrier) -> None:
    both = here.connect("webhook", URL, receives="all")
    here.record({}, namespace=LIVE)
    here.record({}, namespace=TEST)
    lanes.deliver(both)

    assert ask(here, Replay(), PERSON).answer["selected"] == 2


def test_events_that_a_destination_does_not_receive_are_told_apart(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({}, namespace=TEST)
    lanes.deliver(hook)

    plan = ask(here, Replay(destination="Webhook", namespace="test"), dry_run=True).answer

    assert (rows(plan)[0]["selected"], rows(plan)[0]["not_received"]) == (1, 1)


@pytest.mark.parametrize("verdict", ["", "delivered", "discarded", "not_sent"])
def test_what_is_counted_is_what_a_lane_selects(here: Bench, lanes: Carrier, hook: Destination, verdict: str) -> None:
    for reply in (Answer(200), BAD, BUSY):
        here.record({"userId": f"{reply.status}a"}, {"userId": f"{reply.status}b", "event": "Other"})
        here.record({"userId": "t"}, {"userId": "t"}, namespace=TEST)
        lanes.deliver(hook, reply)

    plan = ask(here, Replay(destination="Webhook", verdict=verdict), PERSON, dry_run=True).answer

    chosen = read_selection(write_selection(Selection(verdict=verdict)))
    picked = here.look(
        lambda view: [each.seq for each in view.log.after(0, 100) if selects(view, chosen, hook.lane, each)]
    )
    assert plan["selected"] == len(picked)


def test_a_count_names_its_namespace_and_none_that_another_can_be_named(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({})
    lanes.deliver(hook)
    here.connect("jsonl", {"path": "out.jsonl"}, receives="test")

    plan = ask(here, Replay(namespace="live"), dry_run=True).answer["summary"]
    begun = ask(here, Replay(namespace="live")).answer["summary"]
    nothing = ask(here, Replay()).answer["summary"]
    person = ask(here, Replay(event="Other"), PERSON).answer["summary"]

    assert plan == "1 live event would be replayed to 1 destination."
    assert begun == "1 live event began to be replayed to 1 destination."
    assert nothing == ("Nothing of the namespace test was selected; `namespace` names another: nothing is replayed.")
    assert person == "Nothing was selected: nothing is replayed."
