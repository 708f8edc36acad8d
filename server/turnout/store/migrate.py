"""The schema: numbered migrations, forward only, one statement at a time.

Never `executescript`, which commits what is open.

`sqlite-utils` looks at what is there; imported by nobody who finds the schema current, for it takes 0.1 s.
"""

from __future__ import annotations

from importlib.resources import files

import sqlite_utils

from turnout.errors import Unavailable
from turnout.store.connect import Connection
from turnout.store.vault import Vault

FILES = ("0001_first.sql", "0002_uses.sql", "0003_steps.sql", "0004_sums.sql", "0005_recent.sql", "0006_history.sql")


def migrate(connection: Connection, vault: Vault) -> None:
    """Bring the schema up to date, in one transaction. Raises: Unavailable for one that is newer than the program."""
    found = version(connection)
    if found > len(FILES):
        raise Unavailable(
            f"the workspace has schema {found}, this program knows them up to {len(FILES)}; install the newer Turnout"
        )
    if found == 0 and (there := sqlite_utils.Database(connection).table_names()):
        raise Unavailable(f"the file turnout.db is another program's: it has {len(there)} tables and no Turnout schema")
    connection.execute("BEGIN IMMEDIATE").close()
    for number, name in enumerate(FILES[found:], found + 1):
        text = files("turnout.store").joinpath("migrations", name).read_text(encoding="utf-8")
        for statement in statements(text):
            connection.execute(statement).close()
        if number == 1:
            connection.execute(
                "INSERT INTO counter VALUES (1, ?, ?, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0)",
                (str(vault.workspace), vault.check()),
            ).close()
    connection.execute(f"PRAGMA user_version={len(FILES)}").close()
    connection.execute("COMMIT").close()


def version(connection: Connection) -> int:
    """Give the number of the schema; 0 for an empty file."""
    cursor = connection.execute("PRAGMA user_version")
    found = int(cursor.fetchone()[0])
    cursor.close()
    return found


def statements(text: str) -> tuple[str, ...]:
    """Split a migration at the semicolons that end its lines, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return tuple(part.strip() for part in "\n".join(lines).split(";\n") if part.strip())
