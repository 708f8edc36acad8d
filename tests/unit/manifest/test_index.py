"""Where manifests lie, what is only known, and the index that is kept of both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turnout.errors import InvalidManifest, NotFound
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.known import known
from turnout.manifest.model import KINDS

SEND = "actions: {a: {for: track, send: {post: 'https://a.test'}}}\n"
EVERY = Catalogue()


def manifest(slug: str, name: str) -> str:
    return f"turnout: 1\nslug: {slug}\nname: {name}\nstatus: {{preview: guess}}\n{SEND}"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "acme.yaml").write_text(manifest("acme", "Acme"))
    return folder


def listed(own: Path, text: str = "") -> dict[str, str]:
    """Search in a process of its own, as far as what is kept goes."""
    catalogue = Catalogue(own=own, index=own.parent / "catalogue.json")
    return {row.slug: row.name for row in catalogue.search(text).rows}


def test_every_line_of_what_is_known_is_a_destination_of_its_own() -> None:
    assert len(known()) == 767
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in known())
    assert {each for one in known().values() for each in one.calls} <= {*KINDS, "record", "audiencelist"}
    assert {one.reach for one in known().values()} == {"yes", "partly", "no"}
    found = [each for one in known().values() for each in one.endpoints]
    assert [each for each in found if not re.match(r"([a-z0-9+]+:/)?/|\{", each)] == []


def test_every_known_destination_is_found_by_its_slug_and_by_its_name() -> None:
    lost = [
        slug
        for slug, one in known().items()
        if slug not in {row.slug for row in EVERY.search(slug.replace("-", " ")).rows} and EVERY.unbuilt(slug)
    ]

    assert lost == []


def test_what_is_built_is_not_told_as_only_known_under_another_name() -> None:
    assert EVERY.find("webhooks").slug == "webhook"
    assert EVERY.unbuilt("webhooks") is None
    assert [row.slug for row in EVERY.search("amplitude").rows if row.built] == ["amplitude"]


def test_a_known_destination_says_that_it_has_no_manifest_and_how_to_begin_one() -> None:
    with pytest.raises(NotFound, match=r"`mouseflow` .* no server can send to it"):
        EVERY.find("Mouseflow")
    with pytest.raises(NotFound, match="write one, beginning with: turnout destination new chartmogul"):
        EVERY.find("ChartMogul")
    with pytest.raises(NotFound, match="did you mean `chartmogul`"):
        EVERY.find("chartmogl")


def test_an_own_manifest_counts_beside_those_of_the_package_and_over_one_of_its_name(own: Path) -> None:
    (own / "slack.yaml").write_text(manifest("slack", "Our Slack"))

    assert listed(own)["acme"] == "Acme"
    assert listed(own)["slack"] == "Our Slack"
    assert Catalogue(own=own).bind("acme", {}).actions


def test_an_own_manifest_that_cannot_be_read_is_told_and_hides_no_other(own: Path) -> None:
    (own / "bad.yaml").write_text("slug: [\n")
    (own / "worse.yaml").write_bytes(b"\xff\xfe")
    catalogue = Catalogue(own=own)

    rows = {row.slug: row.status for row in catalogue.search("").rows}

    assert (rows["bad"], rows["worse"], rows["acme"]) == ("invalid", "invalid", "preview")
    assert catalogue.find("Acme").slug == "acme"
    with pytest.raises(InvalidManifest, match=r"bad\.yaml:2:1"):
        catalogue.find("bad")
    with pytest.raises(InvalidManifest, match=r"worse\.yaml: cannot be read"):
        catalogue.bind("worse", {})


def test_an_own_manifest_that_comes_later_is_found(own: Path) -> None:
    catalogue = Catalogue(own=own)
    with pytest.raises(NotFound):
        catalogue.find("Late")

    (own / "late.yaml").write_text(manifest("late", "Late"))

    assert catalogue.find("Late").slug == "late"


def test_what_did_not_change_is_not_read_again_by_another_process(own: Path) -> None:
    assert listed(own, "acme") == {"acme": "Acme"}
    kept = own.parent / "catalogue.json"
    kept.write_text(kept.read_text().replace("Acme", "Kept"))

    assert listed(own, "kept") == {"acme": "Kept"}

    (own / "acme.yaml").write_text(manifest("acme", "Changed"))
    assert listed(own, "acme") == {"acme": "Changed"}


@pytest.mark.parametrize("damage", ["", "{", '{"a": 1}', '{"a": [{"slug": 1}]}'])
def test_an_index_that_is_damaged_is_made_again(own: Path, damage: str) -> None:
    expected = listed(own)
    kept = own.parent / "catalogue.json"
    good = kept.read_bytes()

    kept.write_text(damage)

    assert listed(own) == expected
    assert kept.read_bytes() == good


def test_where_an_index_cannot_be_kept_all_is_found_all_the_same(own: Path) -> None:
    catalogue = Catalogue(own=own, index=own / "none" / "catalogue.json")

    assert [row.slug for row in catalogue.search("acme").rows] == ["acme"]


def test_a_destination_is_made_without_reading_any_other(own: Path) -> None:
    for n in range(5):
        (own / f"bad{n}.yaml").write_bytes(b"\xff\xfe not text")

    assert Catalogue(own=own).bind("acme", {}).actions
