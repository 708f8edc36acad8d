"""The Tracking API, asked as clients ask: the application itself, a real store, and what is then in the log."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest

from support.requirements import claims
from support.workspace import PERSON, Bench, bench
from turnout.api.app import build
from turnout.api.health import Life
from turnout.entropy import SystemEntropy
from turnout.event.model import Refused, Stored
from turnout.event.stored import document
from turnout.guard.token import mint
from turnout.operations import rules, sources
from turnout.operations.rules import AddRule
from turnout.operations.sources import CreateSource
from turnout.store import space
from turnout.store.connect import connect_writer
from turnout.workspace import Source

BASE = "http://127.0.0.1:8733"
TYPES: dict[str, dict[str, Any]] = {
    "identify": {"traits": {"plan": "pro"}},
    "track": {"event": "Signed Up"},
    "page": {"name": "Home"},
    "screen": {"name": "Main"},
    "group": {"groupId": "g_1"},
    "alias": {"previousId": "a_1"},
}
BAD_KEY = "wk_" + "0" * 32


@dataclass(frozen=True, slots=True)
class Door:
    """A client of the application, and what it left in the workspace."""

    bench: Bench
    http: httpx2.AsyncClient
    source: Source

    async def post(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None, key: str | None = None
    ) -> httpx2.Response:
        """Post a body, as JSON if it is no bytes, with the source's key as Basic unless told another."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = self.source.write_key if key is None else key
        authorized = basic(given) if given else {}
        return await self.http.post(path, content=raw, headers=authorized | dict(headers or {}))

    async def events(self) -> list[dict[str, Any]]:
        """Give the documents of all events, and where each belongs."""
        return [written(each) for each in await self.bench.store.read(lambda view: view.log.after(0, 5_000))]

    async def refused(self) -> list[Refused]:
        return [each for _, each in await self.bench.store.read(lambda view: view.log.refused(1 << 62, 10_000))][::-1]


def written(event: Stored) -> dict[str, Any]:
    made = dict(document(event.body, event.meta, received=event.received, kind=event.kind))
    return {**made, "namespace": event.namespace, "source": event.source, "body": event.body}


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


@pytest.fixture
def workspace(data_dir: Path) -> Iterator[Bench]:
    """Give a workspace with a source of its own beside the first."""
    with bench(data_dir) as made:
        made.call(sources.CREATE, CreateSource("Web"))
        yield made


@pytest.fixture
def ruled(workspace: Bench) -> Bench:
    """Give the workspace with a rule of each kind."""
    for rule in (
        AddRule(id="qa-*", namespace="ci"), AddRule(ip="203.0.113.0/24", namespace="office"),
        AddRule(email_domain="test.example"),
    ):  # fmt: skip
        workspace.call(rules.ADD, rule, PERSON)
    return workspace


@pytest.fixture
async def door(workspace: Bench) -> AsyncIterator[Door]:
    """Give a client of the application."""
    source = (await workspace.store.read(lambda view: view.workspace)).source("Web")
    app = build(workspace.store, frozenset({"127.0.0.1"}), Life("1", 90, lambda: True))
    transport = httpx2.ASGITransport(app, client=("203.0.113.9", 4711))
    async with workspace.store.awake(), httpx2.AsyncClient(transport=transport, base_url=BASE) as http:
        yield Door(workspace, http, source)


def track(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Signed Up", "userId": "u_1", **more}


def said(answer: httpx2.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("code")


@claims("ok-is-200", "path-decides", "short-paths")
@pytest.mark.parametrize("kind", TYPES)
async def test_each_type_is_taken_on_its_long_and_its_short_path(door: Door, kind: str) -> None:
    body = {"userId": "u_1", "type": "something else", **TYPES[kind]}

    found = [await door.post(f"/v1/{path}", body) for path in (kind, kind[0], f"{kind}/")]

    assert [(each.status_code, each.json()) for each in found] == [(200, {"success": True})] * 3
    assert [each["type"] for each in await door.events()] == [kind] * 3


@claims("unknown-key-401")
async def test_a_token_in_the_place_of_a_key_is_told_to_be_one(door: Door) -> None:
    token = mint(SystemEntropy()).text
    for body, key in ((track(), token), (track(writeKey=token), "")):
        answer = await door.post("/v1/track", body, key=key)

        assert said(answer) == (401, "invalid_write_key")
        assert "That is a token" in answer.json()["message"]
        assert token not in answer.text
    assert await door.refused() == []


@claims("slash-of-the-host")
async def test_a_host_that_ends_in_a_slash_is_the_same_host(door: Door) -> None:
    page = {"Origin": "https://shop.test"}

    told = await door.http.get(f"{BASE}//v1/projects/{door.source.write_key}/settings", headers=page)
    taken = await door.post(f"{BASE}//v1/track", track(), page)

    assert (told.status_code, taken.status_code) == (200, 200)
    assert told.headers["access-control-allow-origin"] == "https://shop.test"
    assert len(await door.events()) == 1
    assert (await door.http.get(f"{BASE}//metrics", headers=page)).status_code == 403


@claims("error-has-code-and-message", "unknown-key-401")
@pytest.mark.parametrize("key", ["", BAD_KEY, "é"], ids=["none", "unknown", "not-ascii"])
async def test_a_key_of_nobody_is_401_in_words_every_client_reads(door: Door, key: str) -> None:
    answer = await door.post("/v1/batch", {"batch": [track()]}, key=key)

    told = answer.json()
    assert answer.status_code == 401
    assert told["code"] == ("invalid_write_key" if key else "missing_write_key")
    assert told["success"] is False
    assert isinstance(told["message"], str)
    assert isinstance(told["error"], str)
    assert await door.events() == []


@claims("bytes-not-content-type")
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_json_is_json_whatever_it_is_called(door: Door, kind: str) -> None:
    answer = await door.post("/v1/track", track(), {"Content-Type": kind})

    assert answer.status_code == 200
    assert len(await door.events()) == 1


@claims("bytes-not-content-type")
async def test_a_mark_of_byte_order_before_the_json_is_none_of_it(door: Door) -> None:
    mark = b"\xef\xbb\xbf"

    assert (await door.post("/v1/track", mark + json.dumps(track()).encode())).status_code == 200
    assert (await door.post("/v1/batch", mark + json.dumps({"batch": [track()]}).encode())).status_code == 200
    assert said(await door.post("/v1/track", mark)) == (400, "not_json")
    assert said(await door.post("/v1/track", mark + mark + b"{}")) == (400, "not_json")
    assert [each["event"] for each in await door.events()] == ["Signed Up", "Signed Up"]


@claims("gzip")
@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}], ids=["named", "not-named"])
async def test_gzip_is_unpacked(door: Door, headers: dict[str, str]) -> None:
    packed = gzip.compress(json.dumps({"batch": [track(), track()]}).encode())
    halves = gzip.compress(b'{"batch":[') + gzip.compress(json.dumps(track()).encode() + b"]}")

    assert (await door.post("/v1/batch", packed, headers)).status_code == 200
    assert (await door.post("/v1/batch", halves, headers)).status_code == 200
    assert said(await door.post("/v1/batch", packed[:-12], headers)) == (400, "bad_gzip")
    assert said(await door.post("/v1/batch", packed[:20] + b"?" * 40, headers)) == (400, "bad_gzip")
    assert len(await door.events()) == 3


@claims("deflate")
async def test_deflate_is_unpacked_and_an_encoding_that_is_not_read_is_named(door: Door) -> None:
    named, body = {"Content-Encoding": "Deflate"}, json.dumps({"batch": [track(), track()]}).encode()
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = zlib.compress(body)

    assert (await door.post("/v1/batch", packed, named)).status_code == 200
    assert (await door.post("/v1/batch", raw.compress(body) + raw.flush(), named)).status_code == 200
    assert len(await door.events()) == 4
    assert said(await door.post("/v1/batch", packed[:-12], named)) == (400, "bad_deflate")
    refused = await door.post("/v1/batch", b"\x28\xb5\x2f\xfd" + packed, {"Content-Encoding": "zstd"})
    assert said(refused) == (415, "unknown_encoding")
    assert refused.headers["accept-encoding"] == "gzip, deflate"
    assert said(await door.post("/v1/track", packed)) == (400, "not_json")
    assert len(await door.events()) == 4


@claims("bytes-not-content-type")
@pytest.mark.parametrize("coded", ["deflate", "br", "aws-chunked"])
async def test_json_is_json_however_it_is_said_to_be_encoded(door: Door, coded: str) -> None:
    assert (await door.post("/v1/track", track(), {"Content-Encoding": coded})).status_code == 200
    assert len(await door.events()) == 1


@claims("chunked")
async def test_a_body_in_pieces_is_taken(door: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        raw = json.dumps(track()).encode()
        for at in range(0, len(raw), 7):
            yield raw[at : at + 7]

    answer = await door.http.post("/v1/track", content=pieces(), headers=basic(door.source.write_key))

    assert answer.status_code == 200
    assert len(await door.events()) == 1


@claims("key-basic", "key-bearer", "key-header", "key-first-that-resolves")
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic {colon}"},
        {"Authorization": "Basic {plain}"},
        {"Authorization": "basic {unpadded}"},
        {"Authorization": "Bearer {key}"},
        {"X-Write-Key": "{key}"},
        {"X-Write-Key": "{key}:secret"},
        {"Authorization": "Basic {bad}", "X-Write-Key": "{key}"},
        {"Authorization": "Bearer something", "X-Write-Key": "{key}"},
        {"Authorization": "Basic ?", "X-Write-Key": "{key}"},
    ],
)
async def test_a_key_is_found_in_every_header_and_the_first_that_is_somebodys_wins(
    door: Door, headers: dict[str, str]
) -> None:
    key = door.source.write_key
    encoded = {
        "key": key,
        "colon": base64.b64encode(f"{key}:".encode()).decode(),
        "plain": base64.b64encode(key.encode()).decode(),
        "unpadded": base64.b64encode(f"{key}:".encode()).decode().rstrip("="),
        "bad": base64.b64encode(f"{BAD_KEY}:".encode()).decode(),
    }
    filled = {name: value.format(**encoded) for name, value in headers.items()}

    answer = await door.post("/v1/track", track(writeKey="masked:***"), filled, key="")

    assert answer.status_code == 200
    assert [each["source"] for each in await door.events()] == [door.source.id]


@claims("key-query")
async def test_a_beacon_has_its_key_in_the_address(door: Door) -> None:
    body = json.dumps({"batch": [track(messageId="m1"), track(messageId="m2")]})
    origin = {"Origin": "https://shop.test", "Content-Type": "text/plain"}

    def beacon(key: str) -> Any:
        return door.http.post("/beacon/v1/batch", params={"writeKey": key}, content=body, headers=origin)

    assert (await beacon(door.source.write_key)).status_code == 200
    assert said(await beacon(BAD_KEY)) == (401, "invalid_write_key")
    assert said(await beacon("é€")) == (401, "invalid_write_key")
    assert [(each["messageId"], each["type"]) for each in await door.events()] == [("m1", "track"), ("m2", "track")]
    in_header = await door.post(f"/v1/track?writeKey={BAD_KEY}", track(messageId="m3"))
    in_body = {**track(messageId="m4"), "writeKey": door.source.write_key}
    assert (await door.post(f"/v1/track?writeKey={BAD_KEY}", in_body, key="")).status_code == 200
    assert in_header.status_code == 200
    assert len(await door.events()) == 4


@claims("pixel-rudder")
async def test_a_pixel_of_rudderstacks_is_an_event(door: Door) -> None:
    query = {"writeKey": door.source.write_key, "anonymousId": "a_1", "name": "Home", "properties.path": "/"}

    answer = await door.http.get("/pixel/v1/page", params=query, headers={"Origin": "https://shop.test"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    (event,) = await door.events()
    assert (event["type"], event["anonymousId"], event["properties"]["path"]) == ("page", "a_1", "/")


@claims("key-body", "key-not-stored")
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
async def test_a_key_in_the_body_names_the_source_and_is_not_stored(door: Door, path: str) -> None:
    key = door.source.write_key
    body = track(writeKey=key) if path == "/v1/track" else {"batch": [track(writeKey=key)], "writeKey": key}

    answer = await door.post(path, body, key="")

    (event,) = await door.events()
    assert answer.status_code == 200
    assert key.encode() not in event["body"]


@claims("key-body", "not-json-400")
async def test_a_body_that_holds_the_key_and_cannot_be_read_is_told_why_and_not_that_there_is_no_key(
    door: Door,
) -> None:
    key = json.dumps(door.source.write_key).encode()
    half = b'{"userId":"u_1","event":"Cut \\ud83d","writeKey":%b}' % key

    assert said(await door.post("/v1/t", half, key="")) == (400, "bad_text")
    assert [(each.reason, each.source) for each in await door.refused()] == [("bad_text", door.source.id)]
    for value, code in ((b"NaN", "not_json"), (b"[" * 1_500 + b"]" * 1_500, "too_deep")):
        body = b'{"userId":"u_1","event":"E","properties":{"a":%b},"writeKey":%b}' % (value, key)
        assert said(await door.post("/v1/t", body, key="")) == (400, code)
    assert said(await door.post("/v1/t", b'{"userId":"u_1","event":"E"}', key="")) == (401, "missing_write_key")


@claims("import")
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/v1/import/", "/v1/batch/"])
async def test_every_path_of_batches_takes_them(door: Door, path: str) -> None:
    answer = await door.post(path, {"batch": [track(), {"type": "page", "anonymousId": "a_1"}]})

    assert answer.json() == {"success": True}
    assert [each["type"] for each in await door.events()] == ["track", "page"]


@claims("no-user-is-absent")
async def test_a_null_or_empty_id_is_no_id(door: Door) -> None:
    await door.post("/v1/track", track(userId="", anonymousId="a_1"))
    await door.post("/v1/track", track(anonymousId=None))
    await door.post("/v1/track", track(userId="", anonymousId=None))

    assert [(each.get("userId"), each.get("anonymousId")) for each in await door.events()] == [
        (None, "a_1"), ("u_1", None),
    ]  # fmt: skip
    assert [each.reason for each in await door.refused()] == ["no_user_anon_id"]


@claims("one-bad-item", "visible")
async def test_a_bad_item_costs_itself_alone_and_is_found_with_its_reason(door: Door) -> None:
    items = [track(messageId="m_1"), None, ["x"], 7, track(event="", messageId="m_2"), {"type": "trakc"}, track()]

    answer = await door.post("/v1/batch", {"batch": items})

    assert answer.status_code == 200
    assert len(await door.events()) == 2
    assert [(each.reason, each.message_id) for each in await door.refused()] == [
        ("not_object", ""), ("not_object", ""), ("not_object", ""), ("event_not_defined", "m_2"), ("unknown_type", ""),
    ]  # fmt: skip


@claims("one-bad-item", "visible")
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"a":NaN}', "not_json"),
        (b'{"a":-Infinity}', "not_json"),
        (b'{"a":%b}' % (b"[" * 1_500 + b"]" * 1_500), "too_deep"),
        (b'{"a":"\\ud83d"}', "bad_text"),
    ],
    ids=["nan", "infinity", "deep", "half"],
)
async def test_what_a_strict_reader_refuses_a_whole_batch_for_costs_its_own_item(
    door: Door, bad: bytes, reason: str
) -> None:
    good = [json.dumps(track(messageId=name)).encode() for name in ("m_1", "m_2")]
    item = b'{"type":"track","userId":"u_1","event":"E","properties":%b}' % bad

    answer = await door.post("/v1/batch", b'{"batch":[%b,%b,%b]}' % (good[0], item, good[1]))

    assert answer.json() == {"success": True}
    assert [each["messageId"] for each in await door.events()] == ["m_1", "m_2"]
    assert [(each.reason, each.body) for each in await door.refused()] == [(reason, item)]


@claims("envelope")
async def test_what_stands_around_a_batch_lies_under_its_items(door: Door) -> None:
    own = track(context={"app": {"name": "own"}}, timestamp="2025-11-24T15:00:00.000Z")
    around = {"context": {"app": {"name": "around", "version": "2"}}, "integrations": {"All": False}}
    an_hour_late = "2025-11-24T17:00:00.000Z"  # the clock of the test says 16:00

    await door.post("/v1/batch", {"batch": [own], **around, "sentAt": an_hour_late})

    (event,) = await door.events()
    assert event["context"]["app"] == {"name": "own", "version": "2"}
    assert event["integrations"] == {"All": False}
    assert event["timestamp"] == "2025-11-24T14:00:00.000Z"
    assert event["originalTimestamp"] == "2025-11-24T15:00:00.000Z"
    assert event["receivedAt"] == "2025-11-24T16:00:00.000Z"


@claims("envelope", "too-large-400")
async def test_what_stands_around_a_batch_is_not_written_without_end(door: Door) -> None:
    around = {"context": {"page": {"title": "x" * 10_000}}}

    taken = await door.post("/v1/batch", {"batch": [track()] * 100, **around})
    over = await door.post("/v1/batch", {"batch": [track()] * 2_100, **around})

    assert [said(each) for each in (taken, over)] == [(200, None), (400, "body_too_large")]
    assert len(await door.events()) == 100


@claims("message-id-kept")
async def test_a_message_id_is_kept_and_made_where_there_is_none(door: Door) -> None:
    await door.post("/v1/batch", {"batch": [track(messageId="ajs-next-1-x"), track()]})

    first, second = [each["messageId"] for each in await door.events()]
    assert first == "ajs-next-1-x"
    assert uuid.UUID(second).version == 7


@claims("repeat-is-one", "source-scoped")
async def test_a_call_sent_again_is_there_once_in_each_source(door: Door) -> None:
    body = {"batch": [track(messageId="m_1"), track(messageId="m_2")]}
    other = (await door.bench.store.read(lambda view: view.workspace)).source("Local").write_key

    again = [await door.post("/v1/batch", body, key=key) for key in (door.source.write_key, other) for _ in range(3)]

    assert {each.status_code for each in again} == {200}
    assert sorted((each["source"], each["messageId"]) for each in await door.events()) == [
        (1, "m_1"), (1, "m_2"), (2, "m_1"), (2, "m_2"),
    ]  # fmt: skip


@claims("big-integers")
async def test_an_integer_beyond_what_a_double_holds_stays_exact(door: Door) -> None:
    await door.post("/v1/track", track(properties={"n": 9_007_199_254_740_993, "low": -(1 << 63)}))

    (event,) = await door.events()
    assert event["properties"] == {"n": 9_007_199_254_740_993, "low": -(1 << 63)}


@claims("not-json-400")
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"nonsense", b'{"a":NaN}', b"\xff\xfe{}", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_400(door: Door, path: str, body: bytes) -> None:
    answer = await door.post(path, body)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert await door.events() == []


@claims("not-json-400")
@pytest.mark.parametrize("body", [{}, [], {"batch": None}, {"batch": {}}, {"batch": "x"}, "text", 7, None])
async def test_json_that_is_no_batch_is_400(door: Door, body: Any) -> None:
    assert said(await door.post("/v1/batch", body)) == (400, "no_batch")


@claims("batch-4-mb", "too-large-400")
async def test_a_batch_of_4_mb_is_taken_and_one_over_5_is_not(door: Door) -> None:
    large = track(properties={"text": "x" * 30_000})

    taken = await door.post("/v1/batch", {"batch": [large] * 130})
    packed = await door.post("/v1/batch", gzip.compress(json.dumps({"batch": [large] * 130}).encode()))
    over = await door.post("/v1/batch", {"batch": [large] * 170})
    bomb = await door.post("/v1/batch", gzip.compress(b"0" * 200_000_000, 1))

    assert [each.status_code for each in (taken, packed)] == [200, 200]
    assert [said(each) for each in (over, bomb)] == [(400, "body_too_large")] * 2
    assert len(await door.events()) == 260


@claims("event-32-kb")
async def test_an_event_over_32_kb_is_400_alone_and_costs_itself_in_a_batch(door: Door) -> None:
    large = track(properties={"text": "x" * 33_000})

    assert said(await door.post("/v1/track", large)) == (400, "too_large")
    assert (await door.post("/v1/batch", {"batch": [large, track()]})).status_code == 200
    assert len(await door.events()) == 1
    assert [each.reason for each in await door.refused()] == ["too_large"] * 2


@claims("batch-2500")
async def test_of_a_batch_the_first_2500_are_taken_and_the_rest_is_visible(door: Door) -> None:
    answer = await door.post("/v1/batch", {"batch": [track(messageId=f"m_{n}") for n in range(2_503)]})

    assert answer.status_code == 200
    assert [each["messageId"] for each in await door.events()] == [f"m_{n}" for n in range(2_500)]
    assert [each.reason for each in await door.refused()] == ["too_many_events"] * 3


@claims("batch-2500")
async def test_a_batch_of_items_without_end_costs_no_more_than_a_full_one(door: Door) -> None:
    answer = await door.post("/v1/batch", b'{"batch":[%b1]}' % (b"1," * 1_000_000))

    assert answer.status_code == 200
    assert len(await door.refused()) == 5_000


@claims("refused-is-200")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"event": "x"}, "no_user_anon_id"),
        ({"userId": 7, "event": "x"}, "id_not_string"),
        ({"userId": "u", "event": 7}, "event_not_string"),
        ({"userId": "u", "event": "x", "properties": []}, "properties_not_object"),
        ({"userId": "u", "event": "x", "properties": {"n": 1 << 64}}, "number_out_of_range"),
    ],
)
async def test_what_can_never_be_an_event_is_200_and_found(door: Door, body: Any, reason: str) -> None:
    answer = await door.post("/v1/track", body)

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [each.reason for each in await door.refused()] == [reason]
    assert await door.events() == []


@claims("stranger-visible")
async def test_a_call_with_an_unknown_key_is_found_and_a_flood_of_them_is_not_kept(door: Door) -> None:
    for number in range(30):
        await door.post("/v1/track", track(messageId=f"m_{number}"), key=BAD_KEY)

    found = await door.refused()
    assert {each.reason for each in found} == {"unknown_write_key"}
    assert 1 <= len(found) <= 10
    assert b"m_0" in found[0].body


GIF = b"GIF89a"


@claims("pixel-head")
async def test_whoever_asks_what_a_pixel_is_makes_no_event(door: Door) -> None:
    query = {"writeKey": door.source.write_key, "userId": "u", "event": "E"}

    looked = await door.http.head("/v1/pixel/track", params=query)
    assert (looked.status_code, looked.headers["content-type"]) == (200, "image/gif")
    assert await door.events() == []
    await door.http.get("/v1/pixel/track", params=query)
    assert len(await door.events()) == 1


@claims("pixel", "pixel-base64", "pixel-flat")
async def test_a_pixel_is_an_image_whatever_it_says(door: Door) -> None:
    key = door.source.write_key
    whole = base64.b64encode(json.dumps(track(writeKey=key, properties={"subject": "Grüße"})).encode()).decode()
    flat = {"writeKey": key, "userId": "u_2", "event": "Opened", "properties.mail.subject": "Hello you"}
    queries: list[dict[str, str]] = [
        {"data": whole}, {"data": whole.rstrip("=")}, flat, {}, {"data": "?"}, {"data": whole, "writeKey": "x"},
        {"writeKey": BAD_KEY, "userId": "u", "event": "x"}, {"properties": "1", "properties.a": "2", "writeKey": key},
    ]  # fmt: skip

    answers = [await door.http.get("/v1/pixel/track", params=query) for query in queries]

    assert {(each.status_code, each.headers["content-type"], each.content[:6]) for each in answers} == {
        (200, "image/gif", GIF)
    }
    found = await door.events()
    assert [(each["userId"], each["properties"]) for each in found] == [
        ("u_1", {"subject": "Grüße"}), ("u_1", {"subject": "Grüße"}), ("u_2", {"mail": {"subject": "Hello you"}}),
        ("u_1", {"subject": "Grüße"}),
    ]  # fmt: skip


@claims("settings")
async def test_a_browser_learns_where_to_send(door: Door) -> None:
    answer = await door.http.get(
        f"/v1/projects/{door.source.write_key}/settings", headers={"Origin": "http://shop.test"}
    )
    unknown = await door.http.get(f"/v1/projects/{BAD_KEY}/settings")

    told = answer.json()
    ours = told["integrations"]["Segment.io"]
    assert (ours["apiKey"], ours["apiHost"], ours["protocol"]) == (door.source.write_key, "127.0.0.1:8733/v1", "http")
    objects = ("integrations", "plan", "middlewareSettings", "edgeFunction", "metrics", "consentSettings")
    assert all(isinstance(told[each], dict) for each in objects)
    assert answer.headers["access-control-allow-origin"] == "http://shop.test"
    assert said(unknown) == (404, "invalid_write_key")


@claims("source-config")
async def test_rudderstacks_library_learns_of_an_enabled_source(door: Door) -> None:
    in_query = await door.http.get("/sourceConfig/", params={"writeKey": door.source.write_key, "p": "npm"})
    in_header = await door.http.get("/sourceConfig", headers=basic(door.source.write_key))
    unknown = await door.http.get("/sourceConfig", params={"writeKey": BAD_KEY})

    assert in_query.json() == in_header.json()
    assert in_query.json()["source"]["enabled"] is True
    assert in_query.json()["source"]["writeKey"] == door.source.write_key
    assert unknown.status_code == 404


@claims("jitsu")
async def test_jitsus_paths_take_one_call_each(door: Door) -> None:
    headers = {"X-Write-Key": f"{door.source.write_key}:secret"}

    for path in ("/api/s/track", "/api/s/s2s/track"):
        answer = await door.post(path, track(writeKey=f"{door.source.write_key}:***"), headers, key="")
        assert answer.json() == {"success": True}

    assert len(await door.events()) == 2


@claims("metrics-ignored")
async def test_a_librarys_metrics_of_itself_are_forgotten(door: Door) -> None:
    answer = await door.post("/v1/m", {"series": []}, key="")

    assert answer.status_code == 200
    assert await door.events() == []


@claims("cors")
@pytest.mark.parametrize("path", ["/v1/t", "/v1/batch", "/v1/projects/x/settings", "/sourceConfig/", "/api/s/track"])
async def test_a_page_may_send_what_it_asks_to_send(door: Door, path: str) -> None:
    asked = {
        "Origin": "https://shop.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-retry-count",
        "Access-Control-Request-Private-Network": "true",
    }

    answer = await door.http.request("OPTIONS", path, headers=asked)

    assert answer.status_code == 200
    told = answer.headers
    assert told["access-control-allow-origin"] == "https://shop.test"
    assert told["access-control-allow-headers"] == "authorization,x-retry-count"
    assert told["access-control-allow-private-network"] == "true"
    assert int(told["access-control-max-age"]) >= 600
    assert "POST" in told["access-control-allow-methods"] or "GET" in told["access-control-allow-methods"]


@claims("cors", "ip-of-the-person")
async def test_an_event_of_a_browser_gets_its_address_and_a_servers_does_not(door: Door) -> None:
    answer = await door.post("/v1/t", track(), {"Origin": "https://shop.test"})
    await door.post("/v1/track", track())
    await door.post("/v1/track", track(context={"direct": True}))
    await door.post("/v1/t", track(context={"ip": "198.51.100.1"}))

    assert answer.headers["access-control-allow-origin"] == "https://shop.test"
    assert [each.get("context", {}).get("ip") for each in await door.events()] == [
        "203.0.113.9", None, "203.0.113.9", "198.51.100.1",
    ]  # fmt: skip


@claims("no-redirect", "wrong-method-405", "wrong-path-404")
async def test_other_methods_and_paths_are_told_so(door: Door) -> None:
    found = [
        await door.http.request(method, path)
        for method, path in [
            ("GET", "/v1/track"), ("PUT", "/v1/batch"), ("POST", "/v1/pixel/track"),
            ("POST", "/v1/projects/x/settings"), ("POST", "/v1/trakc"), ("GET", "/v1/"), ("GET", "/v1/pixel/nothing"),
            ("POST", "/v1//track"),
        ]
    ]  # fmt: skip

    assert [said(each) for each in found] == [(405, "method_not_allowed")] * 4 + [(404, "not_found")] * 4
    assert found[0].headers["allow"] == "POST, OPTIONS"


@claims("low-disk-429")
async def test_a_full_disk_asks_clients_to_come_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "FLOOR", 1 << 60)
    monkeypatch.setattr(space, "SHARE", 2.0)
    door.bench.clock.pass_s(2)

    answer = await door.post("/v1/track", track())

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "limit_exceeded"


def without_message_ids(database: Path) -> None:
    """Damage a database so that no event can be stored."""
    connection = connect_writer(database)
    connection.execute("DROP TABLE recent").close()
    connection.close()


@claims("no-commit-503")
async def test_a_commit_that_fails_asks_clients_to_come_back(door: Door) -> None:
    await anyio.to_thread.run_sync(without_message_ids, door.bench.store.path)

    answer = await door.post("/v1/track", track())

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "unavailable"


@claims("test-key", "test-namespace")
@pytest.mark.parametrize(
    ("key", "header", "answer", "namespace"),
    [
        ("test_write_key", None, (200, None), "test"),
        ("test_write_key", "ci-7", (200, None), "ci-7"),
        ("test_write_key", "live", (403, "test_key"), None),
        ("write_key", None, (200, None), "live"),
        ("write_key", "live", (200, None), "live"),
        ("write_key", "staging", (200, None), "staging"),
        ("write_key", "No Such Name", (400, "invalid_namespace"), None),
    ],
)
async def test_the_key_decides_live_or_test_and_a_header_names_another_test_namespace(
    door: Door, key: str, header: str | None, answer: tuple[int, str | None], namespace: str | None
) -> None:
    headers = {"X-Turnout-Namespace": header} if header else {}

    found = await door.post("/v1/track", track(), headers, key=getattr(door.source, key))

    assert said(found) == answer
    assert [each["namespace"] for each in await door.events()] == ([namespace] if namespace else [])


@claims("test-namespace")
async def test_white_space_around_a_namespace_is_none_of_it_and_two_namespaces_are_neither(door: Door) -> None:
    body, key = json.dumps(track()).encode(), basic(door.source.write_key)["Authorization"]

    async def post(*namespaces: str) -> tuple[int, Any]:
        headers = [("Authorization", key), *(("X-Turnout-Namespace", each) for each in namespaces)]
        return said(await door.http.post("/v1/track", content=body, headers=headers))

    assert await post(" ci-7\t ") == (200, None)
    assert [each["namespace"] for each in await door.events()] == ["ci-7"]
    for twice in (("ci-7", "live"), ("live", "ci-7")):
        assert await post(*twice) == (400, "invalid_namespace")


@claims("test-rules")
async def test_the_rules_of_the_workspace_hold_at_this_door_too(door: Door, ruled: Bench) -> None:
    assert ruled is door.bench
    await door.post("/v1/batch", {"batch": [track(userId="qa-7"), track(userId="u_1")]})
    await door.post("/v1/t", track(userId="u_2"), {"Origin": "https://shop.test"})
    await door.post("/v1/track", track(userId="u_3"))
    await door.post("/v1/identify", {"userId": "u_4", "traits": {"email": "Ann@qa.test.example"}})

    assert [(each["userId"], each["namespace"]) for each in await door.events()] == [
        ("qa-7", "ci"), ("u_1", "live"), ("u_2", "office"), ("u_3", "live"), ("u_4", "test"),
    ]  # fmt: skip


@claims("write-only")
async def test_a_write_key_reads_nothing(door: Door) -> None:
    await door.post("/v1/track", track(messageId="m_1", properties={"secret": "sentinel-7"}))
    again = await door.post("/v1/track", track(messageId="m_1", properties={"secret": "other"}))
    key = door.source.write_key
    paths = ["/v1/track?messageId=m_1", "/v1/events", f"/v1/projects/{key}/settings", f"/sourceConfig?writeKey={key}"]

    told = [await door.http.get(path, headers=basic(key)) for path in [*paths, "/readyz", "/healthz"]]

    assert again.json() == {"success": True}
    assert not any("sentinel" in each.text or "m_1" in each.text for each in told)
