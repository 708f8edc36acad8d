"""The server's hold of the process that delivers for it (`cli.delivering`): started, listened to, begun anew, ended.

1. Nobody waits for it but who ends the server: events are taken in whatever becomes of it.
2. One that ended is followed by another, after a pause that doubles while they live short.
3. One that says nothing, being stopped, is told of and left alone, for it may wake up; the server's end ends it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import anyio
import anyio.to_thread
import msgspec
from anyio.abc import UNIXSocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from turnout import config, telemetry
from turnout.cli.delivering import EACH_S, HELD, HURRY, LEAVE, Order, Report, line
from turnout.config import Settings
from turnout.upkeep.watch import Signs

PAUSE_S = (0.1, 30.0)
"""Before another begins: at first, and at most. One that lived for longer than the most begins from the first again."""
SILENT_S = 5.0
"""Five reports: a machine under load delays one or two."""
ENDS_S = 12.0
"""The longest that it takes to leave: 5 s for what is in flight, 5 s for what it gives back, and it closes."""


@dataclass(slots=True)
class _Beside:
    """A process that runs. `heard` is when it said something last, `leaves` since when it is to leave; 0: it is not."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    heard: float
    leaves: float = 0.0
    told: bool = False

    def say(self, word: bytes) -> None:
        """Say a word, which it hears when it can."""
        with suppress(OSError):  # it is gone: its end is noticed elsewhere
            self.socket.send(word + b"\n")

    def silent_s(self) -> float:
        """Tell how long it has said nothing."""
        return time.monotonic() - self.heard


class Deputy:
    """Delivers for one server, in a process of its own."""

    def __init__(self, settings: Settings, *, accept_loss: bool) -> None:
        """Start nothing yet."""
        self._data = str(settings.data)
        self._order = msgspec.json.encode(Order(config.told(settings), accept_loss))
        self._beside: _Beside | None = None
        self._report = Report()
        self._ended = ""
        self._leaving = anyio.Event()
        self._over = anyio.Event()
        self.signs = Signs()

    # -- what the doors ask -------------------------------------------------------------------------------

    def reigns(self) -> bool:
        """Tell whether it delivers."""
        return self._report.reigns and not self._is_silent()

    def flights(self) -> Mapping[int, tuple[int, int]]:
        """Give, by lane, the requests on their way and how many may be."""
        return self._report.flights

    def numbers(self) -> Mapping[str, float]:
        """Give the numbers of its process."""
        return self._report.numbers

    def worries(self) -> tuple[str, ...]:
        """List what is the matter with it."""
        beside = self._beside
        if beside is None:
            return (f"the process that delivers ended ({self._ended}) and is begun anew",) if self._ended else ()
        if self._is_silent():
            return (f"process {beside.process.pid} should deliver and does not move",)
        return ()

    # -- its life -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep one running until it is to leave."""
        pause = PAUSE_S[0]
        try:
            while not self._leaving.is_set():
                began = time.monotonic()
                number, self._ended = await self._once()
                if self._leaving.is_set():
                    return
                pause = PAUSE_S[0] if time.monotonic() - began > PAUSE_S[1] else pause
                telemetry.emit("deliverer_ended", child=number, how=self._ended, seconds=pause)
                with anyio.move_on_after(pause):
                    await self._leaving.wait()
                pause = min(2 * pause, PAUSE_S[1])
        finally:
            self._over.set()

    def stop(self) -> None:
        """Let no other follow it."""
        self._leaving.set()

    async def leave(self) -> None:
        """Let it settle what is on its way, and wait for its end."""
        self.stop()
        if self._beside is not None:
            self._beside.leaves = time.monotonic()
            self._beside.say(LEAVE)
        await self._over.wait()

    def hurry(self) -> None:
        """Nobody wants to wait for what is on its way."""
        if self._beside is not None:
            self._beside.say(HURRY)

    async def _once(self) -> tuple[int, str]:
        """Run one to its end; give its number, and how it ended."""
        try:
            beside = self._beside = _start(self._data)
        except OSError as error:
            return 0, f"it could not be started: {error.strerror}"
        beside.say(self._order)
        try:
            async with await UNIXSocketStream.from_socket(beside.socket) as stream, anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, beside)
                await self._listen(beside, BufferedByteReceiveStream(stream))
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                code = await anyio.to_thread.run_sync(_end, beside.process)
            self._beside, self._report = None, Report()
            self._note()
        return beside.process.pid, f"signal {-code}" if code < 0 else f"exit code {code}"

    async def _listen(self, beside: _Beside, lines: BufferedByteReceiveStream) -> None:
        while (told := await line(lines)) is not None:
            if beside.told:
                telemetry.emit("deliverer_moves", child=beside.process.pid)
            beside.heard, beside.told = time.monotonic(), False
            self._report = msgspec.json.decode(told, type=Report)
            self._note()

    def _note(self) -> None:
        self.signs.faults = Counter(self._report.faults)
        self.signs.reader = self._report.reader
        self.signs.since = time.monotonic() - self._report.pinned_s

    def _is_silent(self) -> bool:
        return self._beside is not None and self._beside.silent_s() > SILENT_S

    async def _watch(self, beside: _Beside) -> None:
        """Tell of one that is silent; kill it where it is to leave, and where it takes too long to."""
        while True:
            await anyio.sleep(EACH_S)
            silent_s, left_s = beside.silent_s(), time.monotonic() - beside.leaves if beside.leaves else 0.0
            if silent_s > SILENT_S and not beside.told:
                beside.told = True
                telemetry.emit("deliverer_silent", child=beside.process.pid, seconds=round(silent_s))
            if min(silent_s, left_s) > SILENT_S or left_s > ENDS_S:
                beside.process.kill()


def _start(data: str) -> _Beside:
    """Start one, with the signals held back that it is not ready for. Raises: OSError."""
    # -P: what lies in the current directory is nothing of ours.
    command = (sys.executable, "-P", "-m", "turnout.cli.delivering", data)
    ours, theirs = socket.socketpair()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)  # noqa: S603 - fixed
    except OSError:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return _Beside(process, ours, time.monotonic())


def _end(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of one that said its last, or was told its last; give its code."""
    try:
        return process.wait(ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
