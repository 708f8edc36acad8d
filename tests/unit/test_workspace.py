from __future__ import annotations

from pathlib import Path

import pytest

from support.workspace import Bench, bench
from turnout.errors import NotFound

HOOK = {"url": "https://hook.example.com/in"}


def refused(here: Bench, name: str) -> NotFound:
    with pytest.raises(NotFound) as told:
        here.destination(name)
    return told.value


def test_where_nothing_is_connected_a_name_hears_so_and_what_connects(tmp_path: Path) -> None:
    with bench(tmp_path / "data") as here:
        told = refused(here, "Mixpanel")

    assert told.message == "no destination has the name or id 'Mixpanel': none is connected yet"
    assert told.attributes["fix"] == "connect_destination connects one"


def test_a_slip_in_a_name_hears_the_nearest_first_and_how_many_there_are(tmp_path: Path) -> None:
    with bench(tmp_path / "data") as here:
        for number in range(25):
            here.connect("webhook", HOOK, name=f"Hook {number:02}")
        here.connect("jsonl", {"path": "a.jsonl"}, name="Archive")
        told = refused(here, "ARCHIV").message

    assert told.startswith(
        "no destination has the name or id 'ARCHIV' (did you mean Archive?): there are Archive, Hook"
    )
    assert told.endswith("Hook 18 and 6 more")


def test_a_slug_of_several_hears_the_names_of_these_alone(tmp_path: Path) -> None:
    with bench(tmp_path / "data") as here:
        for name in ("One", "Two"):
            here.connect("webhook", HOOK, name=name)
        here.connect("jsonl", {"path": "a.jsonl"}, name="Archive")
        told = refused(here, "webhook")

    assert told.message == "2 destinations have the slug webhook: One, Two"
    assert told.attributes["fix"] == "Name one of them"
