"""How lanes get their targets: the catalogue, as `delivery.eyes` asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from turnout.document import Document, Json
from turnout.exchange import Flows, Target
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.compile import compile_predicate
from turnout.manifest.flows import flows
from turnout.manifest.hatch import Hatch
from turnout.sinks.files import JSONL

OWN = "manifests"
"""The folder of a workspace's own manifests, in its data directory."""


def catalogue_of(data: Path, hatch: Iterable[str] = ()) -> Catalogue:
    """Give all destinations of a workspace: manifests in its folder `manifests` count beside those of the package.

    `hatch` are the modules in Python that they may call.
    """
    return Catalogue((JSONL,), own=data / OWN, index=data / "catalogue.json", hatch=Hatch(frozenset(hatch)))


class Binder:
    """Binds what is in the catalogue, manifests and native sinks alike."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Look things up here."""
        self._catalogue = catalogue

    def bind(self, slug: str, settings: Mapping[str, Json], overrides: Mapping[str, Json] | None = None) -> Target:
        """Fill in the settings, put overrides in. Raises: NotFound, InvalidSettings, InvalidManifest, InvalidInput."""
        return self._catalogue.bind(slug, settings, overrides)

    def names(self, slug: str) -> frozenset[str]:
        """Give the names by which an `integrations` object may mean it, without case. Raises: NotFound."""
        entry = self._catalogue.find(slug)
        return frozenset(name.casefold() for name in (entry.slug, entry.name, *entry.aliases))

    def filter(self, text: str) -> Callable[[Document], bool]:
        """Compile a destination's filter. Raises: InvalidInput."""
        return compile_predicate(text)

    def by_hand(self, slug: str) -> str:
        """Say why a destination cannot delete a person, and where to read how one does it there. Raises: NotFound."""
        entry = self._catalogue.find(slug)
        why = next((each.why for each in entry.left_out if _DELETION.search(each.what) and each.why), "")
        said = f"It is not asked to delete{f' ({why})' if why else ''}; what it got stays there until you delete it."
        return f"{said} Its documentation: {entry.docs}" if entry.docs else said

    def flows(self, slug: str) -> Mapping[str, Flows]:
        """List the fields of an event that each action sends; of a native destination nothing. Raises: NotFound."""
        return {} if self._catalogue.find(slug).native else flows(self._catalogue.manifest(slug))


_DELETION = re.compile(r"\b(erasure|deletion)\b", re.IGNORECASE)
"""What `leaves_out` calls it."""
