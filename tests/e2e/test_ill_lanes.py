"""Destinations that are ill in every way we know, beside one that is well: what it gets, and what they cost."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from support.destination import Recorder
from support.lanes import Became, became, connect, record, tracks, workspace
from support.program import Program
from support.script import Script, Scripted
from support.worker import until
from turnout.delivery.breaker import FAILURES
from turnout.store.store import Store

pytestmark = pytest.mark.timeout(480)

SETTINGS = (("TURNOUT_ALLOW_ADDRESSES", "127.0.0.0/8"), ("TURNOUT_RETRY_BASE_S", "60"), ("TURNOUT_RETRY_CAP_S", "60"))
EVENTS = 40
PROMPT_S = 10.0
"""Alone it takes some 20 ms, which a busy machine makes some seconds; behind one hanging request it would take 15 s."""

TWO_LENGTHS = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}"
TWO_ANSWERS = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" * 2
EARLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
HOLDING = {f"hangs-{n}": Scripted(act="hang") for n in range(4)} | {
    "half-closes-late": Scripted(act="half_close", delay_s=30),
    "drips": Scripted(act="drip", body=b"x" * 10_000, every_s=0.1),
    "drips-its-head": Scripted(act="drip", status=200, headers=(("x-slow", "y"),), body=b"x" * 1000, every_s=1),
}
"""They hold each request for as long as they are let; more of them than a pool of 64 would have places."""
ENDS = {
    "resets": (Scripted(act="reset"), "connection_lost", True),
    "closes": (Scripted(act="close"), "connection_lost", True),
    "half-closes": (Scripted(act="half_close"), "connection_lost", True),
    "speaks-ssh": (Scripted(act="garbage", body=b"SSH-2.0-OpenSSH_9.9\r\n"), "no_valid_answer", True),
    "speaks-http09": (Scripted(act="garbage", body=b"<html>fine</html>"), "no_valid_answer", True),
    "contradicts-itself": (Scripted(act="garbage", body=TWO_LENGTHS), "no_valid_answer", True),
    "continues": (Scripted(status=0, act="endless", body=b"HTTP/1.1 100 Continue\r\n\r\n"), "no_valid_answer", True),
    "never-ends-its-head": (Scripted(status=0, act="endless", body=b"x: y\r\n"), "no_valid_answer", True),
    "fails": (Scripted(500), "http_500", False),
    "is-behind-a-gateway": (Scripted(502), "http_502", True),
    "is-busy": (Scripted(503), "http_503", False),
}
"""What each answers, the reason in the queue, and whether the event may have been taken."""
TAKES = {
    "is-slow": Scripted(delay_s=0.5),
    "never-ends-its-body": Scripted(act="endless", body=b"x" * 1000),
    "breaks-off": Scripted(act="cut"),
    "answers-twice": Scripted(act="raw", body=TWO_ANSWERS),
    "sends-a-bomb": Scripted(headers=(("content-encoding", "gzip"),), body=gzip.compress(b"\0" * 10_000_000)),
}
"""A success is told by the head alone."""


def receiver(answer: Scripted) -> Recorder:
    return Recorder(Script(default=answer))


@contextmanager
def refusing() -> Iterator[str]:
    """Give the address of a port where nobody listens, and which nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/hook"


@contextmanager
def deaf() -> Iterator[str]:
    """Give the address of a port that takes no connection: its queue is full."""
    with socket.socket() as full, ExitStack() as queue:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(2):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}/hook"


@dataclass(frozen=True, slots=True)
class Ward:
    """Destinations by name: their receivers, as far as they have one, and their lanes."""

    receivers: Mapping[str, Recorder]
    lanes: Mapping[str, int]
    store: Store

    @property
    def well(self) -> Recorder:
        return self.receivers["well"]

    @property
    def held(self) -> int:
        return sum(self.receivers[name].open for name in HOLDING)

    def wait_for(self, message_id: str) -> None:
        said = f'"{message_id}"'.encode()
        until(lambda: any(said in each.body for each in self.well.received))

    def settled(self) -> bool:
        """Tell whether those that take events have taken all, and the others were tried until their breaker opened."""
        found = self.store.look(became)
        taken, tried = Counter(each.lane for each in found), Counter(each.lane for each in found if each.tries)
        takes = all(taken[self.lanes[name]] == EVENTS + 10 for name in TAKES)
        return takes and all(tried[self.lanes[name]] >= FAILURES for name in (*ENDS, "refuses"))

    def found(self, name: str) -> list[Became]:
        return self.store.look(partial(became, lane=self.lanes[name]))


@contextmanager
def ward(folder: Path) -> Iterator[Ward]:
    """Connect all the ill ones, and one that is well."""
    with ExitStack() as stack, workspace(folder) as store:
        answers = {**HOLDING, **TAKES, **{name: answer for name, (answer, *_) in ENDS.items()}, "well": Scripted()}
        receivers = {name: stack.enter_context(receiver(answer)) for name, answer in answers.items()}
        early = stack.enter_context(Recorder(Script(default=Scripted(body=EARLY), on_connect="early")))
        urls = {name: f"{each.url}/hook" for name, each in receivers.items()}
        urls |= {"refuses": stack.enter_context(refusing()), "is-deaf": stack.enter_context(deaf())}
        urls |= {"answers-early": early.url}
        yield Ward(receivers, {name: connect(store, {"url": url}, name=name) for name, url in urls.items()}, store)


def test_ill_destinations_of_every_kind_hold_up_no_other_one(data_dir: Path) -> None:
    took = []
    with ward(data_dir) as ill, Program(data_dir, SETTINGS).serving():
        record(ill.store, *tracks(0, EVENTS))
        until(lambda: len(ill.well.received) == EVENTS)
        until(lambda: ill.held > 64)
        held = ill.held
        for n in range(1000, 1010):
            began = time.monotonic()
            record(ill.store, *tracks(n, 1))
            ill.wait_for(f"m{n}")
            took.append(time.monotonic() - began)
        until(ill.settled)
        found = {name: ill.found(name) for name in ill.lanes}
        sent = {name: [json.loads(each.body)["messageId"] for each in ill.receivers[name].received] for name in TAKES}

    sys.stdout.write(f"slowest {max(took):.3f} s beside {len(found) - 1} ill ones that held {held} requests\n")
    assert held > 64
    assert max(took) < PROMPT_S
    assert {name: {each.word for each in found[name]} for name in TAKES} == {name: {"delivered"} for name in TAKES}
    assert {name: len(set(ids)) for name, ids in sent.items()} == {name: len(ids) for name, ids in sent.items()}
    tried = {name: [each for each in found[name] if each.tries] for name in ENDS}
    assert {name: {(each.reason, each.doubt) for each in tried[name]} for name in ENDS} == {
        name: {(reason, doubt)} for name, (_, reason, doubt) in ENDS.items()
    }
    assert min(map(len, tried.values())) >= FAILURES
    assert {(each.reason, each.doubt) for each in found["refuses"] if each.tries} == {("connection_refused", False)}
