"""When a lane settles what was answered: many at once, or after a while, never more than the breaker heard of."""

from __future__ import annotations

from support.engine import part
from turnout.delivery.answers import GATHER, GATHER_S, Answers
from turnout.delivery.batch import Batch
from turnout.delivery.settlement import Answered
from turnout.exchange import Class, Outcome


def answered(*seqs: int) -> Answered:
    outcome = Outcome(Class.SUCCESS, "delivered", 200)
    return Answered(Batch(tuple(part(seq) for seq in seqs)), (outcome,) * len(seqs), 0, 1, ())


def gathered(*moments: float) -> Answers:
    answers = Answers()
    for seq, now in enumerate(moments, 1):
        answers.add(seq, answered(seq), now)
    return answers


def test_few_wait_for_more_since_the_first_came() -> None:
    answers = gathered(1.0, 1.0 + GATHER_S / 2)

    assert not answers.enough(1.0 + GATHER_S / 2)
    assert round(answers.wait_s(1.0 + GATHER_S / 2), 6) == round(GATHER_S / 2, 6)
    assert answers.enough(1.0 + GATHER_S)


def test_many_parts_wait_for_nothing() -> None:
    answers = Answers()
    answers.add(1, answered(*range(1, GATHER + 1)), 1.0)

    assert answers.enough(1.0)


def test_a_commit_takes_only_what_the_breaker_heard_of() -> None:
    answers = gathered(1.0, 1.0)
    assert answers.known() == ()

    answers.next_unknown()

    assert [number for number, _ in answers.known()] == [1]


def test_what_is_settled_is_gone_and_the_rest_stays() -> None:
    answers = gathered(1.0, 1.0, 1.0)
    answers.next_unknown()
    answers.next_unknown()

    answers.drop(1)

    assert len(answers) == 2
    assert [number for number, _ in answers.known()] == [2]
    following = answers.next_unknown()
    assert following is not None
    assert following.batch.first.seq == 3
    assert answers.next_unknown() is None


def test_that_credentials_were_taken_meanwhile_stays_with_the_answer() -> None:
    answers = gathered(1.0)
    answers.next_unknown()

    answers.passed()

    assert answers.known()[0][1].passed
