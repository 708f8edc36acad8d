"""An error of the protocol: a request that names what is not there, or that cannot be carried on."""

from __future__ import annotations

from typing import Final

from turnout.document import Document

INVALID_PARAMS: Final = -32602
INTERNAL: Final = -32603
NO_RESOURCE: Final = -32002
"""What a resource that is not there was until 2026-07-28; since then it is INVALID_PARAMS."""
NOT_DECLARED: Final = -32021
"""The client would have to be asked in a way that it did not declare."""


class Fault(Exception):
    """What is answered instead of a result; the message is safe to show."""

    def __init__(self, code: int, message: str, data: Document | None = None) -> None:
        """Say what is wrong, and about what."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def told(self, asked: int | str) -> Document:
        """Write it as it goes over the wire."""
        error: Document = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return {"jsonrpc": "2.0", "id": asked, "error": error}
