"""A workspace of a schema of before, with an event in it, as an earlier program left it."""

from __future__ import annotations

from contextlib import closing
from importlib.resources import files
from pathlib import Path

from support.engine import open_store
from turnout.clock import SystemClock
from turnout.event.model import KIND_CODES, LIVE, Kind
from turnout.store.connect import connect_writer
from turnout.store.messages import message_key
from turnout.store.migrate import FILES, statements

BODY = b'{"type":"track","event":"Signed Up","userId":"u1","messageId":"m1"}'


def leave(folder: Path, schema: int) -> Path:
    """Make it in a new directory; give its database."""
    open_store(folder).close()
    path = folder / "turnout.db"
    with closing(connect_writer(path)) as now:
        row = now.execute("SELECT * FROM counter").fetchone()
    path.unlink()
    with closing(connect_writer(path)) as before:
        for name in FILES[:schema]:
            text = files("turnout.store").joinpath("migrations", name).read_text(encoding="utf-8")
            for statement in statements(text):
                before.execute(statement)
        columns = len(before.execute("PRAGMA table_info(counter)").fetchall())
        before.execute(f"INSERT INTO counter VALUES ({', '.join('?' * columns)})", row[:columns])  # noqa: S608 - our own
        before.execute(
            "INSERT INTO events (seq, received, source, kind, name, namespace, person, flags, meta, body) "
            "VALUES (1, ?, 1, ?, 0, ?, 1, 0, x'', ?)",
            (SystemClock().now(), KIND_CODES[Kind.TRACK], LIVE, BODY),
        )
        before.execute("INSERT INTO messages (key, seq) VALUES (?, 1)", (message_key(1, "m1"),))
        before.execute("UPDATE counter SET seq = 2, person = 2")
        if schema >= 5:
            before.execute("UPDATE counter SET ordered = 2")
        before.execute(f"PRAGMA user_version={schema}")
    return path
