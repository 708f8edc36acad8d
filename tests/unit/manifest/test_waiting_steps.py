"""Steps that wait and steps that go on: what a talk leaves off with, and where the next one takes it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from support.manifests import MOMENT, answer, items, manifest, target
from turnout.clock import SECOND
from turnout.document import Document
from turnout.errors import InvalidManifest
from turnout.exchange import Ask, Class, Fault, FaultKind, Item, Outcome, Reply, Request
from turnout.manifest import talk
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.bookmark import MOST_BYTES
from turnout.manifest.trial import run_tests

BULK = """
http: {base: "https://bulk.test"}
actions:
  people:
    for: identify
    %s
    item: {id: $.userId}
    batch: {max: 10}
    steps:
      - job: {post: /jobs, save: {id: $res.body.id}}
      - rows: {put: "/jobs/{{ $job.id | urlencode }}/rows", json: $batch}
      - wait:
          get: /jobs/{{ $job.id | urlencode }}
          poll: {every: 10s, for: 1m, until: $res.body.done}
          save: {failed: $res.body.failed}
      - over: {when: $wait.failed, drop: "the job failed for {{ $wait.failed }}"}
      - close: {post: "/jobs/{{ $job.id | urlencode }}/close"}
"""
TAGS = """
http: {base: "https://tags.test"}
actions:
  tag:
    for: identify
    resume: true
    steps:
      - find: {get: /people, save: {id: $res.body.id}}
      - tags: {each: $.traits.tags, post: "/people/{{ $find.id | urlencode }}/tags", json: {name: $it, place: $index}}
      - seen: {post: /seen}
"""
JOB, ROWS, CLOSE = answer(201, {"id": 7}), answer(200), answer(200)
WAITS, DONE, FAILED = (
    answer(200, {"done": False}),
    answer(200, {"done": True}),
    answer(200, {"done": True, "failed": "x"}),
)
BUSY = answer(503)


def people(*names: str) -> list[Document]:
    return [{"type": "identify", "userId": name, "messageId": f"m_{name}", "traits": {}} for name in names]


class Talks:
    """One batch's talks, one after the other: each goes on from the place that the one before left."""

    def __init__(self, made: CompiledTarget, batch: tuple[Item, ...]) -> None:
        self.made, self.batch = made, batch
        self.place, self.now = b"", MOMENT.now

    def hold(self, *replies: Reply, after_s: float = 0.0) -> tuple[list[str], Outcome]:
        """Hold one; give what it asked, and how the first item ended."""
        self.now += int(after_s * SECOND)
        exchange = self.made.exchange(self.batch[0].action, self.batch, _moment(self.now, self.place))
        asked: list[str] = []
        given = iter(replies)
        try:
            ask = next(exchange)
            while True:
                asked.append(_short(ask))
                ask = exchange.send(next(given))
        except StopIteration as ended:
            outcome: Outcome = ended.value[0]
            self.place = outcome.place
            assert not list(given), "a reply is left"
            return asked, outcome


def _moment(now: int, place: bytes) -> Any:
    return type(MOMENT)(now, MOMENT.request_id, None, place)


def _short(ask: Ask) -> str:
    assert isinstance(ask, Request)
    return f"{ask.method} {ask.url.partition('.test')[2]}"


def bulk(extra: str = "", names: Sequence[str] = ("a",)) -> Talks:
    made = target(BULK % extra)
    return Talks(made, items(made, *people(*names)))


def test_a_step_that_polls_leaves_off_until_its_answer_is_there_and_what_was_saved_is_not_asked_again() -> None:
    talks = bulk(names=("a", "b"))

    first = talks.hold(JOB, ROWS, WAITS)
    second = talks.hold(WAITS, after_s=10)
    third = talks.hold(DONE, CLOSE, after_s=10)

    assert first[0] == ["POST /jobs", "PUT /jobs/7/rows", "GET /jobs/7"]
    assert (first[1].what, first[1].code, first[1].after_s) == (Class.LATER, "polling", 10.0)
    assert (second[0], second[1].what) == (["GET /jobs/7"], Class.LATER)
    assert third[0] == ["GET /jobs/7", "POST /jobs/7/close"]
    assert (third[1].what, third[1].place) == (Class.SUCCESS, b"")


def test_what_a_poll_saved_is_read_by_the_steps_behind_it() -> None:
    asked, outcome = bulk().hold(JOB, ROWS, FAILED)

    assert len(asked) == 3
    assert (outcome.what, outcome.text) == (Class.FINAL, "the job failed for x")


def test_a_poll_that_goes_on_for_too_long_has_failed_and_the_next_try_begins_with_the_first_step() -> None:
    talks = bulk()
    talks.hold(JOB, ROWS, WAITS)

    still = talks.hold(WAITS, after_s=59)
    over = talks.hold(WAITS, after_s=1)
    anew = talks.hold(BUSY)

    assert still[1].what is Class.LATER
    assert (over[1].what, over[1].code, over[1].place) == (Class.UNKNOWN, "poll_timeout", b"")
    assert anew[0] == ["POST /jobs"]


def test_an_action_that_resumes_goes_on_polling_where_the_time_of_one_try_is_over() -> None:
    talks = bulk("resume: true")
    for reply in (JOB, ROWS, WAITS):
        talks.hold(reply)

    over = talks.hold(WAITS, after_s=60)
    again = talks.hold(WAITS, after_s=2)

    assert (over[1].what, over[1].code) == (Class.UNKNOWN, "poll_timeout")
    assert (again[0], again[1].what) == (["GET /jobs/7"], Class.LATER)


@pytest.mark.parametrize("ill", [BUSY, answer(401), Fault(FaultKind.TIMEOUT)])
def test_a_poll_that_is_not_answered_is_asked_again_and_not_the_steps_before_it(ill: Reply) -> None:
    talks = bulk()
    talks.hold(JOB, ROWS, WAITS)

    failed = talks.hold(ill, after_s=10)
    again = talks.hold(DONE, CLOSE, after_s=10)

    assert failed[1].what in {Class.RETRY, Class.CREDENTIALS, Class.UNKNOWN}
    assert again[0] == ["GET /jobs/7", "POST /jobs/7/close"]


def test_without_resume_a_step_behind_a_poll_that_fails_begins_with_the_first_one_again() -> None:
    talks = bulk()
    talks.hold(JOB, ROWS, WAITS)
    talks.hold(DONE, BUSY, after_s=10)

    assert talks.hold(BUSY)[0] == ["POST /jobs"]


def test_an_action_that_resumes_leaves_off_before_each_further_request_and_goes_on_there_after_a_failure() -> None:
    talks = bulk("resume: true")

    told = [talks.hold(reply) for reply in (BUSY, JOB, BUSY, ROWS, DONE, BUSY, CLOSE)]

    assert [asked for asked, _ in told] == [
        ["POST /jobs"], ["POST /jobs"], ["PUT /jobs/7/rows"], ["PUT /jobs/7/rows"], ["GET /jobs/7"],
        ["POST /jobs/7/close"], ["POST /jobs/7/close"],
    ]  # fmt: skip
    later, retry = (Class.LATER, "goes_on"), (Class.RETRY, "http_503")
    ended = [(outcome.what, outcome.code) for _, outcome in told]
    assert ended == [retry, later, retry, later, later, retry, (Class.SUCCESS, "delivered")]


def test_an_action_that_resumes_does_not_repeat_the_elements_of_a_loop_that_were_taken() -> None:
    made = target(TAGS)
    person = people("a")[0] | {"traits": {"tags": ["x", "y", "z"]}}
    talks = Talks(made, items(made, person))

    asked = [
        talks.hold(reply)[0] for reply in (answer(200, {"id": 3}), answer(200), BUSY, answer(200), answer(200), CLOSE)
    ]

    assert asked == [["GET /people"], *[["POST /people/3/tags"]] * 4, ["POST /seen"]]


def test_a_place_in_steps_that_are_no_more_is_no_place() -> None:
    made = target(TAGS)
    talks = Talks(made, items(made, *people("a")))
    talks.place = b'["gone",0,0,false,{"find":{"id":3}}]'

    assert talks.hold(answer(200, {"id": 3}))[0] == ["GET /people"]


def test_what_is_too_much_to_keep_ends_the_event_and_says_so() -> None:
    made = target(TAGS)
    talks = Talks(made, items(made, people("a")[0] | {"traits": {"tags": ["x"]}}))

    _, outcome = talks.hold(answer(200, {"id": "n" * MOST_BYTES}))

    assert (outcome.what, outcome.text) == (Class.FINAL, "what the steps saved is too much to keep")


def test_one_item_that_failed_is_settled_while_the_others_go_on() -> None:
    text = BULK.replace("json: $batch}", "json: $batch, results: {items: {from: $res.body.bad, at: $it}}}")
    made = target(text % "resume: true")
    batch = items(made, *people("a", "b"))
    replies = iter([JOB, answer(200, {"bad": [0]}), DONE, CLOSE])

    sent = talk.talk(made, batch, MOMENT, replies)

    assert [outcome.what for outcome in sent.outcomes] == [Class.FINAL, Class.SUCCESS]
    assert [_short(ask) for ask in sent.asks] == ["POST /jobs", "PUT /jobs/7/rows", "GET /jobs/7", "POST /jobs/7/close"]


def test_a_test_of_a_manifest_polls_for_as_long_as_it_has_answers() -> None:
    case = """
tests:
  - event: {type: identify, userId: a}
    answers: [{status: 201, body: {id: 7}}, {status: 200}, {body: {done: false}}, {body: {done: true}}, {status: 200}]
    sends: [{url: /jobs}, {url: /jobs/7/rows}, {url: /jobs/7}, {url: /jobs/7}, {url: /jobs/7/close}]
    outcomes: success
  - event: {type: identify, userId: a}
    answers: [{status: 201, body: {id: 7}}]
    sends: [{url: /jobs}, {url: /jobs/7/rows}, {url: /jobs/7}]
    outcomes: later
"""
    assert run_tests(manifest(BULK % "" + case)) == []


@pytest.mark.parametrize(
    ("poll", "say"),
    [
        ("{every: 1s}", "`for` as long at the least"),
        ("{every: 100ms, for: 1m, until: true}", "`every` is 1s to 1h"),
        ("{every: 2h, for: 3h, until: true}", "`every` is 1s to 1h"),
        ("{every: 1s, for: 1h, until: true}", "1,000 times"),
        ("{every: 1s, for: 1m}", "`until` is missing"),
        ("{every: 1s, for: 1m, untli: true}", "unknown key `untli`"),
        ("{every: 1s, for: 1m, until: $job.don}, each: $.traits.a", "it has no `each`"),
    ],
)
def test_a_poll_has_bounds_and_asks_for_one_thing(poll: str, say: str) -> None:
    text = f"""
actions:
  one:
    for: identify
    steps: [{{job: {{post: "https://a.test/"}}}}, {{wait: {{get: "https://a.test/", poll: {poll}}}}}]
"""
    with pytest.raises(InvalidManifest, match=say):
        manifest(text)


def test_a_lone_request_cannot_resume() -> None:
    with pytest.raises(InvalidManifest, match="`resume` is for `steps`"):
        manifest('actions: {one: {for: identify, resume: true, send: {post: "https://a.test/"}}}')
