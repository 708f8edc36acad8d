from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
from typing_extensions import override

from support.carrier import BUSY, Carrier, carrier
from support.workspace import PERSON, Bench
from turnout import erasure
from turnout.delivery import verdict
from turnout.delivery.selection import Selection, read_selection, write_selection
from turnout.document import Document
from turnout.errors import Erased, Superseded
from turnout.event.model import LIVE, Call, Caller, Namespace, SourceId
from turnout.evidence import frame
from turnout.guard.run import Done
from turnout.ingest import ingest, refuse
from turnout.operations import deletions, namespaces, send
from turnout.operations.deletions import Deletion, get_deletion
from turnout.operations.namespaces import Clear
from turnout.operations.send import Send
from turnout.store import erasures
from turnout.store.store import Store
from turnout.store.unit import Unit, View
from turnout.upkeep import erase
from turnout.upkeep.erase import Eraser
from turnout.upkeep.reign import Reign
from turnout.workspace import Destination

T = TypeVar("T")

CI = Namespace("ci")


@pytest.fixture
def lanes(here: Bench) -> Carrier:
    return carrier(here)


@pytest.fixture
def hook(here: Bench) -> Destination:
    return here.connect("webhook", {"url": "https://hook.example.com/in"}, receives="all")


def ask(here: Bench, kind: str = "suppress_and_erase", **whose: str) -> str:
    request = Deletion(kind=kind, namespace="live", **(whose or {"user_id": "u1"}))
    return str(here.call(deletions.operation(here.eyes), request, PERSON, sure=True).answer["deletion_id"])


def status(here: Bench, deletion: str) -> str:
    return str(here.look(lambda view: get_deletion(view, deletion))["status"])


def counts(here: Bench, deletion: str) -> dict[str, Document]:
    steps = here.look(lambda view: get_deletion(view, deletion))["steps"]
    assert isinstance(steps, list)
    return {str(step["where"]): step["counts"] for step in steps}


def keep(lanes: Carrier, truncate: Callable[[], bool] = lambda: True, *, turns: int = 60) -> list[float]:
    """Let the keeper work for at most so many turns, until it rests."""
    rests: list[float] = []
    while len(rests) < turns and erase.IDLE_S not in rests:
        rests.append(erase.advance(Reign(lanes.bench.store, lanes.epoch), truncate))
    return rests


def refused(here: Bench, body: bytes, namespace: Namespace = LIVE) -> None:
    caller = Caller(SourceId(1), namespace, here.clock.now())
    here.store.commit(lambda unit: refuse(unit, ingest(unit, (Call(body),), caller)))


def test_events_become_tombstones_and_keep_their_places(here: Bench, lanes: Carrier) -> None:
    here.record({"userId": "u1"}, {"userId": "u2"}, {"anonymousId": "a1"})
    deletion = ask(here)

    keep(lanes)

    log = here.look(lambda view: view.log.after(0, 10))
    assert [(each.seq, each.erased, bool(each.body)) for each in log] == [
        (1, True, False),
        (2, False, True),
        (3, True, False),
    ]
    assert (status(here, deletion), counts(here, deletion)["events"]) == ("finished", {"erased": 2})


def test_people_who_were_merged_into_them_go_with_them(here: Bench, lanes: Carrier) -> None:
    here.record({"userId": "", "anonymousId": "a1"}, {"userId": "u1"}, {"userId": "u1", "anonymousId": "a1"})
    ask(here, anonymous_id="a1")

    keep(lanes)

    assert all(each.erased for each in here.look(lambda view: view.log.after(0, 10)))
    assert here.look(lambda view: view.people.namespaces()) == {}


def test_events_that_come_after_the_request_stay(here: Bench, lanes: Carrier) -> None:
    here.record({"userId": "u1"})
    ask(here, "erase")
    here.record({"userId": "u1"})

    keep(lanes)

    assert [each.erased for each in here.look(lambda view: view.log.after(0, 10))] == [True, False]


def test_it_waits_for_what_is_on_its_way(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"userId": "u1"})
    parts = lanes.open(hook)
    deletion = ask(here)

    keep(lanes, turns=10)
    waits = [each.erased for each in here.look(lambda view: view.log.after(0, 10))]
    lanes.answer(hook, parts)
    keep(lanes)

    assert (waits, status(here, deletion)) == ([False], "finished")
    assert here.look(lambda view: view.log.after(0, 10))[0].erased


def test_it_waits_for_a_retry_on_its_way(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"userId": "u1"})
    lanes.deliver(hook, BUSY)
    here.clock.pass_s(60)
    lanes.mark(hook)
    deletion = ask(here)

    keep(lanes, turns=10)

    assert status(here, deletion) == "running"
    assert not here.look(lambda view: view.log.after(0, 10))[0].erased


def test_what_comes_back_from_its_way_is_cancelled(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"userId": "u1"})
    parts = lanes.open(hook)
    ask(here)

    lanes.answer(hook, parts, BUSY)
    keep(lanes)

    found = here.look(lambda view: view.deliveries.of_event(hook.lane, 0, 1))
    assert [row.code for row in found] == [verdict.CANCELLED_ERASED]
    assert not here.look(lambda view: view.owed.any(hook.lane))


def evidence(view: View) -> bytes:
    places = view.exchanges.holding(range(1, 10))
    return b"".join(repr(frame.unpack(view.exchanges.frame(*place))).encode() for place in places)


def test_evidence_of_their_requests_goes_and_that_of_others_stays(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"userId": "person-one"}, {"userId": "person-two"})
    lanes.deliver(hook)
    deletion = ask(here, user_id="person-one")
    before = here.look(evidence)

    keep(lanes)

    assert b"person-one" in before
    assert b"person-one" not in here.look(evidence)
    assert b"person-two" in here.look(evidence)
    assert counts(here, deletion)["evidence"] == {"frames": 1}


def test_evidence_of_an_earlier_try_that_only_its_members_tell_goes_too(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"userId": "person-one"})
    lanes.deliver(hook, BUSY)
    here.clock.pass_s(60)
    lanes.again(hook)
    deletion = ask(here, user_id="person-one")

    keep(lanes)

    assert b"person-one" not in here.look(evidence)
    assert [counts(here, deletion)[each]["frames"] for each in ("evidence", "batch_evidence")] == [1, 1]


def test_a_name_that_nobody_else_sent_goes_and_one_with_an_identifier_too(here: Bench, lanes: Carrier) -> None:
    here.record({"event": "Only Ann Smith"}, {"event": "Shared"}, {"event": "For u1 too"})
    here.record({"event": "Shared", "userId": "u2"}, {"event": "For u1 too", "userId": "u2"})
    ask(here)

    keep(lanes)
    here.record({"event": "For u1 too", "userId": "u2"})

    names = {each.name for each in here.look(lambda view: view.log.names(10))}
    assert "Only Ann Smith" not in names
    assert {"Shared", "For u1 too"} <= names
    assert [each.name for each in here.look(lambda view: view.log.after(3, 9))] == [
        "Shared",
        "[erased 3]",
        "For u1 too",
    ]


class Interrupted(Reign):
    """A reign in which something happens between the look and the commit of the step `event_names`, once."""

    def __init__(self, store: Store, epoch: int, meanwhile: Callable[[], object]) -> None:
        super().__init__(store, epoch)
        self.meanwhile: list[Callable[[], object]] = [meanwhile]

    @override
    def commit(self, function: Callable[[Unit], T]) -> T:
        running = self.look(lambda view: view.privacy.running())
        step = erasure.next_step(erasure.read(running[0].steps)) if running else None
        if step is not None and step.where == erasure.NAMES and self.meanwhile:
            self.meanwhile.pop()()
        return super().commit(function)


def test_a_name_that_somebody_sends_while_it_is_looked_for_stays(here: Bench, lanes: Carrier) -> None:
    here.record({"event": "Nobody Else's"})
    deletion = ask(here)
    reign = Interrupted(here.store, lanes.epoch, lambda: here.record({"event": "Nobody Else's", "userId": "u2"}))

    for _ in range(30):
        erase.advance(reign, lambda: True)

    assert (status(here, deletion), reign.meanwhile) == ("finished", [])
    assert here.look(lambda view: view.log.after(1, 9))[0].name == "Nobody Else's"


def test_a_replay_that_begins_while_names_are_looked_for_forgets_its_name_too(
    here: Bench, lanes: Carrier, hook: Destination
) -> None:
    here.record({"event": "For person-one"})
    deletion = ask(here, user_id="u1")
    wanted = write_selection(Selection(event="For u1 too"))
    begin = partial(here.store.commit, lambda unit: unit.lanes.begin(hook.lane, 7, 0, 1, wanted))
    reign = Interrupted(here.store, lanes.epoch, begin)

    for _ in range(30):
        erase.advance(reign, lambda: True)

    run = here.look(lambda view: view.lanes.run(hook.lane, 7))
    assert run is not None
    assert status(here, deletion) == "finished"
    assert read_selection(run.selection).selection.event == "[erased]"


def test_refused_calls_that_name_them_are_cleared(here: Bench, lanes: Carrier) -> None:
    refused(here, rb'{"type":"track","event":1,"userId":"\u0075ser-one"}')
    refused(here, b'{"type":"track","event":1,"userId":"user-two"}')
    ask(here, user_id="user-one")

    keep(lanes)

    assert sorted(each.say == "erased" for _, each in here.look(lambda view: view.log.refused(99, 9))) == [False, True]


@pytest.mark.parametrize("key", ["k1", ""], ids=["given", "derived"])
def test_a_stored_answer_goes_and_its_key_answers_erased_unless_nobody_gave_it(
    here: Bench, lanes: Carrier, key: str
) -> None:
    request = Send(({"type": "track", "event": "A", "userId": "u1"},), "live")
    call: Callable[[], Done] = partial(here.call, send.operation("send_events"), request, PERSON, key=key)
    call()
    ask(here, kind="erase")

    keep(lanes)

    if key:
        with pytest.raises(Erased):
            call()
    else:
        assert call().replayed is False


def test_the_receipt_is_finished_only_when_the_log_file_is_empty(here: Bench, lanes: Carrier) -> None:
    here.record({"userId": "u1"})
    deletion = ask(here)

    keep(lanes, lambda: False)
    before = status(here, deletion)
    keep(lanes)

    assert (before, status(here, deletion)) == ("running", "finished")


def test_a_crash_after_any_unit_of_work_loses_nothing(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"userId": "u1"}, {"userId": "u2"}, {"userId": "u1"})
    lanes.deliver(hook)
    deletion = ask(here)

    for _ in range(30):
        erase.advance(Reign(here.store, lanes.epoch), lambda: True)
        lanes.reign()

    assert status(here, deletion) == "finished"
    assert [each.erased for each in here.look(lambda view: view.log.after(0, 10))] == [True, False, True]


def test_a_reign_that_is_over_writes_nothing(here: Bench, lanes: Carrier) -> None:
    here.record({"userId": "u1"})
    deletion = ask(here)
    old = lanes.epoch
    lanes.reign()

    with pytest.raises(Superseded):
        erase.advance(Reign(here.store, old), lambda: True)

    assert status(here, deletion) == "received"


def test_who_was_erased_is_noted_once_as_keys_beside_the_database(here: Bench, lanes: Carrier) -> None:
    here.record({"userId": "user-one"})
    deletion = ask(here, user_id="user-one")
    path = here.store.folder / "erasures"
    (row,) = here.look(lambda view: view.privacy.running())
    erasures.append(path, row)
    keep(lanes)

    (entry,) = erasures.read(path).entries
    assert (entry.id, entry.kind, entry.namespace, entry.until) == (deletion, "suppress_and_erase", "live", 1)
    assert entry.keys == row.keys
    assert b"user-one" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_short_spoils_no_other(here: Bench, lanes: Carrier) -> None:
    path = here.store.folder / "erasures"
    with path.open("ab") as file:
        file.write(b'{"id": "del_0", "ke')
    deletion = ask(here, "suppress")

    keep(lanes)

    assert [each.id for each in erasures.read(path).entries] == [deletion]


def test_a_reign_begins_by_writing_again_what_the_note_lost(here: Bench, lanes: Carrier) -> None:
    deletion = ask(here, "suppress")
    keep(lanes)
    (here.store.folder / "erasures").unlink()

    Eraser(Reign(here.store, lanes.epoch), lambda: True).advance()

    assert [each.id for each in erasures.read(here.store.folder / "erasures").entries] == [deletion]


def test_an_erasure_whose_note_is_missing_altogether_is_noted_with_all_before_it(here: Bench, lanes: Carrier) -> None:
    first = ask(here, "suppress")
    keep(lanes)
    (here.store.folder / "erasures").unlink()
    here.clock.pass_s(1)
    second = ask(here, "unsuppress")

    keep(lanes)

    assert [each.id for each in erasures.read(here.store.folder / "erasures").entries] == [first, second]


def test_lifting_is_noted_too(here: Bench, lanes: Carrier) -> None:
    ask(here, "suppress")
    ask(here, "unsuppress")

    keep(lanes)

    kinds = [each.kind for each in erasures.read(here.store.folder / "erasures").entries]
    assert kinds == ["suppress", "unsuppress"]
    assert here.look(lambda view: view.privacy.running()) == ()


def test_a_test_namespace_is_cleared_and_the_live_one_stays(here: Bench, lanes: Carrier, hook: Destination) -> None:
    here.record({"userId": "u1"}, {"userId": "u2"}, namespace=CI)
    here.record({"userId": "u1"})
    refused(here, b'{"type":"track","event":1,"userId":"u9"}', CI)
    lanes.deliver(hook, BUSY)
    answer = here.call(namespaces.CLEAR, Clear("ci"), PERSON, sure=True).answer

    keep(lanes)

    assert status(here, str(answer["deletion_id"])) == "finished"
    assert [each.erased for each in here.look(lambda view: view.log.after(0, 10))] == [True, True, False]
    assert here.look(lambda view: view.people.namespaces()) == {"live": 1}
    assert [row.seq for row in here.look(lambda view: view.owed.of_lane(hook.lane, 10))] == [3]


def test_more_events_than_one_unit_takes_all_go(here: Bench, lanes: Carrier) -> None:
    here.record(*[{"userId": "u1"} for _ in range(450)])
    deletion = ask(here)

    rests = keep(lanes)

    assert counts(here, deletion)["events"] == {"erased": 450}
    assert rests.count(0.0) > len(erasure.begin(erasure.Kind.BOTH, "").steps)
