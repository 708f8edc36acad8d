"""What lanes see of the log together: how much of it is kept, as rows and as documents."""

from __future__ import annotations

from support.engine import stored
from turnout.delivery.eyes import EVENT_BYTES, EVENTS, Kept


def test_events_are_kept_up_to_their_number() -> None:
    kept = Kept()
    for seq in range(EVENTS + 1):
        kept.keep(stored(seq))

    assert EVENTS // 2 < len(kept.held) <= EVENTS
    assert sorted(kept.held) == list(range(EVENTS + 1 - len(kept.held), EVENTS + 1))


def test_events_are_kept_up_to_their_bytes() -> None:
    kept = Kept()
    for seq in range(1000):
        kept.keep(stored(seq)._replace(body=b"x" * 512_000))
        assert 512_000 * len(kept.held) <= EVENT_BYTES

    assert 999 in kept.held
