from __future__ import annotations

import hashlib
import re

import pytest

from turnout.entropy import SystemEntropy
from turnout.guard.token import agrees, id_of, mint, shown


def test_a_token_has_a_prefix_its_id_32_random_bytes_and_a_checksum() -> None:
    minted = mint(SystemEntropy())

    assert re.fullmatch(r"to_[0-9a-f]{12}_[0-9a-f]{64}[0-9a-f]{8}", minted.text)
    assert minted.text.startswith(f"{minted.id}_")
    assert id_of(minted.text) == minted.id


def test_what_is_kept_of_a_token_is_its_sha_256() -> None:
    minted = mint(SystemEntropy())

    assert minted.digest == hashlib.sha256(minted.text.encode()).digest()
    assert agrees(minted.text, minted.digest)
    assert not agrees(mint(SystemEntropy()).text, minted.digest)


def test_a_token_does_not_print() -> None:
    minted = mint(SystemEntropy())

    assert minted.text not in repr(minted)


@pytest.mark.parametrize("at", [3, 20, 79, 80, 87])
def test_a_token_with_a_slip_of_the_pen_is_none(at: int) -> None:
    text = mint(SystemEntropy()).text
    other = "0" if text[at] != "0" else "1"

    assert id_of(text[:at] + other + text[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "to_", "wk_0123", "to_0123456789ab_" + "0" * 72, "to_0123456789ab"])
def test_what_is_no_token_has_no_id(text: str) -> None:
    assert id_of(text) is None


def test_of_a_token_only_the_id_is_shown_also_of_one_that_was_cut() -> None:
    minted = mint(SystemEntropy())

    assert {shown(minted.text), shown(minted.text[:40]), shown(minted.id)} == {minted.id}
    assert shown("My laptop") == "My laptop"
