"""What is known of destinations that nobody may have written a manifest for yet: `manifests/catalogue.tsv`.

One line a product. `reach` says whether a server can send to it: yes, no (a program for devices only, or closed), or
partly (an address that the vendor gives to partners). `endpoints` are stated where code or documentation shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from turnout.manifest.library import home

NO_WAY, PARTLY = "no", "partly"
"""What `reach` may say beside `yes`."""


@dataclass(frozen=True, slots=True)
class Known:
    """A destination that exists."""

    slug: str
    name: str
    category: str
    calls: tuple[str, ...]
    reach: str
    auth: str
    endpoints: tuple[str, ...]
    batch: str
    deletes: bool
    tier: int
    aliases: tuple[str, ...]


@cache
def known() -> Mapping[str, Known]:
    """Read them all, by slug, the most wanted first; a few milliseconds, once."""
    lines = (home() / "catalogue.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found = [_known(line.split("\t")) for line in lines]
    return {one.slug: one for one in sorted(found, key=lambda one: one.tier)}


def _known(cells: list[str]) -> Known:
    slug, name, category, calls, reach, auth, endpoints, batch, deletion, tier, aliases = cells
    return Known(
        slug, name, category, _words(calls, ","), reach, auth, _words(endpoints, " ; "), batch, deletion == "yes",
        int(tier), _words(aliases, ","),
    )  # fmt: skip


def _words(cell: str, between: str) -> tuple[str, ...]:
    return tuple(cell.split(between)) if cell else ()
