"""Carries requests out: libcurl on the running loop.

1. A name is resolved here, each of its addresses is judged, and a request goes to one that may be spoken to:
   `CONNECT_TO` pins it, and `PREREQFUNCTION` sees where the connection really leads before a byte leaves.
2. `PREREQFUNCTION` is also the line between *never left* and *may have arrived*. libcurl calls it once a
   connection stands, TLS included, and before the request; what fails earlier did not leave.
3. Nothing is sent twice. libcurl repeats a request on a kept connection that dies without an answer: a body
   it cannot rewind ends as error 65, and the second call of `PREREQFUNCTION` stops what has no body.
4. Redirects are answers, and what comes back is capped (`delivery.answer`).
5. A proxy is asked only where the operator names one (`delivery.proxy`), and then for a tunnel to the very address
   that was judged.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import pycurl

from turnout.delivery.answer import Incoming, fault, header_lines, kind_after, kind_before
from turnout.delivery.multi import Multi
from turnout.delivery.names import Names
from turnout.delivery.places import Places, Where
from turnout.delivery.proxy import Proxy
from turnout.egress import Endpoint, Policy, check_url
from turnout.exchange import Fault, FaultKind, Reply, Request

CONNECTIONS = 256
"""Requests on their way at once, and connections kept: more wait. A process may have 1,024 descriptors."""

CONNECT_S = 5.0
IDLE_S = 50
"""A kept connection idle for longer is not used again: load balancers close them after 60 s."""

ADDRESSES_TRIED = 3
URLS_KEPT = 256
"""Most destinations have one or two; reading one costs 20 µs."""

_SUPPRESS_CONNECT_HEADERS = 265
"""libcurl's number; `pycurl` has no name for it. What a proxy says of a tunnel is not the destination's answer."""

_REFUSED, _FAILED = 400, 500
"""What a proxy answers that does not let us through; from 500 on it could not get through itself."""

_DIRECT = Proxy()

_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Debian, Red Hat, and macOS or Alpine; looked for where Python knows of none."""

_ELSEWHERE = frozenset({FaultKind.REFUSED, FaultKind.UNREACHABLE, FaultKind.CONNECT_TIMEOUT})
"""What another address of the same name may do better; nothing has left."""

_GO, _STOP = int(pycurl.PREREQFUNC_OK), int(pycurl.PREREQFUNC_ABORT)


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
        proxy: Proxy = _DIRECT,
    ) -> None:
        """Set the pool up; `ca_file` holds the certificates to trust, also for a proxy that speaks TLS."""
        self._lead = lru_cache(URLS_KEPT)(partial(check_url, policy=policy))
        self._options = _Options(user_agent, ca_file, proxy)
        self._names = Names(policy)
        self._places: Places[Job] = Places(connections)
        self._idle: list[_Transfer] = []
        self._multi = Multi(connections)
        self._resolving: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Give the sender itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    def start(self, request: Request, done: Callable[[Reply], None]) -> Job:
        """Send one request; `done` hears its answer, or why there is none, from the loop, never from within.

        Units: the time-out counts from when a place is free, name and connection included.
        """
        job = Job(request, done, self._loop or self._settle_in())
        led, lines = self._lead(request.url), header_lines(request)
        if isinstance(led, str) or isinstance(lines, str):
            say = led if isinstance(led, str) else str(lines)
            job.loop.call_soon(job.end, Fault(FaultKind.FORBIDDEN, say))
            return job
        job.endpoint, job.lines, job.where = led, lines, (led.host, led.port)
        if self._places.take(job.where, job):
            self._begin(job)
        return job

    async def send(self, request: Request) -> Reply:
        """Send one request and give its answer, or why there is none; never raises for what the other side does."""
        heard: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def hear(reply: Reply) -> None:
            if not heard.done():  # cancelled, and not yet stopped
                heard.set_result(reply)

        job = self.start(request, hear)
        try:
            return await heard
        except asyncio.CancelledError:
            self._stop(job)
            raise

    async def aclose(self) -> None:
        """Stop: what is still on its way ends as a fault, and every connection is closed."""
        self._names.close()
        for job in self._places.close():
            job.end(_CLOSED)
        self._multi.close()
        for transfer in self._idle:
            transfer.curl.close()
        self._idle.clear()
        if self._resolving:
            await asyncio.wait(self._resolving)

    def _settle_in(self) -> asyncio.AbstractEventLoop:
        """Stay with the loop of the first request: asking for it costs a system call."""
        self._loop = asyncio.get_running_loop()
        return self._loop

    def _begin(self, job: Job) -> None:
        """Go, with a place."""
        job.began = job.loop.time()
        known = self._names.known(job.endpoint, job.began)
        if known:
            job.addresses = known
            self._try(job)
            return
        task = job.loop.create_task(self._resolve(job))
        self._resolving.add(task)
        task.add_done_callback(self._resolving.discard)

    async def _resolve(self, job: Job) -> None:
        found = await self._names.resolve(job.endpoint, min(CONNECT_S, job.request.timeout_s))
        if isinstance(found, Fault):
            self._end(job, Fault(found.kind, found.text, _millis(job.loop.time() - job.began)))
            return
        job.addresses = found
        self._try(job)

    def _try(self, job: Job) -> None:
        """Go to the next address."""
        left_s = job.request.timeout_s - (job.loop.time() - job.began)
        if self._multi.closed or left_s <= 0:
            self._end_soon(job, _CLOSED if self._multi.closed else fault(FaultKind.CONNECT_TIMEOUT))
            return
        transfer = job.transfer = self._idle.pop() if self._idle else _Transfer(self._options, self._multi)
        transfer.begin(job, left_s)
        self._multi.start(transfer.curl, partial(self._came, job))

    def _came(self, job: Job, code: int) -> None:
        """Take what came of an address, and end, or go to the next."""
        transfer, job.transfer = job.transfer, None
        assert transfer is not None
        reply = transfer.finish(code, _millis(job.loop.time() - job.began))
        if self._multi.closed:
            transfer.curl.close()
        else:
            self._idle.append(transfer)
        if isinstance(reply, Fault) and reply.kind in _ELSEWHERE:
            self._names.demote(job.endpoint.host, job.addresses[job.tried])
            job.tried += 1
            if job.tried < min(len(job.addresses), ADDRESSES_TRIED) and not self._multi.closed:
                self._try(job)
                return
        self._end(job, reply)

    def _end_soon(self, job: Job, reply: Reply) -> None:
        job.loop.call_soon(self._end, job, reply)

    def _end(self, job: Job, reply: Reply) -> None:
        self._give_back(job)
        job.end(reply)

    def _give_back(self, job: Job) -> None:
        for other in self._places.give_back(job.where):
            self._begin(other)

    def _stop(self, job: Job) -> None:
        """Break a request off that nobody waits for any more."""
        job.done = _nobody
        if not self._places.leave(job.where, job) and job.transfer is not None:
            self._multi.stop(job.transfer.curl)
            job.transfer.curl.close()
            self._give_back(job)


class Job:
    """One request on its way, from address to address; `began` when it got its place."""

    __slots__ = ("addresses", "began", "done", "endpoint", "lines", "loop", "request", "transfer", "tried", "where")

    addresses: tuple[str, ...]
    began: float
    endpoint: Endpoint
    lines: list[bytes]
    where: Where

    def __init__(self, request: Request, done: Callable[[Reply], None], loop: asyncio.AbstractEventLoop) -> None:
        """Begin to wait for a place."""
        self.request = request
        self.done = done
        self.loop = loop
        self.where = _NOWHERE
        self.tried = 0
        self.transfer: _Transfer | None = None

    def end(self, reply: Reply) -> None:
        """Tell who asked, once."""
        done, self.done = self.done, _nobody
        done(reply)


def _nobody(_: Reply) -> None:
    """Hear what nobody waits for."""


_NOWHERE: Where = ("", 0)
_CLOSED = Fault(FaultKind.UNREACHABLE, "the sender is closed")


def _millis(seconds: float) -> int:
    return round(seconds * 1000)


@dataclass(frozen=True, slots=True)
class _Options:
    """What all transfers of a sender have in common."""

    user_agent: str
    ca_file: str | None
    proxy: Proxy


class _Transfer:
    """One Curl handle, used again and again, and what its callbacks collect of one answer.

    What is as it was for the request before is not set again: an option costs half a microsecond.
    """

    _framing: tuple[str, bool] | None = None
    _place: tuple[str, str] | None = None
    _left_ms = 0

    def __init__(self, options: _Options, multi: Multi) -> None:
        """Set what does not change from request to request."""
        self._proxy = options.proxy
        self._proxied = False
        self.curl = curl = pycurl.Curl()
        self._multi = multi
        self._incoming = Incoming()
        self._begin(b"", "")
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        _trust(curl, options)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.MAXAGE_CONN, IDLE_S)
        curl.setopt(pycurl.USERAGENT, options.user_agent)
        curl.setopt(pycurl.PREREQFUNCTION, self._on_ready)
        curl.setopt(pycurl.READFUNCTION, self._on_read)
        curl.setopt(pycurl.HEADERFUNCTION, self._incoming.take_line)
        curl.setopt(pycurl.WRITEFUNCTION, self._incoming.take_body)

    def _begin(self, out: bytes, address: str) -> None:
        self._out, self._out_at = out, 0
        self._address = address
        self._left = False
        self._elsewhere = False
        self._incoming.begin()

    def begin(self, job: Job, left_s: float) -> None:
        """Make the handle ready for one request to the next of its addresses; it has so many seconds left."""
        curl, request, url, address = self.curl, job.request, job.endpoint.url, job.addresses[job.tried]
        self._begin(request.body, address)
        if self._place != (url, address):
            self._place = url, address
            curl.setopt(pycurl.URL, url)
            curl.setopt(pycurl.CONNECT_TO, [f"::[{address}]:" if ":" in address else f"::{address}:"])
            if self._proxy.url:
                through = self._proxy.leads(job.endpoint.host, address)
                self._proxied = bool(through)
                curl.setopt(pycurl.PROXY, through)
        curl.setopt(pycurl.HTTPHEADER, job.lines)
        left_ms = max(1, _millis(left_s))
        if self._left_ms != left_ms:
            self._left_ms = left_ms
            curl.setopt(pycurl.TIMEOUT_MS, left_ms)
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, min(_millis(CONNECT_S), left_ms))
        self._frame(request.method, len(request.body))

    def _frame(self, method: str, size: int) -> None:
        curl = self.curl
        carries = size > 0 or method in {"POST", "PUT", "PATCH"}
        if self._framing != (framing := (method, carries)):
            self._framing = framing
            curl.setopt(pycurl.HTTPGET, 1)  # undoes UPLOAD and NOBODY of the request before
            curl.unsetopt(pycurl.CUSTOMREQUEST)
            if carries:
                curl.setopt(pycurl.UPLOAD, 1)
            if carries or method not in {"GET", "HEAD"}:
                curl.setopt(pycurl.CUSTOMREQUEST, method)
            if method == "HEAD" and not carries:
                curl.setopt(pycurl.NOBODY, 1)
        if carries:
            curl.setopt(pycurl.INFILESIZE_LARGE, size)

    def finish(self, code: int, took_ms: int) -> Reply:
        """Give what came of it, and let go of the request."""
        self._out = b""
        if answer := self._incoming.answer(code, took_ms):
            return answer
        return fault(self._kind(code), took_ms, code)

    def _kind(self, code: int) -> FaultKind:
        if self._elsewhere:
            return FaultKind.FORBIDDEN
        if self._left:
            return kind_after(code)
        refused = self._proxied and _REFUSED <= self.curl.getinfo(pycurl.HTTP_CONNECTCODE) < _FAILED
        return FaultKind.PROXY if refused else kind_before(code, self.curl.getinfo(pycurl.OS_ERRNO))

    def _on_ready(self, primary_ip: str, _local_ip: str, _port: int, _local_port: int) -> int:
        """Let the request leave once, and only to the pinned address; a proxy was asked for a tunnel to it."""
        if self._left:
            return _STOP
        if not self._proxied and primary_ip != self._address and ip_address(primary_ip) != ip_address(self._address):
            self._elsewhere = True
            return _STOP
        self._left = True
        self._multi.leaves(self.curl)
        if not self._out:
            self._multi.gone(self.curl)
        return _GO

    def _on_read(self, size: int) -> bytes:
        start, self._out_at = self._out_at, self._out_at + size
        if self._out_at >= len(self._out):
            self._multi.gone(self.curl)
        return self._out[start : self._out_at]


def _trust(curl: pycurl.Curl, options: _Options) -> None:
    """Say whose certificates count, and have a proxy tunnel whatever it is asked for."""
    if options.ca_file:
        curl.setopt(pycurl.CAINFO, options.ca_file)
        curl.setopt(pycurl.PROXY_CAINFO, options.ca_file)
    else:
        curl.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)
        curl.setopt(pycurl.PROXY_SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)
    if options.proxy.url:
        curl.setopt(pycurl.NOPROXY, "")
        curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)
        curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
