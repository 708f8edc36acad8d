"""Clients that are slow, silent or many hold up nobody but themselves."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from support.doors import Door, opened
from support.raw import Raw, request
from support.slow import slowed
from turnout.api import limits

SLOW, HONEST, EACH = 200, 8, 40
SMALL = ("sh", "-c", 'ulimit -S -n 300; exec "$@"', "sh")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("slow"), before=SMALL) as door:
        yield door


def honest(door: Door, number: int) -> list[int]:
    """Send events one after the other; give the answers' statuses."""
    said = []
    with Raw(door.server.address, limits.HEAD_S - 1) as raw:  # sooner than a slow one is closed
        for at in range(EACH):
            call = {"userId": f"u_{number}", "event": "E", "messageId": f"{number}-{at}"}
            raw.send(request("/v1/track", door.basic, method="POST", body=json.dumps(call).encode()))
            answer = raw.answer()
            assert answer is not None
            said.append(answer.status)
    return said


def test_honest_clients_are_answered_beside_two_hundred_slow_ones(door: Door) -> None:
    before = len(door.bodies())

    with slowed(door.server.address, SLOW), ThreadPoolExecutor(HONEST) as pool:
        said = list(pool.map(honest, [door] * HONEST, range(HONEST)))

    assert said == [[200] * EACH] * HONEST
    assert len(door.bodies()) - before == HONEST * EACH


def test_who_drips_is_told_so_and_closed(door: Door) -> None:
    head = request("/healthz")[:-2]
    body = request("/v1/track", "Content-Length: 1000", method="POST")
    with Raw(door.server.address) as silent, Raw(door.server.address) as heads, Raw(door.server.address) as bodies:
        heads.send(head)
        bodies.send(body)
        drip = [heads, bodies]
        until = time.monotonic() + 3 * limits.HEAD_S
        while drip:
            assert time.monotonic() < until
            for each in drip:
                each.socket.settimeout(0.5)
                each.send(b"x")
            for each in tuple(drip):
                try:
                    said = each.answer()
                except TimeoutError:
                    continue
                assert said is not None
                assert (said.status, said.code) == (408, "too_slow")
                drip.remove(each)
        assert silent.answers() == []


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow this process as many open files as it takes."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], min(4_000, before[1])), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_more_connections_than_there_may_be_do_not_keep_out_a_new_one(tmp_path: Path) -> None:
    with ExitStack() as stack:
        door = stack.enter_context(opened(tmp_path, before=SMALL))
        opens = partial(Raw, door.server.address)
        made = [stack.enter_context(opens()) for _ in range(limits.CONNECTIONS)]
        for each in made:
            each.send(request())
            assert each.answer() is not None

        new = stack.enter_context(opens())
        until = time.monotonic() + 60
        while not is_answered(new):  # who came just now is not taken for idle
            assert time.monotonic() < until
            new = stack.enter_context(opens())

        assert made[0].answers() == []
        assert is_answered(made[-1])


def is_answered(raw: Raw) -> bool:
    raw.send(request())
    return raw.answer() is not None
