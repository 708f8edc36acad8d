"""Assembly: settings in, a running Turnout out. A key ring, not a brain: it shuts down in reverse."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from turnout import config, telemetry
from turnout.binder import Binder, catalogue_of
from turnout.clock import Clock
from turnout.config import Settings
from turnout.delivery.deliverer import Deliverer
from turnout.delivery.eyes import Eyes
from turnout.delivery.lane import Options
from turnout.delivery.schedule import Schedule
from turnout.delivery.sender import CA_FILE, CurlSender
from turnout.delivery.tokens import Tokens
from turnout.egress import Policy
from turnout.entropy import Entropy
from turnout.exchange import Append, Ask, Reply
from turnout.manifest.catalogue import Catalogue
from turnout.opening import open_store
from turnout.sinks.files import FileSender
from turnout.store import connect
from turnout.store.store import Store
from turnout.upkeep import loop as upkeep
from turnout.upkeep.watch import Signs

FILES = "files"
"""Folder of the data directory where file sinks with a bare name write."""


@dataclass(frozen=True, slots=True)
class App:
    """What runs: the doors are handed this. `signs` is what upkeep noticed."""

    settings: Settings
    store: Store
    catalogue: Catalogue
    binder: Binder
    eyes: Eyes
    sender: CurlSender
    files: FileSender
    deliverer: Deliverer | None
    clock: Clock
    entropy: Entropy
    signs: Signs
    tokens: Tokens

    async def ask(self, ask: Ask) -> Reply:
        """Carry one request, or one append, outside a lane: a check of credentials."""
        if isinstance(ask, Append):
            return await anyio.to_thread.run_sync(append, self.files, self.settings.data, ask)
        return await self.sender.send(ask)


SELDOM = (20_000, 10, 50)
"""When garbage is looked for: Python's own thresholds took a seventh of the time of who delivers (sampled) and 3 of
80 us of an event that comes in by itself over HTTP, for documents live long and hold no cycles."""


@asynccontextmanager
async def _seldom() -> AsyncIterator[None]:
    """Look for garbage among what is made from now on, and seldom.

    What stands when a process begins stays; to look through it took a tenth of an event that came alone (measured).
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@asynccontextmanager
async def running(
    settings: Settings, *, delivers: bool, serves: bool = False, accept_loss: bool = False
) -> AsyncIterator[App]:
    """Run a workspace: open it, and within the block, deliver if nobody better does."""
    store = await anyio.to_thread.run_sync(partial(open_store, settings, accept_loss=accept_loss))
    telemetry.emit("opened", data=str(settings.data), sqlite=connect.VERSION)
    try:
        async with (
            store.awake(),
            sender_for(settings) as sender,
            _seldom(),
        ):
            app = assemble(settings, store, sender, delivers=delivers, serves=serves)
            async with anyio.create_task_group() as tasks:
                if app.deliverer is not None:
                    tasks.start_soon(app.deliverer.run)
                try:
                    yield app
                finally:
                    if app.deliverer is None:
                        tasks.cancel_scope.cancel()
                    else:
                        await leave(app.deliverer)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(store.close)
            telemetry.emit("closed")


def sender_for(settings: Settings) -> CurlSender:
    """Make the sender as the operator set it."""
    proxy = config.proxy(settings)
    return CurlSender(Policy(settings.allow_addresses), ca_file=settings.ca_file or CA_FILE, proxy=proxy)


async def leave(deliverer: Deliverer) -> None:
    """Let it settle what is on its way; a signal meanwhile says that nobody wants to wait for that."""
    deliverer.stop()
    if threading.current_thread() is not threading.main_thread():
        return  # no signal comes here
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_hurry, signals, deliverer)
            await deliverer.ended()
            tasks.cancel_scope.cancel()


async def _hurry(signals: AsyncIterator[signal.Signals], deliverer: Deliverer) -> None:
    async for _ in signals:
        deliverer.stop(at_once=True)


def assemble(settings: Settings, store: Store, sender: CurlSender, *, delivers: bool, serves: bool) -> App:
    """Put the pieces together."""
    catalogue = catalogue_of(settings.data, settings.hatch)
    binder = Binder(catalogue)
    eyes = Eyes(binder, settings.test_pool)
    files = FileSender(clock=store.clock)
    signs = Signs()
    keeping = upkeep.Keeping(settings.retention_days, settings.trace_bytes)
    keeper = partial(upkeep.run, store, keeping, signs=signs)
    write = partial(append, files, settings.data)
    deliverer = Deliverer(
        store, eyes, sender, write, store.clock, store.entropy, options(settings), keeper, serves=serves
    )
    return App(
        settings,
        store,
        catalogue,
        binder,
        eyes,
        sender,
        files,
        deliverer if delivers else None,
        store.clock,
        store.entropy,
        signs,
        Tokens(store, eyes, sender.start, settings.retry_base_s),
    )


def options(settings: Settings) -> Options:
    """Give what the operator set to the lanes."""
    return Options(
        Schedule(settings.retry_base_s, settings.retry_cap_s),
        settings.max_in_flight,
        settings.batch_wait_ms / 1000,
        keep_plain=settings.trace_bytes > 0,
    )


def append(files: FileSender, data: Path, step: Append) -> Reply:
    """Write to a file sink: a bare name goes into the data directory, an absolute path where it says."""
    return files.append(step, None if Path(step.path).is_absolute() else data / FILES)
