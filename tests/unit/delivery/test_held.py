"""When a token is good, when a newer one is asked for, and how long nothing is asked after a failure."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from support.engine import bound
from support.manifests import target
from support.workspace import BEGIN
from turnout.clock import SECOND
from turnout.delivery import held
from turnout.delivery.held import CLAIM_S, NONE, RENEW_S, Held, Pass, Token
from turnout.document import Document
from turnout.exchange import Granted, Refused

NOW = BEGIN
HOUR = 3600.0
MACHINE = target(
    """
    settings: {client_id!: {type: string}, client_secret!: {type: secret}}
    auth: {oauth2: {grant: client_credentials, token: "https://acme.test/t"}, bearer: $auth.access_token}
    actions: {a: {for: track, send: {post: "https://acme.test"}}}
    """,
    client_id="me",
    client_secret="secret",
).grant
assert MACHINE is not None
BASIS = MACHINE.basis


def given(lives_s: float | None = HOUR, fields: Document | None = None) -> Held:
    return NONE.granted(Granted(fields or {"access_token": "t"}, lives_s), BASIS, NOW)


def token(kept: Held, revision: int = 1) -> Token:
    assert MACHINE is not None
    return Token(bound(), MACHINE, kept, kept.fields, (), revision)


def later(seconds: float) -> int:
    return NOW + int(seconds * SECOND)


def test_a_token_is_good_until_it_ends_and_renewed_before() -> None:
    kept = given()

    assert kept.is_good(BASIS, later(HOUR - 1))
    assert not kept.is_good(BASIS, later(HOUR))
    assert not kept.is_due(BASIS, later(HOUR - 301))
    assert kept.is_due(BASIS, later(HOUR - 299))


def test_a_short_life_is_renewed_in_its_last_fifth_and_one_without_end_never() -> None:
    assert not given(60).is_due(BASIS, later(47))
    assert given(60).is_due(BASIS, later(49))
    assert not given(None).is_due(BASIS, later(1e6))


def test_a_token_of_other_settings_is_not_good() -> None:
    assert not given().is_good("other", NOW)


def test_a_clock_that_was_set_back_renews_and_goes_on_meanwhile() -> None:
    kept = given()

    assert kept.is_good(BASIS, later(-86_400))
    assert kept.is_due(BASIS, later(-86_400))


def test_a_clock_that_was_set_forward_asks_before_anything_leaves() -> None:
    assert not given().is_good(BASIS, later(86_400))
    assert token(given()).is_due(later(86_400))


def test_what_an_answer_leaves_out_stays_as_it_was() -> None:
    first = given(fields={"access_token": "t1", "refresh_token": "r1", "account": "a"})

    second = first.granted(Granted({"access_token": "t2"}), BASIS, NOW)

    assert second.fields == {"access_token": "t2", "refresh_token": "r1", "account": "a"}
    assert second.number == 2
    assert first.granted(Granted({"access_token": "t2"}), "other", NOW).fields == {"access_token": "t2"}


def test_failures_are_rested_after_longer_and_longer() -> None:
    kept = NONE
    rests = []
    for _ in range(9):
        kept = kept.refused(Refused("http_503"), 1, NOW, None)
        rests.append(kept.rest_s(1, NOW))

    assert rests == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert kept.rest_s(1, later(301)) == 0


def test_a_vendor_may_ask_for_more_rest_and_an_operator_for_less() -> None:
    assert NONE.refused(Refused("http_429", after_s=60), 1, NOW, None).rest_s(1, NOW) == 60
    assert NONE.refused(Refused("http_503"), 1, NOW, 0.05).rest_s(1, NOW) == pytest.approx(0.05)


def test_what_is_spent_is_never_asked_with_again_until_the_configuration_changes() -> None:
    kept = given().refused(Refused("invalid_grant", spent=True), 1, NOW, None)

    assert kept.rest_s(1, later(1e9)) is None
    assert kept.rest_s(2, NOW) == 0
    assert not kept.is_stuck(NOW)
    assert kept.is_stuck(later(HOUR))


def test_a_rest_that_ends_too_far_ahead_is_over_because_the_clock_was_set_back() -> None:
    kept = NONE.refused(Refused("http_503"), 1, NOW, None)

    assert kept.rest_s(1, later(-86_400)) == 0


def test_a_claim_ends_by_itself_and_one_from_the_future_is_none() -> None:
    kept = NONE.claimed("me", NOW)

    assert kept.is_claimed(NOW)
    assert not kept.is_claimed(later(CLAIM_S))
    assert not kept.is_claimed(later(-1))


def test_what_was_kept_is_read_as_it_was_written() -> None:
    kept = replace(given(), why="x", claim="me")

    assert held.read(held.write(kept)) == kept
    assert held.read(None) is NONE
    assert "access_token" not in repr(kept)


def test_trouble_is_told_with_what_to_do() -> None:
    consent = Held(consent=True)

    assert "run `turnout destination authorize 'My CRM'`" in consent.trouble("My CRM")
    assert consent.is_stuck(NOW)
    assert "correct its credentials" in given().refused(Refused("invalid_grant", spent=True), 1, NOW, None).trouble("A")
    assert "(http_503)" in NONE.refused(Refused("http_503"), 1, NOW, None).trouble("A")
    assert given().trouble("A") == ""


def passing() -> tuple[Pass, list[int]]:
    asked: list[int] = []
    return Pass(lambda one: asked.append(one.held.number)), asked


def test_a_lane_without_a_token_waits_and_asks() -> None:
    mine, asked = passing()

    mine.see(token(NONE), NOW)

    assert (mine.waits(NOW), asked) == (True, [0])
    assert not mine.see(None, NOW)
    assert not mine.waits(NOW)


def test_a_refused_token_is_renewed_once_and_a_newer_one_goes_on() -> None:
    mine, asked = passing()
    mine.see(token(given()), NOW)

    assert mine.refused(1, 100.0)
    assert mine.refused(1, 100.1)  # others that had left with it
    assert (mine.waits(NOW), asked) == (True, [1])

    newer = given().granted(Granted({"access_token": "t2"}), BASIS, NOW)
    assert mine.see(token(newer), NOW)
    assert not mine.waits(NOW)
    assert mine.refused(1, 101.0)  # late: it leaves again with the newer one
    assert not mine.refused(2, 102.0)  # refused too: it was not the token's age
    assert mine.refused(2, 100.0 + RENEW_S)


def test_a_token_that_cannot_be_renewed_is_the_breakers_matter() -> None:
    mine, _ = passing()
    never = target(
        """
        settings: {client_id!: {type: string}, client_secret!: {type: secret}}
        auth:
          oauth2: {grant: client_credentials, token: "https://acme.test/t", refresh: never}
          bearer: $auth.access_token
        actions: {a: {for: track, send: {post: "https://acme.test"}}}
        """,
        client_id="me",
        client_secret="secret",
    ).grant
    assert never is not None
    mine.see(Token(bound(), never, given(), {}, (), 1), NOW)

    assert not mine.refused(1, 100.0)
