"""A served workspace with a source, asked over a socket, and what is then in its database."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.program import Program, Served
from support.raw import Raw, Said, request


@dataclass(frozen=True, slots=True)
class Door:
    """One server and the keys of its one source."""

    program: Program
    server: Served
    key: str
    test_key: str

    @property
    def basic(self) -> str:
        """The header of who has the key."""
        return "Authorization: Basic " + base64.b64encode(f"{self.key}:".encode()).decode()

    def post(self, path: str, body: bytes, *headers: str) -> Said:
        """Post a body with the key, on a connection of its own."""
        with Raw(self.server.address) as raw:
            raw.send(request(path, self.basic, *headers, method="POST", body=body))
            said = raw.answer()
        assert said is not None, (path, body[:200])
        return said

    def bodies(self) -> list[bytes]:
        """Read the bodies of all events, in their order."""
        return [bytes(body) for (body,) in self._rows("SELECT body FROM events ORDER BY seq")]

    def reasons(self) -> list[str]:
        """Read why calls were refused, in their order."""
        return [reason for (reason,) in self._rows("SELECT reason FROM refused ORDER BY id")]

    def _rows(self, query: str) -> list[Any]:
        reader = sqlite3.connect(f"file:{self.program.data / 'turnout.db'}?mode=ro", uri=True)
        try:
            return reader.execute(query).fetchall()
        finally:
            reader.close()


@contextmanager
def opened(folder: Path, *words: str, before: tuple[str, ...] = ()) -> Iterator[Door]:
    """Serve a workspace of its own; at the end nothing broke, and it stops as it should."""
    program = Program(folder / "data", (("TURNOUT_LOG", "debug"),))
    source = program.tell("source", "create", "Web")
    with program.served(folder / "log", *words, before=before) as server:
        yield Door(program, server, source["write_key"], source["test_write_key"])
        broke = [event for event in server.events() if event["level"] == "error"]
        assert broke == []
        assert server.stop() == 0


def value(text: bytes | str, *, whole: bool = True) -> Any:
    """Read JSON so that two values are equal where they are the same, 1 and 1.0 apart; `whole`: nothing follows."""
    decoder = json.JSONDecoder(parse_float=lambda digits: ("float", float(digits)), parse_int=_integer)
    written = text if isinstance(text, str) else text.decode()
    return decoder.decode(written) if whole else decoder.raw_decode(written)[0]


def _integer(digits: str) -> tuple[str, int | str]:
    return "int", int(digits) if len(digits) < 1_000 else digits  # the standard library reads no longer ones
