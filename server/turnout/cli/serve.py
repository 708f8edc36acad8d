"""`turnout serve`: answer over HTTP, and have a process beside this one deliver, until stopped."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec

import anyio
import click
import uvicorn
from typing_extensions import override

from turnout import telemetry
from turnout.api.app import build
from turnout.api.connection import bounded
from turnout.api.health import Life
from turnout.app import running
from turnout.cli.deputy import Deputy
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.version import number
from turnout.config import Settings
from turnout.errors import Unavailable

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Names by which this machine may be asked for: a web page that points its own name here is refused."""
LEAVE_S = 5
"""Seconds that requests on their way have. Source: ENGINE 1, leaving."""
SAYS_S = 0.3
"""So long the port stays open and `/readyz` says 503: whoever sends us traffic asks before it is closed."""
BACKLOG = 2048


@click.command(cls=Command, help="Take events in over HTTP, and deliver, until stopped.")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="The address to listen on; else 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), default=8733, metavar="PORT", help="Else 8733; 0: any free one.")
@click.option("--allow-host", "allowed", multiple=True, metavar="NAME", help="Another name it is asked for by.")
@click.option("--accept-loss", is_flag=True, help="Go on although the data lost events that were acknowledged.")
@pass_here
def serve(here: Here, *, host: str, port: int, allowed: tuple[str, ...], accept_loss: bool) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    settings = here.settings(serves=True)
    door = listen(host, port)
    try:
        names = frozenset({*LOCAL, host, *allowed})
        options = {"use_uvloop": _has_uvloop()}
        anyio.run(partial(_serve, settings, door, names, accept_loss=accept_loss), backend_options=options)
    finally:
        door.close()


def listen(host: str, port: int) -> socket.socket:
    """Take the port, before anything is opened. Raises: Unavailable where it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host} port {port}: {error.strerror}", fix="Choose another --port"
        ) from None


def address(door: socket.socket) -> str:
    """Write where a socket listens."""
    host, port = door.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Server(uvicorn.Server):
    """Uvicorn's server without its hands on the signals: it would raise them again when done, before we are."""

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


async def _serve(settings: Settings, door: socket.socket, names: frozenset[str], *, accept_loss: bool) -> None:
    hears = anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT)  # first: who is stopped while it opens leaves too
    with hears as signals:
        await _open(settings, door, names, signals, accept_loss=accept_loss)


async def _open(
    settings: Settings, door: socket.socket, names: frozenset[str], signals: AsyncIterator[signal.Signals], *,
    accept_loss: bool,
) -> None:  # fmt: skip
    async with running(settings, delivers=False, accept_loss=accept_loss) as app:
        deputy = Deputy(settings, accept_loss=accept_loss)
        life = Life(
            number(), settings.retention_days, deputy.reigns, deputy.signs, deputy.flights, deputy.numbers,
            deputy.worries,
        )  # fmt: skip
        asgi = build(app.store, names, life)
        server = Server(
            uvicorn.Config(
                asgi, http=bounded(), ws="none", lifespan="off", log_config=None, access_log=False,
                server_header=False, timeout_graceful_shutdown=LEAVE_S,
            )
        )  # fmt: skip
        if app.store.missing:
            telemetry.emit("lossy", missing=app.store.missing)
        telemetry.emit("listening", url=address(door), data=str(settings.data))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deputy.run)
            tasks.start_soon(_until_signal, signals, server, life, deputy)
            await server.serve([door])
            await deputy.leave()
            tasks.cancel_scope.cancel()


async def _until_signal(
    signals: AsyncIterator[signal.Signals], server: uvicorn.Server, life: Life, deputy: Deputy
) -> None:
    """Leave at the first signal; at a second one wait for nothing that is on its way."""
    async for _ in signals:
        if life.stopping:
            server.force_exit = True
            deputy.hurry()
        else:
            life.stopping = True
            deputy.stop()
            telemetry.emit("leaving")
            await anyio.sleep(SAYS_S)
        server.should_exit = True


def _has_uvloop() -> bool:
    return find_spec("uvloop") is not None
