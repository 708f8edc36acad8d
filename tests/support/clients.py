"""Other people's clients, each in a program or a page of its own: Segment's, RudderStack's and Jitsu's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from support.between import Between
from support.node import CLIENTS, NODE, environment, version
from support.page import visited

LIMIT_S = 120
ALL = frozenset({"identify", "track", "page", "screen", "group", "alias"})
Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What a client told its program: the ids of its messages, None where it tells none; its errors."""

    ids: list[str] | None
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Client:
    """One client. `library`: what it calls itself; `size`: the option that says how many make a batch.

    `most`: so many calls in one breath are made in the tests; RudderStack's for browsers drops those beyond by itself.
    """

    name: str
    vendor: str
    program: str
    library: tuple[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    size: str = ""
    kinds: frozenset[str] = ALL
    retries: bool = True
    most: int = 500

    @property
    def browser(self) -> bool:
        return self.program.endswith(".js")

    @property
    def exact(self) -> bool:
        """Tell whether its language has integers; JavaScript has doubles."""
        return self.program.endswith(".py")

    def plan(self, between: Between, key: str, calls: Sequence[Call], size: int = 0) -> dict[str, Any]:
        """Write down what its program is to do. Jitsu's wants a key of two halves."""
        options = {**self.options, **({self.size: size} if self.size and size else {})}
        own = f"{key}:x" if self.vendor == "jitsu" else key
        return {"vendor": self.vendor, "host": between.url, "key": own, "calls": list(calls), "options": options}

    def use(self, between: Between, key: str, calls: Sequence[Call], size: int = 0) -> Told:
        """Make these calls; come back when the client has sent them, or says that it will not."""
        plan = self.plan(between, key, calls, size)
        if not self.browser:
            return self._run(plan)
        with visited(self.program, plan) as page:
            told = page.told()
            if self.retries:
                between.wait_until(lambda: len(acknowledged(between)) >= len(calls), LIMIT_S)
            return Told(told["ids"], told["errors"])

    def _run(self, plan: Mapping[str, Any]) -> Told:
        command = (*((sys.executable, "-W", "ignore") if self.exact else (NODE,)), CLIENTS / self.program)
        done = subprocess.run(
            command, input=json.dumps(plan), capture_output=True, text=True, timeout=LIMIT_S, check=False,
            env=environment(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout)
        return Told(told["ids"], told["errors"])


def messages(between: Between) -> list[dict[str, Any]]:
    """Give the messages that came, each as often as it came."""
    return [message for each in between.posts() for message in each.messages()]


def acknowledged(between: Between) -> set[str]:
    """Give the ids of the messages whose request was answered 200."""
    return {message["messageId"] for each in between.posts() if each.status == 200 for message in each.messages()}


_PYTHON = "python_clients.py"
_SEGMENT = ("analytics-python", metadata.version("segment-analytics-python"))
_NEXT = ("analytics.js", f"npm:next-{version('@segment/analytics-next')}")
_JITSU = ("@jitsu/js", version("@jitsu/js"))
_JITSU_KINDS = frozenset({"identify", "track", "page", "group"})
_BATCHING = {"deliveryStrategy": {"strategy": "batching", "config": {"size": 10, "timeout": 200}}}

SEGMENT_PYTHON = Client("segment-python", "segment", _PYTHON, _SEGMENT, size="upload_size")
SEGMENT_PYTHON_GZIP = Client("segment-python-gzip", "segment", _PYTHON, _SEGMENT, {"gzip": True}, "upload_size")
RUDDER_PYTHON = Client(
    "rudder-python", "rudder", _PYTHON, ("analytics-python", metadata.version("rudder-sdk-python")), size="upload_size"
)
SEGMENT_NODE = Client(
    "segment-node", "segment", "segment.cjs", ("@segment/analytics-node", version("@segment/analytics-node")),
    {"flushInterval": 200}, "flushAt",
)  # fmt: skip
RUDDER_NODE = Client(
    "rudder-node", "rudder", "rudder.cjs", ("analytics-node", version("@rudderstack/rudder-sdk-node")),
    {"flushInterval": 200, "retryCount": 10}, "flushAt",
)  # fmt: skip
JITSU_NODE = Client("jitsu-node", "jitsu", "jitsu.cjs", _JITSU, kinds=_JITSU_KINDS, retries=False)
SEGMENT_PAGE = Client("segment-browser", "segment", "next.js", _NEXT)
SEGMENT_PAGE_BATCHING = Client(
    "segment-browser-batching", "segment", "next.js", _NEXT, {"integrations": {"Segment.io": _BATCHING}}, most=200
)
RUDDER_PAGE = Client(
    "rudder-browser", "rudder", "rudder.js",
    ("RudderLabs JavaScript SDK", version("@rudderstack/analytics-js")), kinds=ALL - {"screen"}, most=100,
)  # fmt: skip
JITSU_PAGE = Client("jitsu-browser", "jitsu", "jitsu.js", _JITSU, kinds=_JITSU_KINDS, retries=False, most=100)

EVERY = (
    SEGMENT_PYTHON, SEGMENT_PYTHON_GZIP, RUDDER_PYTHON, SEGMENT_NODE, RUDDER_NODE, JITSU_NODE,
    SEGMENT_PAGE, SEGMENT_PAGE_BATCHING, RUDDER_PAGE, JITSU_PAGE,
)  # fmt: skip
