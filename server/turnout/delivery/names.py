"""The addresses of names: each judged before anything is sent to it, looked up once at a time, kept for a while.

Each look-up has a thread of its own. A loop's threads are few, two of uvloop's may look names up, and one whose server
is gone takes half a minute: two such names held up every destination that was new (55 s, measured), and a stop.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final, TypeAlias

from turnout.delivery.answer import fault
from turnout.egress import Endpoint, Policy, is_address, judge_address
from turnout.exchange import Fault, FaultKind

NAMES_KEPT: Final = 1024
NAME_S: Final = 30.0
STALE_S: Final = 300.0
"""A name is spoken to for so long where it last led while it is looked up again: look-ups that hang hold up others."""

LOOKUPS: Final = 64
"""Look-ups at once; further names wait for one to end."""

_Found: TypeAlias = "tuple[str, ...] | OSError"
Resolved: TypeAlias = "tuple[str, ...] | Fault"


class Names:
    """What the requests of one sender know."""

    def __init__(self, policy: Policy) -> None:
        """Begin with none."""
        self._policy = policy
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._looking: dict[str, asyncio.Task[Resolved]] = {}
        self._free = asyncio.Semaphore(LOOKUPS)

    def known(self, endpoint: Endpoint, now: float) -> tuple[str, ...]:
        """Give the addresses that may be spoken to as far as they are known; a literal was judged with its URL."""
        host = endpoint.host
        if is_address(host):
            return (host,)
        expires, addresses = self._kept.get(host, (0.0, ()))
        if not addresses or now - expires >= STALE_S:
            return ()
        if now >= expires:
            self._look(endpoint)
        return addresses

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> Resolved:
        """Look the addresses up that may be spoken to, best first."""
        looking = self._look(endpoint)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(looking)
        except TimeoutError:
            return Fault(FaultKind.NAME, "the name was not resolved in time")
        except asyncio.CancelledError:
            if looking.cancelled() and not _is_cancelled():
                return Fault(FaultKind.NAME, "the sender is closed")
            raise

    def _look(self, endpoint: Endpoint) -> asyncio.Task[Resolved]:
        host = endpoint.host
        if host not in self._looking:
            self._looking[host] = asyncio.create_task(self._look_up(host, endpoint.port))
        return self._looking[host]

    def demote(self, host: str, address: str) -> None:
        """Try this address last from now on."""
        if host in self._kept:
            expires, addresses = self._kept[host]
            others = tuple(other for other in addresses if other != address)
            self._kept[host] = (expires, (*others, address))

    def close(self) -> None:
        """Stop looking."""
        for task in self._looking.values():
            task.cancel()

    async def _look_up(self, host: str, port: int) -> Resolved:
        loop = asyncio.get_running_loop()
        try:
            async with self._free:
                addresses = await _ask(host, port, loop)
        except (OSError, RuntimeError):  # RuntimeError: the system has no more threads
            return fault(FaultKind.NAME)
        finally:
            del self._looking[host]
        reasons = {address: judge_address(address, self._policy) for address in addresses}
        fine = tuple(address for address in addresses if reasons[address] is None)
        if not fine:
            self._kept.pop(host, None)
            return Fault(FaultKind.FORBIDDEN, f"the name leads to {reasons[addresses[0]]}")
        if len(self._kept) >= NAMES_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[host] = (loop.time() + NAME_S, fine)
        return fine


async def _ask(host: str, port: int, loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    """Ask the system, in a thread that nobody waits for at the end. Raises: OSError, RuntimeError."""
    answer: asyncio.Future[_Found] = loop.create_future()

    def look() -> None:
        found: _Found
        try:
            entries = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
            found = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except OSError as error:
            found = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_tell, answer, found)

    threading.Thread(target=look, name="turnout-name", daemon=True).start()
    found = await answer
    if isinstance(found, OSError):
        raise found
    return found


def _tell(answer: asyncio.Future[_Found], found: _Found) -> None:
    if not answer.done():
        answer.set_result(found)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
