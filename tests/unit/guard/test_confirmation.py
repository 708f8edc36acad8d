from __future__ import annotations

import re

import pytest

from turnout.errors import InvalidConfirmation
from turnout.guard.confirmation import LIFETIME, open_token, seal

KEY = bytes(range(32))
DIGEST = b"d" * 16
NONCE = b"n" * 12
NOW = 1_764_000_000_000_000


def token(nonce: bytes = NONCE) -> str:
    return seal(KEY, "local", "request_deletion", DIGEST, expires=NOW + LIFETIME, nonce=nonce)


def test_a_token_is_short_and_fits_a_url() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,200}", token())


def test_a_token_opens_for_its_call_and_is_spent_under_one_id() -> None:
    first = open_token(KEY, token(), "local", "request_deletion", DIGEST, now=NOW)
    second = open_token(KEY, token(), "local", "request_deletion", DIGEST, now=NOW + LIFETIME - 1)

    assert first == second
    assert first != open_token(KEY, token(b"m" * 12), "local", "request_deletion", DIGEST, now=NOW)


@pytest.mark.parametrize(
    ("principal", "operation", "digest", "now", "says"),
    [
        ("other", "request_deletion", DIGEST, NOW, "another principal"),
        ("local", "replay_events", DIGEST, NOW, "other arguments"),
        ("local", "request_deletion", b"e" * 16, NOW, "other arguments"),
        ("local", "request_deletion", DIGEST, NOW + LIFETIME, "expired"),
    ],
    ids=["principal", "operation", "arguments", "late"],
)
def test_a_token_opens_for_nothing_else(principal: str, operation: str, digest: bytes, now: int, says: str) -> None:
    with pytest.raises(InvalidConfirmation, match=says) as refused:
        open_token(KEY, token(), principal, operation, digest, now=now)

    assert refused.value.code == "confirm_invalid"
    assert "Nothing was changed" in refused.value.message


@pytest.mark.parametrize(
    "garbled",
    ["", "x", "ü", "a" * 91, token()[:-1], token() + "=", "A" + token()[1:], token()[:-2] + "AA", f" {token()}"],
)
def test_a_garbled_token_is_told_apart_from_nothing_but_a_good_one(garbled: str) -> None:
    with pytest.raises(InvalidConfirmation, match="not one that this workspace gave"):
        open_token(KEY, garbled, "local", "request_deletion", DIGEST, now=NOW)


def test_another_workspaces_token_does_not_open() -> None:
    with pytest.raises(InvalidConfirmation, match="not one that this workspace gave"):
        open_token(bytes(32), token(), "local", "request_deletion", DIGEST, now=NOW)
