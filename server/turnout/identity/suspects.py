"""Who among live people looks like none: marks by how ids, e-mails and programs are written. Hints, never verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from turnout.identity.resolve import is_blocked


class Mark(StrEnum):
    """What somebody looks like. Source: mtu.md 5."""

    TEST = "test_like"
    PLACEHOLDER = "placeholder_id"
    BOT = "bot"


_WORD = re.compile(r"[a-z]+")
_TESTS = frozenset(
    {"test", "tests", "tester", "testing", "testuser", "qa", "dummy", "fake", "demo", "sample", "staging"}
)
_DOMAINS = re.compile(r"(^|\.)(test|example|invalid|localhost|example\.(com|org|net)|mailinator\.com)$")
_BOTS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|headless|lighthouse|pingdom|uptime|monitor|curl/|wget/|python-requests|go-http-client",
    re.IGNORECASE,
)


def marks(ids: Iterable[str], emails: Iterable[str] = (), user_agent: str = "") -> tuple[Mark, ...]:
    """Say what somebody looks like, by their ids and e-mails, and the program that brought them.

    >>> [str(mark) for mark in marks(["qa-user-7"]) + marks(["0000"]) + marks(["u_1"], user_agent="Googlebot/2.1")]
    ['test_like', 'placeholder_id', 'bot']
    >>> marks(["contest_42"], ["ann@latest.io"])
    ()
    """
    given = tuple(ids)
    addresses = {each for each in (*given, *emails) if "@" in each}
    found = {
        Mark.TEST: any(map(_is_test, {*given, *addresses})),
        Mark.PLACEHOLDER: any(is_blocked(each) for each in given),
        Mark.BOT: bool(_BOTS.search(user_agent)),
    }
    return tuple(mark for mark, is_so in found.items() if is_so)


def _is_test(value: str) -> bool:
    local, at, domain = value.casefold().rpartition("@")
    words = _WORD.findall(local if at else domain)
    return not _TESTS.isdisjoint(words) or bool(at and _DOMAINS.search(domain))
