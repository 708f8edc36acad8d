"""Identifiers that an erasure still looks for, sealed under the workspace's key until nothing looks for them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

from turnout import document
from turnout.erasure import Needles
from turnout.store.unit import Unit, View

_FIELD = "identifiers"


def seal(unit: Unit, regulation: str, values: Sequence[str]) -> str:
    """Seal identifiers for a regulation's row."""
    text = document.encode(list(values)).decode()
    return b64encode(unit.vault.seal(regulation, _FIELD, text, unit.session.entropy)).decode() if values else ""


def unseal(view: View, regulation: str, sealed: str) -> Needles:
    """Open them again, ready to be looked for; none finds nothing."""
    found = document.decode(view.vault.unseal(regulation, _FIELD, b64decode(sealed))) if sealed else []
    assert isinstance(found, list)
    return Needles([str(value) for value in found])
