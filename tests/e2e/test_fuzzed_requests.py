"""Requests as no client would send them, thousands of them, drawn from a seed: nothing breaks, no value is changed.

`SEED=N` replays a run, `FUZZ=N` sends more.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from support.doors import Door, opened, value
from support.raw import Raw, request

SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
COUNT = int(os.environ.get("FUZZ", "4000"))
CALLERS = 8
PATHS = (
    "/v1/track",
    "/v1/identify",
    "/v1/page",
    "/v1/group",
    "/v1/alias",
    "/v1/t",
    "/v1/i",
    "/api/s/track",
    "/v1/screen/",
)
BATCHES = ("/v1/batch", "/v1/import", "/v1/b")
TOKENS = (
    b"NaN", b"Infinity", b"1e999", b"-0", b"1E400", b"9" * 20, b"9" * 4_301, b"\\ud800", b"\\u0000", b"\0", b"\xff", b"\xed\xa0\x80",
    b"null", b"[]", b"{}", b'""', b"{", b"[", b"]", b"}", b'"', b"\\", b",", b":", b"[" * 70, b'{"a":' * 70, b'"writeKey":1,', b"\r\n",
    b'"userId":{},', b'"messageId":1e22,', b'"type":"track",', b'"batch":[null],', b'"sentAt":{},', b'"context":[],', b"\xef\xbb\xbf",
)  # fmt: skip
HEADERS = (
    b"Content-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Expect: 100-continue\r\n",
    b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Authorization: Basic \xff\xfe\r\n", b"Host: evil\r\n",
    b"X-Turnout-Namespace: live\r\n", b"X-Turnout-Namespace: \xff\r\n", b"Origin: null\r\n", b"Authorization: Bearer\r\n", b"\r\n", b" ", b"\t", b"%00", b"%ff", b"%2e%2e/",
    b"?writeKey=x&data=%FF", b"#x", b"/v1/pixel/track?", b"/v1/projects/", b"GET ", b"OPTIONS ", b"HEAD ",
)  # fmt: skip


@dataclass(slots=True)
class Fuzzer:
    """Draws requests, and remembers every value that was sent."""

    draw: random.Random
    door: Door
    sent: set[str] = field(default_factory=set)

    def json(self) -> Any:
        """Draw any value."""
        return self.draw.choice(
            [
                "text", "", "é€😀", "a\0b", "\u2028", 0, -1, 1.5, 1e300, 2**53 + 1, -(2**63), 2**63 - 1, True, False, None, [], {},
                [1, [2, {"a": None}]], {"a": {"b": {"c": "d"}}}, {"$set": 1, "__proto__": {}}, "x" * self.draw.randrange(2_000),
            ]
        )  # fmt: skip

    def call(self) -> dict[str, Any]:
        """Draw a call that is most often a good one."""
        names = (
            "properties",
            "traits",
            "context",
            "integrations",
            "timestamp",
            "sentAt",
            "messageId",
            "name",
            "version",
        )
        body: dict[str, Any] = {"userId": "u_1", "event": "E", "groupId": "g", "previousId": "p", "type": "track"}
        for name in self.draw.sample(names, self.draw.randrange(4)):
            body[name] = {"v": self.json(), "w": self.json()} if self.draw.random() < 0.7 else self.json()
        if self.draw.random() < 0.2:
            body[self.draw.choice(tuple(body))] = self.json()
        return body

    def mutated(self, text: bytes) -> bytes:
        """Change a text in some places."""
        for _ in range(self.draw.choice([0, 1, 1, 2, 5])):
            at, to = sorted((self.draw.randrange(len(text) + 1), self.draw.randrange(len(text) + 1)))
            piece = self.draw.choice(TOKENS)
            text = self.draw.choice(
                [
                    text[:at] + piece + text[at:], text[:at] + piece + text[at + len(piece) :], text[:at] + text[at + 1 :], text[:to],
                    text[:at] + self.draw.randbytes(1) + text[at + 1 :], text[:to] + text[at:], text[:at] + text[to:],
                ]
            )  # fmt: skip
        return text

    def body(self) -> tuple[str, bytes, list[str]]:
        """Draw a path, a body and headers with the key in one of its places."""
        is_batch = self.draw.random() < 0.3
        key = self.draw.choice([self.door.key, self.door.key, self.door.test_key, "nobody's"])
        basic = base64.b64encode(f"{key}{self.draw.choice(['', ':', ':x'])}".encode()).decode()
        place = self.draw.choice(
            [f"Authorization: Basic {basic}", f"Authorization: Bearer {key}", f"X-Write-Key: {key}", ""]
        )
        calls = [self.call() for _ in range(self.draw.randrange(5) if is_batch else 1)]
        document: dict[str, Any] = {"batch": calls} if is_batch else calls[0]
        if not place or self.draw.random() < 0.2:
            document["writeKey"] = key
        text = json.dumps(document, ensure_ascii=self.draw.random() < 0.5).encode()
        return self.draw.choice(BATCHES if is_batch else PATHS), text, [place] if place else []

    def remember(self, text: bytes) -> None:
        """Keep what a body says, and what each item of a batch says; one that is no text spoils no other."""
        try:
            found = value(text.decode(errors="replace").strip(), whole=False)
        except (ValueError, RecursionError):
            return
        items = found.get("batch") if isinstance(found, dict) else None
        for each in [found, *(items if isinstance(items, list) else [])]:
            if isinstance(each, dict):
                self.sent.add(said(each))

    def packed(self, body: bytes) -> bytes:
        """Pack a body, and now and then change what is packed."""
        text = gzip.compress(body, mtime=0)
        if self.draw.random() < 0.2:
            text = self.mutated(text)
            with suppress(OSError, EOFError, ValueError, zlib.error):
                self.remember(gzip.decompress(text))
        return text

    def framed(self) -> bytes:
        """Write a request of which it is known where it ends."""
        path, body, headers = self.body()
        body = self.mutated(body)
        self.remember(body)
        if self.draw.random() < 0.3:
            body = self.packed(body)
            headers.append("Content-Encoding: gzip")
        if self.draw.random() < 0.7:
            return request(path, *headers, method="POST", body=body)
        cuts = sorted({0, len(body), *(self.draw.randrange(len(body) + 1) for _ in range(3))})
        chunks = [body[at:to] for at, to in pairwise(cuts)]
        text = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        return request(path, *headers, "Transfer-Encoding: chunked", method="POST") + text

    def unframed(self) -> bytes:
        """Write a request that was changed anywhere, and what no server can take for the rest of it."""
        path, body, headers = self.body()
        text = request(path, *headers, method="POST", body=body)
        head = text.index(b"\r\n\r\n") + 4
        for _ in range(self.draw.choice([1, 1, 2, 4])):
            at = self.draw.randrange(head)
            piece = self.draw.choice([self.draw.choice(HEADERS), self.draw.randbytes(1), b"\r", b"\n", b""])
            text = text[:at] + piece + text[at + self.draw.choice([0, 1, len(piece)]) :]
        for at in range(len(text)):
            if text[at : at + 1] == b"{":
                self.remember(text[at:])
        return text + b"\r\n\r\n" + b"\0" * 120_000


def said(document: dict[str, Any]) -> str:
    """Write what a call says, less its key: equal texts are equal values."""
    return json.dumps({name: part for name, part in document.items() if name != "writeKey"}, sort_keys=True)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("fuzz")) as door:
        yield door


def on_one_connection(door: Door, texts: list[bytes]) -> Counter[int]:
    """Send requests one after the other; each has an answer, and each that is no success says why."""
    found: Counter[int] = Counter()
    with Raw(door.server.address) as raw:
        for text in texts:
            raw.send(text)
            answer = raw.answer()
            assert answer is not None, text
            assert answer.status < 500, (text[:500], answer.body)
            assert answer.status == 200 or {"code", "message"} <= set(answer.told), (text, answer)
            found[answer.status] += 1
    return found


def on_connections_of_their_own(door: Door, texts: list[bytes]) -> Counter[int]:
    """Send requests each on a connection; whatever comes back is none of ours that broke."""
    found: Counter[int] = Counter()
    for text in texts:
        with Raw(door.server.address) as raw:
            raw.send(text)
            raw.socket.settimeout(0.5)
            try:
                answers = raw.answers()
            except TimeoutError:
                answers = []  # it waits for the rest
        assert [answer.body for answer in answers if answer.status >= 500] == [], text[:500]
        found.update(answer.status for answer in answers)
    return found


@pytest.mark.timeout(480)
@pytest.mark.parametrize("kind", ["framed", "unframed"])
def test_no_request_breaks_anything_or_has_a_value_changed(
    door: Door, kind: str, record_property: Callable[[str, object], None]
) -> None:
    print(f"SEED={SEED}")  # noqa: T201 - so that it can be replayed
    fuzzer = Fuzzer(random.Random(f"{SEED} {kind}"), door)  # noqa: S311 - chance that must replay
    count = COUNT if kind == "framed" else COUNT // 4
    texts = [fuzzer.framed() if kind == "framed" else fuzzer.unframed() for _ in range(count)]
    before = len(door.bodies())

    send = on_one_connection if kind == "framed" else on_connections_of_their_own
    with ThreadPoolExecutor(CALLERS) as pool:
        found: Counter[int] = sum(
            pool.map(send, [door] * CALLERS, [texts[n::CALLERS] for n in range(CALLERS)]), Counter()
        )
    kept = door.bodies()[before:]

    assert [body for body in kept if said(value(body)) not in fuzzer.sent] == []
    assert len(kept) > count // 40
    record_property(
        "faults", f"{count} {kind} requests, seed {SEED}: answers {dict(sorted(found.items()))}, {len(kept)} events"
    )
