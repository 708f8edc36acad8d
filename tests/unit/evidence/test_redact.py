"""What must not stand in evidence: secrets, in every way in which URLs, JSON and markup spell them."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest

from turnout.evidence import frame, redact
from turnout.exchange import Answer, Class, Outcome, Request

SECRET = 'k/1+x=&"é😀\n<b> \\z'
SPELLED = redact.spellings({"key": SECRET})


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET).replace("/", "\\/")[1:-1],
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
    ],
)
def test_a_secret_is_hidden_however_it_is_spelled(text: str) -> None:
    assert redact.hide(f"a {text} b", SPELLED) == "a [key] b"


def test_what_a_cut_leaves_of_a_secret_is_hidden_too() -> None:
    spelled = redact.spellings({"key": "abcdefghij"})
    body = b"x" * (redact.BODY_MAX - 6) + b"abcdefghij and more"

    kept = frame.turn(Request("POST", "https://a.test/", body=body), Answer(200, body=body), spelled)

    for side in ("asked", "answered"):
        told = kept[side]
        assert isinstance(told, dict)
        assert str(told["body"]).endswith("xx[key]… [13 bytes more]")


def test_what_a_destination_says_hides_what_it_echoes_even_where_its_words_were_cut() -> None:
    asked = Request("POST", "https://a.test/", proofs=(("signature", "c2lnbmF0dXJl-0123456789"),))
    spelled = redact.signed(asked, redact.spellings({"api_key": "key-0123456789"}))
    cut = "x" * 500 + "key-01234567"

    said = [redact.outcome(Outcome(Class.FINAL, "http_400", 400, text), spelled).text for text in (ECHO, cut)]

    assert said == ["no: [api_key] with [signature]", "x" * 500 + "[api_key]"]


ECHO = "no: key-0123456789 with c2lnbmF0dXJl-0123456789"
