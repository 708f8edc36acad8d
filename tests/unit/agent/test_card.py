from __future__ import annotations

from pathlib import Path

import pytest

from support.desk import FakeDesk
from turnout.agent.call import Offer
from turnout.agent.card import ERA, LEGACY, LISTS, MODERN, Card, answer, find, keep, key
from turnout.agent.desk import Desk
from turnout.agent.lanes import ask, record
from turnout.agent.server import build
from turnout.agent.toolsets import USUAL_TOOLSETS
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.guard.principal import EVERY, MODES

CARD = Card(initialize={"a": 1}, discover={"b": 2}, modern={"tools/list": {"c": 3}}, legacy={"tools/list": {"d": 4}})
MODERN_PARAMS: Document = {"_meta": {ERA: MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}


async def give() -> Desk:
    return FakeDesk()


def hello(version: str) -> Document:
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


@pytest.mark.parametrize("version", [*LEGACY, "2026-07-28", "2099-01-01"])
async def test_the_card_answers_what_the_server_answers_to_the_handshake(version: str) -> None:
    server = build(Offer(lambda: EVERY, give, USUAL_TOOLSETS, SystemEntropy()))
    card = await record(server)

    live = await ask(server, ("initialize", hello(version)), *((method, {}) for method in LISTS))

    assert answer(card, {"method": "initialize", "params": hello(version)}, greeted=False) == live[0]
    assert [answer(card, {"method": method}, greeted=True) for method in LISTS] == live[1:]


async def test_the_card_answers_what_the_server_answers_to_modern_requests() -> None:
    server = build(Offer(lambda: MODES["read"], give, USUAL_TOOLSETS, SystemEntropy()))
    card = await record(server)

    moves = ("server/discover", *LISTS)
    live = await ask(server, *((method, MODERN_PARAMS) for method in moves))

    assert [answer(card, {"method": method, "params": MODERN_PARAMS}, greeted=False) for method in moves] == live


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "tools/call", "params": {"name": "get_usage"}},
        {"method": "tools/list"},
        {"method": "tools/list", "params": {"cursor": "", **MODERN_PARAMS}},
        {"method": "server/discover"},
        {"method": "server/discover", "params": {"_meta": {ERA: MODERN}}},
        {"method": "tools/list", "params": {"_meta": {ERA: "2099-01-01"}}},
        {"method": "ping", "params": []},
        {"params": {}},
    ],
)
def test_the_card_leaves_to_the_server_what_it_does_not_know(request_: Document) -> None:
    assert answer(CARD, request_, greeted=False) is None


def test_a_kept_card_is_found_again(tmp_path: Path) -> None:
    keep(CARD, "k", tmp_path / "cards")

    assert find("k", [tmp_path / "nowhere", tmp_path / "cards"]) == CARD


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"initialize": 1}', b'{"other": {}}'])
def test_a_card_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card-k.json").write_bytes(content)

    assert find("k", [tmp_path]) is None


def test_only_the_newest_cards_are_kept(tmp_path: Path) -> None:
    for n in range(20):
        keep(CARD, f"k{n}", tmp_path)

    assert len(list(tmp_path.iterdir())) == 8
    assert find("k19", [tmp_path]) == CARD


def test_where_nothing_can_be_written_there_is_no_card(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    keep(CARD, "k", tmp_path / "file")

    assert find("k", [tmp_path / "file"]) is None


def test_each_way_to_start_has_a_card_of_its_own() -> None:
    names = {key(MODES["read"], USUAL_TOOLSETS), key(MODES["write"], USUAL_TOOLSETS), key(EVERY, frozenset())}

    assert len(names) == 3
    assert key(EVERY, USUAL_TOOLSETS) == key(EVERY, USUAL_TOOLSETS)
