"""`turnout serve` and `turnout mcp` as they run on a machine in trouble: started, spoken to, stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from support.agents import LOOPBACK
from support.program import TURNOUT, children, kill
from support.worker import until

LIMIT_S = 120
Message = dict[str, Any]
OPENING: tuple[Message, ...] = (
    {
        "jsonrpc": "2.0",
        "id": "opening",
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
)


def run(
    data: Path, *words: str, before: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> tuple[int, Message]:
    """Run a command as a script does; give its exit code and the one JSON value that it tells."""
    ended = subprocess.run(
        (*before, *TURNOUT, "--data", str(data), *words, "--json"), capture_output=True, text=True, check=False,
        timeout=LIMIT_S, stdin=subprocess.DEVNULL, env={**os.environ, **LOOPBACK, **(env or {})},
    )  # fmt: skip
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def connect(data: Path, url: str, name: str = "Hook", before: tuple[str, ...] = ()) -> None:
    """Connect a destination that takes everything, one event a request."""
    words = ("destination", "connect", "webhook", "--name", name, "--set", f"url={url}/hook", "--receives", "all")
    code, told = run(data, *words, "--yes", before=before)
    assert code == 0, told


class Driven:
    """One process of the program; what it says on standard error goes to a file."""

    def __init__(
        self, data: Path, *words: str, settings: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> None:
        self.data = data
        self.err = Path(tempfile.mkstemp(prefix="said-", dir=data.parent)[1])
        command = (*before, *TURNOUT, "--data", str(data), *words)
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, process_group=0,
                env={**os.environ, **LOOPBACK, **(settings or {})},
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self.err.read_text(errors="replace")

    @property
    def pid(self) -> int:
        return self.process.pid

    def interrupt(self) -> None:
        """Signal it and what it started, as Ctrl-C does."""
        os.killpg(self.pid, signal.SIGINT)

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)

    def ended(self, limit_s: float = LIMIT_S) -> int:
        """Wait for its end; give its exit code."""
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.said[-2000:]}") from None

    def stop(self, limit_s: float = LIMIT_S) -> int:
        """Ask it to end, as a supervisor does."""
        self.signal(signal.SIGTERM)
        return self.ended(limit_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        kill(self.process)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:  # it died with something in the pipe
                    continue


class Serve(Driven):
    """`turnout serve` on a free port."""

    def __init__(
        self, data: Path, *words: str, settings: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> None:
        super().__init__(data, "serve", "--port", "0", *words, settings=settings, before=before)
        self.url = ""

    def listens(self) -> Self:
        """Wait until it does."""
        said = re.compile(r"listens on (http://\S+);")
        until(lambda: said.search(self.said) is not None or self.process.poll() is not None, LIMIT_S)
        found = said.search(self.said)
        assert found, self.said
        self.url = found[1]
        return self

    def delivers(self) -> Self:
        """Wait until the process beside it does."""
        until(lambda: self.listens().ready()[1].get("delivering") is True, LIMIT_S)
        return self

    @property
    def deliverer(self) -> int:
        """The process beside it that delivers."""
        until(lambda: bool(children(self.pid)))
        return children(self.pid)[0]

    def ready(self) -> tuple[int, Message]:
        """Ask whether it is ready."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=LIMIT_S) as answer:  # noqa: S310 - loopback
                return int(answer.status), json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool answered: its document, or, refused, in which words."""

    refused: bool
    document: Message
    text: str

    @property
    def message_id(self) -> str:
        return str(self.document["message_id"])


@dataclass(slots=True)
class _Asked:
    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: dict[int, Future[Told]] = field(default_factory=dict)
    next: int = 0


class Agent(Driven):
    """`turnout mcp`, and the client that speaks to it: many calls on their way at once."""

    def __init__(
        self, data: Path, *words: str, settings: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> None:
        super().__init__(data, "mcp", "--live", *words, settings=settings, before=before)
        self._asked = _Asked()
        self._begun: Future[None] = Future()
        self.strays: list[bytes] = []
        """Lines on standard output that are no answer of ours."""
        for message in OPENING:
            self._say(message)
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def opened(self) -> Self:
        """Wait until it has answered the handshake."""
        self._begun.result(LIMIT_S)
        return self

    def ask(self, tool: str, **arguments: Any) -> Future[Told]:
        """Call a tool; its answer comes when it comes, an EOFError when it will not."""
        answer: Future[Told] = Future()
        with self._asked.lock:
            self._asked.next += 1
            number = self._asked.next
            self._asked.answers[number] = answer
        params = {"name": tool, "arguments": arguments}
        try:
            self._say({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
        except (BrokenPipeError, ValueError):
            if self._asked.answers.pop(number, None) is not None:  # else whoever listens has said so
                answer.set_exception(EOFError("it reads no more"))
        return answer

    def track(self, key: str, user: str = "u1", **more: Any) -> Future[Told]:
        """Record a live event, once for each key."""
        arguments = {"event": "Signed Up", "user_id": user, "namespace": "live", "idempotency_key": key, **more}
        return self.ask("track_event", **arguments)

    def end_input(self) -> None:
        """Say nothing more."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def heard(self) -> None:
        """Wait until its standard output is read to the end."""
        self._reader.join(LIMIT_S)
        assert not self._reader.is_alive()

    def _say(self, message: Message) -> None:
        stdin: IO[bytes] | None = self.process.stdin
        assert stdin is not None
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()

    def _listen(self) -> None:
        stdout: IO[bytes] | None = self.process.stdout
        assert stdout is not None
        for line in stdout:
            try:
                told = json.loads(line)
                number = told["id"]
            except (ValueError, KeyError, TypeError):
                self.strays.append(line)
                continue
            if number == "opening":
                self._begun.set_result(None)
            elif (answer := self._asked.answers.pop(number, None)) is not None:
                answer.set_result(_told(told))
            else:
                self.strays.append(line)
        while self._asked.answers:
            _, answer = self._asked.answers.popitem()
            answer.set_exception(EOFError("it ended without an answer"))
        if not self._begun.done():
            self._begun.set_exception(EOFError(self.said))


def _told(message: Message) -> Told:
    if "error" in message:
        return Told(refused=True, document={}, text=json.dumps(message["error"]))
    result = message["result"]
    text = "".join(block["text"] for block in result["content"] if block["type"] == "text")
    return Told(bool(result.get("isError")), result.get("structuredContent") or {}, text)
