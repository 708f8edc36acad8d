"""One call of a tool, whoever has read it off the wire: the SDK's server, or our own short way.

Who offers what is decided on each request: over HTTP by its token, over stdio by flags. Wrong arguments and
refusals are answers that a model can learn from, in one line; only a wrong name is the protocol's error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

import anyio
from pydantic import ValidationError

from turnout import telemetry
from turnout.agent.answers import Told, answered, clipped, explained, refused
from turnout.agent.catalogue import BY_NAME, admit, offered
from turnout.agent.desk import Desk, Tell
from turnout.agent.model import AnyTool, Args
from turnout.agent.schema import teach
from turnout.agent.toolsets import Toolset
from turnout.document import Json
from turnout.entropy import Entropy
from turnout.errors import NotFound, TurnoutError, Unavailable
from turnout.guard.principal import Scope

MakeDesk: TypeAlias = Callable[[], AbstractAsyncContextManager[Desk]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one client is offered: the tools of `toolsets` that `scopes()` may call, on `await desk()`."""

    scopes: Callable[[], frozenset[Scope]]
    desk: Callable[[], Awaitable[Desk]]
    toolsets: AbstractSet[Toolset]
    entropy: Entropy

    def tools(self) -> tuple[AnyTool, ...]:
        """Name the tools that the client sees, in our order."""
        return offered(self.scopes(), self.toolsets)

    async def call(self, name: str, arguments: Mapping[str, Json], client: str, tell: Tell | None = None) -> Told:
        """Call a tool; `client` is what the client's program calls itself, `tell` hears how far a long call is.

        Raises: NotFound, for another name.
        """
        tool = BY_NAME.get(name)
        if tool is None:
            raise NotFound(_unknown(name, self.tools()))
        try:
            admit(tool, self.scopes(), self.toolsets)
            args = _read(tool, arguments)
            if isinstance(args, str):
                return refused(args)
            told = await tool.run((await self.desk()).seen_by(client, tell), args)
            return answered(told, args.budget(), tool.advice())
        except TurnoutError as error:
            return refused(explained(error))
        except Exception as error:
            return refused(_broke(tool.name, error, self.entropy))


def named(name: object, version: object) -> str:
    """Name the client's program as it calls itself."""
    return clipped(f"{name} {version}")[:64]


def _read(tool: AnyTool, arguments: Mapping[str, Json]) -> Args | str:
    """Read the arguments, or say what is wrong with them."""
    try:
        args: Args = tool.args.model_validate(arguments)
    except ValidationError as error:
        return teach(tool.name, error, list(tool.args.model_fields))
    return args


def _unknown(name: str, tools: tuple[AnyTool, ...]) -> str:
    names = [tool.name for tool in tools]
    near = get_close_matches(name, names, 1)
    return f"Unknown tool: {clipped(name[:48])}. " + (
        f"Did you mean {near[0]}?" if near else f"Tools: {', '.join(names)}."
    )


def _broke(what: str, error: Exception, entropy: Entropy) -> str:
    """Log what broke under an id, and say no more than the id: a message of an unknown error may hold anything."""
    mark = entropy.token(4).hex()
    telemetry.emit("broke", error, what=what, error=mark)
    return (
        f"internal_error: {what} broke on our side (error {mark}, see the server's log). "
        "With the same idempotency_key it may be called again."
    )


class Opening:
    """The desk that is being opened: calls wait for it, or hear why it cannot be opened."""

    def __init__(self, entropy: Entropy) -> None:
        """Begin with nothing known."""
        self._entropy = entropy
        self._settled = anyio.Event()
        self._closing = anyio.Event()
        self._desk: Desk | None = None
        self._why = ""
        self._opening = anyio.CancelScope()

    async def desk(self) -> Desk:
        """Give the desk as soon as there is one. Raises: Unavailable, with the reason, when there will be none."""
        await self._settled.wait()
        if self._desk is None:
            raise Unavailable(f"The data cannot be opened. {self._why}", fix="Put that right, then restart the server")
        return self._desk

    async def hold(self, make: MakeDesk) -> None:
        """Open the desk, hold it open until `close`, and let it leave in its own time."""
        with self._opening:  # around all of it: the desk has scopes of its own, which end before this one
            async with AsyncExitStack() as stack:
                try:
                    self._desk = await stack.enter_async_context(make())
                except TurnoutError as error:
                    self._why = error.message
                except Exception as error:
                    self._why = _broke("opening", error, self._entropy)
                self._settled.set()
                await self._closing.wait()
        self._settled.set()

    def close(self) -> None:
        """Let the desk go; if it is not open yet, give up."""
        self._closing.set()
        if not self._settled.is_set():
            self._opening.cancel()
