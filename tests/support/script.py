"""What the scripted destination received, and what it was told to answer: as values, as JSON, as lines of its log."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ACTS = ("answer", "drip", "cut", "reset", "close", "half_close", "hang", "garbage", "raw", "held", "endless")


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; `at` in seconds since 1970, `connection` counts from 1."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    connection: int

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer, or misbehaviour."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"
    act: str = "answer"
    delay_s: float = 0.0
    piece: int = 1
    every_s: float = 0.01
    missing: int = 10

    def __post_init__(self) -> None:
        assert self.act in ACTS, f"{self.act} is none of {ACTS}"


@dataclass(slots=True)
class Rule:
    """Answers for the requests that match: each once, in their order; `repeat`: the last one for ever."""

    answers: list[Scripted]
    path: str | None = None
    method: str | None = None
    contains: str | None = None
    json: Mapping[str, Any] = field(default_factory=dict)
    repeat: bool = False

    def take(self, request: Received) -> Scripted | None:
        if not self.answers or not self.matches(request):
            return None
        return self.answers[0] if self.repeat and len(self.answers) == 1 else self.answers.pop(0)

    def matches(self, request: Received) -> bool:
        return (
            self.path in {None, request.path, request.path.partition("?")[0]}
            and self.method in {None, request.method}
            and (self.contains is None or self.contains.encode() in request.body)
            and all(dig(request, path) == value for path, value in self.json.items())
        )


@dataclass(slots=True)
class Script:
    """What to answer. `decide` is asked first; None from it means that rules and default decide."""

    default: Scripted = field(default_factory=Scripted)
    rules: list[Rule] = field(default_factory=list)
    on_connect: str | None = None
    decide: Callable[[Received], Scripted | None] | None = None

    def answer(self, request: Received) -> Scripted:
        if self.decide and (decided := self.decide(request)):
            return decided
        return next((found for rule in self.rules if (found := rule.take(request))), self.default)


def dig(request: Received, path: str) -> Any:
    """Look up `a.0.b` in the JSON body; None where it is absent."""
    try:
        value = request.json()
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (ValueError, LookupError, TypeError):
        return None
    return value


def read_script(text: str) -> Script:
    """Read a script from JSON; an answer's body may be text or any other JSON."""
    given = json.loads(text)
    rules = [
        Rule(**{**rule, "answers": [_read_answer(answer) for answer in rule["answers"]]})
        for rule in given.get("rules", [])
    ]
    return Script(_read_answer(given.get("default", {})), rules, given.get("on_connect"))


def _read_answer(given: Mapping[str, Any]) -> Scripted:
    answer = dict(given)
    headers = answer.pop("headers", {})
    body = answer.pop("body", "{}")
    size = answer.pop("body_size", 0)
    return Scripted(
        headers=tuple(headers.items() if isinstance(headers, dict) else map(tuple, headers)),
        body=b"x" * size or (body if isinstance(body, str) else json.dumps(body)).encode(),
        **answer,
    )


def read_log(path: Path) -> list[Received]:
    """Read what arrived, also from a log whose writer was killed: a torn last line is left out."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [_read_line(json.loads(line)) for line in lines]


def _read_line(line: dict[str, Any]) -> Received:
    body = base64.b64decode(line.pop("base64")) if "base64" in line else line.pop("body").encode()
    return Received(headers=tuple((name, value) for name, value in line.pop("headers")), body=body, **line)


def write_line(request: Received) -> bytes:
    line = asdict(request)
    try:
        line["body"] = request.body.decode()
    except UnicodeDecodeError:
        del line["body"]
        line["base64"] = base64.b64encode(request.body).decode()
    return json.dumps(line).encode() + b"\n"
