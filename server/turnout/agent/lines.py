"""Bytes into lines, wherever they are cut on their way; what is too long for a message is read past."""

from __future__ import annotations

from collections.abc import Callable

from turnout.agent.unread import IdScan

LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of one message, as over HTTP (reliability-security.md 7.4)."""


class Lines:
    """`take` hears each line, without its end; `refuse` the id of each that is too long, of which none is kept."""

    def __init__(self, take: Callable[[bytes], None], refuse: Callable[[str | int | None], None]) -> None:
        """Begin with nothing read."""
        self._take = take
        self._refuse = refuse
        self._held: list[bytes] = []
        self._size = 0
        self._long: IdScan | None = None

    def feed(self, piece: bytes) -> None:
        """Read on."""
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._add(part)
            self.end()
        self._add(rest)

    def end(self) -> None:
        """Take what was read as a line, whether its end came or nothing does any more."""
        held, long = self._held, self._long
        self._held, self._size, self._long = [], 0, None
        if long is not None:
            long.feed(b"", last=True)
            self._refuse(long.found)
        elif line := b"".join(held).strip():
            self._take(line)

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._long is not None:
            self._long.feed(part)
        elif self._size < LINE_LIMIT:
            self._held.append(part)
        else:
            self._long = IdScan()
            for each in (*self._held, part):
                self._long.feed(each)
            self._held = []
