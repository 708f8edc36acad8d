"""Signatures on requests: over what leaves, made of the moment, and never in evidence."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.manifests import MOMENT, asked, items, manifest, request, target
from turnout.document import Document, Json, decode, encode
from turnout.errors import InvalidManifest
from turnout.evidence import frame, redact
from turnout.exchange import Answer, Class, Moment, Request
from turnout.manifest import signing
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.lint import lint

TRACK: Document = {"type": "track", "event": "É & x", "messageId": "m1", "userId": "u1"}
SETTINGS = "settings: {key: {type: secret}, user: string, other: {type: text, secret: true}}\n"
SEND = "actions: {a: {for: track, send: {post: 'https://a.test/in?x=1', json: {e: $.event}}}}"
KEY = "a-key-that-nobody-sees"


def made(auth: str, action: str = SEND, **given: Json) -> CompiledTarget:
    return target(f"{SETTINGS}auth: {auth}\n{action}", **({"key": KEY, "user": "ann"} | given))


def headers(auth: str, action: str = SEND, **given: Json) -> dict[str, str]:
    return dict(request(made(auth, action, **given), TRACK).headers)


def marked(over: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.digest(KEY.encode(), over, algorithm)


BODY = encode({"e": "É & x"})


@pytest.mark.parametrize(
    ("rest", "gives"),
    [
        ("", marked(BODY).hex()),
        ("algorithm: sha1, encode: base64, ", base64.b64encode(marked(BODY, "sha1")).decode()),
        ("prefix: 'sha512=', algorithm: sha512, ", "sha512=" + marked(BODY, "sha512").hex()),
        ("over: \"= $method + $path + '?' + $query + $body\", ", marked(b"POST/in?x=1" + BODY).hex()),
        ("over: '{{ $now | unix }}.{{ $request_id }}.{{ $url }}', ",
         marked(b"1767398400.msg_1.https://a.test/in?x=1").hex()),
        ("over: $.userId, ", marked(b"u1").hex()),
        ("over: $.none, ", marked(b"").hex()),
    ],
)  # fmt: skip
def test_a_mark_is_over_what_the_manifest_says_and_over_the_body_where_it_says_nothing(rest: str, gives: str) -> None:
    assert headers(f"{{hmac: {{key: $settings.key, {rest}header: X-Mark}}}}")["x-mark"] == gives


def test_a_mark_may_go_into_the_query_where_it_is_escaped() -> None:
    auth = "{hmac: {key: $settings.key, over: '{{ $path }}?{{ $query }}', encode: base64, query: sig}}"

    url = request(made(auth), TRACK).url

    escaped = base64.b64encode(marked(b"/in?x=1")).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert url == f"https://a.test/in?x=1&sig={escaped}"


@pytest.mark.parametrize(("kind", "sent"), [("json", '{{"e":"u1","sig":"{}"}}'), ("form", "e=u1&sig={}")])
def test_a_mark_may_go_into_the_body(kind: str, sent: str) -> None:
    auth = "{hmac: {key: $settings.key, over: '{{ $method }}{{ $.userId }}', body: sig}}"

    found = request(made(auth, SEND.replace("json: {e: $.event}", f"{kind}: {{e: $.userId}}")), TRACK)

    assert found.body.decode() == sent.format(marked(b"POSTu1").hex())


def test_a_mark_for_a_body_that_is_no_object_is_a_reason_and_no_request() -> None:
    it = made("{hmac: {key: $settings.key, over: $.userId, body: sig}}", SEND.replace("{e: $.event}", "[1]"))

    asks, ended = asked(it, items(it, TRACK))

    assert asks == ()
    assert (ended[0].what, ended[0].text) == (Class.SPLIT, "a signature goes into a body that is no object")


def test_a_mark_is_over_every_kind_of_body_as_it_leaves() -> None:
    for body in ("xml: {R: $.event}", "csv: [[$.event]]", "multipart: {a: $.event}", "graphql: {query: '{a}'}"):
        it = made("{hmac: {key: $settings.key, header: X-M}}", SEND.replace("json: {e: $.event}", body))
        found = request(it, TRACK)
        assert dict(found.headers)["x-m"] == marked(found.body).hex()


def test_several_signatures_may_be_asked_for_and_one_without_a_key_is_left_out() -> None:
    auth = "{bearer: t, hmac: [{key: $settings.key, header: X-A}, {key: $settings.other, header: X-B}]}"

    assert {"x-a", "authorization"} <= set(headers(auth))
    assert "x-b" not in headers(auth)
    assert headers(auth, other=KEY)["x-b"] == headers(auth)["x-a"]


def test_a_manifest_may_sign_by_expressions() -> None:
    auth = (
        '{sign: {header: {X-Sig: "{{ $nonce }}:{{ $body + $nonce | hmac($settings.key sha1 base64) }}"}, '
        "query: {ts: $now | unix, none: $.none}}}"
    )

    found = request(made(auth), TRACK)

    nonce = signing.nonce_of(MOMENT)
    mark = base64.b64encode(marked(BODY + nonce.encode(), "sha1")).decode()
    assert dict(found.headers)["x-sig"] == f"{nonce}:{mark}"
    assert found.url == "https://a.test/in?x=1&ts=1767398400"


def test_a_token_is_signed_for_its_time_and_may_say_more() -> None:
    auth = "{jwt: {key: $settings.key, claims: {iss: $settings.user, sub: $.userId}, header: {kid: k}, ttl: 1m}}"

    head, claims, mark = headers(auth)["authorization"].removeprefix("Bearer ").split(".")

    assert decode(unpadded(head)) == {"alg": "HS256", "typ": "JWT", "kid": "k"}
    assert decode(unpadded(claims)) == {"iat": 1767398400, "exp": 1767398460, "iss": "ann", "sub": "u1"}
    assert unpadded(mark) == marked(f"{head}.{claims}".encode())


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_claim_that_is_null_is_left_out() -> None:
    claims = headers("{jwt: {key: $settings.key, claims: {iat: null, a: 1}}}")["authorization"].split(".")[1]

    assert decode(unpadded(claims)) == {"exp": 1767399000, "a": 1}


def test_a_signature_may_read_the_items_of_its_request() -> None:
    action = (
        "actions: {a: {for: track, item: {id: $.messageId}, batch: {max: 9}, "
        "send: {post: 'https://a.test', json: $batch}}}"
    )
    it = made("{hmac: {key: $settings.key, over: '{{ $item.id }}{{ $batch | count }}', header: X-A}}", action)

    assert dict(request(it, TRACK, TRACK | {"messageId": "m2"}).headers)["x-a"] == marked(b"m12").hex()


def test_a_signature_of_a_loop_reads_what_the_loop_binds() -> None:
    action = (
        "actions: {a: {for: track, each: $.properties.to, send: {post: 'https://a.test', json: {e: 1}, "
        "auth: {hmac: {key: $settings.key, over: $it.id, header: X-A}}}}}"
    )
    it = made("{bearer: none}", action)

    marks = [
        dict(ask.headers)["x-a"]
        for one in items(it, TRACK | {"properties": {"to": [{"id": "a"}, {"id": "b"}]}})
        for ask in asked(it, (one,))[0]
        if isinstance(ask, Request)
    ]

    assert marks == [marked(b"a").hex(), marked(b"b").hex()]


def test_a_private_key_in_pem_signs_a_token_and_a_bad_one_is_a_reason() -> None:
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    auth = "{jwt: {alg: RS256, key: $settings.other}}"

    assert headers(auth, other=key.decode())["authorization"].startswith("Bearer eyJ")
    it = made(auth, other="nothing")
    assert asked(it, items(it, TRACK))[1][0].text == "the key is no private key in PEM"


def test_oauth_1_wsse_and_aws_sign_a_request_of_the_moment() -> None:
    auth = "{oauth1: {consumer_key: c, consumer_secret: $settings.key, token: t, token_secret: $settings.key}}"
    found = headers(auth)["authorization"]
    assert f'oauth_nonce="{signing.nonce_of(MOMENT)}"' in found
    assert 'oauth_timestamp="1767398400"' in found
    assert 'oauth_signature_method="HMAC-SHA1"' in found
    assert 'HMAC-SHA256"' in headers(auth.replace("token: t", "method: HMAC-SHA256"))["authorization"]

    nonce = signing.nonce_of(MOMENT)
    digest = hashlib.sha1(f"{nonce}2026-01-03T00:00:00Z{KEY}".encode(), usedforsecurity=False).digest()
    assert headers("{wsse: {user: $settings.user, secret: $settings.key}}")["x-wsse"] == (
        f'UsernameToken Username="ann", PasswordDigest="{base64.b64encode(digest).decode()}", Nonce="{nonce}", '
        'Created="2026-01-03T00:00:00Z"'
    )

    aws = "{aws: {service: kinesis, region: eu-west-1, access_key: $settings.user, secret_key: $settings.key}}"
    signed = headers(aws)
    assert signed["x-amz-date"] == "20260103T000000Z"
    assert "SignedHeaders=content-type;host;x-amz-date, Signature=" in signed["authorization"]
    assert signed["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ann/20260103/eu-west-1/kinesis/aws4_request")


EACH = (
    "hmac: {key: $settings.key, header: X-Mark}",
    "hmac: {key: $settings.key, query: sig}",
    "hmac: {key: $settings.key, over: $.userId, body: sig}",
    "sign: {header: {X-Sig: $body | hmac($settings.key)}}",
    "sign: {query: {x: $path | hmac($settings.key sha1 base64)}}",
    "jwt: {key: $settings.key}",
    "oauth1: {consumer_key: c, consumer_secret: $settings.key}",
    "wsse: {user: $settings.user, secret: $settings.key}",
    "aws: {service: s, region: r, access_key: a, secret_key: $settings.key, session_token: $settings.other}",
)


@pytest.mark.parametrize("auth", EACH)
def test_a_signature_is_the_same_for_one_moment_and_another_for_the_next(auth: str) -> None:
    it = made(f"{{{auth}}}", SEND, other="session")
    batch = items(it, TRACK)

    first, again, later = (next(it.exchange("a", batch, Moment(now, "msg_1"))) for now in (1, 1, 10_000_001))

    assert first == again
    if "hmac(" not in auth and not auth.startswith("hmac"):
        assert first != later


@pytest.mark.parametrize("auth", EACH)
def test_no_signature_and_no_key_stands_in_evidence_also_where_the_vendor_repeats_it(auth: str) -> None:
    it = made(f"{{{auth}}}", SEND, other="session-token")
    found = request(it, TRACK)
    proofs = [mark for _, mark in found.proofs if mark]
    echo = encode({"you_sent": [dict(found.headers), found.url, found.body.decode()]})

    kept = encode(frame.turn(found, Answer(400, (), echo), redact.spellings(it.secrets))).decode()

    assert proofs
    for word in (*proofs, KEY, "session-token"):
        for spelled, _ in redact.spellings({"": word}):
            assert spelled not in kept
    assert "u1" in kept or "in?x=1" in kept


def test_what_is_no_secret_of_a_signature_stays_readable_in_evidence() -> None:
    it = made("{sign: {header: {X-Time: $now | unix, X-Sig: '{{ $settings.key | sha256 }}'}}}")
    found = request(it, TRACK)

    kept = encode(frame.turn(found, Answer(200), redact.spellings(it.secrets))).decode()

    assert '["x-time","1767398400"]' in kept
    assert '["x-sig","[auth.sign.header.X-Sig]"]' in kept


def test_a_request_without_a_signature_lists_no_proofs() -> None:
    found = request(made("{bearer: $settings.key}"), TRACK)

    assert isinstance(found, Request)
    assert found.proofs == ()


def test_the_host_that_is_signed_is_the_one_that_is_asked() -> None:
    aws = "{aws: {service: s, region: r, access_key: a, secret_key: $settings.key}}"

    near, far = (headers(aws, endpoint=where) for where in ("http://127.0.0.1:9/", "http://127.0.0.1:8/"))

    assert near["authorization"] != far["authorization"]


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ("{hmac: {header: X-A}}", "`key` is missing"),
        ("{hmac: {key: $settings.key}}", "one of `header`, `query` and `body`"),
        ("{hmac: {key: $settings.key, header: A, query: b}}", "one of `header`, `query` and `body`"),
        ("{hmac: {key: $settings.key, header: Content-Length}}", "which the sender makes itself"),
        ("{hmac: {key: $settings.key, header: A, algorithm: sha3}}", "expected one of sha256"),
        ("{hmac: {key: $settings.key, header: A, encode: base32}}", "expected one of hex"),
        ("{hmac: {key: $settings.key, body: sig, over: '{{ $body }}'}}", "cannot be made over the body"),
        ("{hmac: {key: $settings.key, header: A, over: 'POST$path'}}", "looks like an expression"),
        ("{hmac: {key: $settings.key, header: A, ovr: x}}", "did you mean `over`"),
        ("{sign: {}}", "expected `header` or `query`"),
        ("{sign: {header: {Host: x}}}", "which the sender makes itself"),
        ("{jwt: {key: $settings.key, alg: none}}", "expected one of HS256"),
        ("{oauth1: {consumer_key: a}}", "`consumer_secret` is missing"),
        ("{oauth1: {consumer_key: a, consumer_secret: b, method: PLAINTEXT}}", "expected one of HMAC-SHA1"),
        ("{wsse: {user: a, secret: b, digest: c}}", "expected one of raw"),
        ("{aws: {service: a, region: b, access_key: c}}", "`secret_key` is missing"),
        ("{bearer: $body}", "unknown variable `\\$body`"),
    ],
)
def test_a_signature_that_cannot_be_meant_is_refused_with_its_place(auth: str, says: str) -> None:
    with pytest.raises(InvalidManifest, match=says) as error:
        made(auth)

    assert ":7:" in error.value.message
    assert " auth" in error.value.message
    assert error.value.attributes["line"]


def said(auth: str, action: str = SEND) -> set[str]:
    return {one.say for one in lint(manifest(f"{SETTINGS}auth: {auth}\n{action}"))}


def test_a_key_that_is_no_secret_setting_and_a_packed_body_that_is_signed_are_findings() -> None:
    packed = SEND.replace("send: {", "send: {gzip: true, ")
    mine = "{hmac: {key: $settings.key, header: X-A}}"

    assert "`key` is made of no secret setting" in said(mine.replace("key,", "user,"))
    assert "what is packed by `gzip` cannot be signed as `$body`" in said(mine, packed)
    clean = said(mine) | said("{aws: {service: s, region: r, access_key: a, secret_key: $settings.key}}", packed)
    assert not {one for one in clean if "signed" in one or "secret setting" in one}


def test_a_signature_that_reads_an_event_of_many_is_a_finding() -> None:
    action = "actions: {a: {for: track, item: {e: 1}, batch: {max: 9}, send: {post: 'https://a.test', json: $batch}}}"

    found = said("{hmac: {key: $settings.key, over: $.userId, header: X-A}}", action)

    assert "the request reads `$.userId` of its first event only: put it into `batch.by`" in found


def test_each_step_is_signed_over_its_own_body() -> None:
    action = (
        "actions: {a: {for: track, item: $.userId, steps: ["
        "{one: {post: 'https://a.test/1', csv: [[$.userId]], decode: csv, save: {id: $res.rows.0.id}}}, "
        "{two: {post: 'https://a.test/2', xml: {R: $one.id}}}]}}"
    )
    it = made("{hmac: {key: $settings.key, header: X-A}}", action)

    asks, _ = asked(it, items(it, TRACK), Answer(200, (), b"id\r\n7\r\n"))

    sent = [ask for ask in asks if isinstance(ask, Request)]
    assert [ask.body.rpartition(b"<R>")[2] for ask in sent] == [b"u1\r\n", b"7</R>"]
    assert [dict(ask.headers)["x-a"] for ask in sent] == [marked(ask.body).hex() for ask in sent]
    assert all(ask.proofs for ask in sent)
