"""The process beside `turnout serve` that delivers, so that both cores work. `cli.deputy` starts it and listens to it.

    python -P -m turnout.cli.delivering DIR

Standard input is a socket to the server. Its first line is an `Order`; each line after it is `LEAVE` or `HURRY`, and
its end says that the server is gone, however it died. A `Report` goes the other way each second. Until it hears
signals the server's start holds them back; TERM and Ctrl-C, which a whole group gets, make it leave too.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import anyio
import msgspec
from anyio.abc import SocketStream, UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from turnout import config, telemetry
from turnout.api import metrics
from turnout.app import App, leave, running
from turnout.cli import ends, main
from turnout.delivery.deliverer import Deliverer
from turnout.errors import TurnoutError

LEAVE, HURRY = b"leave", b"hurry"
HELD = (signal.SIGTERM, signal.SIGINT)
LINE_BYTES = 1 << 20
"""Of an order or a report: a thousand destinations take 30 KB."""
EACH_S = 1.0


class Order(msgspec.Struct, frozen=True):
    """How to deliver: the settings as the server has them, as `config.told` writes them."""

    settings: dict[str, object]
    accept_loss: bool


class Report(msgspec.Struct, frozen=True):
    """What the server tells of us. `flights`: by lane, requests in flight and how many may be.

    `faults` and `reader` are the signs of upkeep, `pinned_s` is how long the reader is there; `numbers` are of the
    process.
    """

    reigns: bool = False
    flights: dict[int, tuple[int, int]] = {}
    faults: dict[str, int] = {}
    reader: int = 0
    pinned_s: float = 0.0
    numbers: dict[str, float] = {}


async def line(stream: BufferedByteReceiveStream) -> bytes | None:
    """Read a line; None at the end, for which one that died in the middle is taken too."""
    try:
        return await stream.receive_until(b"\n", LINE_BYTES)
    except (anyio.IncompleteRead, anyio.BrokenResourceError):
        return None


def run() -> None:
    """Deliver for the server that started this process, and exit."""
    ends.open_closed()
    telemetry.start(config.early_level(), lines=True)
    sys.excepthook = main.broke
    threading.excepthook = main.broke_beside
    try:
        anyio.run(_run, Path(sys.argv[1]), backend_options={"use_uvloop": find_spec("uvloop") is not None})
    except TurnoutError as error:
        telemetry.emit("not_opened", reason=error.message)
        sys.exit(main.REFUSED)


async def _run(data: Path) -> None:
    with anyio.open_signal_receiver(*HELD) as signals:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        async with await UNIXSocketStream.from_socket(socket.socket(fileno=os.dup(0))) as server:
            lines = BufferedByteReceiveStream(server)
            if (first := await line(lines)) is not None:
                order = msgspec.json.decode(first, type=Order)
                await _deliver(config.again(data, order.settings), order, server, lines, signals)


async def _deliver(
    settings: config.Settings, order: Order, server: SocketStream, lines: BufferedByteReceiveStream,
    signals: AsyncIterator[signal.Signals],
) -> None:  # fmt: skip
    telemetry.start(settings.log, lines=True)
    leaving = anyio.Event()
    async with running(settings, delivers=True, serves=True, accept_loss=order.accept_loss) as app:
        assert app.deliverer is not None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_report, server, app, app.deliverer)
            tasks.start_soon(_obey, lines, app.deliverer, leaving)
            tasks.start_soon(_until_signal, signals, leaving)
            await leaving.wait()
            await leave(app.deliverer)
            tasks.cancel_scope.cancel()


async def _until_signal(signals: AsyncIterator[signal.Signals], leaving: anyio.Event) -> None:
    async for _ in signals:
        leaving.set()


async def _obey(lines: BufferedByteReceiveStream, deliverer: Deliverer, leaving: anyio.Event) -> None:
    """Do what the server says; leave when it is gone."""
    while (word := await line(lines)) is not None:
        if word == HURRY:
            deliverer.stop(at_once=True)
        leaving.set()
    if not leaving.is_set():
        telemetry.emit("left_alone")
    leaving.set()


async def _report(server: SocketStream, app: App, deliverer: Deliverer) -> None:
    """Tell how it stands each second. Whoever does not read is waited for here, and here alone."""
    while True:
        try:
            await server.send(msgspec.json.encode(_seen(app, deliverer)) + b"\n")
        except anyio.BrokenResourceError:
            return  # the server is gone: the end of its lines says so
        await anyio.sleep(EACH_S)


def _seen(app: App, deliverer: Deliverer) -> Report:
    signs = app.signs
    return Report(
        reigns=deliverer.reigns,
        flights=dict(deliverer.flights()),
        faults=dict(signs.faults),
        reader=signs.reader,
        pinned_s=app.clock.monotonic() - signs.since if signs.reader else 0.0,
        numbers=dict(metrics.numbers(app.store.tally)),
    )


if __name__ == "__main__":
    run()
