"""`turnout destination authorize`: a person agrees on the vendor's page, and the code comes back to this machine.

The code comes by the browser, to a port of loopback that is open for as long, or pasted on standard input. It stands in
no argument, and what is not an answer to our own `state` is turned away.
"""

from __future__ import annotations

import hmac
import sys
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.to_thread
import click
from anyio.abc import ByteReceiveStream, Listener, SocketAttribute, SocketStream

from turnout.app import App
from turnout.cli import output
from turnout.cli.here import Command, Here, pass_here
from turnout.cli.running import at_desk
from turnout.desk import OwnDesk
from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.manifest.grants import CODES

HOST: Final = "127.0.0.1"
"""Source: RFC 8252, 7.3 and 8.3: the loopback address, not its name."""
PATH: Final = "/callback"
WAIT_S: Final = 300
HEAD_BYTES: Final = 16_384
HEAD_S: Final = 5.0
"""What the browser may send, and how long it may take."""
_THANKS = "Turnout has the consent. You can close this window."
_NOT_OURS = "This is no answer to what Turnout asked. Nothing was taken."


@click.command(cls=Command, help="Let a person agree at the vendor, where that is needed.")
@click.argument("name")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="Where the browser comes back; else a free one."
)
@click.option("--paste", is_flag=True, help="Paste where the browser ended: it is on another machine.")
@click.option("--redirect", metavar="URL", help="With --paste: the address that is registered at the vendor.")
@click.option("--wait", type=click.IntRange(1), default=WAIT_S, metavar="S", help="Seconds to wait for the browser.")
@pass_here
def authorize(here: Here, *, name: str, port: int | None, paste: bool, redirect: str | None, wait: int) -> None:
    """Ask for it, and wait."""
    if redirect and not paste:
        raise click.UsageError("--redirect goes with --paste")
    told = ask(here, name, port=port or 0, paste=paste, redirect=redirect or "", wait_s=wait)
    output.answer(here, told, output.summary)


def is_person() -> bool:
    """Tell whether somebody is there to agree."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(
    here: Here, name: str, *, port: int = 0, paste: bool = False, redirect: str = "", wait_s: int = WAIT_S
) -> Document:
    """Let a person agree; give the answer of the operation. Raises: InvalidInput, in words for that person."""
    work = partial(_pasted, name=name, redirect=redirect or f"http://{HOST}:{port or 8734}{PATH}")
    came = partial(_came, name=name, port=port, wait_s=wait_s)
    return at_desk(here, work if paste else came)


async def _pasted(desk: OwnDesk, _: App, *, name: str, redirect: str) -> Document:
    asking = await desk.begin_consent(destination=name, redirect=redirect)
    output.say(f"Open this page and agree:\n\n{asking.page}\n")
    output.say("Then paste the whole address that the browser ended at, even if it shows an error:")
    line = await anyio.to_thread.run_sync(sys.stdin.readline)
    code = code_of(urlsplit(line.strip()).query, asking.state)
    return await desk.finish_consent(asking=asking, code=code)


async def _came(desk: OwnDesk, _: App, *, name: str, port: int, wait_s: int) -> Document:
    async with await _listen(port) as listener:
        callback = _Callback(f"http://{HOST}:{listener.extra(SocketAttribute.local_port)}{PATH}")  # noqa: S610 - no SQL
        asking = await desk.begin_consent(destination=name, redirect=callback.address)
        callback.state = asking.state
        output.say(f"Open this page and agree; waiting for {wait_s} s at {callback.address}:\n\n{asking.page}\n")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, callback.serve)
            with anyio.move_on_after(wait_s):
                await callback.heard.wait()
            tasks.cancel_scope.cancel()
    return await desk.finish_consent(asking=asking, code=callback.answer(wait_s))


async def _listen(port: int) -> Listener[SocketStream]:
    try:
        return await anyio.create_tcp_listener(local_host=HOST, local_port=port)
    except OSError:
        raise InvalidInput(f"The port {port} is taken; name another with --port, or leave that out.") from None


def code_of(query: str, state: str) -> str:
    """Read the code out of where the browser was sent. Raises: InvalidInput.

    >>> code_of("code=abc&state=s1", "s1")
    'abc'
    """
    given = {key: values[0] for key, values in parse_qs(query).items()}
    if not hmac.compare_digest(given.get("state", "").encode(), state.encode()):
        raise InvalidInput("That is the answer to another question: its `state` is not ours. Begin again.")
    if "error" in given:
        word = given["error"] if given["error"] in CODES else "for a reason of the vendor's own"
        raise InvalidInput(f"The consent was not given ({word}). Nothing was changed.")
    if not given.get("code"):
        raise InvalidInput("The answer has no code in it: paste the whole address, with all that stands behind `?`.")
    return given["code"]


class _Callback:
    """What comes back to a port of ours."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.state = ""
        self.heard = anyio.Event()
        self._code = ""
        self._refusal: InvalidInput | None = None
        self._strangers = 0

    def answer(self, waited_s: int) -> str:
        """Give the code. Raises: InvalidInput."""
        if self._refusal is not None:
            raise self._refusal
        if not self._code:
            turned = f" {self._strangers} that were not for us were turned away." if self._strangers else ""
            raise InvalidInput(f"Nobody came back within {waited_s} s.{turned} Begin again, perhaps with --paste.")
        return self._code

    async def serve(self, stream: SocketStream) -> None:
        """Answer one connection."""
        async with stream:
            try:
                with anyio.fail_after(HEAD_S):
                    status, say = self._take(await _head(stream))
                    await stream.send(_page(status, say))
            except (anyio.EndOfStream, anyio.BrokenResourceError, TimeoutError):
                return
        if self._code or self._refusal:
            self.heard.set()

    def _take(self, head: str) -> tuple[str, str]:
        method, _, rest = head.partition(" ")
        parts = urlsplit(rest.partition(" ")[0])
        if method != "GET" or parts.path != PATH:
            return "404 Not Found", _NOT_OURS
        given = parse_qs(parts.query).get("state", [""])[0]
        if not self.state or not hmac.compare_digest(given.encode(), self.state.encode()):
            self._strangers += 1
            return "400 Bad Request", _NOT_OURS
        try:
            self._code = code_of(parts.query, self.state)
        except InvalidInput as error:
            self._refusal = error
            return "200 OK", error.message
        return "200 OK", _THANKS


async def _head(stream: ByteReceiveStream) -> str:
    raw = b""
    while b"\r\n\r\n" not in raw and len(raw) < HEAD_BYTES:
        raw += await stream.receive()
    return raw.decode("latin-1")


def _page(status: str, say: str) -> bytes:
    body = f"{say}\n".encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        "cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
