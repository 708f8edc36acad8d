"""Reads `audience`: two actions are made of it, one for who enters and one for who leaves, each in steps.

Before the vendor is asked to add or remove anybody, the remote list is looked up, or made, and its id kept.
"""

from __future__ import annotations

from turnout.document import Document, Json
from turnout.manifest.audiences import CREATE, ENTERED, EXITED, GET
from turnout.manifest.part import Part

KEY = "audience"
AUDIENCE = ("get", "create", "member", "require", "batch", "add", "remove")
_NAMES = {"add": "audience_add", "remove": "audience_remove"}
_WHEN = {"add": "$audience.entered", "remove": "$audience.left"}


def audience_actions(top: Part) -> Part:
    """Write the two actions as a manifest would; none where there is no `audience`."""
    given = top.part(KEY)
    made: dict[str, Json] = {}
    if KEY in top.raw:
        given.only(*AUDIENCE)
        if "get" not in given.raw and "create" not in given.raw:
            raise given.fail("", "`create` is missing, or `get`: how the list of an audience is made, or found")
        for word in ("member", "add", "remove"):
            if word not in given.raw:
                raise given.fail("", f"`{word}` is missing")
        made = {name: _action(given, word) for word, name in _NAMES.items()}
    return Part(top.source, (KEY,), made)


def _action(given: Part, word: str) -> Document:
    batch = dict(given.part("batch").raw)
    by = batch.get("by", [])
    found: Document = {
        "for": {"identify": "*", "track": [ENTERED, EXITED]},
        "when": _WHEN[word],
        "item": given.raw["member"],
        "batch": {**batch, "by": ["$audience.key", *(by if isinstance(by, list) else [by])]},
        "steps": [*_listed(given), *_asked(given, word)],
        "resume": True,
        "order": "person",
        "dedupe": "upsert",
    }
    return found | ({"require": given.raw["require"]} if "require" in given.raw else {})


def _listed(given: Part) -> list[Json]:
    """Write the steps that find the list, or make it."""
    found: list[Json] = []
    for word, name in (("get", GET), ("create", CREATE)):
        if word not in given.raw:
            continue
        part = given.part(word)
        if "id" not in part.raw:
            raise part.fail("", "`id` is missing: where in the answer the list's id stands")
        request = {key: value for key, value in part.raw.items() if key != "id"}
        unless = f"not $audience.id and not ${GET}.id" if found else "not $audience.id"
        found.append({name: {**request, "when": unless, "save": {"id": part.raw["id"]}}})
    return found


def _asked(given: Part, word: str) -> list[Json]:
    part = given.part(word)
    steps = part.raw.get("steps")
    if steps is None:
        return [{word: dict(part.raw)}]
    part.only("steps")
    if not isinstance(steps, list):
        raise part.fail("steps", "expected a list of steps, each `- name: {…}`")
    return list(steps)
