from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from support.manifests import request, target
from turnout.document import Document
from turnout.exchange import Moment
from turnout.manifest.auth import signed
from turnout.manifest.casts import signing_keys

TRACK: Document = {"type": "track", "event": "E", "messageId": "m1", "userId": "u1"}
OLD, NEW = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def headers(auth: str, **settings: str) -> dict[str, str]:
    names = "".join(f"  {name}: string\n" for name in settings)
    text = f"settings:\n{names}" if settings else ""
    action = "actions: {a: {for: track, send: {post: 'https://a.test', json: {a: 1}}}}"
    return dict(request(target(f"{text}auth: {auth}\n{action}", **settings), TRACK).headers)


def test_bearer_basic_and_header_parts_may_be_combined() -> None:
    assert headers("{bearer: $settings.t}", t="x")["authorization"] == "Bearer x"
    found = headers("{basic: [$settings.t, ''], header: {X-Key: 'k {{ $settings.t }}'}}", t="user")
    assert found["authorization"] == "Basic " + base64.b64encode(b"user:").decode()
    assert found["x-key"] == "k user"


def test_a_proof_without_a_value_is_left_out() -> None:
    assert "authorization" not in headers("{bearer: $.missing}")


def test_a_key_in_the_query_is_escaped() -> None:
    made = target("auth: {query: {key: 'a b&c'}}\nactions: {a: {for: track, send: {post: 'https://a.test/?x=1'}}}")

    assert request(made, TRACK).url == "https://a.test/?x=1&key=a%20b%26c"


def test_a_request_may_override_the_proof() -> None:
    made = target("auth: {bearer: t}\nactions: {a: {for: track, send: {post: 'https://a.test', auth: none}}}")

    assert "authorization" not in dict(request(made, TRACK).headers)


def test_a_name_and_password_are_secret_also_as_they_leave() -> None:
    made = target(
        "settings: {k!: secret}\nauth: {basic: [$settings.k, '']}\nactions: {a: {for: track, send: {post: 'https://a.test'}}}",
        k="s3",
    )

    assert set(made.secrets.values()) == {"s3", base64.b64encode(b"s3:").decode()}


@pytest.mark.parametrize("key", [OLD, NEW])
def test_a_signature_is_one_that_standard_webhooks_verifies_with_either_key_of_a_rotation(key: str) -> None:
    body = b'{"type":"track"}'
    moment = Moment(int(datetime.now(UTC).timestamp()) * 1_000_000, "msg_1")

    found = dict(signed(signing_keys(f"{OLD} {NEW}"), moment, body))

    assert found["webhook-id"] == "msg_1"
    assert Webhook(key).verify(body, found) == {"type": "track"}
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(body + b" ", found)


def test_without_a_key_the_id_and_the_time_still_leave() -> None:
    assert dict(signed((), Moment(5_000_000, "msg_1"), b"")) == {"webhook-id": "msg_1", "webhook-timestamp": "5"}
