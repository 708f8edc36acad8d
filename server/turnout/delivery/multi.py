"""libcurl's multi handle on the running loop: one epoll tells which of its sockets moved, one call serves them all.

pycurl's own `AsyncCurlMulti` tells the loop of each socket anew for each request: 53 µs of CPU for a request on
loopback, where this takes 23 (measured, 16 and 64 at once). Where there is no epoll, the handle is looked at every
2 ms while anything is on its way.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Callable

import pycurl

OUTGOING_S = 0.005
"""How often to look while something connects or sends: libcurl names only its sockets below 1024 then."""
BLIND_S = 0.002
LONGEST_S = 0.25
CONNECTIONS_KNOWN = 4096


class Multi:
    """Transfers on the loop of the first of them."""

    def __init__(self, connections: int) -> None:
        """Keep so many connections."""
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sockets = _Sockets()
        self._waiting: dict[pycurl.Curl, Callable[[int], None]] = {}
        self._outgoing: set[pycurl.Curl] = set()
        self._left: list[pycurl.Curl] = []
        self._known: set[int] = set()
        self._soon: asyncio.Handle | None = None
        self._later: tuple[float, asyncio.TimerHandle] | None = None
        self.closed = False

    def start(self, curl: pycurl.Curl, done: Callable[[int], None]) -> None:
        """Begin a transfer; `done` hears libcurl's code of how it ended."""
        loop = self._loop or self._begin()
        self._waiting[curl] = done
        self._outgoing.add(curl)
        self._multi.add_handle(curl)
        if self._soon is None:
            self._soon = loop.call_soon(self._turn)

    def stop(self, curl: pycurl.Curl) -> None:
        """Break a transfer off; nobody hears of it any more."""
        self._take(curl)

    def leaves(self, curl: pycurl.Curl) -> None:
        """Hear that a connection of this transfer stands, from its `PREREQFUNCTION`."""
        self._left.append(curl)

    def gone(self, curl: pycurl.Curl) -> None:
        """Hear that libcurl has taken the whole request: from then on only an answer is waited for."""
        self._outgoing.discard(curl)

    def close(self) -> None:
        """End: what is on its way ends as stopped by us, and every connection is closed."""
        if self.closed:
            return
        self.closed = True
        for curl in list(self._waiting):
            self._end(curl, pycurl.E_ABORTED_BY_CALLBACK)
        self._multi.close()
        for handle in (self._soon, self._later and self._later[1]):
            if handle is not None:
                handle.cancel()
        if self._loop is not None and (number := self._sockets.fileno()) is not None:
            self._loop.remove_reader(number)
        self._sockets.close()

    def _begin(self) -> asyncio.AbstractEventLoop:
        loop = self._loop = asyncio.get_running_loop()
        if (number := self._sockets.fileno()) is not None:
            loop.add_reader(number, self._moved)
        return loop

    def _moved(self) -> None:
        self._sockets.heed()
        self._turn()

    def _turn(self) -> None:
        """Let libcurl do what it can, hand out what ended, and say when to come again."""
        self._soon = None
        self._multi.perform()
        more = 1
        while more:
            more, fine, failed = self._multi.info_read()
            for curl in fine:
                self._end(curl, pycurl.E_OK)
            for curl, code, _ in failed:
                self._end(curl, code)
        self._watch()
        self._come_again()

    def _end(self, curl: pycurl.Curl, code: int) -> None:
        done = self._take(curl)
        if done is not None:
            done(code)

    def _take(self, curl: pycurl.Curl) -> Callable[[int], None] | None:
        done = self._waiting.pop(curl, None)
        if done is not None:
            self._outgoing.discard(curl)
            self._multi.remove_handle(curl)
        return done

    def _watch(self) -> None:
        """Hear of the sockets that requests have left by, and of those still connecting or sending."""
        for curl in self._left:
            if curl not in self._waiting:
                continue
            connection = curl.getinfo(pycurl.CONN_ID)
            if connection not in self._known:
                if len(self._known) >= CONNECTIONS_KNOWN:
                    self._known.clear()
                self._known.add(connection)
                self._sockets.watch(curl.getinfo(pycurl.ACTIVESOCKET))
        self._left.clear()
        if self._outgoing:
            reading, writing, _ = self._multi.fdset()
            for number in {*reading, *writing}:
                self._sockets.watch(number)

    def _come_again(self) -> None:
        assert self._loop is not None
        if not self._waiting:
            return
        wait_ms = self._multi.timeout()
        if wait_ms == 0:
            self._soon = self._soon or self._loop.call_soon(self._turn)
            return
        most = BLIND_S if self._sockets.blind else OUTGOING_S if self._outgoing else LONGEST_S
        at = self._loop.time() + (most if wait_ms < 0 else min(most, wait_ms / 1000))
        if self._later is None or at < self._later[0] - BLIND_S / 2:
            if self._later is not None:
                self._later[1].cancel()
            self._later = at, self._loop.call_at(at, self._timed)

    def _timed(self) -> None:
        self._later = None
        if self._waiting:
            self._turn()


class _Sockets:
    """Which sockets moved: told once for each move, for libcurl takes all that there is."""

    def __init__(self) -> None:
        """Begin with none."""
        self._poll = select.epoll() if sys.platform == "linux" else None
        self.blind = self._poll is None

    def fileno(self) -> int | None:
        """Give what the loop waits on."""
        return None if self._poll is None else self._poll.fileno()

    def watch(self, number: int) -> None:
        """Hear of a socket from now on, at once if it can be written to; closing it ends that."""
        if self._poll is None or number < 0:
            return
        moves = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
        try:
            self._poll.register(number, moves)
        except FileExistsError:
            self._poll.modify(number, moves)

    def heed(self) -> None:
        """Take note of the moves told so far."""
        if self._poll is not None:
            self._poll.poll(0)

    def close(self) -> None:
        """Hear no more."""
        if self._poll is not None:
            self._poll.close()
