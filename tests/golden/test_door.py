"""What the tracking paths answer, byte for byte: clients that were written for others' servers read it."""

from __future__ import annotations

from collections.abc import Callable

from turnout.api import answers, pixels, reading, settings
from turnout.api.answers import Answer
from turnout.event.model import SourceId
from turnout.workspace import Source

KEY = "wk_0123456789abcdef0123456789abcdef"
BROWSER = [(b"access-control-request-headers", b"authorization,x-retry-count")]


def shown(name: str, answer: Answer) -> str:
    lines = [f"== {name}", str(answer.status), *(f"{key.decode()}: {value.decode()}" for key, value in answer.headers)]
    return "\n".join([*lines, "", answer.body.decode("latin-1").encode("unicode_escape").decode(), ""])


def test_the_answers_are_these(golden: Callable[[str, str], None]) -> None:
    source = Source(SourceId(2), "Shop", KEY, f"test_{KEY}", 1_764_000_000_000_000)
    every = {
        "taken": answers.TAKEN,
        "empty": answers.EMPTY,
        "no key": answers.NO_KEY,
        "unknown key": answers.UNKNOWN_KEY,
        "a token for a key": answers.NO_WRITE_KEY,
        "no such path": answers.NOT_FOUND,
        "no oauth": answers.NO_OAUTH,
        "another method": answers.not_allowed("POST"),
        "too large": reading.TOO_LARGE,
        "bad gzip": reading.BAD_GZIP,
        "bad deflate": reading.BAD_DEFLATE,
        "unknown encoding": reading.CODED,
        "later": answers.later(429, "limit_exceeded", "Words of the store.", 10),
        "broke": answers.BROKE,
        "preflight": answers.preflight(BROWSER, "POST"),
        "pixel": pixels.IMAGE,
        "settings of analytics.js": settings.segment(KEY, "127.0.0.1:8733", "http"),
        "settings of RudderStack's": settings.rudder(source, KEY),
        "settings of nobody": settings.UNKNOWN,
    }

    golden("door.txt", "\n".join(shown(name, answer) for name, answer in every.items()))
