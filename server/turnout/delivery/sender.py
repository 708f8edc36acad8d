"""Carries requests out: libcurl on the running loop.

1. A name is resolved here, each of its addresses is judged, and a request goes to one that may be spoken to:
   `CONNECT_TO` pins it, and `PREREQFUNCTION` sees where the connection really leads before a byte leaves.
2. `PREREQFUNCTION` is also the line between *never left* and *may have arrived*. libcurl calls it once a
   connection stands, TLS included, and before the request; what fails earlier did not leave.
3. Nothing is sent twice. libcurl repeats a request on a kept connection that dies without an answer: a body
   it cannot rewind ends as error 65, and the second call of `PREREQFUNCTION` stops what has no body.
4. Redirects are answers, and what comes back is capped (`delivery.answer`).
5. A proxy is asked only where the operator names one, and then for a tunnel to the very address that was judged.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter, deque
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self, TypeAlias

import pycurl

from turnout.delivery.answer import Incoming, fault, header_lines, kind_after, kind_before, refuse
from turnout.egress import Endpoint, Policy, check_url, is_address, judge_address
from turnout.exchange import Fault, FaultKind, Reply, Request

CONNECTIONS = 256
"""Requests on their way at once, and connections kept: more wait. A process may have 1,024 descriptors."""
HOST_CONNECTIONS = 64
"""Of them to one host and port at the most: what one lane may have in flight. Source: ENGINE.md 4."""

CONNECT_S = 5.0
IDLE_S = 50
"""A kept connection idle for longer is not used again: load balancers close them after 60 s."""

ADDRESSES_TRIED = 3
NAMES_KEPT = 1024
NAME_S = 30.0
STALE_S = 300.0
"""A name is spoken to for so long where it last led while it is looked up again: look-ups that hang hold up others."""

_SUPPRESS_CONNECT_HEADERS = 265
"""libcurl's number; `pycurl` has no name for it. What a proxy says of a tunnel is not the destination's answer."""

_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Debian, Red Hat, and macOS or Alpine; looked for where Python knows of none."""

_ELSEWHERE = frozenset({FaultKind.REFUSED, FaultKind.UNREACHABLE, FaultKind.CONNECT_TIMEOUT})
"""What another address of the same name may do better; nothing has left."""

Resolved: TypeAlias = "tuple[str, ...] | Fault"
_Where: TypeAlias = tuple[str, int]
"""A host and its port."""


def find_ca_file() -> str | None:
    """Find the machine's bundle of trusted certificates; None where there is no such file."""
    known = ssl.get_default_verify_paths()
    candidates = (known.cafile, known.openssl_cafile, *_CA_FILES)
    return next((path for path in candidates if path and Path(path).is_file()), None)


CA_FILE = find_ca_file()
"""Looked for once, at import: the loop must not wait for a disk."""


class CurlSender:
    """Sends requests through one pool of connections, on the loop of its first request."""

    def __init__(
        self,
        policy: Policy,
        *,
        connections: int = CONNECTIONS,
        user_agent: str = "Turnout",
        ca_file: str | None = CA_FILE,
        proxy: str = "",
    ) -> None:
        """Set the pool up; `ca_file` holds the certificates to trust, `proxy` is `http://host:port` or nothing."""
        self._policy = policy
        self._options = _Options(user_agent, ca_file, proxy)
        self._names = _Names(policy)
        self._places = _Places(connections)
        self._idle: list[_Transfer] = []
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)

    async def __aenter__(self) -> Self:
        """Give the sender itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    async def send(self, request: Request) -> Reply:
        """Send one request and give its answer, or why there is none; never raises for what the other side does.

        Units: the time-out counts from when a place is free, name and connection included.
        """
        led = refuse(request) or check_url(request.url, self._policy)
        if isinstance(led, str):
            return Fault(FaultKind.FORBIDDEN, led)
        where = (led.host, led.port)
        await self._places.take(where)
        try:
            return await self._deliver(request, led, asyncio.get_running_loop().time())
        finally:
            self._places.give_back(where)

    async def aclose(self) -> None:
        """Stop: what is still on its way ends as a fault, and every connection is closed."""
        self._names.close()
        if self._multi.closed:
            return
        for future in self._multi.futures():
            if not future.done():
                future.set_exception(pycurl.error(pycurl.E_ABORTED_BY_CALLBACK, "closed"))
        await self._multi.aclose()
        for transfer in self._idle:
            transfer.curl.close()
        self._idle.clear()

    async def _deliver(self, request: Request, endpoint: Endpoint, began: float) -> Reply:
        loop = asyncio.get_running_loop()
        found = await self._names.resolve(endpoint, min(CONNECT_S, request.timeout_s))
        if isinstance(found, Fault):
            return Fault(found.kind, found.text, _millis(loop.time() - began))
        reply: Reply = fault(FaultKind.CONNECT_TIMEOUT)
        for address in found[:ADDRESSES_TRIED]:
            left_s = request.timeout_s - (loop.time() - began)
            if left_s <= 0:
                break
            reply = await self._perform(request, _Route(endpoint, address, began, left_s))
            if not isinstance(reply, Fault) or reply.kind not in _ELSEWHERE:
                break
            self._names.demote(endpoint.host, address)
        return reply

    async def _perform(self, request: Request, route: _Route) -> Reply:
        if self._multi.closed:
            return Fault(FaultKind.UNREACHABLE, "the sender is closed")
        transfer = self._idle.pop() if self._idle else _Transfer(self._options)
        transfer.begin(request, route)
        code = pycurl.E_OK
        try:
            await self._multi.add_handle(transfer.curl)
        except pycurl.error as error:
            code = int(error.args[0])
        except asyncio.CancelledError:
            transfer.curl.close()  # its future's cancellation has taken it off the loop by now
            raise
        reply = transfer.finish(code, _millis(asyncio.get_running_loop().time() - route.began))
        if self._multi.closed:
            transfer.curl.close()
        else:
            self._idle.append(transfer)
        return reply


def _millis(seconds: float) -> int:
    return round(seconds * 1000)


@dataclass(frozen=True, slots=True)
class _Options:
    """What all transfers of a sender have in common."""

    user_agent: str
    ca_file: str | None
    proxy: str


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a request goes: the address pinned for it, when it began, and how many seconds it has left."""

    endpoint: Endpoint
    address: str
    began: float
    left_s: float


class _Transfer:
    """One Curl handle, used again and again, and what its callbacks collect of one answer."""

    def __init__(self, options: _Options) -> None:
        """Set what does not change from request to request."""
        self._proxied = bool(options.proxy)
        self.curl = curl = pycurl.Curl()
        self._begin(b"", "")
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROXY, options.proxy)
        if options.proxy:
            curl.setopt(pycurl.NOPROXY, "")
            curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)
            curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        if options.ca_file:
            curl.setopt(pycurl.CAINFO, options.ca_file)
        else:
            curl.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.MAXAGE_CONN, IDLE_S)
        curl.setopt(pycurl.USERAGENT, options.user_agent)
        curl.setopt(pycurl.PREREQFUNCTION, self._on_ready)
        curl.setopt(pycurl.READFUNCTION, self._on_read)

    def _begin(self, out: bytes, address: str) -> None:
        self._out, self._out_at = out, 0
        self._address = address
        self._left = False
        self._elsewhere = False
        self._incoming = Incoming()
        self.curl.setopt(pycurl.HEADERFUNCTION, self._incoming.take_line)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._incoming.take_body)

    def begin(self, request: Request, route: _Route) -> None:
        """Make the handle ready for one request."""
        curl, address = self.curl, route.address
        self._begin(request.body, address)
        curl.setopt(pycurl.URL, route.endpoint.url)
        curl.setopt(pycurl.CONNECT_TO, [f"::[{address}]:" if ":" in address else f"::{address}:"])
        curl.setopt(pycurl.HTTPHEADER, header_lines(request))
        curl.setopt(pycurl.TIMEOUT_MS, max(1, _millis(route.left_s)))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, _millis(min(CONNECT_S, route.left_s))))
        self._choose_method(request)

    def _choose_method(self, request: Request) -> None:
        curl, method = self.curl, request.method
        curl.setopt(pycurl.HTTPGET, 1)  # undoes UPLOAD and NOBODY of the request before
        curl.unsetopt(pycurl.CUSTOMREQUEST)
        if request.body or method in {"POST", "PUT", "PATCH"}:
            curl.setopt(pycurl.UPLOAD, 1)
            curl.setopt(pycurl.INFILESIZE_LARGE, len(request.body))
            curl.setopt(pycurl.CUSTOMREQUEST, method)
        elif method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif method != "GET":
            curl.setopt(pycurl.CUSTOMREQUEST, method)

    def finish(self, code: int, took_ms: int) -> Reply:
        """Give what came of it, and let go of the request."""
        self._out = b""
        if self._incoming.complete:
            return self._incoming.answer(code, took_ms)
        return fault(self._kind(code), took_ms, code)

    def _kind(self, code: int) -> FaultKind:
        if self._elsewhere:
            return FaultKind.FORBIDDEN
        return kind_after(code) if self._left else kind_before(code, self.curl.getinfo(pycurl.OS_ERRNO))

    def _on_ready(self, primary_ip: str, _local_ip: str, _port: int, _local_port: int) -> int:
        """Let the request leave once, and only to the pinned address; a proxy was asked for a tunnel to it."""
        if self._left:
            return int(pycurl.PREREQFUNC_ABORT)
        if not self._proxied and primary_ip != self._address and ip_address(primary_ip) != ip_address(self._address):
            self._elsewhere = True
            return int(pycurl.PREREQFUNC_ABORT)
        self._left = True
        return int(pycurl.PREREQFUNC_OK)

    def _on_read(self, size: int) -> bytes:
        start, self._out_at = self._out_at, self._out_at + size
        return self._out[start : self._out_at]


class _Places:
    """Who may be on the way: a host has at most as many places as it leaves free.

    So hosts that hang, however many, share what there is and leave one more host its place.
    Source: dynamic thresholds, as switches share their buffers (Choudhury and Hahne, 1998).
    """

    def __init__(self, most: int) -> None:
        """Begin with all free."""
        self._free = most
        self._taken: Counter[_Where] = Counter()
        self._waiting: dict[_Where, deque[asyncio.Future[None]]] = {}

    async def take(self, where: _Where) -> None:
        """Wait for a place."""
        if where not in self._waiting and self._has(where):
            self._hand_out(where)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(where, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.give_back(where)
            raise

    def give_back(self, where: _Where) -> None:
        """Free a place, and hand out what is free to those who wait, the hosts in turn."""
        self._free += 1
        self._taken[where] -= 1
        if not self._taken[where]:
            del self._taken[where]
        for other in tuple(self._waiting):
            if not self._free:
                return
            waiters = self._waiting.pop(other)
            while waiters and self._has(other):
                if not (waiter := waiters.popleft()).done():
                    self._hand_out(other)
                    waiter.set_result(None)
                    break
            if waiters:
                self._waiting[other] = waiters

    def _has(self, where: _Where) -> bool:
        return self._taken[where] < min(self._free, HOST_CONNECTIONS)

    def _hand_out(self, where: _Where) -> None:
        self._free -= 1
        self._taken[where] += 1


class _Names:
    """The addresses of names: each judged, looked up once at a time, and kept for a while."""

    def __init__(self, policy: Policy) -> None:
        """Begin with none."""
        self._policy = policy
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._looking: dict[str, asyncio.Task[Resolved]] = {}

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> Resolved:
        """Give the addresses that may be spoken to, best first; a literal was judged with its URL."""
        host = endpoint.host
        if is_address(host):
            return (host,)
        expires, addresses = self._kept.get(host, (0.0, ()))
        old_s = asyncio.get_running_loop().time() - expires
        if addresses and old_s < 0:
            return addresses
        looking = self._looking.get(host)
        if looking is None:
            looking = self._looking[host] = asyncio.create_task(self._look_up(host, endpoint.port))
        if addresses and old_s < STALE_S:
            return addresses
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(looking)
        except TimeoutError:
            return Fault(FaultKind.NAME, "the name was not resolved in time")
        except asyncio.CancelledError:
            if looking.cancelled() and not _is_cancelled():
                return Fault(FaultKind.NAME, "the sender is closed")
            raise

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
            found = await loop.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
        except OSError:
            return fault(FaultKind.NAME)
        finally:
            del self._looking[host]
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        reasons = {address: judge_address(address, self._policy) for address in addresses}
        fine = tuple(address for address in addresses if reasons[address] is None)
        if not fine:
            self._kept.pop(host, None)
            return Fault(FaultKind.FORBIDDEN, f"the name leads to {reasons[addresses[0]]}")
        if len(self._kept) >= NAMES_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[host] = (loop.time() + NAME_S, fine)
        return fine


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
