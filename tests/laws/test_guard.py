"""Laws of the guard: what never leaves, what never shows, what cannot be forged."""

from __future__ import annotations

import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.document import Document, Json, encode
from turnout.errors import InvalidConfirmation
from turnout.event.model import TEST
from turnout.guard.audit import BEGINNING, Entry, Row, append, verify
from turnout.guard.confirmation import open_token, seal
from turnout.guard.idempotency import IGNORED, Fingerprint, differing, fingerprint
from turnout.guard.masking import mask, mask_document, untrusted
from turnout.guard.namespace import pooled

# Ids are made of letters that no word around them has, so that finding one means that it survived.
IDS = st.text("XYZ0189_/ ü%+&=", min_size=6, max_size=20).filter(lambda text: text.strip() == text)
EMAILS = st.emails()
LEAVES = st.none() | st.booleans() | st.integers(0, 999) | st.text("abc ", max_size=8)


def placed(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    """Put texts as they are, within others, into URLs and into keys, at any depth."""
    somewhere = texts.flatmap(
        lambda text: st.sampled_from(
            [text, f"for {text}!", f"https://x.io/?u={quote(text, safe='')}&n=1", quote(quote(text, safe=""), safe="")]
        )
    )
    return st.recursive(
        LEAVES | somewhere,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("pqr") | texts, below, max_size=3),
        max_leaves=8,
    )


@st.composite
def events(draw: st.DrawFn) -> tuple[Document, tuple[str, ...], tuple[str, ...]]:
    ids = draw(st.lists(IDS, min_size=4, max_size=4))
    emails = draw(st.lists(EMAILS, min_size=2, max_size=2))
    anything = placed(st.sampled_from(ids + emails))
    event: Document = {
        "type": "track",
        "messageId": draw(st.sampled_from(["m-1", f"m {ids[0]}", f"m {emails[0]}"])),
        "event": draw(st.sampled_from(["Paid", f"Paid by {emails[1]}"])),
        "timestamp": "2025-11-24T16:00:00.123Z",
        "userId": ids[0],
        "anonymousId": ids[1],
        "properties": draw(anything),
        "context": {"device": {"id": ids[2]}, "traits": {"email": emails[0], "more": draw(anything)}},
        "integrations": {"Some": {"client_id": ids[3], "more": draw(anything)}, "All": True},
        "traits": {"email": emails[1]},
    }
    return event, tuple(ids), tuple(emails)


def texts(value: Json) -> Iterator[str]:
    """Yield every key and text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield key
            yield from texts(below)
    elif isinstance(value, Sequence):
        for below in value:
            yield from texts(below)


def forms(text: str) -> set[str]:
    once = quote(text, safe="")
    return {form.lower() for form in (text, quote(text), once, quote(once, safe=""))}


@given(events(), st.integers(0, 10**9))
def test_no_id_and_no_email_survives_the_pool_in_any_text_or_key(
    drawn: tuple[Document, tuple[str, ...], tuple[str, ...]], person: int
) -> None:
    event, ids, emails = drawn

    left = [text.lower() for text in texts(pooled(event, person, TEST))]

    for gone in ids + emails:
        assert not [text for text in left if any(form in text for form in forms(gone))]


@given(st.lists(st.tuples(IDS, EMAILS, st.integers(0, 10**9)), max_size=40), st.integers(1, 12))
def test_however_many_people_are_sent_at_most_size_ids_leave(people: list[tuple[str, str, int]], size: int) -> None:
    left = [pooled({"userId": one, "traits": {"email": mail}}, person, TEST, size) for one, mail, person in people]

    assert len({str(event["userId"]) for event in left}) <= size
    assert len({encode(event["traits"]) for event in left}) <= size


@given(events(), st.integers(0, 10**9))
def test_the_pool_gives_the_same_again_and_leaves_its_input_alone(
    drawn: tuple[Document, tuple[str, ...], tuple[str, ...]], person: int
) -> None:
    event, _, _ = drawn
    before = deepcopy(event)

    first = pooled(event, person, TEST)

    assert first == pooled(event, person, TEST)
    assert event == before


@given(events())
def test_no_id_and_no_email_shows_in_a_masked_event(
    drawn: tuple[Document, tuple[str, ...], tuple[str, ...]],
) -> None:
    event, ids, emails = drawn

    shown = [text.lower() for text in texts(mask_document(event))]

    for gone in ids + tuple(mail for mail in emails if mail.index("@") > 1):
        assert not [text for text in shown if any(form in text for form in forms(gone))]


@given(st.text(min_size=2).filter(lambda text: "…" not in text))
def test_a_masked_value_never_holds_the_value(value: str) -> None:
    assert value not in mask(value)
    assert "…" in mask(value)


@given(st.text(max_size=600), st.integers(1, 512))
def test_a_harmless_text_is_short_and_has_no_character_that_hides_or_commands(text: str, limit: int) -> None:
    harmless = untrusted(text, limit)

    assert len(harmless) <= limit
    assert not [one for one in harmless if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


ARGUMENTS = st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=5), max_size=5).map(
    lambda found: {
        name: value
        for name, value in found.items()
        if name not in IGNORED and (isinstance(value, str) or abs(value) < 2**63)
    }
)


@given(ARGUMENTS, ARGUMENTS)
def test_two_calls_differ_exactly_in_the_arguments_that_are_named(
    a: dict[str, int | str], b: dict[str, int | str]
) -> None:
    first, second = (fingerprint(b"s" * 32, "op", arguments) for arguments in (a, b))

    assert differing(first, second) == tuple(
        sorted(name for name in a.keys() | b.keys() if (name in a, a.get(name)) != (name in b, b.get(name)))
    )
    assert (first.whole == second.whole) == (a == b)
    assert Fingerprint.read(bytes(first)) == first


@given(st.integers(0, 67), st.integers(1, 255))
def test_no_changed_byte_of_a_token_opens_it(position: int, flip: int) -> None:
    token = seal(b"k" * 32, "local", "op", b"d" * 16, expires=2, nonce=b"n" * 12)
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[position] ^= flip

    with pytest.raises(InvalidConfirmation):
        open_token(b"k" * 32, urlsafe_b64encode(raw).decode().rstrip("="), "local", "op", b"d" * 16, now=1)


@given(st.permutations(range(5)), st.integers(0, 5))
def test_only_the_chain_as_it_was_written_holds(order: list[int], kept: int) -> None:
    rows: list[Row] = []
    for at in range(5):
        rows.append(append(rows[-1].hash if rows else BEGINNING, Entry(at, "p", "c", "o", b"", "done")))
    shown = [rows[place] for place in order][:kept]

    holds = verify(shown, head=rows[-1].hash) is None

    assert holds == (shown == rows)
