"""The door for a client that starts us: one client, from its first request to the end of its input."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import anyio
from anyio.abc import TaskStatus

from turnout.agent.call import MakeDesk, Offer, Opening
from turnout.agent.stdio import Stdio
from turnout.agent.talk import Rest, Talk
from turnout.entropy import Entropy


def serve(stdio: Stdio, make_desk: MakeDesk, entropy: Entropy, load: Callable[[], Rest]) -> None:
    """Serve the client until its input ends or a signal comes.

    `make_desk` opens the store, in this loop; `load` imports the SDK, in a thread.
    """
    anyio.run(_serve, stdio, make_desk, entropy, load, backend_options={"use_uvloop": find_spec("uvloop") is not None})


async def _serve(stdio: Stdio, make_desk: MakeDesk, entropy: Entropy, load: Callable[[], Rest]) -> None:
    opening = Opening(entropy)
    offer = Offer(lambda: stdio.principal.scopes, opening.desk, stdio.toolsets, entropy)
    try:
        async with anyio.create_task_group() as tasks:
            await _until_signal(stdio, offer, load, partial(tasks.start_soon, opening.hold, make_desk))
            opening.close()
    finally:
        stdio.wire.release()


async def _until_signal(stdio: Stdio, offer: Offer, load: Callable[[], Rest], begin: Callable[[], object]) -> None:
    """Talk until the input ends or a signal comes; `begin` opens the desk, when signals are heard already."""
    async with anyio.create_task_group() as tasks:
        await tasks.start(_stop_on_signal, tasks.cancel_scope)
        begin()
        async with anyio.create_task_group() as talk:
            await Talk(stdio, offer, load, talk).until_over()
        tasks.cancel_scope.cancel()


async def _stop_on_signal(talk: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            talk.cancel()
