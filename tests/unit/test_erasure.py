from __future__ import annotations

import pytest

from turnout import erasure
from turnout.erasure import Kind, Needles, Step, Steps


def done_with(steps: Steps) -> Steps:
    while erasure.next_step(steps) is not None:
        steps = erasure.moved(steps, 0, {}, done=True)
    return steps


def test_a_long_reason_of_many_destinations_is_written_out_once() -> None:
    why = (
        "It is not asked to delete; what it got stays there until you delete it. Its documentation: https://example.com"
    )
    named = [erasure.untold(name, erasure.NOT_SUPPORTED, why) for name in ("A", "B", "C")]
    steps = Steps((*named, erasure.untold("D", erasure.NOT_NEEDED, "It receives nothing of live.")))

    shown = erasure.receipt("del_1", steps, suppressed=True)["steps"]

    assert [each["reason"] for each in shown] == [  # type: ignore[union-attr, index, call-overload]
        why, "As destination A.", "As destination A.", "It receives nothing of live.",
    ]  # fmt: skip
    assert erasure.at_destinations(steps) == "at 4 destinations: 3 not supported, 1 not needed"


def test_a_request_is_received_then_running_then_finished() -> None:
    steps = erasure.begin(Kind.BOTH, "sealed")
    seen = [erasure.status(steps)]

    steps = erasure.moved(steps, 0, {}, done=True)
    seen += [erasure.status(steps), erasure.status(done_with(steps))]

    assert seen == ["received", "running", "finished"]


BRAZE, WEBHOOK = erasure.told("Braze", 4), erasure.untold("Webhook", erasure.NOT_SUPPORTED, "It has none.")


def test_what_destinations_are_told_keeps_it_open_when_all_of_ours_is_done() -> None:
    steps = done_with(erasure.begin(Kind.ERASE, "", [BRAZE, WEBHOOK], notices="sealed"))
    open_ = erasure.status(steps), erasure.is_over(steps), steps.notices

    steps = erasure.heard(steps, [Step(BRAZE.where, erasure.DONE, counts={"accepted": 1}, lane=4)])

    assert open_ == ("running", False, "sealed")
    assert (erasure.status(steps), erasure.is_over(steps), steps.notices) == ("finished", True, "")


@pytest.mark.parametrize("ended", [erasure.FAILED, erasure.NOT_TOLD])
def test_a_destination_that_should_have_deleted_and_did_not_leaves_it_partial(ended: str) -> None:
    steps = done_with(erasure.begin(Kind.ERASE, "", [BRAZE, WEBHOOK]))

    steps = erasure.heard(steps, [Step(BRAZE.where, ended, lane=4)])

    assert erasure.receipt("del_1", steps, suppressed=False)["status"] == "partial"


def test_a_receipt_from_before_destinations_were_told_stays_partial() -> None:
    steps = done_with(erasure.begin(Kind.ERASE, "", [erasure.untold("Mixpanel", "not supported yet", "")]))

    assert (erasure.status(steps), erasure.is_over(steps)) == ("partial", True)


def test_a_destination_that_cannot_delete_does_not_spoil_it() -> None:
    steps = done_with(erasure.begin(Kind.ERASE, "", [WEBHOOK]))

    assert erasure.status(steps) == "finished"


def test_where_no_destination_is_told_there_are_no_notices() -> None:
    for destinations, kind in (([WEBHOOK], Kind.ERASE), ([BRAZE], Kind.SUPPRESS)):
        steps = erasure.begin(kind, "", destinations, notices="sealed")
        assert erasure.NOTICES not in {step.where for step in steps.steps}
        assert steps.notices == ""


def test_destinations_are_told_when_nothing_of_the_person_can_come_after_it() -> None:
    order = [step.where for step in erasure.begin(Kind.BOTH, "", [BRAZE]).steps]

    assert order.index(erasure.IN_FLIGHT) < order.index(erasure.NOTICES) < order.index(erasure.EVENTS)


def test_counts_add_up_over_the_units_of_a_step() -> None:
    steps = erasure.moved(erasure.begin(Kind.SUPPRESS, ""), 0, {}, done=True)

    steps = erasure.moved(steps, 7, {"cancelled": 2}, done=False)
    steps = erasure.moved(steps, 9, {"cancelled": 3}, done=True)

    assert {step.where: step.counts for step in steps.steps}[erasure.CANCEL] == {"cancelled": 5}


def test_identifiers_are_sealed_only_for_as_long_as_a_step_looks_for_them() -> None:
    steps = erasure.begin(Kind.ERASE, "sealed")
    held = {}

    while (step := erasure.next_step(steps)) is not None:
        held[step.where] = steps.sealed
        steps = erasure.moved(steps, 0, {}, done=True)

    assert held[erasure.REFUSED] == "sealed"
    assert held[erasure.PROFILE] == held[erasure.BYTES] == ""


def test_events_go_before_the_log_file_is_emptied_and_after_what_is_on_its_way_is_home() -> None:
    order = [step.where for step in erasure.begin(Kind.ERASE, "").steps]

    assert order.index(erasure.IN_FLIGHT) < order.index(erasure.EVENTS) < order.index(erasure.EVIDENCE)
    assert order[-1] == erasure.BYTES


def test_what_is_written_reads_the_same() -> None:
    steps = erasure.moved(erasure.begin(Kind.BOTH, "x", [BRAZE], notices="y"), 4, {"n": 1}, done=False)

    assert erasure.read(erasure.write(steps)) == steps


@pytest.mark.parametrize(
    "text",
    ["ann@example.com", "Order for ANN@Example.com", r"\u0061nn\u0040example.com", "to=ann%40example.com", "Ünal"],
)
def test_an_identifier_is_found_however_it_is_spelled(text: str) -> None:
    assert Needles(["ann@example.com", "ünal"]).within(text.encode())


def test_an_escaped_pair_is_one_character() -> None:
    assert Needles(["id-\U0001f600-7"]).within(rb"x id-\ud83d\ude00-7 y")


@pytest.mark.parametrize(
    ("text", "found"), [("order 42", True), ("order 4213", False), ("order_42", True), ("u42", False)]
)
def test_a_short_identifier_counts_only_as_a_word(text: str, *, found: bool) -> None:
    assert Needles(["42"]).within(text) is found


def test_no_identifier_finds_nothing() -> None:
    assert not Needles(["", " "]).within("anything")
