"""The proof of an erasure: what it removed, what a look finds left of the person now, and the receipt's hash.

The hash is SHA-256 of the receipt in canonical JSON without `summary` and `proof`: whoever kept an answer can check it.
"""

from __future__ import annotations

import hashlib

from turnout import erasure
from turnout.clock import iso
from turnout.document import Document, canonical
from turnout.erasure import Kind
from turnout.store.privacy import Regulation
from turnout.store.unit import View


def proof(view: View, found: Regulation, receipt: Document) -> Document | None:
    """Give the proof of one that erases; None for one that only suppresses or lifts."""
    if not Kind(found.kind).erases:
        return None
    steps = {step.where: step.counts for step in erasure.read(found.steps).steps}
    return {
        "events_erased": steps.get(erasure.EVENTS, {}).get("erased", 0),
        "events_left": _left(view, found),
        "identifiers_cut": len(found.keys),
        "identifiers_left": sum(_still(view, found, key) for key in found.keys),
        "looked_at": iso(view.now),
        "finished_at": iso(found.finished) if found.finished else None,
        "receipt_sha256": hashlib.sha256(canonical(receipt)).hexdigest(),
    }


def _left(view: View, found: Regulation) -> int:
    """Count the events that it reaches and that still have content."""
    selves = view.people.selves(found.person) if found.person else ()
    return view.history.content(selves, found.until)


def _still(view: View, found: Regulation, key: bytes) -> bool:
    """Tell whether an identifier still leads to the person; one that came again later is somebody new's."""
    known = view.people.keyed(key)
    return known is not None and known[1] <= found.until
