"""Which personal fields each action of the catalogue sends: as a golden file, and held against what leaves.

Events are the manifests' own, with a value of its own in each personal field. What is found again in a request must be
named as sent plain, or stand in what is named as handed on whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import cycle

import pytest

from support.catalogued import CATALOGUE, Case, cases_of
from turnout.document import Document, Json
from turnout.exchange import Drop, Item, Request
from turnout.manifest import talk
from turnout.manifest.flows import flows
from turnout.manifest.trial import NOW
from turnout.operations.personal import personal

SLUGS = [entry.slug for entry in CATALOGUE.entries() if not entry.native]
MARKS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("userId",): ("user id", "usr8842zq"),
    ("anonymousId",): ("anonymous id", "anon5f1ezq"),
    ("traits", "email"): ("email", "ann.zq@shop.example"),
    ("traits", "phone"): ("phone", "+12025550143"),
    ("traits", "firstName"): ("name", "Annzqfirst"),
    ("traits", "lastName"): ("name", "Annzqlast"),
    ("traits", "birthday"): ("birthday", "1987-03-21"),
    ("traits", "address", "street"): ("address", "Zqstreet 17"),
    ("traits", "address", "postalCode"): ("address", "94107zq"),
    ("properties", "email"): ("email", "ann.prop@shop.example"),
    ("context", "ip"): ("ip", "203.0.113.77"),
    ("context", "device", "advertisingId"): ("device id", "7d9f8e9c-51c2-4b1d-8f0e-2f6a0e5d4c3b"),
    ("context", "traits", "email"): ("email", "ann.context@shop.example"),
}
WHOLE = {"traits": "all traits", "properties": "all properties", "context": "all of the context"}


def marked(event: Document) -> Document:
    """Put a mark into each personal field of an event that may have it."""
    made: Document = deepcopy(event)
    for path, (_, mark) in MARKS.items():
        if path[0] == "traits" and event.get("type") not in {"identify", "group", "delete"}:
            continue
        put(made, path, mark)
    return made


def put(document: Document, path: tuple[str, ...], mark: str) -> None:
    here: dict[str, Json] = document
    for key in path[:-1]:
        below = here.get(key)
        here[key] = below if isinstance(below, dict) else {}
        here = here[key]  # type: ignore[assignment]
    here[path[-1]] = mark


def text_of(case: Case, items: list[Item]) -> str:
    """Give all that leaves, unpacked and in small letters."""
    sent = [case.talk((item,), cycle(case.happy)) for item in items]
    asks = [ask for each in sent for ask in each.asks if isinstance(ask, Request)]
    return " ".join(json.dumps(talk.shown(ask), ensure_ascii=False) for ask in asks).lower()


@pytest.mark.parametrize("slug", SLUGS)
def test_no_personal_field_leaves_as_it_is_that_is_not_named(slug: str) -> None:
    said = flows(CATALOGUE.manifest(slug))
    for case in cases_of(slug):
        found: dict[str, list[Item]] = {}
        for event in map(marked, case.own):
            for one in case.target.items(event, talk.selected(case.target, event), NOW):
                if not isinstance(one, Drop) and (not case.only or one.action in case.only):
                    found.setdefault(one.action, []).append(one)
        for action, items in found.items():
            told = personal(said[action]).get("plain", [])
            left = text_of(case, items[:20])
            for path, (kind, mark) in MARKS.items():
                if mark.lower() in left:
                    whole = {"all of the event", *(WHOLE[each] for each in path[:1] if each in WHOLE)}
                    whole |= {"all traits of the context"} if path[:2] == ("context", "traits") else set()
                    assert {kind, "what a template of yours names", *whole} & set(told), f"{action}: {'.'.join(path)}"  # type: ignore[arg-type]


def test_what_each_action_sends_of_a_person_stands(golden: Callable[[str, str], None]) -> None:
    told = {slug: {name: personal(each) for name, each in flows(CATALOGUE.manifest(slug)).items()} for slug in SLUGS}
    lines = [
        f" {json.dumps(slug)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in actions.items())
        + "\n }"
        for slug, actions in told.items()
    ]
    golden("personal.json", "{\n" + ",\n".join(lines) + "\n}\n")
