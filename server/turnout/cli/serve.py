"""`turnout serve`: answer over HTTP, and have a process beside this one deliver, until stopped."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import anyio
import click
import uvicorn
from typing_extensions import override

from turnout import telemetry
from turnout.api.app import build
from turnout.api.connection import bounded
from turnout.api.door import allow_files
from turnout.api.health import Life
from turnout.api.known import LOCAL
from turnout.app import running
from turnout.cli.agents import Agents, agents
from turnout.cli.deputy import Deputy
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.version import number
from turnout.config import READERS, Settings
from turnout.errors import Unavailable
from turnout.store.store import Store

LEAVE_S = 5
"""Seconds that requests on their way have. Source: ENGINE 1, leaving."""
SAYS_S = 0.3
"""So long the port stays open and `/readyz` says 503: whoever sends us traffic asks before it is closed."""
BACKLOG = 2048


def _as_setting(_: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Read an option as the setting of its name."""
    try:
        return tuple(map(str, READERS[str(option.name)](list(given))))  # type: ignore[call-overload]  # of names alone
    except ValueError as error:
        raise click.BadParameter(f"expected {error}") from None


def _address(_: click.Context, __: click.Parameter, given: str) -> str:
    """Read an address; an empty one would be all of them, and is an unset variable of a script."""
    if not given:
        raise click.BadParameter("expected an address, found nothing; leave it out for 127.0.0.1")
    return given[1:-1] if given.startswith("[") and given.endswith("]") else given  # as a URL has one of IPv6


@click.command(cls=Command, help="Take events in over HTTP, and deliver, until stopped.")
@click.option(
    "--host", default="127.0.0.1", metavar="HOST", callback=_address, help="The address to listen on; else 127.0.0.1."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8733, metavar="PORT", help="Else 8733; 0: any free one.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    callback=_as_setting,
    help="Another name it is asked for by; may be repeated.",
)
@click.option(
    "--allow-origin", "allow_origins", multiple=True, metavar="ORIGIN", callback=_as_setting,
    help="Where a page may come from that calls it, as https://host:port; may be repeated.",
)  # fmt: skip
@click.option("--sse", is_flag=True, help="Serve agents by the old HTTP+SSE transport too.")
@click.option("--accept-loss", is_flag=True, help="Go on although the data lost events that were acknowledged.")
@pass_here
def serve(
    here: Here, *, host: str, port: int, allow_hosts: tuple[str, ...], allow_origins: tuple[str, ...], sse: bool,
    accept_loss: bool,
) -> None:  # fmt: skip
    """Serve until SIGTERM or Ctrl-C."""
    settings = here.settings(serves=True)
    allow_files()
    names = Names(
        frozenset({*LOCAL, host, *settings.allow_hosts, *allow_hosts}),
        frozenset({*settings.allow_origins, *allow_origins}),
    )
    door = listen(host, port)
    try:
        options = {"use_uvloop": _has_uvloop()}
        anyio.run(partial(_serve, settings, door, names, sse=sse, accept_loss=accept_loss), backend_options=options)
    finally:
        door.close()


@dataclass(frozen=True, slots=True)
class Names:
    """By which names it is asked for, and which pages may call it, besides those of this machine."""

    hosts: frozenset[str]
    origins: frozenset[str]


def listen(host: str, port: int) -> socket.socket:
    """Take the port, before anything is opened. Raises: Unavailable where it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # behind which Python says again what was asked
        fix = "Choose another --port or --host"
        raise Unavailable(f"cannot listen on {host} port {port}: {why}", fix=fix) from None


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


async def _serve(settings: Settings, door: socket.socket, names: Names, *, sse: bool, accept_loss: bool) -> None:
    hears = anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT)  # first: who is stopped while it opens leaves too
    with hears as signals:
        await _open(settings, door, names, signals, sse=sse, accept_loss=accept_loss)


async def _open(
    settings: Settings, door: socket.socket, names: Names, signals: AsyncIterator[signal.Signals], *,
    sse: bool, accept_loss: bool,
) -> None:  # fmt: skip
    async with (
        running(settings, delivers=False, accept_loss=accept_loss) as app,
        agents(app, sse=sse) as asking,
    ):
        deputy = Deputy(settings, accept_loss=accept_loss)
        life = Life(
            number(), settings.retention_days, deputy.reigns, deputy.signs, deputy.flights, deputy.numbers,
            deputy.worries,
        )  # fmt: skip
        asgi = build(app.store, names.hosts, life, origins=names.origins, paths=asking.paths)
        server = Server(
            uvicorn.Config(
                asgi, http=bounded(), ws="none", lifespan="off", log_config=None, access_log=False,
                server_header=False, timeout_graceful_shutdown=LEAVE_S,
            )
        )  # fmt: skip
        telemetry.emit("listening", url=address(door), data=str(settings.data))
        _tell_whether_ready(app.store)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deputy.run)
            tasks.start_soon(_until_signal, signals, server, life, deputy, asking)
            await server.serve([door])
            await deputy.leave()
            tasks.cancel_scope.cancel()


def _tell_whether_ready(store: Store) -> None:
    """Say so where the configuration cannot be read: whoever started us may look at nothing but the log."""
    try:
        store.look(lambda view: view.workspace)
    except Unavailable as error:
        telemetry.emit("not_ready", reason=error.message)


async def _until_signal(
    signals: AsyncIterator[signal.Signals], server: uvicorn.Server, life: Life, deputy: Deputy, asking: Agents
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
            asking.close()
        server.should_exit = True


def _has_uvloop() -> bool:
    return find_spec("uvloop") is not None
