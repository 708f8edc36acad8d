"""How lanes get their targets: the catalogue, as `delivery.eyes` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from turnout.document import Document, Json
from turnout.exchange import Target
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.compile import compile_predicate


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
