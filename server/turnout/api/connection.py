"""A connection of the HTTP door: uvicorn's protocol, held to `limits`.

1. A head is complete ten seconds after its first byte, the first of a connection ten seconds after that was made; a
   body after half a minute, or ten seconds where it hardly moves. Who is late is told so. Who is idle, or reads no
   answer, is closed.
2. What two servers could read in two ways is refused, and nothing behind it is looked at. llhttp refuses most of it;
   here is the rest: more hosts than one, encodings beside chunked, targets that are no path, other versions.
3. A request is at work once its body is whole, or long: whoever sends slowly holds a connection, and nothing else.
4. Answers leave in the order of their requests, refusals among them.
5. Nothing is upgraded: what follows such a wish is the body or the next request, as its headers say.

What each request passes is written for speed: it costs as much as uvicorn's own, whose timer it does without.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from turnout.api import answers, limits
from turnout.api.answers import Answer
from turnout.api.door import Door, Reading
from turnout.api.whole import Whole


class Phase(Enum):
    """What is read next: a request's first byte, its head, its body; or nothing, for something was refused."""

    START = auto()
    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


START, HEAD, BODY, NOTHING = Phase  # a member is looked up for a tenth of a microsecond


def bounded() -> type[HttpToolsProtocol]:
    """Make the class of the connections of one server."""

    class Bounded(Connection):
        door = Door()

    return Bounded


async def _busy(scope: Scope, _receive: Receive, send: Send) -> None:
    """Say that too many requests are at work."""
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
    await answers.give(send, limits.BUSY, origin)


BUSY = cast("ASGI3Application", _busy)  # the same shape in uvicorn's words


class _Refused(Exception):
    """Breaks off what llhttp reads; why is with the connection."""


class Connection(HttpToolsProtocol):
    """One connection."""

    door: Door
    flow: Reading

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = Reading(transport)
        self.whole = Whole(transport)
        self.phase = START
        self.since = self.loop.time()  # of the phase, or of the last answer
        self.fresh = True  # no head came whole yet
        self.unread_since: float | None = None
        self.refusal: Answer | None = None
        self.answering: RequestResponseCycle | None = None
        self.waits: ASGI3Application | None = None  # until the body of the newest request is whole, or long
        self.declines = False
        self.comes = self.behind = 0  # bytes that are being read; the same, where a request ended among them
        self.known: HTTPScope | None = None  # whose head came whole
        self.head = self.others = 0  # bytes with which the head came so far; those of them that may be of others
        self.wire = self.body = self.chunks = 0  # of the body: bytes as they came, and unpacked; chunks
        self.kept = 0  # bytes of long bodies that are not answered
        self.door.joined(self)
        if not self.door.ticks:
            self._tick()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.door.members.pop(self, None)
        self._forget()
        self._give()
        super().connection_lost(exc)

    @override
    def eof_received(self) -> bool:  # type: ignore[override]  # true: keep it
        """Answer whoever sends no more and may still read; a wait ends, for most have gone. Half a request is none."""
        asked, half = self.answering, self.cycle if self.phase is BODY else None
        if asked is None or asked is half or not self._is_answering():
            return False
        if stays := asked.scope["path"].startswith(limits.STAYS):
            self.phase, self.refusal = NOTHING, None
            if half:
                self.pipeline.popleft()
        return stays

    @override
    def resume_writing(self) -> None:
        self.unread_since = None
        super().resume_writing()

    def leave(self) -> None:
        """End it, once what was written has left."""
        self.transport.close()

    def bar(self) -> None:
        """Read no further."""
        self.flow.barred = True
        self.flow.pause_reading()

    def unbar(self) -> None:
        """Read on."""
        self.flow.barred = False
        self.since = self.loop.time()
        self.flow.resume_reading()

    # Time.

    @property
    def is_idle(self) -> bool:
        """Say whether nobody loses anything by its end."""
        return self.phase is START and not self._is_answering()

    def look(self, now: float) -> None:
        """End it where its time is over."""
        if self._is_unread(now):
            self.transport.abort()
        elif self.flow.barred:
            if now - self.since > limits.BODY_S:
                self._refuse(limits.BUSY)
        elif self.flow.read_paused:
            self.since = now  # who is not read cannot be late
        elif now - self.since > self._patience():
            if self.phase in {HEAD, BODY}:
                self._refuse(limits.SLOW)
            elif not self._is_answering():
                self.transport.close()

    def _tick(self) -> None:
        self.door.look(self.loop.time())
        self.door.ticks = bool(self.door.members)
        if self.door.ticks:
            self.loop.call_later(limits.LOOK_S, self._tick)

    def _is_unread(self, now: float) -> bool:
        if not self.transport.get_write_buffer_size():
            self.unread_since = None
        elif self.unread_since is None:
            self.unread_since = now
        return self.unread_since is not None and now - self.unread_since > limits.UNREAD_S

    def _patience(self) -> float:
        match self.phase:
            case Phase.START:
                return limits.HEAD_S if self.fresh else limits.IDLE_S
            case Phase.HEAD:
                return limits.HEAD_S
            case Phase.BODY:
                return min(limits.BODY_S, limits.BODY_GRACE_S + self.wire / limits.BODY_RATE)
            case Phase.NOTHING:
                return limits.LINGER_S

    # Requests.

    @override
    def data_received(self, data: bytes) -> None:
        if self.phase is NOTHING:
            return
        self.comes, self.behind = len(data), 0
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as at:
            self._decline(data[at.args[0] :])
            return
        except HttpParserError:
            self._refuse(self.refusal or limits.MALFORMED)
        if self.phase is BODY:
            self._count_body()
        elif self.scope is not self.known and self.phase is not NOTHING:
            self._count_head()

    def _decline(self, rest: bytes) -> None:
        """Have llhttp, which reads no body after a wish to upgrade, read it after a head of ours."""
        given = dict(self.cycle.scope["headers"])
        names = [name for name in (b"content-length", b"transfer-encoding") if name in given]
        self.declines = True
        last = b"" if self.cycle.keep_alive else b"Connection: close\r\n"
        if last:  # what was read says that nothing follows, not even its body
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        for name in names:
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b%b: %b\r\n\r\n" % (last, name, given[name]))
        if not names:
            self.on_message_complete()
        self.declines = False
        self.data_received(rest)

    def _count_head(self) -> None:
        """Hold a head that comes in parts to its limits."""
        if self.phase is START:
            self.phase, self.others = HEAD, self.behind
            self.since = self.since if self.fresh else self.loop.time()
        self.head += self.comes
        if self.head - self.others > limits.HEAD_BYTES:
            self._refuse(limits.HEAD_LARGE)

    def _count_body(self) -> None:
        """Hold a body that comes in parts to its limits."""
        said = 0
        if self.wire < 0:  # the first part
            self.since = self.loop.time()
            said = int(dict(self.cycle.scope["headers"]).get(b"content-length", 0))
        self.wire += self.comes
        if self.wire > HIGH_WATER_LIMIT and not self.cycle.response_complete:
            self.kept += self.comes
            self.door.held.add(self, self.comes)
        if max(self.wire, said) > limits.BODY_BYTES:
            self._refuse(limits.BODY_LARGE)
        elif self.wire - self.body - self.chunks * limits.CHUNK_BYTES > limits.FRAMING_BYTES:
            self._refuse(limits.FRAMED)

    @override
    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > limits.URI_BYTES:
            self._break_off(limits.URI_LONG)

    @override
    def on_headers_complete(self) -> None:
        self.known = self.scope
        if self.declines:
            return
        names = [name for name, _ in self.headers]
        is_plain = (
            self.head + self.comes <= limits.HEAD_BYTES
            and len(names) <= limits.HEADERS
            and self.url[:1] == b"/"
            and names.count(b"host") == 1
            and b"transfer-encoding" not in names
            and not self.expect_100_continue
            and not self.pipeline
        )
        if not is_plain and (refusal := self._judge(names)):
            self._break_off(refusal)
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", self.whole)  # as much of one as it needs
        self.headers = []  # a trailer is no header
        self.fresh = False
        self.phase = BODY
        self.head = 0
        self.wire, self.body, self.chunks = -self.comes, 0, 0
        if self.scope["http_version"] not in {"1.1", "1.0"}:
            self._break_off(limits.VERSION)

    def _judge(self, names: list[bytes]) -> Answer | None:
        version, hosts, given = self.parser.get_http_version(), names.count(b"host"), dict(self.headers)
        encoded = names.count(b"transfer-encoding")
        size = len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
        self.expect_100_continue &= version == "1.1"
        wrong = (
            (not self.url.startswith(b"/"), limits.NO_PATH),
            (len(names) > limits.HEADERS or size > limits.HEAD_BYTES, limits.HEAD_LARGE),
            (hosts > 1 or (hosts == 0 and version == "1.1"), limits.NO_HOST),
            (encoded > 1 or (encoded == 1 and version == "1.0"), limits.ENCODED),
            (encoded == 1 and given[b"transfer-encoding"].strip().lower() != b"chunked", limits.ENCODED),
            (int(given.get(b"content-length", 0)) > limits.BODY_BYTES, limits.BODY_LARGE),
            (len(self.pipeline) >= limits.AHEAD, limits.AHEAD_MANY),
        )
        return next((refusal for is_wrong, refusal in wrong if is_wrong), None)

    @override
    def on_body(self, body: bytes) -> None:
        self.body += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
            if self.waits:
                self._start_asgi_task(cycle, self.waits)
        if not self.waits:
            cycle.message_event.set()

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self.chunks += 1

    @override
    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and not self.declines:
            return
        self.phase = START
        self.behind = self.comes
        cycle = self.cycle
        cycle.more_body = False
        cycle.message_event.set()
        if self.waits:
            self._start_asgi_task(cycle, self.waits)
        elif cycle.response_complete:
            self.since = self.loop.time()

    def _break_off(self, refusal: Answer) -> None:
        self.refusal = refusal
        raise _Refused

    # Answers.

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle.more_body and len(cycle.body) <= HIGH_WATER_LIMIT:
            self.waits = app
            if cycle.waiting_for_100_continue:
                cycle.waiting_for_100_continue = False
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self.waits = None
        self.answering = cycle
        full = len(self.tasks) >= limits.REQUESTS and cycle.scope["path"] not in limits.ALWAYS
        super()._start_asgi_task(cycle, BUSY if full else app)

    @override
    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.whole.head:
            self.whole.flush()
        self.since = self.loop.time()
        if (self.kept or self.cycle.body) and not self.pipeline:
            self._give()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.phase is NOTHING:
            self._end()

    def _is_answering(self) -> bool:
        return self.answering is not None and not self.answering.response_complete and not self.answering.disconnected

    def _forget(self) -> None:
        """Have the application know that nobody waits for its answer."""
        if self.answering is not None and not self.answering.response_complete:
            self.answering.disconnected = True
            self.answering.message_event.set()

    def _give(self) -> None:
        """Hold no more of what was answered, though nobody read it."""
        if self.kept:
            self.door.held.give(self, self.kept)
            self.kept = 0
        if not self.fresh:
            self.cycle.body.clear()

    def _refuse(self, refusal: Answer) -> None:
        """Take nothing more; say why when all before was answered."""
        began, self.phase = self.phase is BODY, NOTHING
        self.refusal, self.waits, self.since = refusal, None, self.loop.time()
        if began and self.cycle.response_complete:
            self.refusal = None  # it had its answer
        elif began and self.pipeline:
            self.pipeline.popleft()
        elif began and self.cycle.response_started:
            self.transport.close()  # half an answer, and no way to take it back
        elif began and self.cycle is self.answering:
            self._forget()
        if not self._is_answering():
            self._end()

    def _end(self) -> None:
        """Say why, and that nothing follows; what is still on its way here is read, lest it break off the answer."""
        self._give()
        if self.transport.is_closing():
            return
        if self.refusal:
            lines = [*self.server_state.default_headers, *self.refusal.headers, (b"connection", b"close")]
            head = b"".join(b"%b: %b\r\n" % line for line in lines)
            self.transport.write(STATUS_LINE[self.refusal.status] + head + b"\r\n" + self.refusal.body)
        self.unbar()
        self.transport.write_eof()
