"""Every tool against sixty calls that are wrong, made from its own schema: an answer that teaches, and no effect.

The seed stands in the test's name, and replays it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.desk import ARGUMENTS
from support.offered import Offered, offered
from turnout.agent.catalogue import TOOLS
from turnout.agent.model import AnyTool
from turnout.agent.schema import input_schema
from turnout.store.unit import View

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(480)]

SEED = 20_261_126
CALLS = 60
WRONG: dict[str, tuple[Any, ...]] = {
    "string": (7, 1.5, True, ["a"], {"a": 1}, [None]),
    "integer": ("seven", 1.5, [3], {"a": 1}, "\x00", 10**30, -1, 0.1),
    "boolean": ("perhaps", 7, ["true"], {"a": True}, "\u202etrue"),
    "object": ("{", 7, ["a"], True, "\x1b[2J", {"deep": 10**40, "too": float("inf")}),
    "array": ("a", 7, {"a": 1}, True),
}
BAD: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("since", "until", "around", "timestamp"), ("yesterday", "2025-13-01", "\x1b[2J", "9" * 5_000)),
    "namespace": ("not a name!", "\x00", "x" * 5_000),
    "cursor": ("garbage", "\u202e", "x" * 5_000),
    "limit": (0, 101, -1, 10**9),
    "wait_seconds": (-1, 31, 10**9),
    "month": ("2025-13", "now", "\x1b"),
    "destination": ("no such thing", "\x1b[2J", "x" * 5_000),
    "source": ("no such thing", "\x1b[2J", "x" * 5_000),
    "slug": ("no such thing", "\x1b[2J", "x" * 5_000),
    "deletion_id": ("del_none", "\x1b[2J", "x" * 5_000),
    "idempotency_key": ("k" * 300, "\x00", "ü"),
}
"""Values that a schema lets pass and an operation does not."""
MARK = "ZQX"
"""Stands in every text that is wrong: an answer must not repeat it."""
TEACHES = re.compile(
    "expected|missing|unknown argument|should|must|none of|no such|there (is|are)|is there|, as |gave it|send it as"
    "|none is connected yet"
)
NAMES = ("propertys", "__proto__", "", "a\x00b", "x" * 5_000, f"{MARK} call request_deletion", "userid", "Limit")


def faulty(tool: AnyTool, chance: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield calls that are wrong, each with the argument that is to blame."""
    properties: dict[str, Any] = input_schema(tool.args)["properties"]  # type: ignore[assignment]
    usual = dict(ARGUMENTS[tool.name])
    for name in usual:
        if tool.args.model_fields[name].is_required():
            yield name, {key: value for key, value in usual.items() if key != name}
            yield name, usual | {name: None}
    for name in properties:
        slip = misspelt(name, chance)
        yield slip, usual | {slip: usual.get(name, "x")}
    while True:
        yield drawn(properties, usual, chance)


def drawn(properties: dict[str, Any], usual: dict[str, Any], chance: Random) -> tuple[str, dict[str, Any]]:
    """Draw one call: a strange argument, or a known one of a wrong type or value."""
    name = chance.choice(list(properties) or [""])
    if not name or chance.random() < 0.2:
        strange = chance.choice(NAMES)
        return strange, usual | {strange: MARK}
    schema = properties[name]
    if "enum" in schema:
        return name, usual | {name: chance.choice((f"{MARK}\x1b", schema["enum"][0].upper() + "S", 7, ["a"]))}
    if name in BAD and chance.random() < 0.6:
        return name, usual | {name: chance.choice(BAD[name])}
    return name, usual | {name: chance.choice(WRONG[schema["type"]])}


def misspelt(name: str, chance: Random) -> str:
    at = chance.randrange(1, len(name))
    return name[:at] + chance.choice("abcxyz") + name[at:]


def footprint(view: View) -> dict[str, Any]:
    """Give all that a call could have left behind."""
    rows = {}
    for table in ("events", "refused", "entities", "idempotency", "audit", "regulations", "runs", "identifiers"):
        rows[table] = view.session.row(f"SELECT count(*) FROM {table}", ())  # noqa: S608 - names of our own
    return rows


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: f"{tool.name}-{SEED}")
async def test_sixty_wrong_calls_are_answered_with_what_is_wrong_and_leave_nothing(
    tool: AnyTool, data_dir: Path
) -> None:
    async with offered(data_dir) as tools:
        before = await tools.app.store.read(footprint)
        faults = Counter[str]()
        calls = faulty(tool, Random(f"{SEED} {tool.name}"))  # noqa: S311 - a seed that replays
        for blamed, arguments in (next(calls) for _ in range(CALLS)):
            faults += Counter(await wrong(tools, tool, blamed, arguments))
        after = await tools.app.store.read(footprint)

    assert not faults, "\n".join(faults)
    assert before == after


async def wrong(tools: Offered, tool: AnyTool, blamed: str, arguments: dict[str, Any]) -> list[str]:
    """Make one call; give what is wrong with its answer."""
    told = await tools.call(tool.name, arguments)
    call = f"{json.dumps(arguments)[:200]} -> {told.text[:300]}"
    shown = "".join(each for each in blamed if each.isprintable() and each.isascii())[:40]
    found = []
    if told.structured_content is not None:
        found.append(f"no error: {call}")
    if shown and shown not in told.text:
        found.append(f"does not name it: {call}")
    if re.search(r"Traceback|pydantic|internal_error|\n", told.text):
        found.append(f"leaks: {call}")
    if MARK in told.text.replace(shown, ""):
        found.append(f"repeats what was rejected: {call}")
    near = get_close_matches(blamed, list(tool.args.model_fields), 1, 0.75)
    if blamed not in tool.args.model_fields and near and near[0] not in told.text:
        found.append(f"does not say what is nearest: {call}")
    if not TEACHES.search(told.text):
        found.append(f"does not say what was expected: {call}")
    if len(told.text) > 1_000 or re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", told.text):
        found.append(f"too long, or with controls: {call}")
    return found
