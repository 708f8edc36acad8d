"""The door for clients that come over HTTP: one message a request, whose answer is its response.

Nothing is remembered between requests but what a token may do. Plain calls and opening moves are answered here, as
over standard input and output; whatever else a client may say is the SDK's to judge, which is loaded when the first
such request comes.

1. Each request carries a token; without one that holds, the answer is 401 and says where to read on.
2. What a header says and the body does not is refused, in every era: who routes by it must not be led astray.
3. There is no stream to listen to: all but POST is 405.
4. A client that goes away, or cancels its call in its session, ends its wait for verdicts; what was committed stays.
5. A call whose client wants to hear of its progress, or is asked something, is a stream of events, once there is
   something to say.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.agent import attend, greeting, headers, resource, short, unread, web
from turnout.agent import card as cards
from turnout.agent.bearer import Bearer, Bearers
from turnout.agent.call import Offer
from turnout.agent.caller import Caller
from turnout.agent.card import LISTS, MODERN, Card
from turnout.agent.deck import Deck
from turnout.agent.short import Asked
from turnout.document import Document, encode
from turnout.errors import Unavailable

HEADER_MISMATCH = -32020
REFUSED, CLOSED = -32000, -32000
"""What the protocol leaves to servers; the second is what the SDK says to a request that it leaves behind."""
SESSION: Final = b"mcp-session-id"
_LATER = (b"retry-after", b"1")


class Rest(Protocol):
    """The SDK, for the rest of the protocol, and for the old transport: `sdk.Sdk`."""

    async def record(self, offer: Offer) -> Card:
        """Ask the opening moves for whoever is offered this."""
        ...

    def refuse(self, body: bytes) -> Document | None:
        """Say what is wrong with a body that is no message; None where it is one."""
        ...

    async def answer(self, bearer: Bearer, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a message."""
        ...

    async def listen(self, bearer: Bearer, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream of the old transport."""
        ...

    async def speak(self, bearer: Bearer, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a message for a stream of the old transport."""
        ...

    def close(self) -> None:
        """End all streams."""
        ...


Load: TypeAlias = Callable[[], Callable[..., Coroutine[Any, Any, None]]]
"""What imports the SDK: `sdk.serve`."""


class Door:
    """Everything that agents reach over HTTP; `cards` is the folder to look for cards in, and to leave them in."""

    def __init__(self, bearers: Bearers, tasks: TaskGroup, load: Load, cards: Path | None) -> None:
        """Listen to whoever has a token; what runs beside runs in `tasks`."""
        self._bearers = bearers
        self._tasks = tasks
        self._load = load
        self._deck = Deck(cards, self._recorded)
        self._rest: Rest | None = None
        self._loading = anyio.Lock()
        tasks.start_soon(bearers.note)
        self.paths: Mapping[str, ASGIApp] = {
            web.PATH: self._mcp,
            web.METADATA: self._metadata,
            web.METADATA + web.PATH: self._metadata,
            web.STREAM: self._stream,
            web.MESSAGES: self._messages,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.paths[scope["path"]](scope, receive, send)

    def close(self) -> None:
        """End what would never end by itself: the server stops."""
        if self._rest is not None:
            self._rest.close()

    # -- the four doors -----------------------------------------------------------------------------------

    async def _mcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await web.only(send, "POST")
            return
        found = headers.read(scope)
        if (bearer := await self._admitted(found, scope, send)) is None:
            return
        try:
            body = await web.read(found, receive)
        except web.GoneError:
            return
        if body is None:
            said = f"The message is longer than {web.BODY} bytes; send less at once."
            await web.fail(send, 413, unread.error(None, unread.INVALID_REQUEST, said))
        elif not await self._answered(bearer, found, body, receive, send):
            await self._leave(bearer, found, body, scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await web.only(send, "GET")
        elif (bearer := await self._admitted(headers.read(scope), scope, send)) is not None:
            await (await self._sdk()).listen(bearer, scope, receive, send)

    async def _messages(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await web.only(send, "POST")
        elif (bearer := await self._admitted(headers.read(scope), scope, send)) is not None:
            await (await self._sdk()).speak(bearer, scope, receive, send)

    async def _metadata(self, scope: Scope, _: Receive, send: Send) -> None:
        """Say what is protected, and how."""
        if scope["method"] not in {"GET", "HEAD"}:
            await web.only(send, "GET, HEAD")
            return
        told = resource.metadata(web.base(scope, headers.read(scope)))
        await web.say(send, 200, encode(told))

    # -- who may ------------------------------------------------------------------------------------------

    async def _admitted(self, found: dict[bytes, bytes], scope: Scope, send: Send) -> Bearer | None:
        """Let a request pass, or answer it."""
        try:
            bearer = await self._bearers.find(found.get(b"authorization", b""))
        except Unavailable as error:
            await web.fail(send, 503, unread.error(None, REFUSED, error.message), _LATER)
            return None
        if bearer is None:
            given, base = found.get(b"authorization", b""), web.base(scope, found)
            asking = (b"www-authenticate", resource.challenge(base, given))
            await web.fail(send, 401, resource.refusal(given), asking)
        elif wait := bearer.bucket.take(self._bearers.store.clock.monotonic()):
            said = f"More than {self._bearers.rate} calls a second of one token; wait a little."
            later = (b"retry-after", b"%d" % ceil(wait))
            await web.fail(send, 429, unread.error(None, REFUSED, said), later)
            return None
        return bearer

    # -- answered here ------------------------------------------------------------------------------------

    async def _answered(
        self, bearer: Bearer, found: dict[bytes, bytes], body: bytes, receive: Receive, send: Send
    ) -> bool:
        """Answer a message in the plain form of its era; say whether it was one."""
        said = short.message(body)
        if said is None or not headers.are_plain(found):
            return False
        if "method" not in said and bearer.asks.hear(said):
            await web.say(send, 202)
            return True
        method = said.get("method")
        return isinstance(method, str) and await self._plain(bearer, found, said, method, receive, send)

    async def _plain(
        self, bearer: Bearer, found: dict[bytes, bytes], said: Document, method: str, receive: Receive, send: Send
    ) -> bool:
        """Answer a request, or take a notification; say whether it was one for us."""
        modern = found.get(b"mcp-protocol-version") == MODERN.encode()
        if (wrong := headers.contradicted(found, method, said.get("params"))) is not None:
            asked = said.get("id")
            error = unread.error(asked if short.is_id(asked) else None, HEADER_MISMATCH, wrong)
            await web.fail(send, 400, error)
        elif "id" not in said and isinstance(said.get("params"), Mapping | None):
            if method == "notifications/cancelled":
                bearer.underway.cancel(found.get(SESSION, b""), said.get("params"))
            await web.say(send, 202)
        elif modern and headers.are_missing(found, method):
            return False
        elif method == "tools/call" and (asking := short.call(said, None if modern else _greeted(found))) is not None:
            await self._call(bearer, asking, found, receive, send)
        else:
            return await self._opened(bearer, said, send, modern=modern)
        return True

    async def _opened(self, bearer: Bearer, said: Document, send: Send, *, modern: bool) -> bool:
        """Answer a ping, or an opening move of this era from the card; say whether it was one."""
        asked = said.get("id")
        if not short.is_id(asked):
            return False
        result: Document | None = None
        if not modern and short.is_ping(said):
            result = {}
        elif said.get("method") in (_MODERN_MOVES if modern else _LEGACY_MOVES):
            result = cards.answer(await self._deck.draw(bearer.offer), said, greeted=not modern)
        if result is not None:
            greets = said.get("method") == "initialize"
            more = [(SESSION, greeting.session(said, bearer.offer.entropy))] if greets else []
            await web.say(send, 200, encode({"jsonrpc": "2.0", "id": asked, "result": result}), *more)
        return result is not None

    async def _call(
        self, bearer: Bearer, asked: Asked, found: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        """Answer a call of a tool; one that waits, or whose progress is told, for as long as the client is there."""
        stream, streams = web.Stream(send), headers.take_streams(found)
        put = partial(bearer.asks.put, stream.tell) if streams and asked.caller.declared and not asked.modern else None
        tell = stream.tell if streams and (asked.token is not None or put is not None) else None
        if tell is None and not asked.arguments.get("wait_seconds"):
            await web.say(send, *await attend.answer(bearer.offer, asked))
            return
        work = partial(attend.answer, bearer.offer, asked, tell, put)
        if session := b"" if asked.modern else found.get(SESSION, b""):
            work = partial(bearer.underway.answer, session, asked, work)
        try:
            made = await web.while_there(receive, work)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                said = "Connection closed: the server stops. What was recorded stays; the same call may be made again."
                await stream.end(503, encode(unread.error(asked.id, CLOSED, said)), _LATER)
            raise
        if made is not None:
            await stream.end(*made)

    async def _leave(
        self, bearer: Bearer, found: dict[bytes, bytes], body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the SDK answer a request whose body was read; of what is no message it would repeat every value."""
        left = [body]

        async def again() -> Mapping[str, object]:
            return {"type": "http.request", "body": left.pop()} if left else await receive()

        rest = await self._sdk()
        if headers.are_plain(found) and (refusal := await anyio.to_thread.run_sync(rest.refuse, body)) is not None:
            await web.fail(send, 400, refusal)
            return
        await web.while_there(receive, lambda: rest.answer(bearer, scope, again, send))  # type: ignore[arg-type]

    async def _recorded(self, offer: Offer) -> Card:
        return await (await self._sdk()).record(offer)

    async def _sdk(self) -> Rest:
        async with self._loading:
            if self._rest is None:
                serve = await anyio.to_thread.run_sync(self._load)
                all_ = self._bearers
                self._rest = await self._tasks.start(serve, all_.toolsets, all_.store.entropy, all_.catalogue)
            return self._rest


def _greeted(found: Mapping[bytes, bytes]) -> Caller:
    """Say who calls by a revision that greets: what its session id says, where it has one."""
    return greeting.caller(found[SESSION]) if SESSION in found else Caller()


_LEGACY_MOVES: Final = frozenset({"initialize", *LISTS})
_MODERN_MOVES: Final = frozenset({"server/discover", *LISTS})
