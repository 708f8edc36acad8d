"""Clients and a server that is slow, fails, dies, or answers into a broken connection: nothing is lost or stored twice.

A client that tries again brings every message in, once. One that never does brings in what was answered, and nothing
twice, although its browser may send a request again whose connection was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.awkward import ids, many
from support.between import Accident, Between
from support.clients import (
    EVERY,
    RUDDER_NODE,
    RUDDER_PAGE,
    SEGMENT_NODE,
    SEGMENT_PAGE,
    SEGMENT_PYTHON,
    SEGMENT_PYTHON_GZIP,
    Client,
    Told,
    acknowledged,
    messages,
)  # fmt: skip
from support.page import LIMIT_S, visited
from support.requirements import claims
from support.server import Server
from turnout.api import answers

pytestmark = pytest.mark.timeout(600)  # the first one may have to install the packages


def ours(answer: answers.Answer) -> Accident:
    """Give what the server would say, although nothing ails it."""
    headers = tuple((name.decode(), value.decode()) for name, value in answer.headers if name != b"content-length")
    return Accident("answer", answer.status, headers, answer.body)


LATER = ours(answers.later(429, "low_disk", "Try again.", 1))
ACCIDENTS: dict[str, Callable[[Callable[[], None]], list[Accident]]] = {
    "slow": lambda _: [Accident(delay_s=2)],
    "500": lambda _: [ours(answers.BROKE)] * 2,
    "429": lambda _: [LATER],
    "dropped": lambda _: [Accident("drop"), Accident(), Accident("drop")],
    "refused": lambda _: [Accident(), Accident("refuse", delay_s=1)],
    "killed": lambda die: [
        Accident("drop", and_then=die, alone=True),
        Accident(),
        Accident("cut", and_then=die, alone=True),
    ],
}
"""What happens to the first requests. The server is killed when it has just answered one, and in the middle of one."""
KILLED = "killed"
CALLS = many(24)
RETRYING = [client for client in EVERY if client.retries and client is not SEGMENT_PYTHON_GZIP]
WAITING = [SEGMENT_PYTHON, SEGMENT_NODE, RUDDER_NODE, SEGMENT_PAGE]
ONCE = [client for client in EVERY if not client.retries]


@dataclass(frozen=True, slots=True)
class Run:
    """One client that met one accident; `left`: what did not come about."""

    told: Told
    between: Between
    sent: list[dict[str, Any]]
    left: list[Accident]


@dataclass(slots=True)
class Runs:
    """Runs a client through its accidents side by side, for they are mostly waiting; alone where the server dies."""

    server: Server
    pool: ThreadPoolExecutor
    done: dict[tuple[str, str], Future[Run]] = field(default_factory=dict)

    def of(self, client: Client, accident: str) -> Run:
        key = self.server.key(client.name)
        if accident == KILLED:
            return self._run(client, key, accident)
        if (client.name, accident) not in self.done:
            for each in ACCIDENTS.keys() - {KILLED}:
                self.done[client.name, each] = self.pool.submit(self._run, client, key, each)
            wait(self.done.values())
        return self.done[client.name, accident].result()

    def _run(self, client: Client, key: str, accident: str) -> Run:
        with Between(self.server.url) as between:

            def die() -> None:
                self.server.die()
                between.upstream = self.server.url

            between.accidents = ACCIDENTS[accident](die)
            told = client.use(between, key, CALLS, size=5)
            return Run(told, between, messages(between), between.accidents)


@pytest.fixture(scope="module")
def runs(server: Server) -> Iterator[Runs]:
    with ThreadPoolExecutor() as pool:
        yield Runs(server, pool)


@claims("clients-accidents")
@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("client", RETRYING, ids=lambda client: client.name)
def test_who_tries_again_brings_every_message_in_once(runs: Runs, client: Client, accident: str) -> None:
    run = runs.of(client, accident)

    assert run.left == []
    assert accident == "slow" or len(run.sent) > len(CALLS)
    sent = sorted(set(ids(run.sent)))
    assert len(sent) == len(CALLS)
    assert run.told.ids is None or sorted(run.told.ids) == sent
    assert run.told.errors == []
    assert ids(runs.server.events(client.name, sent)) == sent


@claims("retry-after-readable")
@pytest.mark.parametrize("client", WAITING, ids=lambda client: client.name)
def test_who_reads_retry_after_comes_back_when_it_says(server: Server, client: Client) -> None:
    with Between(server.url) as between:
        between.accidents = [LATER]
        client.use(between, server.key(client.name), many(1))

    first, again = between.posts()
    assert (first.status, again.status) == (429, 200)
    assert again.at - first.at >= 0.99


@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("client", ONCE, ids=lambda client: client.name)
def test_who_never_tries_again_brings_in_what_was_answered_and_nothing_twice(
    runs: Runs, client: Client, accident: str
) -> None:
    run = runs.of(client, accident)

    assert run.left == []
    answered = acknowledged(run.between)
    reached = {message["messageId"] for each in run.between.posts() if each.reached for message in each.messages()}
    stored = ids(runs.server.events(client.name, ids(run.sent)))
    assert len(stored) == len(set(stored))
    assert answered <= set(stored) <= reached
    assert len(run.told.errors) == len(CALLS) - len(answered)


@claims("coming-back")
@pytest.mark.parametrize("client", [SEGMENT_PAGE, RUDDER_PAGE], ids=lambda client: client.name)
def test_what_was_on_its_way_when_a_page_was_left_and_is_sent_again_on_coming_back_is_stored_once(
    server: Server, client: Client
) -> None:
    key, calls = server.key(client.name), many(4)
    with Between(server.url) as between:
        plan = client.plan(between, key, calls)
        with visited(client.program, {**plan, "leaves": True}, {**plan, "calls": []}) as page:
            between.accidents = [Accident(and_then=page.back.wait)] * len(calls)
            between.wait_until(lambda: sum(each.reached for each in between.posts()) == len(calls))
            page.leave.set()
            between.wait_until(lambda: len(messages(between)) > len(calls), LIMIT_S)
            between.wait_until(lambda: all(each.status for each in between.posts()))
            assert page.told()["errors"] == []
        sent = messages(between)

    assert len(sent) > len(set(ids(sent))) == len(calls)
    assert ids(server.events(client.name, ids(sent))) == sorted(set(ids(sent)))
