"""What strangers write is data on every way out: resources, completion, prompts, and a caller's own words.

`test_answers.py` holds the same for the answers of tools to a person who sees everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.crowded import EVIL, LINKS, MARK, hostile
from support.desk import ARGUMENTS
from support.hostile import KINDS
from support.offered import Offered, offered
from turnout.agent import view
from turnout.agent.answers import CAP
from turnout.agent.caller import Asking, Caller
from turnout.agent.catalogue import TOOLS
from turnout.agent.fitting import DATA
from turnout.agent.model import AnyTool
from turnout.agent.resources import RESOURCES
from turnout.guard.principal import Principal, command_line, local

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""As nobody should see it; a line end is what a text is written with."""
CALLER = Caller("tests 1")
PAGE = view.journey()
PRINCIPALS = {
    "person": command_line(),
    "agent": local("write", live=True),
    "reader": local("read"),
    "knows people": local("write", live=True, people=True),
}
TEXTS = (EVIL, LINKS, "\u202e" + "x" * 5_000, "\x00", "😀" * 600, "a\r\nX-Evil: 1", "' OR 1=1 --", "%00/../../keys")


@pytest.fixture
def wild(data_dir: Path) -> Path:
    hostile(data_dir)
    return data_dir


@pytest.fixture(params=PRINCIPALS, ids=lambda name: name.replace(" ", "-"))
def principal(request: pytest.FixtureRequest) -> Principal:
    return PRINCIPALS[request.param]


def unmarked(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the texts of strangers that stand where no name says that they are data."""
    if isinstance(value, str):
        if MARK in value and not DATA & set(path):
            yield f"{path}: {value[:80]}"
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from unmarked(key, path)
            yield from unmarked(below, (*path, key))
    elif isinstance(value, list):
        for below in value:
            yield from unmarked(below, path)


async def addresses(tools: Offered) -> list[str]:
    """Give every address that can be read: of each event, its journey, and each destination."""
    found = []
    for each in RESOURCES:
        begin, names = each.uri.partition("{")[0], [""]
        if each.variable:
            names = await tools.offer.complete(each.uri, each.variable, "", CALLER)
        if each.variable == "message_id":
            names += [f"{EVIL} {kind}" for kind in KINDS]  # as they are, where they are completed as they are shown
        found += [begin + quote(name, safe="") for name in names]
    return found


async def test_what_is_read_by_an_address_holds_strangers_words_as_data_alone(wild: Path, principal: Principal) -> None:
    faults: list[str] = []
    shown = 0
    async with offered(wild, principal) as tools:
        for uri in await addresses(tools):
            read = await tools.offer.read(uri, CALLER)
            assert not isinstance(read, Asking)
            for content in read or []:
                text = str(content["text"])
                if content["mimeType"] != "application/json":
                    assert text == PAGE, "a page is the same whatever is stored"
                    continue
                shown += MARK in text
                faults += [f"{uri}: {each}" for each in unmarked(json.loads(text))]
                faults += [f"{uri}: control" for _ in [0] if UNSEEN.search(text) or len(text) > CAP]

    assert faults == []
    assert shown >= 4


async def test_what_is_completed_or_filled_in_has_nothing_unseen(wild: Path, principal: Principal) -> None:
    faults: list[str] = []
    async with offered(wild, principal) as tools:
        references = [(each.uri, each.variable) for each in tools.offer.resources() if each.variable]
        references += [(each.name, part.name) for each in tools.offer.prompts() for part in each.arguments]
        for reference, argument in references:
            for begun in ("", MARK, *TEXTS):
                values = await tools.offer.complete(reference, argument, begun, CALLER)
                faults += [
                    f"{reference} {argument}: {each!r}" for each in values if UNSEEN.search(each) or "\n" in each
                ]
        for prompt in tools.offer.prompts():
            for text in TEXTS:
                given = {part.name: text for part in prompt.arguments}
                said = json.dumps(str(tools.offer.prompt(prompt.name, given, CALLER)[1]), ensure_ascii=False)
                faults += [f"{prompt.name}: {text[:20]!r}"] if UNSEEN.search(said) else []

    assert faults == []


def wild_calls(tool: AnyTool) -> Iterator[dict[str, Any]]:
    """Yield calls whose texts are a stranger's, each argument in its turn, and all of them at once."""
    usual = dict(ARGUMENTS[tool.name])
    more = {"dry_run": True} if "dry_run" in tool.args.model_fields else {}
    texts = [name for name, field in tool.args.model_fields.items() if "str" in str(field.annotation)]
    for text in TEXTS:
        yield from ({**usual, name: text, **more} for name in texts)
        yield {**usual, **dict.fromkeys(texts, text), **more}
    within: dict[str, Any] = {EVIL: EVIL, LINKS: {EVIL: [EVIL, LINKS]}}
    yield from (
        {**usual, name: within, **more}
        for name, field in tool.args.model_fields.items()
        if "dict" in str(field.annotation) and "list" not in str(field.annotation)
    )


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_a_callers_own_wild_words_come_back_tame_and_break_nothing(tool: AnyTool, wild: Path) -> None:
    faults: list[str] = []
    async with offered(wild, local("write", live=True)) as tools:
        for given in wild_calls(tool):
            told = await tools.call(tool.name, given)
            shown = told.text if told.structured_content is not None else told.text + "\n" * ("\n" in told.text)
            if UNSEEN.search(shown) or "internal_error" in shown or len(shown) > CAP:
                faults.append(f"{str(given)[:200]} -> {shown[:300]}")
            if told.structured_content is None and ("\n" in told.text or len(told.text) > 1_000):
                faults.append(f"{str(given)[:200]} -> an error of more than a line")

    assert faults == []
