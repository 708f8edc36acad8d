"""The demo's destinations on loopback: they read requests, write them down, and answer as their manners say."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from typing_extensions import override

from turnout.document import Json, decode

ANSWER = b'{"code":200}'
"""What a taken request is answered: Amplitude's success, and as good as any for a webhook."""
SLOW_S = 0.6


class Manner(StrEnum):
    """How one request is met."""

    POLITE = "200"
    BUSY = "503"
    DROP = "read it, then hung up"
    SLOW = "200 after a while"

    @property
    def takes(self) -> bool:
        """Tell whether the receiver acts on what it read."""
        return self is not Manner.BUSY


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it was read; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Json
    manner: Manner


class Receiver:
    """A server on a free port, in threads of its own; polite unless it was told otherwise."""

    def __init__(self) -> None:
        """Listen; `with` begins to answer."""
        self.pause_s = 0.0
        """How long every answer takes."""
        self._log: list[Received] = []
        self._manners: deque[Manner] = deque()
        self._arrived = threading.Condition()
        self._leaving = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def log(self) -> tuple[Received, ...]:
        """All that it has read, in the order of arrival."""
        with self._arrived:
            return tuple(self._log)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def behave(self, *manners: Manner) -> None:
        """Meet the next requests so, one each."""
        with self._arrived:
            self._manners.extend(manners)

    def wait_for(self, count: int, seconds: float) -> bool:
        """Block until so many requests were read; tell whether they were."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self._log) >= count, seconds)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Manner:
        """Write a request down, before any answer, and say how to meet it."""
        with self._arrived:
            manner = self._manners.popleft() if self._manners else Manner.POLITE
            self._log.append(Received(path, headers, decode(body or b"null"), manner))
            self._arrived.notify_all()
        return manner

    def dawdle(self, manner: Manner) -> None:
        """Let an answer take its time, unless everything ends."""
        if wait_s := SLOW_S if manner is Manner.SLOW else self.pause_s:
            self._leaving.wait(wait_s)


class _Server(ThreadingHTTPServer):
    """One thread a connection; none outlives the demo."""

    daemon_threads = True

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)

    @override
    def server_bind(self) -> None:
        """Bind without asking a name server who we are, as `HTTPServer` would."""
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: that the other side is killed belongs to the story."""


class _Handler(BaseHTTPRequestHandler):
    """Reads one request after the other on a kept connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Read it, take it in, answer or not."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        manner = self.server.receiver.take(self.path, headers, body)
        if manner is Manner.DROP:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.server.receiver.dawdle(manner)
        self.send_response(503 if manner is Manner.BUSY else 200)
        answer = b"busy, come back later" if manner is Manner.BUSY else ANSWER
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was read stands in the receiver's log."""
