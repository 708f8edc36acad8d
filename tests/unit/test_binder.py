from __future__ import annotations

import pytest

from turnout.binder import Binder
from turnout.errors import InvalidInput, InvalidSettings, NotFound
from turnout.manifest.catalogue import Catalogue
from turnout.sinks.files import JSONL

BINDER = Binder(Catalogue((JSONL,)))


def test_manifests_and_native_sinks_bind_alike() -> None:
    assert list(BINDER.bind("jsonl", {"path": "a.jsonl"}).actions) == ["write"]
    assert list(BINDER.bind("segment", {"write_key": "k"}).actions) == ["events", "people"]


def test_a_map_that_was_sealed_as_text_binds_as_a_map() -> None:
    target = BINDER.bind("webhook", {"url": "https://hook.example", "headers": '{"X-Key":"k-1"}'})

    assert target.secrets == {"headers.X-Key": "k-1"}


def test_all_names_of_a_destination_are_given_without_case() -> None:
    assert {"slack", "actions-slack"} <= BINDER.names("slack")
    assert {"jsonl", "json lines file", "ndjson"} <= BINDER.names("jsonl")
    assert all(name == name.casefold() for name in BINDER.names("amplitude"))


def test_a_filter_is_a_condition_on_the_event() -> None:
    keep = BINDER.filter("$.properties.total > 5")

    assert keep({"properties": {"total": 6}})
    assert not keep({"properties": {}})


def test_what_cannot_be_bound_or_read_is_refused() -> None:
    with pytest.raises(InvalidInput):
        BINDER.filter("$.a ==")
    with pytest.raises(InvalidSettings):
        BINDER.bind("segment", {})
    with pytest.raises(NotFound):
        BINDER.names("nothing-of-the-kind")
