"""The outcome table, row by row, and the law that it leaves no status out."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.exchange import NEVER_LEFT, Answer, Class, Fault, FaultKind
from turnout.outcome import judge

NOW = 1_764_000_000_000_000  # 2025-11-24T16:00:00Z


def seen(statuses: Iterable[int]) -> set[Class]:
    return {judge(Answer(status)).what for status in statuses}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207, 299])
def test_a_2xx_is_delivered(status: int) -> None:
    outcome = judge(Answer(status, body=b"fine"))
    assert (outcome.what, outcome.code, outcome.status) == (Class.SUCCESS, "delivered", status)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_final(status: int) -> None:
    outcome = judge(Answer(status, (("location", "http://elsewhere.test/"),)))
    assert (outcome.what, outcome.code) == (Class.FINAL, "redirect")


def test_refused_credentials_are_a_class_of_their_own() -> None:
    assert seen([401, 403, 407]) == {Class.CREDENTIALS}


def test_statuses_that_ask_to_come_again_are_retried() -> None:
    assert seen([408, 423, 425, 429]) == {Class.RETRY}


def test_a_conflict_is_final() -> None:
    outcome = judge(Answer(409))
    assert (outcome.what, outcome.code) == (Class.FINAL, "http_409")


def test_gone_is_final_to_an_api() -> None:
    outcome = judge(Answer(410))
    assert (outcome.what, outcome.code) == (Class.FINAL, "http_410")


def test_gone_pauses_the_lane_of_a_webhook() -> None:
    outcome = judge(Answer(410), profile="webhook")
    assert (outcome.what, outcome.code) == (Class.PAUSE, "gone")


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_one_item_may_have_caused_splits_the_batch(status: int) -> None:
    outcome = judge(Answer(status))
    assert (outcome.what, outcome.code) == (Class.SPLIT, f"http_{status}")


def test_every_other_4xx_is_final() -> None:
    named = {400, 401, 403, 407, 408, 413, 422, 423, 425, 429}
    assert seen(set(range(400, 500)) - named) == {Class.FINAL}


def test_what_the_server_will_never_do_is_final() -> None:
    assert seen([501, 505]) == {Class.FINAL}


def test_a_failed_server_is_retried() -> None:
    assert seen([500, 503, *range(506, 512), 512, 530, 561, 597]) == {Class.RETRY}


def test_an_answer_of_something_in_front_is_unknown() -> None:
    assert seen([502, 504, *range(520, 528), 598, 599]) == {Class.UNKNOWN}


def test_a_status_beyond_599_counts_as_5xx() -> None:
    assert seen([600, 777, 999]) == {Class.RETRY}


@pytest.mark.parametrize("kind", sorted(NEVER_LEFT - {FaultKind.FORBIDDEN}))
def test_what_never_left_is_retried(kind: FaultKind) -> None:
    outcome = judge(Fault(kind, "our words"))
    assert (outcome.what, outcome.code, outcome.status) == (Class.RETRY, kind.value, 0)


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - NEVER_LEFT - {FaultKind.FORBIDDEN_PATH}))
def test_what_may_have_arrived_is_unknown(kind: FaultKind) -> None:
    outcome = judge(Fault(kind))
    assert (outcome.what, outcome.code) == (Class.UNKNOWN, kind.value)


@pytest.mark.parametrize("kind", [FaultKind.FORBIDDEN, FaultKind.FORBIDDEN_PATH])
def test_a_forbidden_place_is_final(kind: FaultKind) -> None:
    outcome = judge(Fault(kind))
    assert (outcome.what, outcome.code) == (Class.FINAL, str(kind))


def test_a_broken_body_is_judged_by_its_status() -> None:
    assert judge(Answer(200, whole=False)).what is Class.SUCCESS
    assert judge(Answer(404, whole=False)).what is Class.FINAL


def test_a_broken_body_is_unknown_where_results_read_it() -> None:
    outcome = judge(Answer(200, whole=False), reads_body=True)
    assert (outcome.what, outcome.code) == (Class.UNKNOWN, "answer_incomplete")


def test_a_whole_body_is_judged_by_its_status_where_results_read_it() -> None:
    assert judge(Answer(200, whole=True), reads_body=True).what is Class.SUCCESS


@pytest.mark.parametrize(
    ("value", "after_s"),
    [
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("0.5", 0.5),
        ("3600", 3600.0),
        ("86400", 3600.0),
        ("999999999", 3600.0),
        ("Monday, 24-Nov-25 16:00:30 GMT", 30.0),
        ("Mon, 24 Nov 2025 16:00:30 GMT", 30.0),
        ("Mon, 24 Nov 2025 15:00:00 GMT", 0.0),
        ("Tue, 25 Nov 2025 16:00:00 GMT", 3600.0),
        ("-1", None),
        ("1e3", None),
        ("nan", None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("Mon, 99 Nov 2025 16:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_up_to_an_hour(value: str, after_s: float | None) -> None:
    assert judge(Answer(429, (("Retry-After", value),)), now=NOW).after_s == after_s


@pytest.mark.parametrize(
    "date", ["Mon Nov 24 16:00:30 2025", "Mon, 24 Nov 2025 16:00:30", "24 Nov 2025 16:00:30 -0000"]
)
def test_a_date_that_names_no_zone_is_utc_wherever_the_machine_is(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert judge(Answer(429, (("Retry-After", date),)), now=NOW).after_s == 30.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_means_nothing_without_a_clock() -> None:
    answer = Answer(503, (("retry-after", "Mon, 24 Nov 2025 16:00:30 GMT"),))
    assert judge(answer).after_s is None


def test_retry_after_on_a_final_answer_is_not_read() -> None:
    assert judge(Answer(404, (("retry-after", "5"),))).after_s is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": "no such user"}', '{"error": "no such user"}'),
        (b"two\r\nlines\tand  more ", "two lines and more"),
        (b"bad \xff\xfe bytes", "bad �� bytes"),
        ("a\x00b\x1b[31m\x7f\x9f".encode(), "ab[31m"),
        ("pay\u202edes\u2066rever\u2069\ufeff".encode(), "paydesrever"),
        ("zero\u200bwidth \U000e0041\U000e0042tags".encode(), "zerowidth tags"),
        ("line\u2028break".encode(), "line break"),
    ],
)
def test_the_text_is_the_answers_words_without_what_does_not_print(body: bytes, text: str) -> None:
    assert judge(Answer(400, body=body)).text == text


def test_our_words_about_a_fault_are_not_the_destinations() -> None:
    assert judge(Fault(FaultKind.RESET, "the connection was lost")).text == ""


# Whatever a destination writes, its text is at most 512 characters and holds none that do not print.
@given(st.binary(max_size=5000) | st.text(max_size=2000).map(lambda text: text.encode("utf-8", "replace")))
def test_no_answer_makes_a_long_or_unprintable_text(body: bytes) -> None:
    text = judge(Answer(500, body=body)).text
    assert len(text) <= 512
    assert all(letter.isprintable() or letter == " " for letter in text)


# Each status has exactly one class, whatever else the answer says; only 2xx is success.
@given(
    status=st.integers(100, 999),
    profile=st.sampled_from(["api", "webhook", "bulk"]),
    reads_body=st.booleans(),
    whole=st.booleans(),
)
def test_every_status_has_one_class(*, status: int, profile: str, reads_body: bool, whole: bool) -> None:
    outcome = judge(Answer(status, whole=whole), profile=profile, reads_body=reads_body)
    assert outcome.what in set(Class)
    assert outcome.code
    assert (outcome.what is Class.SUCCESS) == (status // 100 == 2 and (whole or not reads_body))


def test_no_status_from_100_to_999_and_no_fault_is_left_out() -> None:
    assert sum(1 for status in range(100, 1000) if isinstance(judge(Answer(status)).what, Class)) == 900
    assert {judge(Fault(kind)).what for kind in FaultKind} == {Class.RETRY, Class.FINAL, Class.UNKNOWN}
