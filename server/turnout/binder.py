"""How lanes get their targets: the catalogue, as `delivery.eyes` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from turnout.document import Document, Json
from turnout.exchange import Target
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.compile import compile_predicate
from turnout.sinks.files import JSONL

OWN = "manifests"
"""The folder of a workspace's own manifests, in its data directory."""


def catalogue_of(data: Path) -> Catalogue:
    """Give all destinations of a workspace: manifests in its folder `manifests` count beside those of the package."""
    return Catalogue((JSONL,), own=data / OWN, index=data / "catalogue.json")


class Binder:
    """Binds what is in the catalogue, manifests and native sinks alike."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Look things up here."""
        self._catalogue = catalogue

    def bind(self, slug: str, settings: Mapping[str, Json]) -> Target:
        """Fill in the settings. Raises: NotFound, InvalidSettings, InvalidManifest."""
        return self._catalogue.bind(slug, settings)

    def names(self, slug: str) -> frozenset[str]:
        """Give the names by which an `integrations` object may mean it, without case. Raises: NotFound."""
        entry = self._catalogue.find(slug)
        return frozenset(name.casefold() for name in (entry.slug, entry.name, *entry.aliases))

    def filter(self, text: str) -> Callable[[Document], bool]:
        """Compile a destination's filter. Raises: InvalidInput."""
        return compile_predicate(text)
