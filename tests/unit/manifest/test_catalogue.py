from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.manifests import HEAD, target
from turnout.document import Document, Json
from turnout.errors import InvalidManifest, InvalidSettings, NotFound
from turnout.exchange import Target
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.model import Setting, Status, Type
from turnout.manifest.render import render, render_lines

BODY = """status: {verified: 2026-11-25, docs: "https://acme.test/docs"}
settings: {api_key!: {type: secret, label: Key}}
leaves_out: [{what: groups, why: no page}]
actions:
  a:
    for: track
    when: $.userId
    item: {id: $.messageId, at: $.timestamp}
    batch: {max: 2}
    send: {post: "https://a.test/x", query: {k: 1}, json: $batch}
"""
TRACK: Document = {
    "type": "track",
    "event": "E",
    "messageId": "m1",
    "userId": "u1",
    "timestamp": "2026-01-02T03:04:05Z",
}
SEND = "actions: {a: {for: track, send: {post: 'https://a.test'}}}"


@dataclass(frozen=True)
class Native:
    slug: str = "jsonl"
    name: str = "JSON lines"
    category: str = "Raw Data"
    aliases: tuple[str, ...] = ("file",)
    status: Status = field(default_factory=lambda: Status(verified="2026-11-25"))
    settings: Mapping[str, Setting] = field(
        default_factory=lambda: {"path": Setting("path", Type.STRING, required=True)}
    )

    def bind(self, settings: Mapping[str, Json]) -> Target:
        assert settings == {"path": "x.jsonl"}
        return target(SEND)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "acme.yaml").write_text(HEAD + BODY)
    (tmp_path / "other.yaml").write_text("turnout: 1\nslug: other\nname: Other Mail\nstatus: {preview: guess}\n" + SEND)
    (tmp_path / "broken.yaml").write_text("turnout: 1\nslug: broken\nname: Broken\nactions: {a: {for: nothing}}\n")
    return Catalogue((Native(),), tmp_path)


def test_a_destination_is_found_by_slug_name_and_alias_in_any_style(catalogue: Catalogue) -> None:
    assert {catalogue.find(name).slug for name in ("acme", "Acme", "actions-acme", "ActionsAcme")} == {"acme"}
    assert catalogue.find("file").slug == "jsonl"


def test_an_unknown_destination_is_told_with_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match="did you mean `acme`"):
        catalogue.find("acmee")


def test_an_entry_is_read_without_the_actions_of_its_file(catalogue: Catalogue) -> None:
    entries = {entry.slug: entry for entry in catalogue.entries()}

    assert list(entries) == ["acme", "broken", "jsonl", "other"]
    assert (entries["acme"].status, entries["other"].status) == ("verified", "preview")
    assert entries["acme"].docs == "https://acme.test/docs"
    assert entries["acme"].left_out[0].what == "groups"
    assert entries["jsonl"].native
    with pytest.raises(InvalidManifest):
        catalogue.bind("broken", {})


def found(catalogue: Catalogue, text: str) -> list[str]:
    return [row.slug for row in catalogue.search(text).rows]


def test_a_search_wants_every_word_and_ranks_the_name_first(catalogue: Catalogue) -> None:
    assert found(catalogue, "mail") == ["other"]
    assert found(catalogue, "acme analytics") == ["acme"]
    assert found(catalogue, "acme mail") == []
    assert found(catalogue, "") == ["acme", "broken", "jsonl", "other"]


def test_a_search_finds_by_the_settings_that_are_needed(catalogue: Catalogue) -> None:
    assert found(catalogue, "key") == ["acme"]


def test_a_search_with_a_slip_finds_the_nearest_and_says_so(catalogue: Catalogue) -> None:
    hits = catalogue.search("analitics acmee")

    assert ([row.slug for row in hits.rows], hits.near) == (["acme"], "analytics acme")
    assert catalogue.search("acme").near == ""


def test_a_destination_is_made_of_checked_settings(catalogue: Catalogue) -> None:
    assert catalogue.bind("acme", {"apiKey": "k"}).secrets == {"api_key": "k"}
    assert catalogue.secret_names("acme") == {"api_key"}
    assert catalogue.bind("jsonl", {"path": "x.jsonl"}).actions
    with pytest.raises(InvalidSettings):
        catalogue.bind("acme", {})
    with pytest.raises(InvalidSettings, match="endpoint"):
        catalogue.check_settings("jsonl", {"path": "x", "endpoint": "https://a.test"})


def test_a_digest_changes_with_the_file(catalogue: Catalogue, tmp_path: Path) -> None:
    before = catalogue.digest("other")

    (tmp_path / "other.yaml").write_text((tmp_path / "other.yaml").read_text() + "# new\n")

    assert catalogue.digest("other") != before


def test_rendering_shows_the_requests_and_echoes_the_id(catalogue: Catalogue) -> None:
    answer = render(
        {"id": 7, "destination": "actions-acme", "settings": {"api_key": "k"}, "events": [TRACK, TRACK, TRACK]},
        catalogue,
    )

    assert (answer["id"], answer["dropped"], answer["error"]) == (7, None, None)
    requests = answer["requests"]
    assert isinstance(requests, list)
    assert [len(one["body"]) for one in requests if isinstance(one, dict) and isinstance(one["body"], list)] == [2, 1]
    first = requests[0]
    assert isinstance(first, dict)
    assert (first["method"], first["url"], first["query"]) == ("POST", "https://a.test/x", {"k": "1"})


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"destination": "nobody", "event": TRACK}, {"unsupported": True}),
        (
            {"destination": "acme", "settings": {"api_key": "k"}, "event": {"type": "alias"}},
            {"dropped": "no_match", "error": None},
        ),
        ({"destination": "acme", "event": TRACK}, {"requests": [], "dropped": None}),
    ],
)
def test_rendering_says_why_nothing_is_sent(catalogue: Catalogue, case: Document, expected: Document) -> None:
    answer = render(case, catalogue)

    assert {key: answer[key] for key in expected} == expected


@pytest.mark.parametrize(
    "case",
    [
        {"destination": "acme"},
        {"event": TRACK},
        {"destination": "acme", "evnt": 1},
        {"destination": "acme", "events": [1]},
    ],
)
def test_a_case_that_cannot_be_read_is_told_so(catalogue: Catalogue, case: Document) -> None:
    assert render({"settings": {"api_key": "k"}, **case}, catalogue)["error"]


def test_a_stream_answers_every_line(catalogue: Catalogue) -> None:
    lines = [b'{"destination":"nobody","event":{}}\n', b"\n", b"not json\n", b"[1]\n"]

    assert len(list(render_lines(lines, catalogue))) == 3
