"""What becomes of each part of an answered batch: one test a row of reliability-security.md 4.3 that decides it."""

from __future__ import annotations

import pytest

from support.engine import Poster, part
from turnout.clock import HOUR, SECOND
from turnout.delivery import verdict
from turnout.delivery.batch import Batch
from turnout.delivery.schedule import Schedule
from turnout.delivery.settlement import OVERTOOK, Answered, Back, Finished, Settlement, settlement
from turnout.delivery.window import Part
from turnout.exchange import Class, Dedupe, Outcome

NOW = 1_764_000_000_000_000
MANY = Poster(max_items=10)


def settle(*outcomes: Outcome, parts: tuple[Part, ...] = (), probe: bool = False, passed: bool = False) -> Settlement:
    members = parts or tuple(part(seq, seq, target=MANY) for seq, _ in enumerate(outcomes, 1))
    answered = Answered(Batch(members), outcomes, NOW - SECOND, 5, (), probe, passed)
    return settlement([answered], Schedule(), NOW, lambda: 0.0)


def alone(outcome: Outcome, member: Part | None = None, *, probe: bool = False, passed: bool = False) -> object:
    (settled,) = settle(outcome, parts=(member,) if member else (), probe=probe, passed=passed).settled
    return settled


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(Class.SUCCESS, "delivered", 200), verdict.DELIVERED),
        (Outcome(Class.SUCCESS, "already", 409), verdict.ALREADY),
        (Outcome(Class.FINAL, "http_404", 404), verdict.REFUSED),
        (Outcome(Class.FINAL, "redirect", 302), verdict.REDIRECT),
        (Outcome(Class.FINAL, "blocked_address"), verdict.BLOCKED),
        (Outcome(Class.FINAL, "blocked_path"), verdict.BLOCKED_PATH),
        (Outcome(Class.SPLIT, "http_400", 400), verdict.REFUSED),
        (Outcome(Class.PAUSE, "gone", 410), verdict.REFUSED),
    ],
    ids=["taken", "had-it", "refused", "redirect", "blocked", "blocked-path", "split-alone", "gone"],
)
def test_these_are_final(outcome: Outcome, code: int) -> None:
    settled = alone(outcome)

    assert isinstance(settled, Finished)
    assert settled.code == code


@pytest.mark.parametrize(("what", "doubt"), [(Class.RETRY, False), (Class.UNKNOWN, True)], ids=["retry", "unknown"])
def test_these_come_back_counted(what: Class, *, doubt: bool) -> None:
    settled = alone(Outcome(what, "x", 503))

    assert isinstance(settled, Back)
    assert (settled.tries, settled.doubt, settled.due, settled.first) == (1, doubt, NOW + SECOND, NOW - SECOND)


def test_doubt_once_there_stays() -> None:
    settled = alone(Outcome(Class.RETRY, "http_503", 503), part(1, doubt=True))

    assert isinstance(settled, Back)
    assert settled.doubt


def test_retry_after_wins_when_it_is_later_than_our_own_wait() -> None:
    settled = alone(Outcome(Class.RETRY, "http_429", 429, after_s=60))

    assert isinstance(settled, Back)
    assert settled.due == NOW + 60 * SECOND


def test_a_probe_burns_no_try() -> None:
    settled = alone(Outcome(Class.RETRY, "http_503", 503), probe=True)

    assert isinstance(settled, Back)
    assert settled.tries == 0


@pytest.mark.parametrize(
    ("tries", "hours", "ends"), [(7, 4, True), (7, 3, False), (3, 9, False)], ids=["both", "tries-only", "hours-only"]
)
def test_it_expires_when_both_hours_and_tries_are_over(tries: int, hours: int, *, ends: bool) -> None:
    member = part(1, tries=tries, first=NOW - hours * HOUR)

    settled = alone(Outcome(Class.RETRY, "http_503", 503), member)

    assert isinstance(settled, Finished) is ends


def test_refused_credentials_come_back_uncounted() -> None:
    settled = alone(Outcome(Class.CREDENTIALS, "http_401", 401))

    assert isinstance(settled, Back)
    assert settled.tries == 0


def test_an_event_whose_credentials_are_refused_again_after_anothers_were_taken_is_at_fault() -> None:
    member = part(1, note="http_401")

    settled = alone(Outcome(Class.CREDENTIALS, "http_401", 401), member, passed=True)

    assert isinstance(settled, Finished)
    assert settled.code == verdict.BAD_CREDENTIALS


def test_a_batch_refused_as_a_whole_is_halved_and_settles_nobody() -> None:
    done = settle(*[Outcome(Class.SPLIT, "http_400", 400)] * 4)

    assert [len(batch.parts) for batch in done.again] == [2, 2]
    assert done.settled == ()
    assert len(done.asked) == 1


def test_what_waits_comes_back_when_it_said_uncounted_without_doubt_and_from_its_place() -> None:
    later = Outcome(Class.LATER, "polling", 200, "", 10.0, b"[]")

    done = settle(later, parts=(part(1, tries=2, doubt=True),))

    (back,) = done.settled
    assert isinstance(back, Back)
    assert (back.due, back.tries, back.doubt, back.place, back.reason) == (
        NOW + 10 * SECOND,
        2,
        False,
        b"[]",
        "polling",
    )
    assert [asked.plain for asked in done.asked] == [True]


def test_halves_of_a_batch_begin_with_the_first_step_for_those_done_were_about_all_of_it() -> None:
    target = Poster(max_items=4)
    parts = tuple(part(seq, target=target, place=b"[]") for seq in range(1, 5))

    done = settle(*[Outcome(Class.SPLIT, "http_413", 413, place=b"[]")] * 4, parts=parts)

    assert [each.place for batch in done.again for each in batch.parts] == [b""] * 4


def test_a_batch_in_doubt_is_not_halved_where_the_vendor_knows_it_by_its_id() -> None:
    tied = Poster(max_items=10, dedupe=Dedupe.BATCH)
    parts = tuple(part(seq, seq, target=tied, doubt=True) for seq in (1, 2))

    done = settle(*[Outcome(Class.SPLIT, "http_413", 413)] * 2, parts=parts)

    assert done.again == ()
    assert len(done.settled) == 2


def test_one_bad_item_takes_nobody_with_it() -> None:
    done = settle(Outcome(Class.SUCCESS, "delivered", 200), Outcome(Class.FINAL, "rejected", 200))

    assert [each.code for each in done.settled if isinstance(each, Finished)] == [verdict.DELIVERED, verdict.REFUSED]


def test_members_that_come_back_together_fall_due_together() -> None:
    done = settle(*[Outcome(Class.UNKNOWN, "timeout")] * 3)

    assert len({each.due for each in done.settled if isinstance(each, Back)}) == 1


def test_what_overtook_says_so_for_good() -> None:
    settled = alone(Outcome(Class.SUCCESS, "delivered", 200), part(1, note=OVERTOOK))

    assert isinstance(settled, Finished)
    assert settled.reason == OVERTOOK
