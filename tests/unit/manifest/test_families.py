"""Families: one file, many destinations."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from support.manifests import request
from turnout.document import Document
from turnout.errors import InvalidManifest, NotFound
from turnout.manifest import families
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.load import load
from turnout.manifest.model import Manifest
from turnout.manifest.read import read, read_all

FAMILY = """\
turnout: 1
family: hooks
category: Raw Data
status: {preview: guess}
defaults: {body: $item}
actions:
  a:
    for: $row.calls
    batch: $row.batch
    send: {post: "https://{{ $row.host }}/{{ $.type }}", json: $row.body}
tests:
  - {event: {type: track}, sends: {url: $row.url}}
rows:
  - {slug: one, name: One, calls: track, host: one.test, url: "https://one.test/track"}
  - slug: two
    name: Two
    category: CRM
    calls: [track, page]
    host: two.test
    url: https://two.test/track
    batch: {max: 5}
    body: {all: $batch}
    tests:
      - {event: {type: page}, sends: {url: "https://two.test/page"}}
"""
TRACK: Document = {"type": "track", "event": "E", "messageId": "m1"}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "families").mkdir()
    (tmp_path / "families" / "hooks.yaml").write_text(FAMILY)
    return Catalogue((), tmp_path)


def manifests(old: str = "", new: str = "") -> dict[str, Manifest]:
    assert old in FAMILY
    return {one.slug: one for one in read_all(FAMILY.replace(old, new, 1), "hooks.yaml")}


def test_each_row_is_a_destination_of_its_own(catalogue: Catalogue) -> None:
    one, two = catalogue.bind("one", {}), catalogue.bind("Two", {})

    assert [(entry.slug, entry.name, entry.category) for entry in catalogue.entries()] == [
        ("one", "One", "Raw Data"),
        ("two", "Two", "CRM"),
    ]
    assert isinstance(one, CompiledTarget)
    assert request(one, TRACK).url == "https://one.test/track"
    assert (len(one.actions), len(two.actions)) == (1, 1)
    assert catalogue.digest("one") != catalogue.digest("two")


def test_what_a_row_says_stands_where_the_family_reads_it_and_else_the_default() -> None:
    found = manifests()

    assert found["one"].actions["a"].batch is None
    assert found["two"].actions["a"].batch is not None
    assert set(found["two"].actions["a"].triggers) == {"track", "page"}
    assert (len(found["one"].tests), len(found["two"].tests)) == (1, 2)


def test_a_row_that_is_searched_for_is_found(catalogue: Catalogue) -> None:
    assert [row.slug for row in catalogue.search("two").rows] == ["two"]
    with pytest.raises(NotFound):
        catalogue.find("three")


@pytest.mark.parametrize(
    ("old", "new", "say"),
    [
        ("host: one.test", "hots: one.test", "the row `one` has no text `host`"),
        ("host: one.test,", "host: one.test, extra: 1,", "rows.0.extra: nothing reads `$row.extra`"),
        ("slug: two", "slug: one", "there is a row `one` already"),
        ("{{ $row.host }}", "{{ $row.host | lower }}", "`$row.name` stands alone, or alone inside `{{ }}`"),
        ("slug: one, ", "", "`slug` is missing"),
        ("calls: track,", "calls: trakc,", "expected calls"),
        ("family: hooks", "family: ''", "`family` is missing"),
    ],
)
def test_a_slip_in_a_family_is_refused(old: str, new: str, say: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        manifests(old, new)

    assert say in refused.value.message


def test_a_slip_is_told_where_it_stands_in_the_file() -> None:
    with pytest.raises(InvalidManifest) as refused:
        manifests("calls: [track, page]", "calls: [track, pag]")

    line = refused.value.attributes["line"]
    assert isinstance(line, int)
    assert FAMILY.splitlines()[line - 1].strip().startswith("calls: [track, page]")


def test_a_family_without_rows_is_refused() -> None:
    with pytest.raises(InvalidManifest, match="1 to 500 rows"):
        families.slugs(load(dedent("family: a\nrows: []\n")))


def test_a_family_is_no_manifest_of_one_destination() -> None:
    with pytest.raises(InvalidManifest, match="unknown key `family`"):
        read("turnout: 1\nfamily: a\n")


def test_a_family_that_cannot_be_read_hides_no_other_manifest(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "families" / "bad.yaml").write_text("rows: [\n")

    assert catalogue.find("One").slug == "one"
    assert {row.slug: row.status for row in catalogue.search("").rows}["bad"] == "invalid"
