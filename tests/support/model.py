"""A model that says what a script says, on loopback: agents' own programs ask it, and run the tools that it calls.

It speaks as the vendors' servers do: Anthropic's Messages, OpenAI's Responses, Google's generateContent. Each answer is
a whole stream of server-sent events. Who asks without tools (for a title, say) hears the last word at once.
"""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from typing_extensions import override

Body: TypeAlias = dict[str, Any]
Arguments: TypeAlias = Mapping[str, Any]
Call: TypeAlias = tuple[str, Arguments | Callable[[Sequence[str]], Arguments]]
"""A tool's name, and its arguments: given, or made of what was heard so far."""
LAST_WORD = "All done."
WAIT = "WaitForMcpServers"
"""Claude Code's own tool; what it answers is none of ours."""


class Model:
    """The script, and what was asked: `offered` are the names of tools, `heard` what they answered, as it was told."""

    def __init__(self, calls: Sequence[Call], prefix: str) -> None:
        """Call these tools, one after the other; `prefix` is what the program puts before our names."""
        self.calls = list(calls)
        self.prefix = prefix
        self.url = ""
        self.offered: set[str] = set()
        self.heard: list[str] = []

    def next_call(self, names: Sequence[str], heard: Sequence[str]) -> tuple[str, str, Arguments] | None:
        """Take in what a request says; give the call that comes next: its id, name and arguments.

        Where a program asks while it still connects to us, it is told to wait, as it tells models to.
        """
        self.offered.update(name.removeprefix(self.prefix) for name in names if name.startswith(self.prefix))
        self.heard = list(heard)
        if not names or len(heard) >= len(self.calls):
            return None
        if not self.offered and WAIT in names:
            return WAIT, WAIT, {}
        name, arguments = self.calls[len(heard)]
        return f"call_{len(heard)}", self.prefix + name, arguments(heard) if callable(arguments) else arguments

    @contextmanager
    def listening(self) -> Iterator[Model]:
        """Listen on a port of its own."""
        model = self

        class Door(_Door):
            @override
            def answer(self, asked: Body) -> list[Body]:
                speak = next(speak for part, speak in DIALECTS.items() if part in self.path)
                return speak(model, asked)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer with a stream of events, or with an empty object what is none of a model's business."""
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        known = any(part in self.path for part in DIALECTS)
        events = self.answer(json.loads(raw)) if known else []
        self.give("".join(map(_event, events)) if known else "{}", "text/event-stream" if known else "application/json")

    def do_GET(self) -> None:
        """Know of no models."""
        self.give('{"data": [], "models": []}', "application/json")

    def do_HEAD(self) -> None:
        """Be there."""
        self.give("", "application/json")

    def give(self, text: str, kind: str) -> None:
        """Send an answer."""
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    @abstractmethod
    def answer(self, asked: Body) -> list[Body]:
        """Give the events of an answer."""

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _anthropic(model: Model, asked: Body) -> list[Body]:
    blocks = [part for said in asked["messages"] if isinstance(said["content"], list) for part in said["content"]]
    results = [part for part in blocks if part["type"] == "tool_result" and part["tool_use_id"] != WAIT]
    heard = [_text(part["content"]) for part in results]
    call = model.next_call([tool["name"] for tool in asked.get("tools", [])], heard)
    block: Body = {"type": "text", "text": ""}
    delta: Body = {"type": "text_delta", "text": LAST_WORD}
    if call:
        block = {"type": "tool_use", "id": call[0], "name": call[1], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[2])}
    message = {
        "id": "msg", "type": "message", "role": "assistant", "model": asked["model"], "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    end = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]


def _openai(model: Model, asked: Body) -> list[Body]:
    spaces = [tool for tool in asked.get("tools", []) if tool["type"] == "namespace"]
    names = [f"{space['name']}/{tool['name']}" for space in spaces for tool in space["tools"]]
    heard = [_text(said["output"]) for said in asked["input"] if said["type"] == "function_call_output"]
    call = model.next_call(names, heard)
    words = {"type": "output_text", "text": LAST_WORD, "annotations": []}
    item: Body = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [words]}
    if call:
        space, _, name = call[1].partition("/")
        item = {
            "type": "function_call", "id": call[0], "call_id": call[0], "namespace": space, "name": name,
            "arguments": json.dumps(call[2]), "status": "completed",
        }  # fmt: skip
    response = {
        "id": "r", "object": "response", "created_at": 1, "status": "completed", "model": asked["model"],
        "output": [item], "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    }  # fmt: skip
    return [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]


def _google(model: Model, asked: Body) -> list[Body]:
    names = [each["name"] for tool in asked.get("tools", []) for each in tool["functionDeclarations"]]
    parts = [part for said in asked["contents"] for part in said["parts"] if "functionResponse" in part]
    answers = [part["functionResponse"]["response"] for part in parts]
    call = model.next_call(names, [str(answer.get("output") or answer["error"]) for answer in answers])
    part = {"functionCall": {"name": call[1], "args": call[2]}} if call else {"text": LAST_WORD}
    said = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return [{"candidates": [said], "usageMetadata": usage, "modelVersion": "scripted"}]


DIALECTS = {"/messages": _anthropic, "/responses": _openai, "streamGenerateContent": _google}
"""How to speak, by what stands in the path."""


def _event(body: Body) -> str:
    named = f"event: {body['type']}\n" if "type" in body else ""
    return f"{named}data: {json.dumps(body)}\n\n"


def _text(content: str | list[Body]) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)
