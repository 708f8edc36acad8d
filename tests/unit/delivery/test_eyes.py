"""What lanes see of the log together: how much of it is kept, as rows and as documents."""

from __future__ import annotations

from turnout.delivery.eyes import EVENT_BYTES, EVENTS, Kept


def test_events_are_kept_up_to_their_number() -> None:
    kept: Kept[int, str] = Kept()
    for seq in range(EVENTS + 1):
        kept.keep(seq, 1000, "event")

    assert len(kept.held) == EVENTS // 2 + 1
    assert min(kept.held) == EVENTS // 2


def test_events_are_kept_up_to_their_bytes() -> None:
    kept: Kept[int, str] = Kept()
    for seq in range(1000):
        kept.keep(seq, 512_000, "event")
        assert 512_000 * len(kept.held) <= EVENT_BYTES

    assert 999 in kept.held
