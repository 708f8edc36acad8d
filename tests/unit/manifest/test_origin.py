"""A field of what is sent names the line that made it, in every manifest there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from turnout.document import Json
from turnout.exchange import Item
from turnout.manifest.catalogue import Catalogue, packaged
from turnout.manifest.origin import Origins

SLUGS = sorted(each.name.removesuffix(".yaml") for each in packaged().iterdir() if each.name.endswith(".yaml"))
NOW = 1_764_000_000_000_000
NAMED = 0.9
"""Of the fields of a manifest's own tests; the others are made as a whole, by an operator or a hatch."""


def paths(value: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from paths(below, (*at, key))
    elif isinstance(value, list) and value:
        for place, below in enumerate(value):
            yield from paths(below, (*at, str(place)))
    else:
        yield at


@pytest.mark.parametrize("slug", SLUGS)
def test_nearly_every_field_of_a_manifests_own_tests_has_its_line(slug: str) -> None:
    catalogue = Catalogue()
    manifest = catalogue.manifest(slug)
    last = len((packaged() / f"{slug}.yaml").read_text(encoding="utf-8").splitlines())
    lines: list[str] = []
    for case in manifest.tests:
        target = catalogue.bind(slug, case.settings)
        for event in case.events:
            kind, name = str(event.get("type", "track")), str(event.get("event", ""))
            made = target.items(event, target.select(kind, name), NOW)
            for item in (each for each in made if isinstance(each, Item)):
                origins = Origins(manifest, item.action, event)
                lines += [origins.line(each) for each in paths(item.value)]

    assert lines
    assert len([line for line in lines if line]) >= NAMED * len(lines)
    assert all(0 < int(line.rpartition(":")[2]) <= last for line in lines if line)
