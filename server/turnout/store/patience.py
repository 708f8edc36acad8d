"""One statement that takes long: in a thread, so that a person hears how far it is, and Ctrl-C ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from turnout.store.connect import Connection, Error
from turnout.store.session import Row

EVERY_S = 2.0
"""How often it is said how far it is."""


def rows(connection: Connection, sql: str, values: Sequence[Any], say: Callable[[float], None]) -> list[Row]:
    """Run a statement to its end; `say` hears of the seconds it has taken. Raises: the store's error."""
    found: list[Row] = []
    failed: list[Error] = []

    def run() -> None:
        try:
            cursor = connection.execute(sql, values)
            found.extend(cursor.fetchall())
            cursor.close()
        except Error as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="turnout-patience")
    thread.start()
    turns = 0
    try:
        thread.join(EVERY_S)
        while thread.is_alive():
            turns += 1
            say(turns * EVERY_S)
            thread.join(EVERY_S)
    finally:
        if thread.is_alive():
            connection.interrupt()
        thread.join()
    if failed:
        raise failed[0]
    return found
