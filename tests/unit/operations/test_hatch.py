"""A destination that calls Python, connected and delivered to: what fails costs the event, never the lane."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from support.carrier import carrier
from support.workspace import LIVE_AGENT, Bench
from turnout.cli import connected, output
from turnout.document import Json
from turnout.errors import InvalidManifest
from turnout.exchange import Request
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.hatch import Hatch
from turnout.operations import describe, preview
from turnout.operations.preview import Preview
from turnout.operations.reader import Reader

MODULE = """\
def mapped(value):
    return value.upper()


def written(value):
    if value["id"] == "BODY":
        raise ValueError(value)
    return value["id"].encode()
"""
VALUES: tuple[Json, ...] = (7, "Body", "Good")
MANIFEST = """\
turnout: 1
slug: acme
name: Acme
status: {preview: guess}
hatch: [acme_ops:mapped, acme_ops:written]
actions:
  event:
    for: track
    item: {id: $.properties.id | py(acme_ops:mapped)}
    send: {post: "https://acme.test/in", json: $item, encode: acme_ops:written, media: text/plain}
"""


@pytest.fixture
def calling(here: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    (tmp_path / "acme_ops.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    own = tmp_path / "manifests"
    own.mkdir()
    (own / "acme.yaml").write_text(MANIFEST)
    here.catalogue = Catalogue(own=own, hatch=Hatch(frozenset({"acme_ops"})))
    return here


def test_a_function_that_fails_costs_the_event_and_the_next_ones_leave(calling: Bench) -> None:
    calling.source("Web")
    acme = calling.connect("acme", {})
    lanes = carrier(calling)
    calling.record(*({"properties": {"id": value}} for value in VALUES))

    parts = lanes.open(acme)
    lanes.answer(acme, parts)

    assert len(parts) == 2  # of three
    assert [ask.body for ask in lanes.sent if isinstance(ask, Request)] == [b"GOOD"]
    assert not lanes.open(acme)


def test_a_preview_says_which_function_cannot_write_the_body(calling: Bench) -> None:
    calling.connect("acme", {})
    asked = Preview(event="A", user_id="u1", properties={"id": "Body"}, namespace="live")

    found = calling.look(lambda view: preview.preview(view, calling.eyes, Reader(LIVE_AGENT), asked))

    [one] = output.rows(found["previews"])
    assert (one["reason"], one["rule"]) == (
        "mapping_error",
        "`acme_ops:written` raised ValueError (acme_ops.py, line 7)",
    )


def test_a_destination_is_not_connected_whose_module_the_operator_does_not_list(calling: Bench, tmp_path: Path) -> None:
    calling.catalogue = Catalogue(own=tmp_path / "manifests")

    with pytest.raises(InvalidManifest, match=r"acme.yaml:5:9: hatch.0: .*TURNOUT_HATCH=acme_ops"):
        calling.connect("acme", {})


def test_a_lane_whose_module_is_no_longer_listed_waits_alone(calling: Bench, tmp_path: Path) -> None:
    calling.source("Web")
    acme, other = calling.connect("acme", {}), calling.connect("webhook", {"url": "https://hook.example.com/in"})
    calling.catalogue = Catalogue(own=tmp_path / "manifests")
    lanes = carrier(calling)
    calling.record({"properties": {"id": "a"}})

    lanes.deliver(other)

    assert len(lanes.sent) == 1
    assert lanes.open(acme) == ()


def test_the_catalogue_and_the_destination_name_the_functions(calling: Bench) -> None:
    named = ["acme_ops:mapped", "acme_ops:written"]
    everything = partial(
        describe.list_destinations, reader=Reader(LIVE_AGENT), catalogue=calling.catalogue, search="acme",
        catalog=True, cursor=None, limit=20, retention_days=90,
    )  # fmt: skip

    listed = calling.look(everything)
    shown = calling.look(lambda view: describe.describe_destination(view, calling.catalogue, "acme", 90))

    rows = {row["slug"]: row for row in output.rows(listed["destinations"])}
    assert rows["acme"]["hatch"] == shown["hatch"] == named
    assert all("hatch" not in row for slug, row in rows.items() if slug != "acme")
    assert "acme_ops:mapped" in drawn(connected.show_catalogue(listed))
    assert "acme_ops:written" in drawn(connected.show_one(shown))


def drawn(told: Iterable[RenderableType]) -> str:
    page = Console(file=StringIO(), width=120)
    page.print(*told)
    written = page.file
    assert isinstance(written, StringIO)
    return written.getvalue()
