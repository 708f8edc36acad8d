"""How a token is asked for and what is made of the answer; what a manifest may not say about it, with the place."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.manifests import MOMENT, NOW, answer, items, manifest, target
from turnout.document import Document, Json
from turnout.errors import InvalidManifest
from turnout.exchange import Answer, Fault, FaultKind, Grant, Granted, Moment, Refused, Reply, Request
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.lint import lint

SETTINGS = """
settings:
  client_id!: {type: string, label: Client}
  client_secret: {type: secret, label: Secret}
  user: {type: string, label: User}
  word: {type: secret, label: Password}
  refresh_token: {type: secret, label: Token}
  service_account: {type: secret, label: Key}
  own: {type: secret, label: Own token}
"""
REST = """
http: {base: "https://acme.test", headers: {X-Version: "1"}, query: {v: "2"}}
actions:
  event: {for: track, item: {id: $.messageId}, send: {post: "/{{ $auth.account }}/events", json: $item}}
"""
PLACES = 'authorize: "https://acme.test/ok?offline=1", token: "https://acme.test/t"'
CODE = f"{{grant: authorization_code, {PLACES}, scopes: [a, b]}}"
EVENT: Document = {"type": "track", "event": "A", "messageId": "m1"}
ASKED: Document = {"redirect_uri": "http://127.0.0.1:1/callback", "state": "st", "code_challenge": "cc"}


def made(auth: str, **settings: Json) -> CompiledTarget:
    given = {"client_id": "me", "client_secret": "s3cret-word", **settings}
    return target(f"{SETTINGS}auth:\n  {auth}\n  header: {{X-Token: $auth.access_token}}\n{REST}", **given)


def grant(auth: str, **settings: Json) -> Grant:
    found = made(auth, **settings).grant
    assert found is not None
    return found


def asked(given: Grant, held: Document | None = None) -> Request:
    found = given.request(held or {}, MOMENT)
    assert isinstance(found, Request), found
    return found


def form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode()))


def granted(given: Grant, reply: Reply) -> Granted:
    found = given.read(reply, {}, MOMENT)
    assert isinstance(found, Granted), found
    return found


def refused(given: Grant, reply: Reply) -> Refused:
    found = given.read(reply, {}, MOMENT)
    assert isinstance(found, Refused), found
    return found


MACHINE = '{grant: client_credentials, token: "https://acme.test/t", scopes: "a,b", audience: me, extra: {account: 7}}'


def test_a_client_asks_with_its_credentials_in_the_body() -> None:
    request = asked(grant(f"oauth2: {MACHINE}"))

    assert (request.method, request.url) == ("POST", "https://acme.test/t")
    assert form(request) == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": "s3cret-word",
        "scope": "a,b",
        "audience": "me",
        "account": "7",
    }
    assert "x-version" not in dict(request.headers)


def test_a_client_may_prove_itself_in_a_header_and_ask_in_json() -> None:
    request = asked(
        grant('oauth2: {grant: client_credentials, token: "https://acme.test/t", proof: basic, body: json}')
    )

    assert json.loads(request.body) == {"grant_type": "client_credentials"}
    assert dict(request.headers)["authorization"] == "Basic " + base64.b64encode(b"me:s3cret-word").decode()


def test_a_password_is_asked_with_and_the_settings_may_have_other_names() -> None:
    auth = 'oauth2: {grant: password, token: "https://acme.test/t", username: $settings.user, password: $settings.word}'

    assert form(asked(grant(auth, user="ann", word="pw")))["username"] == "ann"
    assert form(asked(grant(auth, user="ann", word="pw")))["password"] == "pw"


def test_a_pasted_refresh_token_is_used_until_the_vendor_gives_another() -> None:
    given = grant('oauth2: {grant: refresh_token, token: "https://acme.test/t"}', refresh_token="pasted")

    assert form(asked(given))["refresh_token"] == "pasted"
    assert form(asked(given, {"refresh_token": "newer"}))["refresh_token"] == "newer"


def test_a_person_agrees_on_a_page_that_knows_who_asks_for_what() -> None:
    given = grant(f"oauth2: {CODE}")

    page = urlsplit(given.page(ASKED))
    assert given.consent
    assert (page.netloc, page.path) == ("acme.test", "/ok")
    assert dict(parse_qsl(page.query)) == {
        "offline": "1",
        "response_type": "code",
        "client_id": "me",
        "scope": "a b",
        "state": "st",
        "redirect_uri": ASKED["redirect_uri"],
        "code_challenge": "cc",
        "code_challenge_method": "S256",
    }


def test_a_code_is_given_for_a_token_and_later_the_refresh_token_for_a_newer_one() -> None:
    given = grant(f"oauth2: {CODE}")

    first = form(asked(given, {"code": "c1", "redirect_uri": "http://r", "code_verifier": "v"}))
    assert (first["grant_type"], first["code"], first["code_verifier"]) == ("authorization_code", "c1", "v")
    later = form(asked(given, {"access_token": "t", "refresh_token": "r1"}))
    assert (later["grant_type"], later["refresh_token"]) == ("refresh_token", "r1")
    assert given.request({"access_token": "t"}, MOMENT) == Refused("no_refresh_token", spent=True)


def test_pkce_can_be_switched_off_and_a_renewal_too() -> None:
    given = grant(f"oauth2: {CODE[:-1]}, pkce: false, refresh: never}}")

    assert "code_challenge" not in given.page(ASKED)
    assert not given.renews


def test_every_address_follows_the_endpoint() -> None:
    given = grant(f"oauth2: {CODE}", endpoint="http://127.0.0.1:9")

    assert given.page(ASKED).startswith("http://127.0.0.1:9/ok?")
    assert asked(given, {"refresh_token": "r"}).url == "http://127.0.0.1:9/t"


def test_a_setting_that_holds_a_token_makes_it_unneeded() -> None:
    auth = f"oauth2: {{unless: $settings.own, {CODE[1:]}"

    assert made(auth, own="t").grant is None
    assert made(auth).grant is not None


def test_a_login_of_the_vendors_own_is_a_request_and_says_what_is_kept() -> None:
    auth = """login:
      post: /login
      json: {key: $settings.client_id, at: $now}
      save: {access_token: $res.body.data.token, account: $res.headers.x-account, expires_at: $res.body.data.until}
      ttl: 1h"""
    given = grant(auth.replace("$res.headers.x-account", '$res.headers."x-account"'))
    reply = answer(200, {"data": {"token": "t1", "until": None}}, x_account="acc")

    request = asked(given)
    assert (request.url, json.loads(request.body)["key"]) == ("https://acme.test/login", "me")
    assert (granted(given, reply).fields, granted(given, reply).lives_s) == (
        {"access_token": "t1", "account": "acc"},
        3600,
    )
    assert refused(given, answer(200, {"data": {}})).why == "no_token"


def test_a_service_account_signs_for_its_token() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = json.dumps({"client_email": "robot@acme.test", "private_key": pem, "private_key_id": "k1"})
    made_of = target(f"{SETTINGS}auth: {{gcp: {{scopes: [a, b]}}}}\n{REST}", client_id="me", service_account=account)
    given = made_of.grant
    assert given is not None

    asking = form(asked(given))
    head, claims, signature = asking["assertion"].split(".")
    key.public_key().verify(_read(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256())
    said = json.loads(_read(claims))
    assert asked(given).url == "https://oauth2.googleapis.com/token"
    assert (said["iss"], said["scope"], said["exp"] - said["iat"]) == ("robot@acme.test", "a b", 3600)
    talk = made_of.exchange("event", items(made_of, EVENT), Moment(NOW, "m", {"access_token": "t1", "account": "x"}))
    sent = next(talk)
    assert isinstance(sent, Request)
    assert dict(sent.headers)["authorization"] == "Bearer t1"
    broken = target(f"{SETTINGS}auth: {{gcp: {{scopes: [a]}}}}\n{REST}", client_id="me", service_account="{}").grant
    assert broken is not None
    assert broken.request({}, MOMENT) == Refused("bad_key")


def _read(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_every_field_of_a_token_is_read_by_requests() -> None:
    destination = made(f"oauth2: {MACHINE}")
    talk = destination.exchange(
        "event", items(destination, EVENT), Moment(NOW, "m", {"access_token": "t", "account": "a"})
    )

    sent = next(talk)
    assert isinstance(sent, Request)
    assert sent.url == "https://acme.test/a/events?v=2"
    assert dict(sent.headers)["x-token"] == "t"


@pytest.mark.parametrize(
    ("fields", "lives"),
    [
        ({"expires_in": 60}, 60.0),
        ({"expires_in": "60"}, 60.0),
        ({"expires_at": "2026-01-03T00:01:00Z"}, 60.0),
        ({"expires": NOW // 1_000_000 + 60}, 60.0),
        ({"expires_in": 0}, None),
        ({}, None),
    ],
)
def test_the_life_of_a_token_is_read_as_vendors_write_it(fields: Document, lives: float | None) -> None:
    assert granted(grant(f"oauth2: {MACHINE}"), answer(200, {"access_token": "t", **fields})).lives_s == lives


def test_an_answer_in_form_fields_is_read_too() -> None:
    reply = Answer(200, (("content-type", "application/x-www-form-urlencoded"),), b"access_token=t1&expires_in=9")

    assert granted(grant(f"oauth2: {MACHINE}"), reply).fields["access_token"] == "t1"


@pytest.mark.parametrize(
    ("reply", "why", "spent"),
    [
        (answer(400, {"error": "invalid_grant", "error_description": "s3cret-word"}), "invalid_grant", True),
        (answer(401, {"error": "invalid_client"}), "invalid_client", False),
        (answer(400, {"error": "s3cret-word is wrong"}), "http_400", False),
        (answer(200, {"error": "invalid_grant"}), "invalid_grant", True),
        (answer(200, "s3cret-word"), "no_token", False),
        (answer(503, {"error": "invalid_grant"}), "http_503", False),
        (answer(302), "http_302", False),
        (Fault(FaultKind.REFUSED), "connection_refused", False),
    ],
)
def test_a_refusal_is_told_in_known_words_only(reply: Reply, why: str, *, spent: bool) -> None:
    found = refused(grant(f"oauth2: {MACHINE}"), reply)

    assert (found.why, found.spent) == (why, spent)


def test_texts_of_a_token_are_hidden_and_what_proves_nobody_is_not() -> None:
    fields: Document = {
        "access_token": "tok-1",
        "refresh_token": "ref-1",
        "token_type": "bearer",
        "scope": "a b",
        "instance_url": "https://eu.acme.test",
        "expires_in": "3600",
        "id": 7,
        "hook": "https://acme.test/?t=x",
    }

    assert grant(f"oauth2: {MACHINE}").hidden(fields) == {
        "auth.access_token": "tok-1",
        "auth.refresh_token": "ref-1",
        "auth.hook": "https://acme.test/?t=x",
    }


def test_a_token_of_other_settings_is_void_and_a_consent_is_not() -> None:
    assert grant(f"oauth2: {MACHINE}").basis != grant(f"oauth2: {MACHINE}", client_secret="new").basis
    assert grant(f"oauth2: {MACHINE}").basis == grant(f"oauth2: {MACHINE}", user="ann").basis
    assert grant(f"oauth2: {CODE}").basis == grant(f"oauth2: {CODE}", client_secret="new").basis


@pytest.mark.parametrize(
    ("auth", "says", "line"),
    [
        ("oauth2: {token: 'https://t'}", "expected one of authorization_code", 16),
        ("oauth2: {grant: password, token: 'https://t', username: x}", "`password` is missing", 16),
        ("oauth2: {grant: client_credentials, token: 'http://t'}", "over https", 16),
        ("oauth2: {grant: client_credentials}", "`token` is missing", 16),
        ("oauth2: {grant: authorization_code, token: 'https://t'}", "`authorize` is missing", 16),
        ("oauth2: {grant: client_credentials, token: 'https://t', pkce: true}", "goes with", 16),
        ("oauth2: {grant: client_credentials, token: 'https://t', refreshes: x}", "unknown key `refreshes`", 16),
        ("oauth2: {grant: client_credentials, token: $auth.x, scopes: $.a}", r"unknown variable|setting", 16),
        ("login: {post: /l}", "`save` is missing", 16),
        ("login: {post: /l, save: {a: $res.text}, results: {retry: true}}", "a login has none", 16),
        ("login: {post: /l, save: {a: $res.text}}\n  gcp: {}", "one token", 17),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(auth: str, says: str, line: int) -> None:
    with pytest.raises(InvalidManifest, match=says) as caught:
        manifest(f"{SETTINGS}auth:\n  {auth}\n{REST.replace('$auth.account', '$.x')}")

    assert caught.value.attributes["line"] == line


def test_a_token_that_nobody_gets_is_not_read() -> None:
    with pytest.raises(InvalidManifest, match=r"unknown variable `\$auth`; requests read it, where `auth` says"):
        manifest(f"{SETTINGS}auth: {{bearer: $settings.own}}\n{REST}")


def test_events_are_not_mapped_by_a_token() -> None:
    with pytest.raises(InvalidManifest, match=r"unknown variable `\$auth`"):
        manifest(f"{SETTINGS}auth: {{oauth2: {MACHINE}}}\nlet: {{a: $auth.account}}\n{REST}")


def findings(text: str) -> list[str]:
    return [one.say for one in lint(manifest(text)) if one.path.startswith("auth")]


def test_the_contract_wants_a_token_read_and_its_credentials_secret() -> None:
    plain = SETTINGS.replace("client_secret: {type: secret", "client_secret: {type: string")

    assert findings(f"{SETTINGS}auth: {{oauth2: {MACHINE}}}\n{REST}") == []
    assert "nothing reads `$auth`" in str(
        findings(f"{SETTINGS}auth: {{oauth2: {MACHINE}}}\n{REST.replace('$auth.account', '$settings.own')}")
    )
    assert "`client_secret` proves who asks" in str(findings(f"{plain}auth: {{oauth2: {MACHINE}}}\n{REST}"))


def test_what_a_token_is_asked_with_counts_as_read() -> None:
    said = [
        one.say for one in lint(manifest(f"{SETTINGS}auth: {{oauth2: {MACHINE}}}\n{REST}")) if "reads this" in one.say
    ]
    unread = [one.path for one in lint(manifest(f"{SETTINGS}auth: {{oauth2: {MACHINE}}}\n{REST}")) if one.say in said]

    assert "settings.client_secret" not in unread
    assert "settings.own" in unread


def test_steps_read_the_token_too() -> None:
    steps = REST.replace(
        'send: {post: "/{{ $auth.account }}/events", json: $item}',
        'steps: [{find: {get: "/{{ $auth.account }}/x", save: {id: $res.body.id}}}]',
    )
    destination = target(f"{SETTINGS}auth: {{oauth2: {MACHINE}}}\n{steps}", client_id="me", client_secret="s3cret-word")

    sent = next(destination.exchange("event", items(destination, EVENT), Moment(NOW, "m", {"account": "a"})))

    assert isinstance(sent, Request)
    assert sent.url == "https://acme.test/a/x?v=2"
