from __future__ import annotations

import pytest

from turnout.identity.suspects import Mark, marks


@pytest.mark.parametrize(
    "value",
    [
        "test",
        "test-user-1",
        "TestUser2",
        "qa_7",
        "dummy",
        "fake.person",
        "ann@example.com",
        "ann@mail.test",
        "test+1@shop.io",
    ],
)
def test_ids_and_addresses_that_read_like_tests_are_marked(value: str) -> None:
    assert marks([value]) == (Mark.TEST,)


@pytest.mark.parametrize(
    "value",
    ["u_1", "contest_42", "latest", "ann@shop.io", "0b51f3ea-7e57-4cfa-8e57-d3a0fa4e0001", "attestation", "protest"],
)
def test_ids_that_only_contain_the_letters_are_not(value: str) -> None:
    assert marks([value]) == ()


def test_an_address_beside_a_plain_id_marks_them() -> None:
    assert marks(["u_1"], ["qa@shop.io"]) == (Mark.TEST,)


@pytest.mark.parametrize("value", ["null", "undefined", "0000", "anonymous", "-1"])
def test_placeholders_are_marked(value: str) -> None:
    assert Mark.PLACEHOLDER in marks([value])


@pytest.mark.parametrize(
    ("agent", "is_bot"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", True),
        ("Mozilla/5.0 HeadlessChrome/120", True),
        ("curl/8.5.0", True),
        ("Mozilla/5.0 (Macintosh) Safari/605", False),
        ("CUBOT phone", False),
        ("", False),
    ],
)
def test_programs_that_call_themselves_bots_are_marked(agent: str, is_bot: bool) -> None:  # noqa: FBT001
    assert (Mark.BOT in marks(["u_1"], user_agent=agent)) is is_bot
