"""Waiting on a loop for what the writer's thread answers."""

from __future__ import annotations

from threading import Thread

import anyio
import anyio.lowlevel
import pytest

from turnout.store.promise import Promise
from turnout.store.wake import Wake

pytestmark = pytest.mark.anyio
BOUND_S = 5.0
LONG_S = 600.0


def answer_and_ring(wake: Wake, answer: Promise[int]) -> None:
    """Do what the writer does for a group."""
    answer.answer(1)
    wake.ring()


async def test_an_answer_wakes_whoever_waits_for_it_and_nobody_else() -> None:
    wake, answered, other = Wake(), Promise[int](), Promise[int]()
    wake.begin()

    woken: list[Promise[int]] = []

    async def wait(answer: Promise[int]) -> None:
        await wake.answered(answer, LONG_S)
        woken.append(answer)

    with anyio.fail_after(BOUND_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, other)
            tasks.start_soon(wait, answered)
            await anyio.wait_all_tasks_blocked()
            Thread(target=answer_and_ring, args=(wake, answered)).start()
            while not woken:
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()

            assert woken == [answered]
            tasks.cancel_scope.cancel()


async def test_whoever_has_waited_for_as_long_as_it_would_is_woken_without_an_answer_and_others_wait_on() -> None:
    wake, patient, hasty = Wake(), Promise[int](), Promise[int]()
    woken: list[Promise[int]] = []
    wake.begin()

    async def wait(answer: Promise[int], patience_s: float) -> None:
        await wake.answered(answer, patience_s)
        woken.append(answer)

    with anyio.fail_after(BOUND_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, hasty, 0.0)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(wait, patient, LONG_S)
            await anyio.wait_all_tasks_blocked()
            wake.hurry()
            await anyio.wait_all_tasks_blocked()

            assert woken == [hasty]
            tasks.cancel_scope.cancel()


async def test_whoever_still_waits_when_nobody_hears_any_more_hears_its_answer() -> None:
    wake, answer = Wake(), Promise[int]()
    wake.begin()

    with anyio.fail_after(BOUND_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wake.answered, answer, LONG_S)
            await anyio.wait_all_tasks_blocked()
            wake.end()
            await anyio.wait_all_tasks_blocked()
            Thread(target=answer_and_ring, args=(wake, answer)).start()

    assert answer.result() == 1


async def test_whoever_listens_hears_of_each_change_until_it_does_no_more() -> None:
    wake, told = Wake(), list[str]()
    wake.begin()

    with wake.listen(lambda: told.append("one")), wake.listen(lambda: told.append("other")):
        wake.notice()
        Thread(target=wake.ring).start()
        with anyio.fail_after(BOUND_S):
            while len(told) < 4:
                await anyio.lowlevel.checkpoint()
    wake.notice()

    assert told == ["one", "other"] * 2
