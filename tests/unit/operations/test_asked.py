"""A kept request as people read it: by what it is made of, so that what is personal in it is found."""

from __future__ import annotations

import pytest

from support.manifests import request, target
from turnout.document import Document, Json, encode
from turnout.evidence import redact
from turnout.guard.masking import mask_beside
from turnout.operations.asked import shown

IDENTIFY: Document = {"type": "identify", "messageId": "m1", "userId": "u1", "traits": {"name": 'Ann "A" & Bob'}}


def kept(send: str, auth: str = "{}") -> Document:
    action = f"actions: {{a: {{for: identify, send: {{post: 'https://a.test/in', {send}}}}}}}"
    made = target(f"settings: {{key: secret}}\nauth: {auth}\n{action}", key="a-key-that-nobody-sees")
    return shown(request(made, IDENTIFY), redact.spellings(made.secrets))


@pytest.mark.parametrize(
    ("send", "body"),
    [
        ("xml: {R: {'@id': $.userId, Name: $.traits.name}}", {"R": {"@id": "u1", "Name": 'Ann "A" & Bob'}}),
        ("csv: [$.traits]", [["name"], ['Ann "A" & Bob']]),
        ("multipart: {who: $.userId, f: {csv: [$.traits], name: f.csv}}",
         {"who": "u1", "f": {"name": "f.csv", "media": "text/csv", "body": [["name"], ['Ann "A" & Bob']]}}),
        ("graphql: {query: '{a}', variables: $.traits}", {"query": "{a}", "variables": {"name": 'Ann "A" & Bob'}}),
    ],
)  # fmt: skip
def test_a_body_is_shown_by_what_it_is_made_of_and_masked_there(send: str, body: Json) -> None:
    found = kept(send)["body"]

    assert found == body
    assert b"Bob" not in encode(mask_beside(IDENTIFY, found))


def test_a_body_that_was_cut_is_text() -> None:
    found = kept("xml: {R: {$each: [1, 2, 3, 4, 5, 6, 7, 8, 9], $do: x}}".replace("{$each", "{A: {$each") + "}")
    assert found["body"] == {"R": {"A": ["x"] * 9}}

    long = "{$each: " + str(list(range(6_000))) + ", $do: 'twelve chars'}"
    assert str(kept(f"xml: {{R: {{A: {long}}}}}")["body"]).startswith("<?xml")


def test_a_signature_is_shown_by_its_name() -> None:
    found = kept("json: {a: $.userId}", "{hmac: {key: $settings.key, header: X-Mark}}")
    assert found["headers"] == {
        "user-agent": found["headers"]["user-agent"],  # type: ignore[index, call-overload]
        "content-type": "application/json",
        "x-mark": "[auth.hmac.X-Mark]",
    }

    found = kept("json: {a: $.userId}", "{hmac: {key: $settings.key, over: $.userId, query: sig, encode: base64}}")
    assert found["url"] == "https://a.test/in?sig=[auth.hmac.sig]"
