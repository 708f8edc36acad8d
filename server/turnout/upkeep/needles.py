"""Identifiers that an erasure still looks for, sealed under the workspace's key until nothing looks for them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from turnout import document, erasure
from turnout.erasure import Needles, Steps
from turnout.event.model import Namespace
from turnout.identity.model import Identifier, IdType
from turnout.store.privacy import Regulation
from turnout.store.unit import Unit, View
from turnout.store.vault import Vault

_FIELD = "identifiers"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is looked for in text: by the values that are known, and of the others by the keys of its words."""

    values: Needles
    keys: frozenset[bytes]
    namespace: Namespace
    vault: Vault

    def within(self, text: bytes | str) -> bool:
        """Tell whether one of the identifiers stands in a text."""
        return self.values.within(text) or (bool(self.keys) and any(map(self._is_key, erasure.words(text))))

    def _is_key(self, word: str) -> bool:
        """Tell whether a word is an identifier of theirs, of any type; an e-mail is one in lower case."""
        each = ((IdType.USER, word), (IdType.ANONYMOUS, word), (IdType.EMAIL, word.lower()))
        return any(self.vault.identifier(Identifier(self.namespace, *one)) in self.keys for one in each)


def seal(unit: Unit, regulation: str, values: Sequence[str]) -> str:
    """Seal identifiers for a regulation's row."""
    text = document.encode(list(values)).decode()
    return b64encode(unit.vault.seal(regulation, _FIELD, text, unit.session.entropy)).decode() if values else ""


def unseal(view: View, regulation: Regulation, steps: Steps) -> Wanted:
    """Open them again, ready to be looked for; none finds nothing."""
    sealed = b64decode(steps.sealed)
    found = document.decode(view.vault.unseal(regulation.id, _FIELD, sealed)) if sealed else []
    assert isinstance(found, list)
    keys = frozenset(regulation.keys) if steps.keyed else frozenset()
    return Wanted(Needles([str(value) for value in found]), keys, Namespace(regulation.namespace), view.vault)
