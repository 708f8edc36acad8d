"""Real clients against a real server: what they send is stored once, and is what they meant."""

from __future__ import annotations

import pytest

from support.agents import agent
from support.awkward import Document, awkward, differences, ids, many, now, number
from support.between import Between
from support.clients import (
    EVERY,
    JITSU_NODE,
    JITSU_PAGE,
    RUDDER_NODE,
    RUDDER_PAGE,
    RUDDER_PYTHON,
    SEGMENT_NODE,
    SEGMENT_PAGE,
    SEGMENT_PYTHON,
    Client,
    acknowledged,
    messages,
)
from support.requirements import claims
from support.server import Server

pytestmark = pytest.mark.timeout(600)  # the first one may have to install the packages

TRYING = [SEGMENT_PYTHON, RUDDER_PYTHON, SEGMENT_NODE, RUDDER_NODE, JITSU_NODE]
SIZES = [(client, size) for client in EVERY for size in (13, 100) if client.size or size == 13]


@claims("clients", "traits-in-context")
@pytest.mark.parametrize("client", EVERY, ids=lambda client: client.name)
def test_what_a_client_sends_is_stored_once_and_as_it_was_meant(server: Server, client: Client) -> None:
    calls = awkward(client)
    with Between(server.url) as between:
        began = now()
        told = client.use(between, server.key(client.name), calls, size=3)
        sent = messages(between)
    events = server.events(client.name, ids(sent))

    assert told.errors == []
    assert ids(events) == ids(sent)
    assert told.ids is None or sorted(told.ids) == ids(events)
    by_number = {number(event): event for event in events}
    assert len(events) == len(by_number) == len(calls)
    wrong = [line for call in calls for line in differences(client, call, by_number[number(call)], began, now())]
    assert wrong == []


@pytest.mark.parametrize(("client", "size"), SIZES, ids=[f"{client.name}-{size}" for client, size in SIZES])
def test_many_events_in_one_breath_are_stored_once_each(server: Server, client: Client, size: int) -> None:
    calls = many(client.most)
    with Between(server.url) as between:
        told = client.use(between, server.key(client.name), calls, size)
        sent = messages(between)

    assert told.errors == []
    assert len(sent) == len(set(ids(sent))) == client.most
    assert ids(server.events(client.name, ids(sent))) == ids(sent)


@claims("settings", "source-config")
@pytest.mark.parametrize("client", [SEGMENT_PAGE, RUDDER_PAGE], ids=lambda client: client.name)
def test_a_page_learns_from_the_server_where_its_events_go(server: Server, client: Client) -> None:
    key = server.key(client.name)
    with Between(server.url) as between:
        told = client.use(between, key, many(3))

    learnt = next(each for each in between.asked if each.method == "GET")
    assert learnt.path.startswith(f"/v1/projects/{key}/settings" if client is SEGMENT_PAGE else "/sourceConfig/?")
    assert learnt.status == 200
    assert learnt.answered["access-control-allow-origin"] == learnt.header("origin") != ""
    assert told.errors == []
    assert len(acknowledged(between)) == 3


@claims("unknown-key-401", "error-has-code-and-message")
@pytest.mark.parametrize("client", TRYING, ids=lambda client: client.name)
def test_a_client_with_an_unknown_key_says_so_after_one_try(server: Server, client: Client) -> None:
    with Between(server.url) as between:
        told = client.use(between, "wk_nobodys", many(1))

    assert [each.status for each in between.posts()] == [401]
    assert len(told.errors) >= 1


@claims("preflight-once")
def test_a_browser_asks_once_whether_it_may_send(server: Server) -> None:
    with Between(server.url) as between:
        JITSU_PAGE.use(between, server.key(JITSU_PAGE.name), many(20))  # the one that sends call by call

    asked = [each for each in between.asked if each.method == "OPTIONS"]
    assert [each.path for each in asked] == ["/api/s/track"]
    assert int(asked[0].answered["access-control-max-age"]) >= 600  # else it asks again after five seconds
    assert len(between.posts()) == 20


async def test_what_a_client_sent_is_found_and_traced_by_the_tools(server: Server) -> None:
    source = "found"
    with Between(server.url) as between:
        SEGMENT_PYTHON.use(between, server.key(source), awkward(SEGMENT_PYTHON))
        sent = messages(between)
    async with agent(server.data, "--people") as tools:
        found = await tools.ask("find_events", source=source, limit=100)
        refused = await tools.ask("find_events", source=source, verdict="refused")
        traced = [await tools.ask("debug_event_delivery", message_id=each) for each in ids(sent)]

    assert sorted(event["message_id"] for event in found["events"]) == ids(sent)
    assert refused["events"] == []
    assert [each["found"] for each in traced] == [True] * len(sent)
    shown: list[Document] = [each["event"] for each in traced]
    assert [event.get("properties", {}).get("beyond") for event in shown if event["type"] == "page"] == [2**53 + 1]
    assert {(event["source"], event["namespace"]) for event in found["events"]} == {(source, "live")}
