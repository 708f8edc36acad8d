"""An answer leaves in one piece: its head waits for the body, where one of a known length follows.

Uvicorn writes them one after the other, and uvloop at once: two packets, and two calls of the system.
"""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """What an answer is written to."""

    def write(self, data: bytes) -> None:
        """Write."""

    def close(self) -> None:
        """End it, once what was written has left."""

    def is_closing(self) -> bool:
        """Say whether it ends."""


class Whole:
    """Stands before a transport, for the answers of one connection."""

    def __init__(self, transport: Transport) -> None:
        """Hold no head."""
        self._transport = transport
        self.head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write, with the head that waits; or have a head wait."""
        if self.head:
            data, self.head = self.head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and b"\r\ncontent-length: " in data:
            self.head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Write the head of an answer that had no body."""
        head, self.head = self.head, b""
        self._transport.write(head)

    def close(self) -> None:
        """End it, once all has left."""
        if self.head:
            self.flush()
        self._transport.close()
