"""A desk in memory for the agent door: it keeps what it was asked and answers what it was given.

As a program (`python -m support.desk`) it is a whole server on standard input and output, for tests of framing
and of process start.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from turnout.document import Document, Json
from turnout.errors import Unavailable

DELIVERY: Document = {
    "destination": "webhook",
    "verdict": "delivered",
    "reason": "delivered",
    "attempts": [{"n": 1, "outcome": "delivered", "status": 200, "at": "2026-11-24T16:00:00.123Z", "took_ms": 12}],
    "evidence": "recorded",
}

SAMPLES: Mapping[str, Document] = {
    "track_event": {
        "summary": "Recorded 1 event in test.",
        "message_id": "m_1",
        "namespace": "test",
        "replayed": False,
        "deliveries": [DELIVERY],
    },
    "identify_user": {"summary": "Recorded.", "message_id": "m_2", "namespace": "test", "replayed": False},
    "send_events": {
        "summary": "Recorded 2 events.",
        "namespace": "test",
        "events": [{"message_id": "m_3", "replayed": False}, {"message_id": "m_4", "replayed": False}],
    },
    "preview_event": {
        "summary": "1 of 2 destinations would get it.",
        "namespace": "test",
        "previews": [
            {"destination": "webhook", "verdict": "would_send", "requests": [{"method": "POST", "body": None}]},
            {"destination": "files", "verdict": "not_sent", "reason": "filter", "rule": "$.event == 'A'"},
        ],
    },
    "debug_event_delivery": {
        "summary": "Delivered to 1 of 1 destinations.",
        "found": True,
        "message_id": "m_1",
        "namespace": "test",
        "source": None,
        "event": {"type": "track", "event": "Order Completed", "properties": {"coupon": None}},
        "deliveries": [DELIVERY],
        "next": [{"tool": "find_events", "arguments": {"user_id": "u_42"}, "why": "Other events of this user."}],
    },
    "find_events": {
        "summary": "2 events.",
        "events": [
            {
                "message_id": f"m_{n}",
                "event": "Order Completed",
                "user_id": "u_42",
                "namespace": "test",
                "received_at": "2026-11-24T16:00:00.123Z",
            }
            for n in (1, 2)
        ],
        "next_cursor": "c_2",
    },
    "get_profile": {
        "summary": "1 person: in live.",
        "found": True,
        "people": [{"namespace": "live", "test": False, "looks_like": None, "events": 3, "suppressed": False}],
        "traits": [{"name": "plan", "value": None, "source": "Web shop", "at": "2026-11-24T16:00:00.123Z"}],
    },
    "audit_routing": {
        "summary": "1 event name, 1 destination.",
        "events": [{"type": "track", "event": "Order Completed", "events": 3, "judged_by": "name", "to": ["webhook"]}],
        "stale_sources": [{"source": "Web shop", "reason": "silent", "silent_days": 9}],
        "repeats_stopped": 0,
    },
    "get_usage": {"summary": "3 MTU.", "month": "2026-11", "mtu": 3, "test_people": 2, "forecast": 4},
    "list_destinations": {
        "summary": "1 destination.",
        "destinations": [{"slug": "webhook", "name": "webhook", "state": "running", "status": "verified"}],
    },
    "describe_destination": {
        "summary": "Webhook needs a URL.",
        "slug": "webhook",
        "name": "Webhook",
        "connected": False,
        "settings": [{"name": "url", "type": "url", "required": True, "secret": False}],
    },
    "connect_destination": {
        "summary": "Nothing is connected yet.",
        "confirm": {"token": "t_1", "plan": "Connect webhook to a host of the caller's choice."},
    },
    "update_destination": {"summary": "Paused.", "destination_id": "d_1", "name": "webhook", "state": "paused"},
    "test_destination": {"summary": "It answers.", "destination": "webhook", "ok": True, "status": 200},
    "replay_events": {"summary": "12 events.", "run_id": "r_1", "selected": 12, "to": ["webhook"]},
    "list_changes": {
        "summary": "1 change.",
        "changes": [{"at": "2026-11-26T00:00:00.000Z", "by": "local", "change": "create_source"}],
    },
    "list_sources": {"summary": "1 source.", "sources": [{"source_id": "s_1", "name": "Web shop", "events": 3}]},
    "create_source": {"summary": "Created.", "source_id": "s_1", "name": "Web shop", "test_write_key": "test_abc"},
    "request_deletion": {"summary": "Queued.", "deletion_id": "del_1", "status": "received", "suppressed": True},
    "get_deletion": {
        "summary": "Finished.",
        "deletion_id": "del_1",
        "status": "finished",
        "steps": [{"where": "events", "status": "finished", "counts": {"rows": 12}}],
    },
}


@dataclass
class FakeDesk:
    """Operations that answer with samples, or raise what they were told to."""

    answers: dict[str, Document] = field(default_factory=lambda: dict(SAMPLES))
    faults: dict[str, Exception] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    client: str = ""

    def seen_by(self, client: str) -> FakeDesk:
        self.client = client
        return self

    def _answer(self, name: str, given: Mapping[str, object]) -> Document:
        self.asked.append((name, given))
        if fault := self.faults.get(name):
            raise fault
        return self.answers[name]

    async def track_event(self, **given: object) -> Document:
        if isinstance(wait := given["wait_seconds"], int):
            print("waiting", file=sys.stderr, flush=True)  # noqa: T201 - for the test that cancels it
            try:
                await anyio.sleep(wait)
            finally:
                print("let go", file=sys.stderr, flush=True)  # noqa: T201 - the same
        return self._answer("track_event", given)

    async def identify_user(self, **given: object) -> Document:
        return self._answer("identify_user", given)

    async def send_events(self, **given: object) -> Document:
        return self._answer("send_events", given)

    async def preview_event(self, **given: object) -> Document:
        return self._answer("preview_event", given)

    async def debug_event_delivery(self, **given: object) -> Document:
        return self._answer("debug_event_delivery", given)

    async def find_events(self, **given: object) -> Document:
        return self._answer("find_events", given)

    async def get_profile(self, **given: object) -> Document:
        return self._answer("get_profile", given)

    async def audit_routing(self, **given: object) -> Document:
        return self._answer("audit_routing", given)

    async def get_usage(self, **given: object) -> Document:
        return self._answer("get_usage", given)

    async def list_destinations(self, **given: object) -> Document:
        return self._answer("list_destinations", given)

    async def describe_destination(self, **given: object) -> Document:
        return self._answer("describe_destination", given)

    async def connect_destination(self, **given: object) -> Document:
        return self._answer("connect_destination", given)

    async def update_destination(self, **given: object) -> Document:
        return self._answer("update_destination", given)

    async def test_destination(self, **given: object) -> Document:
        return self._answer("test_destination", given)

    async def replay_events(self, **given: object) -> Document:
        return self._answer("replay_events", given)

    async def list_changes(self, **given: object) -> Document:
        return self._answer("list_changes", given)

    async def list_sources(self, **given: object) -> Document:
        return self._answer("list_sources", given)

    async def create_source(self, **given: object) -> Document:
        return self._answer("create_source", given)

    async def request_deletion(self, **given: object) -> Document:
        return self._answer("request_deletion", given)

    async def get_deletion(self, **given: object) -> Document:
        return self._answer("get_deletion", given)


ARGUMENTS: Mapping[str, Mapping[str, Json]] = {
    "track_event": {"event": "Order Completed", "user_id": "u_42"},
    "identify_user": {"user_id": "u_42"},
    "send_events": {"events": [{"type": "page", "userId": "u_42"}, {"type": "track", "event": "A", "userId": "u"}]},
    "preview_event": {"event": "Order Completed", "user_id": "u_42"},
    "debug_event_delivery": {"message_id": "m_1"},
    "find_events": {},
    "get_profile": {},
    "audit_routing": {},
    "get_usage": {},
    "list_destinations": {},
    "describe_destination": {"destination": "webhook"},
    "connect_destination": {"slug": "webhook"},
    "update_destination": {"destination": "webhook", "action": "pause"},
    "test_destination": {"destination": "webhook"},
    "replay_events": {"destination": "webhook", "verdict": "discarded"},
    "list_sources": {},
    "list_changes": {"since": "24h"},
    "create_source": {"name": "Web shop"},
    "request_deletion": {"user_id": "u_42"},
    "get_deletion": {"deletion_id": "del_1"},
}
"""Arguments with which each tool may be called."""


@asynccontextmanager
async def opened() -> AsyncIterator[FakeDesk]:
    """Open a desk, and say on standard error when it is let go."""
    print("stray", flush=True)  # noqa: T201 - what a library may do: it must not reach the client
    yield FakeDesk()
    how = "with" if "mcp" in sys.modules else "without"
    print(f"desk closed {how} the SDK", file=sys.stderr, flush=True)  # noqa: T201 - for the test that waits for it


@asynccontextmanager
async def broken() -> AsyncIterator[FakeDesk]:
    """Refuse to open."""
    raise Unavailable("The schema is newer than this program.")
    yield


@asynccontextmanager
async def never() -> AsyncIterator[FakeDesk]:
    """Be opening for ever, as behind another process's migration."""
    await anyio.sleep_forever()
    yield FakeDesk()


def main(cards: str, kind: str) -> None:
    """Serve like the command `mcp` does."""
    from turnout.agent.stdio import begin  # noqa: PLC0415 - as the command does: first the wire, then the SDK
    from turnout.agent.toolsets import USUAL_TOOLSETS  # noqa: PLC0415
    from turnout.entropy import SystemEntropy  # noqa: PLC0415
    from turnout.guard.principal import local  # noqa: PLC0415

    stdio = begin(local("write"), USUAL_TOOLSETS, Path(cards))
    from turnout.agent.session import serve  # noqa: PLC0415
    from turnout.cli.mcp import rest  # noqa: PLC0415

    serve(stdio, {"opened": opened, "broken": broken, "never": never}[kind], SystemEntropy(), rest)


if __name__ == "__main__":
    main(*sys.argv[1:3])
