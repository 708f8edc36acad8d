"""What the MCP conformance suite looks for by name: tools, resources and prompts of a server that has everything.

They stand in a catalogue beside our own and go through the same doors: whoever calls one is admitted, read, asked and
answered by the product. None of it is in the product.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
from typing_extensions import override

from turnout.agent.answers import Told
from turnout.agent.caller import Asking, Caller, form
from turnout.agent.catalogue import TOOLS, Catalogue
from turnout.agent.desk import Desk
from turnout.agent.model import READS, Answer, Args, Tool
from turnout.agent.prompts import PROMPTS, Argument, Prompt
from turnout.agent.resources import RESOURCES, Resource
from turnout.document import Document, Json
from turnout.errors import InvalidConfirmation, InvalidInput
from turnout.guard import confirmation
from turnout.guard.principal import Scope

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
IMAGE: Document = {"type": "image", "data": PNG, "mimeType": "image/png"}
AUDIO: Document = {"type": "audio", "data": WAV, "mimeType": "audio/wav"}
KEY = secrets.token_bytes(32)
FOREVER = 1 << 62

Made: TypeAlias = Told | Asking
Make: TypeAlias = Callable[[Caller, Any], Awaitable[Made]]


def text(said: str) -> Document:
    return {"type": "text", "text": said}


def embedded(uri: str, media: str, said: str) -> Document:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": media, "text": said}}


@dataclass(frozen=True, slots=True)
class Shown(Told):
    """An answer of other blocks than text."""

    blocks: tuple[Document, ...] = ()

    @property
    @override
    def content(self) -> list[Json]:
        return list(self.blocks)


def shown(*blocks: Document) -> Shown:
    return Shown("", {"summary": "Shown."}, blocks)


def said(words: str) -> Shown:
    return shown(text(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture(Tool[Args]):
    """A tool that answers by itself."""

    answers: Make

    @override
    async def make(self, desk: Desk, args: Args, caller: Caller) -> Made:
        return await self.answers(caller, args)


class Message(Args):
    """What the tools of the handshake's time take."""

    message: str | None = None
    prompt: str | None = None


async def _never(*_: object) -> Document:
    raise AssertionError("a fixture answers by itself")


def tool(name: str, answers: Make) -> Fixture:
    return Fixture(
        name=name, title=name, description=f"Fixture of the conformance suite: {name}.", args=Message, answer=Answer,
        hints=READS, scopes=frozenset({Scope.READ}), run=_never, answers=answers,
    )  # fmt: skip


def always(*blocks: Document) -> Make:
    async def answers(_: Caller, __: Any) -> Made:
        return shown(*blocks)

    return answers


# -- answers and progress ------------------------------------------------------------------------------------------


async def _error(_: Caller, __: Any) -> Made:
    raise InvalidInput("This tool intentionally returns an error for testing")


async def _progress(caller: Caller, _: Any) -> Made:
    for part in (0, 50, 100):
        if caller.tell is not None:
            await caller.tell(part, 100, "")
        await anyio.sleep(0.05)
    return said("done")


async def _logging(caller: Caller, _: Any) -> Made:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        if caller.say is not None:
            params: Document = {"level": "info", "data": words}
            await caller.say({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
        await anyio.sleep(0.05)
    return said("done")


# -- questions -----------------------------------------------------------------------------------------------------


def sealed(state: str) -> str:
    return confirmation.seal(KEY, "conformance", state, b"", expires=FOREVER, nonce=secrets.token_bytes(12))


def state_of(caller: Caller, *states: str) -> str:
    """Give which state came back; empty without one. Raises: InvalidConfirmation."""
    if caller.state is None:
        return ""
    for each in states[:-1]:
        try:
            confirmation.open_token(KEY, caller.state, "conformance", each, b"", now=0)
        except InvalidConfirmation:
            continue
        return each
    confirmation.open_token(KEY, caller.state, "conformance", states[-1], b"", now=0)
    return states[-1]


def filled(caller: Caller, key: str, name: str) -> Json:
    """Give what was filled in; None where it was not."""
    match caller.responses.get(key):
        case {"action": "accept", "content": Mapping() as content}:
            return content.get(name)
        case _:
            return None


def asks(key: str, message: str, name: str, kind: str = "string") -> Mapping[str, Json]:
    return {key: form(message, {name: {"type": kind}})}


def samples(key: str, message: str, most: int = 100) -> Mapping[str, Json]:
    params: Document = {"messages": [{"role": "user", "content": text(message)}], "maxTokens": most}
    return {key: {"method": "sampling/createMessage", "params": params}}


ROOTS: Document = {"method": "roots/list", "params": {}}
NAME = "What is your name?"


async def _name(caller: Caller, _: Any) -> Made:
    name = filled(caller, "user_name", "name")
    return said(f"Hello, {name}!") if name else Asking(asks("user_name", NAME, "name"))


async def _streaming(caller: Caller, args: Any) -> Made:
    if caller.tell is not None:
        await caller.tell(1, 2, "")
    return await _name(caller, args)


async def _sample(caller: Caller, _: Any) -> Made:
    answer = caller.responses.get("capital_question")
    return said(f"{answer}") if answer else Asking(samples("capital_question", "What is the capital of France?"))


async def _roots(caller: Caller, _: Any) -> Made:
    answer = caller.responses.get("client_roots")
    return said(f"{answer}") if answer else Asking({"client_roots": ROOTS})


async def _state(caller: Caller, _: Any) -> Made:
    if state_of(caller, "s1") and filled(caller, "confirm", "ok") is not None:
        return said("state-ok")
    return Asking(asks("confirm", "Please confirm", "ok", "boolean"), sealed("s1"))


async def _several(caller: Caller, _: Any) -> Made:
    wanted = {
        **asks("user_name", NAME, "name"),
        **samples("greeting", "Generate a greeting", 50),
        "client_roots": ROOTS,
    }
    if state_of(caller, "several") and wanted.keys() <= caller.responses.keys():
        return said("all there")
    return Asking(wanted, sealed("several"))


async def _rounds(caller: Caller, _: Any) -> Made:
    state = state_of(caller, "r1", "r2")
    if state == "r2" and filled(caller, "step2", "color"):
        return said("complete")
    if state == "r1" and filled(caller, "step1", "name"):
        return Asking(asks("step2", "Step 2: What is your favorite color?", "color"), sealed("r2"))
    return Asking(asks("step1", "Step 1: What is your name?", "name"), sealed("r1"))


async def _declared(caller: Caller, _: Any) -> Made:
    wanted: dict[str, Json] = {}
    if caller.takes_forms():
        wanted |= asks("name", NAME, "name")
    if "sampling" in caller.declared:
        wanted |= samples("greeting", "Hi")
    return Asking(wanted) if wanted and not caller.responses else said("done")


async def _undeclared(caller: Caller, _: Any) -> Made:
    return said("ok") if caller.responses else Asking(samples("s", "Hi"))


def _in_the_midst(key: str, requests: Callable[[Any], Mapping[str, Json]]) -> Make:
    async def answers(caller: Caller, args: Any) -> Made:
        answer = caller.responses.get(key)
        return said(f"{answer}") if answer else Asking(requests(args))

    return answers


def _who(args: Any) -> Mapping[str, Json]:
    return {"who": form(args.message or "", {"username": {"type": "string"}, "email": {"type": "string"}})}


_TITLED: list[Json] = [
    {"const": f"value{at}", "title": f"{name} Option"} for at, name in enumerate(("First", "Second", "Third"), 1)
]
_OPTIONS: list[Json] = ["option1", "option2", "option3"]
DEFAULTS: Document = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
ENUMS: Document = {
    "untitledSingle": {"type": "string", "enum": _OPTIONS},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {
        "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}  # fmt: skip


MIXED = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
FIXTURES: tuple[Fixture, ...] = (
    tool("test_simple_text", always(text("This is a simple text response for testing."))),
    tool("test_image_content", always(IMAGE)),
    tool("test_audio_content", always(AUDIO)),
    tool("test_embedded_resource", always(embedded("test://embedded-resource", "text/plain", "Embedded."))),
    tool("test_multiple_content_types", always(text("Multiple content types test:"), IMAGE, MIXED)),
    tool("test_error_handling", _error),
    tool("test_tool_with_progress", _progress),
    tool("test_logging_tool", always(text("It logs nothing to its client."))),
    tool("test_tool_with_logging", _logging),
    tool("test_sampling", _in_the_midst("s", lambda args: samples("s", args.prompt or ""))),
    tool("test_elicitation", _in_the_midst("who", _who)),
    tool("test_elicitation_sep1034_defaults", _in_the_midst("d", lambda _: {"d": form("Choose", DEFAULTS)})),
    tool("test_elicitation_sep1330_enums", _in_the_midst("e", lambda _: {"e": form("Choose", ENUMS)})),
    tool("test_input_required_result_elicitation", _name),
    tool("test_input_required_result_sampling", _sample),
    tool("test_input_required_result_list_roots", _roots),
    tool("test_input_required_result_request_state", _state),
    tool("test_input_required_result_tampered_state", _state),
    tool("test_input_required_result_multiple_inputs", _several),
    tool("test_input_required_result_multi_round", _rounds),
    tool("test_input_required_result_capabilities", _declared),
    tool("test_streaming_elicitation", _streaming),
    tool("test_missing_capability", _undeclared),
)


# -- resources and prompts -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Static(Resource):
    """A resource whose content is known; `{id}` in it is what the address says."""

    content: Document

    @property
    @override
    def variable(self) -> str:
        return "id" if "{id}" in self.uri else ""

    @override
    def match(self, uri: str) -> str | None:
        begin, _, end = self.uri.partition("{id}")
        if not self.variable:
            return "" if uri == self.uri else None
        return uri[len(begin) : -len(end)] if uri.startswith(begin) and uri.endswith(end) else None

    @override
    async def make(self, desk: Desk, uri: str, value: str, _: Caller) -> list[Mapping[str, Json]] | Asking | None:
        filled_in = {key: str(each).replace("{id}", value) for key, each in self.content.items()}
        return [{"uri": uri, "mimeType": self.media, **filled_in}]


def static(uri: str, media: str, **content: str) -> Static:
    name = uri.partition("://")[2].replace("/", "-")
    return Static(
        name=name, title=name, description="Fixture.", uri=uri, media=media, look=_never, content=dict(content)
    )


STATICS = (
    static("test://static-text", "text/plain", text="This is the content of the static text resource."),
    static("test://static-binary", "image/png", blob=PNG),
    static("test://template/{id}/data", "application/json", text='{"id":"{id}","data":"Data for ID: {id}"}'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Says(Prompt):
    """A prompt of other messages than one of text."""

    says: Callable[[Mapping[str, str], Caller], list[Document] | Asking]

    @override
    def make(self, given: Mapping[str, str], caller: Caller) -> list[Mapping[str, Json]] | Asking:
        told = self.says(given, caller)
        return told if isinstance(told, Asking) else [{"role": "user", "content": each} for each in told]


async def _cities(_: Desk) -> list[str]:
    return ["paris", "park", "party"]


def says(name: str, messages: Callable[[Mapping[str, str], Caller], list[Document] | Asking], *fields: str) -> Says:
    arguments = tuple(Argument(name=each, description=each, required=True, values=_cities) for each in fields)
    return Says(name=name, title=name, description="Fixture.", write=lambda _: "", arguments=arguments, says=messages)


def _context(_: Mapping[str, str], caller: Caller) -> list[Document] | Asking:
    context = filled(caller, "user_context", "context")
    return [text(f"{context}")] if context else Asking(asks("user_context", "What context?", "context"))


SAYINGS = (
    says("test_simple_prompt", lambda _, __: [text("This is a simple prompt for testing.")]),
    says(
        "test_prompt_with_arguments",
        lambda given, _: [text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")],
        "arg1",
        "arg2",
    ),
    says(
        "test_prompt_with_embedded_resource",
        lambda given, _: [embedded(given["resourceUri"], "text/plain", "Embedded."), text("Please process it.")],
        "resourceUri",
    ),
    says("test_prompt_with_image", lambda _, __: [IMAGE, text("Please analyze the image above.")]),
    says("test_input_required_result_prompt", _context),
)

EVERYTHING = Catalogue((*TOOLS, *FIXTURES), (*PROMPTS, *SAYINGS), (*RESOURCES, *STATICS))
