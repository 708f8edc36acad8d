"""One call of a tool, or one look at the rest, whoever read it off the wire: the SDK's server, or our own short way.

Who offers what is decided on each request: over HTTP by its token, over stdio by flags. Wrong arguments and
refusals are answers that a model can learn from, in one line; only a wrong name, or a state that is not ours, is the
protocol's error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TypeAlias, TypeVar

import anyio
from pydantic import ValidationError

from turnout import telemetry
from turnout.agent.answers import Told, clipped, explained, refused
from turnout.agent.caller import Asking, Caller
from turnout.agent.catalogue import OURS, Catalogue, admit, offered
from turnout.agent.desk import Desk
from turnout.agent.fault import INTERNAL, INVALID_PARAMS, NOT_DECLARED, Fault
from turnout.agent.model import AnyTool, Args
from turnout.agent.prompts import Prompt
from turnout.agent.resources import Resource
from turnout.agent.schema import teach
from turnout.agent.toolsets import Toolset
from turnout.agent.words import Words, matching
from turnout.document import Json
from turnout.entropy import Entropy
from turnout.errors import InvalidConfirmation, TurnoutError, Unavailable
from turnout.guard.principal import Scope

T = TypeVar("T")
MakeDesk: TypeAlias = Callable[[], AbstractAsyncContextManager[Desk]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one client is offered: the tools of `toolsets` that `scopes()` may call, on `await desk()`."""

    scopes: Callable[[], frozenset[Scope]]
    desk: Callable[[], Awaitable[Desk]]
    toolsets: AbstractSet[Toolset]
    entropy: Entropy
    catalogue: Catalogue = OURS

    def tools(self) -> tuple[AnyTool, ...]:
        """Name the tools that the client sees, in our order."""
        return offered(self.catalogue.tools, self.scopes(), self.toolsets)

    async def call(self, name: str, arguments: Mapping[str, Json], caller: Caller) -> Told | Asking:
        """Call a tool; or give what its client is to be asked first. Raises: Fault."""
        tool = self.catalogue.tool(name)
        if tool is None:
            raise Fault(INVALID_PARAMS, _unknown(name, self.tools()))
        try:
            admit(tool, self.scopes(), self.toolsets)
            args = _read(tool, arguments)
            if isinstance(args, str):
                return refused(args)
            made = await tool.make((await self.desk()).seen_by(caller.program), args, caller)
        except TurnoutError as error:
            if isinstance(error, InvalidConfirmation) and caller.state is not None:
                raise Fault(INVALID_PARAMS, error.message) from None
            return refused(explained(error))
        except Fault:
            raise
        except Exception as error:
            return refused(broke(tool.name, error, self.entropy))
        if isinstance(made, Asking) and (lacks := caller.lacks(made)) is not None:
            names = ", ".join(lacks)
            raise Fault(NOT_DECLARED, f"The client must declare: {names}.", {"requiredCapabilities": lacks})
        return made

    def resources(self) -> tuple[Resource, ...]:
        """Name the resources and templates that the client sees."""
        return tuple(each for each in self.catalogue.resources if each.scopes & self.scopes())

    def prompts(self) -> tuple[Prompt, ...]:
        """Name the prompts that the client sees."""
        return tuple(each for each in self.catalogue.prompts if each.scopes & self.scopes())

    async def read(self, uri: str, caller: Caller) -> Sequence[Mapping[str, Json]] | Asking | None:
        """Give what stands at an address; None where nothing does. Raises: Fault."""
        for resource in self.resources():
            if (value := resource.match(uri)) is not None:
                desk = await self._desk_of("reading", caller)
                return await self._sound("reading", partial(resource.make, desk, uri, value, caller))
        return None

    def prompt(
        self, name: str, given: Mapping[str, str], caller: Caller
    ) -> tuple[Prompt, Sequence[Mapping[str, Json]] | Asking]:
        """Give the messages of a prompt. Raises: Fault."""
        prompt = next((each for each in self.prompts() if each.name == name), None)
        if prompt is None:
            names = ", ".join(each.name for each in self.prompts())
            raise Fault(INVALID_PARAMS, f"Unknown prompt: {clipped(name[:48])}. Prompts: {names}.")
        known = {each.name for each in prompt.arguments}
        missing = [each.name for each in prompt.arguments if each.required and not given.get(each.name)]
        if missing or not given.keys() <= known:
            said = f"Missing: {', '.join(missing)}. " if missing else ""
            raise Fault(INVALID_PARAMS, f"{said}Arguments of {name}: {', '.join(sorted(known))}.")
        return prompt, prompt.make(given, caller)

    async def complete(self, reference: str, argument: str, begun: str, caller: Caller) -> list[str]:
        """Complete an argument of a prompt, or the variable of a template; `reference` names which. Raises: Fault."""
        words = self._words(reference, argument)
        if words is None:
            return []
        desk = await self._desk_of("completing", caller)
        return matching(await self._sound("completing", partial(words, desk)), begun)

    def _words(self, reference: str, argument: str) -> Words | None:
        for resource in self.resources():
            if resource.uri == reference:
                return resource.values if argument == resource.variable else None
        for prompt in self.prompts():
            if prompt.name == reference:
                return next((each.values for each in prompt.arguments if each.name == argument), None)
        raise Fault(INVALID_PARAMS, "There is no such prompt or template; list them.")

    async def _desk_of(self, what: str, caller: Caller) -> Desk:
        return (await self._sound(what, self.desk)).seen_by(caller.program)

    async def _sound(self, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do what has no room for a refusal in its result. Raises: Fault."""
        try:
            return await work()
        except TurnoutError as error:
            code = INTERNAL if isinstance(error, Unavailable) else INVALID_PARAMS
            raise Fault(code, explained(error)) from None
        except Fault:
            raise
        except Exception as error:
            raise Fault(INTERNAL, broke(what, error, self.entropy)) from None


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


def broke(what: str, error: Exception, entropy: Entropy) -> str:
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
        if self._desk is not None:
            return self._desk
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
                    self._why = broke("opening", error, self._entropy)
                self._settled.set()
                await self._closing.wait()
        self._settled.set()

    def close(self) -> None:
        """Let the desk go; if it is not open yet, give up."""
        self._closing.set()
        if not self._settled.is_set():
            self._opening.cancel()
