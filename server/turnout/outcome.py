"""The outcome table: how a request ended, judged from its answer or from why there is none.

Source: reliability-security.md 4.3. A manifest's `results` come first and say only where its vendor differs.
Three rows have more to them than a class:

* `SPLIT` (400, 413, 422): a batch is halved; one item alone is final.
* `PAUSE` (410 to a `webhook`): the receiver wants no more, so the lane pauses. Source: Standard Webhooks.
* `UNKNOWN`: it may have been taken. With `reads_body`, also an answer whose body broke off: what would
  have judged it is lost.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from turnout.clock import HOUR, SECOND
from turnout.exchange import Answer, Class, Fault, FaultKind, Outcome, Reply

GONE = 410
"""The receiver wants no more. Source: RFC 9110, 15.5.11."""
TEXT_CHARACTERS = 512
LONGEST_WAIT_S = HOUR / SECOND

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,40})?")
"""More digits before the point are a moment in some unit (milliseconds since 1970), which nobody specified."""

_HUNDREDS = {1: Class.UNKNOWN, 2: Class.SUCCESS, 3: Class.FINAL, 4: Class.FINAL}
"""By the first digit; what is missing counts as 5xx. Source: RFC 9110, 15, for statuses beyond 599."""

_CODES = {1: str(FaultKind.GARBLED), 2: "delivered", 3: "redirect"}

_EXCEPTIONS: dict[Class, tuple[int, ...]] = {
    Class.CREDENTIALS: (401, 403, 407),
    Class.RETRY: (408, 423, 425, 429),
    Class.SPLIT: (400, 413, 422),
    Class.FINAL: (501, 505),
    Class.UNKNOWN: (502, 504, *range(520, 528), 598, 599),
}

_CLASSES: dict[int, Class] = {status: what for what, statuses in _EXCEPTIONS.items() for status in statuses}

_FAULTS: dict[FaultKind, Class] = {
    FaultKind.NAME: Class.RETRY,
    FaultKind.REFUSED: Class.RETRY,
    FaultKind.UNREACHABLE: Class.RETRY,
    FaultKind.PROXY: Class.RETRY,
    FaultKind.CONNECT_TIMEOUT: Class.RETRY,
    FaultKind.TLS: Class.RETRY,
    FaultKind.FORBIDDEN: Class.FINAL,
    FaultKind.TIMEOUT: Class.UNKNOWN,
    FaultKind.RESET: Class.UNKNOWN,
    FaultKind.GARBLED: Class.UNKNOWN,
    FaultKind.CRASH: Class.UNKNOWN,
    FaultKind.DISK: Class.UNKNOWN,
    FaultKind.FORBIDDEN_PATH: Class.FINAL,
}


def judge(reply: Reply, *, profile: str = "api", reads_body: bool = False, now: int = 0) -> Outcome:
    """Judge one reply by the table.

    `profile` is the destination's schedule. `reads_body` says that `results` would have read the body.
    Units: `now` in microseconds, for a Retry-After that is a date; 0: such a date is not read.
    """
    if isinstance(reply, Fault):
        return Outcome(_FAULTS[reply.kind], str(reply.kind))
    if reads_body and not reply.whole:
        return _judge_answer(reply, Class.UNKNOWN, "answer_incomplete", now)
    if reply.status == GONE and profile == "webhook":
        return _judge_answer(reply, Class.PAUSE, "gone", now)
    return taken(reply.status) or _judge_answer(reply, classify(reply.status), _code(reply.status), now)


@lru_cache
def taken(status: int) -> Outcome | None:
    """Give the outcome of a plain success, the same for all of them; None for any other status."""
    what = classify(status)
    return Outcome(what, _code(status), status) if what is Class.SUCCESS else None


def classify(status: int) -> Class:
    """Give the class of an HTTP status alone."""
    return _CLASSES.get(status) or _HUNDREDS.get(status // 100, Class.RETRY)


def _judge_answer(answer: Answer, what: Class, code: str, now: int) -> Outcome:
    waits = what in {Class.RETRY, Class.UNKNOWN}
    after_s = retry_after(answer.header("retry-after"), now) if waits else None
    return Outcome(what, code, answer.status, words(answer.body), after_s)


def _code(status: int) -> str:
    return _CODES.get(status // 100, f"http_{status}")


def retry_after(value: str | None, now: int) -> float | None:
    """Read a Retry-After: seconds or an HTTP date, at most an hour, never negative; None when it says nothing.

    Source: RFC 9110, 10.2.3, and 5.6.7: a date without a zone is UTC; fractions of a second because vendors send them.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT_S)
    if not text or not now:
        return None
    try:
        date = parsedate_to_datetime(text)
        wait_s = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now / SECOND
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)


def words(body: bytes) -> str:
    """Cut the destination's own words out of its answer: untrusted, without what does not print, in one line."""
    text = body[: 4 * TEXT_CHARACTERS].decode("utf-8", "replace")
    plain = "".join(letter if letter.isspace() or _prints(letter) else "" for letter in text)
    return " ".join(plain.split())[:TEXT_CHARACTERS]


def _prints(letter: str) -> bool:
    """Tell whether it is no control, bidi, zero-width, tag, private or unassigned character."""
    return not unicodedata.category(letter).startswith("C")
