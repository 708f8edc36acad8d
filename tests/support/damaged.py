"""Bits that flip in what is stored, beneath all that is written with a checksum."""

from __future__ import annotations

from support.workspace import Bench


def flipped(raw: bytes, bit: int | None = None) -> bytes:
    """Flip one bit, by default one in the middle."""
    at = len(raw) * 4 if bit is None else bit
    bent = bytearray(raw)
    bent[at // 8] ^= 1 << at % 8
    return bytes(bent)


def damage(here: Bench, seq: int) -> None:
    """Flip a bit in the body of an event."""
    (raw,) = here.look(lambda view: view.session.rows("SELECT body FROM events WHERE seq = ?", (seq,)))[0]
    here.store.commit(
        lambda unit: unit.session.run("UPDATE events SET body = ? WHERE seq = ?", (flipped(raw), seq)),
    )


def damage_frames(here: Bench) -> None:
    """Flip a bit in the content of every frame of evidence."""
    for kept, first, frame in here.look(lambda view: view.session.rows("SELECT kept, first, frame FROM exchanges")):
        bent = flipped(frame)
        where = (bent, kept, first)
        here.store.commit(
            lambda unit, where=where: unit.session.run(  # type: ignore[misc]
                "UPDATE exchanges SET frame = ? WHERE kept = ? AND first = ?", where
            )
        )


def damage_document(here: Bench, kind: str) -> None:
    """Flip a bit in the documents of a kind of entity."""
    sql = "SELECT d.digest, d.body FROM documents d JOIN entities e ON e.digest = d.digest WHERE e.kind = ?"
    for digest, body in here.look(lambda view: view.session.rows(sql, (kind,))):
        bent = (body.replace(b'"name":"', b'"name":"X', 1)[: len(body)], digest)
        here.store.commit(
            lambda unit, bent=bent: unit.session.run("UPDATE documents SET body = ? WHERE digest = ?", bent)  # type: ignore[misc]
        )
