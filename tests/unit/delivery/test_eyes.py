"""What lanes see of the log together: how much of it is kept as documents."""

from __future__ import annotations

from turnout.delivery.eyes import DOCUMENT_BYTES, DOCUMENTS, Known


def test_documents_are_kept_up_to_their_number() -> None:
    known = Known()
    for seq in range(DOCUMENTS + 1):
        known.keep((seq, 0), 1000, {"n": seq})

    assert len(known.documents) == DOCUMENTS // 2 + 1
    assert min(known.documents) == (DOCUMENTS // 2, 0)
    assert known.size == 1000 * len(known.documents)


def test_documents_are_kept_up_to_their_bytes() -> None:
    known = Known()
    for seq in range(1000):
        known.keep((seq, 0), 512_000, {"n": seq})
        assert known.size == 512_000 * len(known.documents) <= DOCUMENT_BYTES

    assert (999, 0) in known.documents
