"""Who takes the lines of a client and answers its calls: a few hands, by turns, so that no task is made for a call.

One hand takes lines. When a line is a call, the hand answers it, and leaves the next lines to another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from turnout.agent.short import Asked
from turnout.agent.wire import Line, Wire
from turnout.store.wake import Turn, turns


class Hands:
    """As many tasks as there are calls at a time, and one that listens."""

    def __init__(
        self, wire: Wire, tasks: TaskGroup, take: Callable[[Line], Awaitable[Asked | None]],
        answer: Callable[[Asked, anyio.CancelScope], Awaitable[None]],
    ) -> None:  # fmt: skip
        """Begin with one. `take` hears a line and gives the call that it is; `answer` may be cancelled by its scope."""
        self.over = anyio.Event()
        self._wire = wire
        self._tasks = tasks
        self._take = take
        self._answer = answer
        self._taking = False
        self._idle: list[Turn] = []
        self._turn = turns()
        tasks.start_soon(self._hand)

    def hear(self) -> None:
        """Have a hand take what came; where none is idle, one takes lines, or is about to."""
        if self._idle and not self._taking:
            self._taking = True
            self._idle.pop().set()

    async def _hand(self) -> None:
        with anyio.CancelScope() as scope:  # of the call that it answers: cancelled, the hand goes with it
            while not (scope.cancel_called or self.over.is_set()):
                if self._taking or not self._wire.waits():
                    mine = self._turn()
                    self._idle.append(mine)
                    await mine.wait()
                self._taking = True
                if (asked := await self._next_call()) is not None:
                    await self._answer(asked, scope)

    async def _next_call(self) -> Asked | None:
        """Take lines up to a call, and leave those behind it to another hand; None where no call is among them."""
        while self._wire.waits():
            line = self._wire.line()
            if line is None:
                self.over.set()
                return None  # and nobody takes any more
            if (asked := await self._take(line)) is not None:
                self._taking = False
                if not self._idle:
                    self._tasks.start_soon(self._hand)
                elif self._wire.waits():
                    self.hear()
                return asked
        self._taking = False
        return None
