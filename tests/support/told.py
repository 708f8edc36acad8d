"""What `telemetry` told within a block."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typing_extensions import override


class Heard(logging.Handler):
    """Keeps each event with its fields."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.events.append((record.event, record.fields))  # type: ignore[attr-defined]

    def of(self, *names: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name in names]


@contextmanager
def heard() -> Iterator[Heard]:
    """Hear all, whatever level is set."""
    logger, handler = logging.getLogger("turnout"), Heard()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
